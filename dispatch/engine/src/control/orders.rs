//! The orders, and what each does.

use axum::http::StatusCode;
use ondol_core::command::Command;
use ondol_core::face::Role;
use ondol_core::fact::Sealed;
use ondol_core::ids::{DriverId, NodeId, SubjectId};
use ondol_core::journal::Series;
use ondol_core::node::Node;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capsule::{LOADED_MAX_MS, LoadRefusal, Progress, RecoverySecret};
use crate::http::Problem;
use crate::identity::AccountRefusal;
use crate::roster::{Entered, ListedStand, RosterError, RosterFile, enter_stands};
use crate::run::{Handle, TAKE_BACK_MS};
use crate::vault::Vault;

use super::who::{BookingNamed, DriverNamed};
use super::{Desk, Done};

/// What staff wants of its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Bars a driver from new shifts, everywhere, and ends the driver's sessions at this node. Central only.
    Bar {
        /// The driver.
        driver: DriverNamed,
    },
    /// Lets a barred driver work again. Central only.
    Admit {
        /// The driver.
        driver: DriverNamed,
    },
    /// Deletes a person's name, number and places, everywhere. Central only.
    Erase {
        /// Who.
        person: Person,
    },
    /// Trusts no key of another node any longer: its box was stolen.
    Distrust {
        /// The node.
        node: NodeId,
    },
    /// Takes a pass, session or text process's token back at this node.
    Revoke {
        /// The token's `jti`.
        token: Uuid,
    },
    /// Gives an operator another password and ends the account's sessions.
    Password {
        /// The account.
        login: String,
        /// The new password.
        password: String,
    },
    /// Closes an operator's account and ends its sessions.
    Close {
        /// The account.
        login: String,
    },
    /// Adds and changes drivers (central only) and adds operators' accounts.
    Roster {
        /// Rows that came before these in the file, so that a complaint names the file's row.
        first: usize,
        /// The rows.
        roster: RosterFile,
    },
    /// Adds and moves stands. Central only.
    Stands {
        /// The stands.
        stands: Vec<ListedStand>,
    },
    /// Lets the return of a district wait no longer for a series that does not go in. Central only.
    SetAside {
        /// The series.
        series: Series,
    },
    /// Holds the recovery key for some minutes, and restores the trips whose capsules drivers' devices bring.
    LoadRecovery {
        /// The key, 64 hexadecimal digits.
        key: RecoverySecret,
        /// For how long.
        minutes: u64,
    },
    /// Says how far restoring has come.
    RecoveryProgress {},
    /// For a day, edges may give this node back what its store has lost. Central only.
    TakeBack {},
}

/// A person, by what staff knows of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// The rider of a booking.
    RiderOf(BookingNamed),
    /// A driver.
    Driver(DriverNamed),
}

/// Carries an order out and says in one sentence what was done.
pub(super) async fn carry_out(order: Order, desk: &Desk) -> Result<Done, Problem> {
    let Desk { handle, identity, .. } = desk;
    let (said, entered) = match order {
        Order::Roster { first, roster } => {
            if !roster.drivers.is_empty() {
                central_only(handle)?;
            }
            let entering =
                roster.enter_part(first, handle, identity, handle.vault().driver_secret_key()).await;
            let entered = entering.map_err(RosterError::into_problem)?;
            ("the rows are entered".to_owned(), Some(entered))
        }
        Order::Stands { stands } => {
            central_only(handle)?;
            let stands = enter_stands(handle, stands).await.map_err(RosterError::into_problem)?;
            ("the stands are entered".to_owned(), Some(Entered { stands, ..Entered::default() }))
        }
        order => (tell(order, desk).await?, None),
    };
    Ok(Done { said, entered })
}

async fn tell(order: Order, desk: &Desk) -> Result<String, Problem> {
    let Desk { handle, identity, recovery } = desk;
    match order {
        Order::Roster { .. } | Order::Stands { .. } => Err(Problem::invalid("rows are entered, not told")),
        Order::Bar { driver } => {
            let driver = named(handle, driver).await?;
            handle.request(Command::BarDriver { driver, banned: true }).await?;
            identity.revoke_driver(driver, "staff").await.map_err(|error| Problem::internal(&error))?;
            Ok(format!("driver {driver} is barred; edges that are cut off hear of it when the link is back"))
        }
        Order::Admit { driver } => {
            let driver = named(handle, driver).await?;
            handle.request(Command::BarDriver { driver, banned: false }).await?;
            Ok(format!("driver {driver} may work again"))
        }
        Order::Erase { person } => erase(handle, person).await,
        Order::Distrust { node } => {
            let keys = identity.distrust(&node).await.map_err(|error| Problem::internal(&error))?;
            if keys == 0 {
                return Err(Problem::invalid(format!(
                    "{node} is this node itself, or no node that it trusts"
                )));
            }
            Ok(format!("{node} is trusted no longer; its next key enters with `ondol node token` and `join`"))
        }
        Order::Revoke { token } => {
            identity.revoke_token(token, "staff").await.map_err(|error| Problem::internal(&error))?;
            Ok(format!("token {token} is good no longer at this node"))
        }
        Order::Password { login, password } => match identity.set_password(&login, &password).await {
            Ok(true) => Ok(format!("{login} has another password, and is signed out")),
            Ok(false) => Err(Problem::invalid(format!("there is no account {login} at this node"))),
            Err(AccountRefusal::Store(error)) => Err(Problem::internal(&error)),
            Err(refusal) => Err(Problem::invalid(refusal.to_string())),
        },
        Order::Close { login } => {
            let closed = identity.close_operator(&login).await.map_err(|error| Problem::internal(&error))?;
            if closed {
                Ok(format!("{login} is closed, and signed out"))
            } else {
                Err(Problem::invalid(format!("there is no open account {login} at this node")))
            }
        }
        Order::SetAside { series } => {
            handle.request(Command::SetAside { series: series.clone() }).await?;
            Ok(format!(
                "{series} is set aside: nobody waits for it any more, and what of it can be read still goes in"
            ))
        }
        Order::LoadRecovery { key, minutes } => {
            if !(1..=LOADED_MAX_MS / 60_000).contains(&minutes) {
                return Err(Problem::invalid(format!("minutes: 1 to {}", LOADED_MAX_MS / 60_000)));
            }
            let loaded = recovery.load(&key, minutes * 60_000).await;
            loaded.map(said_of).map_err(unloaded)
        }
        Order::RecoveryProgress {} => Ok(said_of(recovery.progress())),
        Order::TakeBack {} => {
            central_only(handle)?;
            let until = handle.now().utc.plus_ms(TAKE_BACK_MS);
            let asked = handle.store().take_back_until(until).await;
            asked.map_err(|error| Problem::internal(&error))?;
            Ok("for a day, edges may give back what this node wrote in earlier lives".to_owned())
        }
    }
}

fn said_of(progress: Progress) -> String {
    let Progress { held_ms, waiting, unopened, counts } = progress;
    let held = match held_ms {
        Some(left_ms) => format!("the recovery key is held for {} minutes more", left_ms.div_ceil(60_000)),
        None => "the recovery key is not held".to_owned(),
    };
    format!(
        "{held}: {} trips are restored, {} were known, {} capsules are refused, {waiting} are still to be opened, \
         {unopened} wait for another key or signer",
        counts.restored, counts.known, counts.refused
    )
}

fn unloaded(refusal: LoadRefusal) -> Problem {
    let code = match &refusal {
        LoadRefusal::NotConfigured => "recovery_not_configured",
        LoadRefusal::OtherKey { .. } => "recovery_key_other",
        LoadRefusal::Store(error) => return Problem::internal(error),
    };
    Problem::new(StatusCode::CONFLICT, code, refusal.to_string())
}

async fn erase(handle: &Handle, person: Person) -> Result<String, Problem> {
    central_only(handle)?;
    let vault = handle.vault().clone();
    let subject = handle.read(move |node| subject_of(node, &vault, &person)).await??;
    let subject = subject.ok_or_else(|| Problem::invalid("nothing is known of that person here"))?;
    handle.erase(subject).await?;
    Ok(format!("the name, number and places of person {subject} are deleted here, and at edges as they pull"))
}

async fn named(handle: &Handle, driver: DriverNamed) -> Result<DriverId, Problem> {
    let vault = handle.vault().clone();
    handle.read(move |node| driver.find(node, &vault)).await?
}

fn subject_of(node: &Node, vault: &Vault, person: &Person) -> Result<Option<SubjectId>, Problem> {
    let of = |sealed: &Option<Sealed>| sealed.as_ref().map(|sealed| sealed.subject);
    Ok(match person {
        Person::RiderOf(booking) => {
            let known = node.board().booking(booking.find(node)?);
            let request = known.and_then(|(_, record)| record.request());
            request.map(|request| of(&request.personal).unwrap_or(request.rider))
        }
        Person::Driver(driver) => {
            let known = node.board().driver(driver.find(node, vault)?);
            known.map(|(_, driver)| of(&driver.personal).unwrap_or(driver.subject))
        }
    })
}

/// People are erased, and a past is taken back, at central: edges follow.
fn central_only(handle: &Handle) -> Result<(), Problem> {
    match handle.role() {
        Role::Central => Ok(()),
        Role::Edge { .. } => Err(ondol_core::command::Refusal::OtherNode.into()),
    }
}
