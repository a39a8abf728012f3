//! The roster file: drivers, vehicles and operators as a fleet hands them in.
//!
//! ```json
//! {"drivers": [{"driver": "6f1c…", "vehicle": "0a4e…", "name": "김하늘", "phone": "010-1234-5678", "fleet": "hanbit",
//!   "district": "hanbuk", "home": null, "lang": "ko", "secret": "4821", "plate": "서울33바1234", "seats": 4,
//!   "needs": {"wheelchair": false, "pet": true, "luggage": true}}],
//!  "operators": [{"login": "minji", "password": "…", "role": "operator", "fleet": null, "districts": null}]}
//! ```
//!
//! Drivers go into central's journal and reach every edge from there. Operators' accounts stay at the node
//! that is given them. Handing the same file in twice changes nothing.

use ondol_core::booking::Needs;
use ondol_core::command::Command;
use ondol_core::fact::{Driver, Lang, PLATE_MAX, Vehicle, is_plate};
use ondol_core::ids::{DistrictId, DriverId, FleetId, NodeId, StandId, SubjectId, VehicleId};
use ondol_core::position::Position;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::http::Problem;
use crate::identity::{
    AccountRefusal, DRIVER_SECRET_MAX, DRIVER_SECRET_MIN, Identity, NewOperator, Role, StoreError,
    driver_secret_digest, policy::Districts,
};
use crate::run::{Handle, RequestError};
use crate::vault::{DriverPersonal, E164, SealError};

/// Most drivers in one file.
pub const DRIVERS_MAX: usize = 50_000;
/// Most operators in one file.
pub const OPERATORS_MAX: usize = 1_000;

/// A roster file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RosterFile {
    /// Drivers with their usual vehicles.
    pub drivers: Vec<ListedDriver>,
    /// Operators' accounts.
    pub operators: Vec<ListedOperator>,
}

/// A driver as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedDriver {
    /// The driver's id, made by the fleet.
    pub driver: DriverId,
    /// The vehicle's id, made by the fleet.
    pub vehicle: VehicleId,
    /// Name.
    pub name: String,
    /// Number, as dialled or E.164.
    pub phone: String,
    /// The company.
    pub fleet: FleetId,
    /// Where the driver works.
    pub district: DistrictId,
    /// The edge that serves the driver by SMS; absent for drivers with the app.
    #[serde(default)]
    pub home: Option<NodeId>,
    /// Language of texts.
    pub lang: Lang,
    /// What the driver types at sign-in, or adds to a text.
    pub secret: String,
    /// What a rider looks for.
    pub plate: String,
    /// Passenger seats.
    pub seats: u8,
    /// What the vehicle offers.
    #[serde(default)]
    pub needs: Needs,
    /// Barred from new shifts; absent leaves it as it is, so that a file handed in again admits nobody whom staff
    /// has barred since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned: Option<bool>,
}

/// An operator's account as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedOperator {
    /// What the person types to sign in.
    pub login: String,
    /// The password.
    pub password: String,
    /// `operator`, `fleet_admin`, `auditor` or `sysadmin`.
    pub role: Role,
    /// The fleet; absent for those above fleets.
    #[serde(default)]
    pub fleet: Option<FleetId>,
    /// The districts; absent for all.
    #[serde(default)]
    pub districts: Option<Vec<DistrictId>>,
}

/// What entering a roster did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Entered {
    /// Drivers added or changed.
    pub drivers: usize,
    /// Stands added or changed.
    pub stands: usize,
    /// Operators added.
    pub operators: usize,
}

/// Why a roster was not entered; what came before the named row was.
#[derive(Debug, Error)]
pub enum RosterError {
    /// The file has too many rows.
    #[error("a roster file has at most {DRIVERS_MAX} drivers and {OPERATORS_MAX} operators")]
    TooLong,
    /// Not the JSON of a roster; `at` is the row and key, as in `drivers[3].seats`.
    #[error("{at}: {problem}")]
    Unreadable {
        /// Which row and key.
        at: String,
        /// What is wrong, with line and column.
        problem: String,
    },
    /// A value of a row is out of its range.
    #[error("{row}: {problem}")]
    Row {
        /// Which row.
        row: String,
        /// What is wrong.
        problem: String,
    },
    /// Central serves no such district.
    #[error("{row}: district: this node serves no district {district}")]
    District {
        /// Which row.
        row: String,
        /// The district.
        district: DistrictId,
    },
    /// The node refused.
    #[error("{row}: {source}")]
    Refused {
        /// Which row.
        row: String,
        /// Why.
        source: RequestError,
    },
    /// The account store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RosterError {
    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::TooLong | Self::Unreadable { .. } | Self::Row { .. } | Self::District { .. } => {
                Problem::invalid(self.to_string())
            }
            Self::Refused { row, source } => {
                let mut problem = Problem::from(source);
                problem.detail = format!("{row}: {}", problem.detail);
                problem
            }
            Self::Store(error) => Problem::internal(&error),
        }
    }
}

impl RosterFile {
    /// Reads a roster and checks every row, so that nothing of a file with a mistake is entered.
    ///
    /// # Errors
    ///
    /// [`RosterError`], which names row and key.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RosterError> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let roster: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let at =
                if error.path().iter().len() == 0 { "roster".to_owned() } else { error.path().to_string() };
            RosterError::Unreadable { at, problem: error.inner().to_string() }
        })?;
        reader.end().map_err(|error| RosterError::Unreadable {
            at: "roster".to_owned(),
            problem: error.to_string(),
        })?;
        roster.check(0)?;
        Ok(roster)
    }

    fn check(&self, first: usize) -> Result<(), RosterError> {
        if self.drivers.len() > DRIVERS_MAX || self.operators.len() > OPERATORS_MAX {
            return Err(RosterError::TooLong);
        }
        for (i, listed) in (first..).zip(&self.drivers) {
            let wrong = |problem: String| RosterError::Row { row: format!("drivers[{i}]"), problem };
            listed.phone.parse::<E164>().map_err(|error| wrong(format!("phone: {error}")))?;
            check(listed).map_err(wrong)?;
        }
        Ok(())
    }

    /// Enters the drivers into central's journal and the operators into this node's accounts. `secret_key` is
    /// [`crate::vault::Secrets::derive`] of `driver-secret`.
    ///
    /// # Errors
    ///
    /// [`RosterError`], which names the row.
    pub async fn enter(
        &self,
        handle: &Handle,
        identity: &Identity,
        secret_key: &[u8; 32],
    ) -> Result<Entered, RosterError> {
        self.enter_part(0, handle, identity, secret_key).await
    }

    /// Enters a part of a file; `first` rows of each kind came before these.
    pub(crate) async fn enter_part(
        &self,
        first: usize,
        handle: &Handle,
        identity: &Identity,
        secret_key: &[u8; 32],
    ) -> Result<Entered, RosterError> {
        self.check(first)?;
        let mut entered = Entered::default();
        for (i, listed) in (first..).zip(&self.drivers) {
            let row = format!("drivers[{i}]");
            let wrong = |problem: String| RosterError::Row { row: row.clone(), problem };
            let phone: E164 = listed.phone.parse().map_err(|error| wrong(format!("phone: {error}")))?;
            let (known, district) = (listed.driver, listed.district.clone());
            let (before, is_served) = handle
                .read(move |node| {
                    let before = node.board().driver(known).map(|(_, driver)| driver.clone());
                    (before, node.config().districts.contains_key(&district))
                })
                .await
                .map_err(|error| RosterError::Refused { row: row.clone(), source: error.into() })?;
            if !is_served {
                return Err(RosterError::District { row, district: listed.district.clone() });
            }
            let personal = DriverPersonal { name: Some(listed.name.clone()), phone: Some(phone.clone()) };
            let mut driver = listed.as_driver(secret_key, handle.vault().phone_key(&phone));
            let was_banned = before.as_ref().is_some_and(|before| before.banned);
            driver.banned = listed.banned.unwrap_or(was_banned);
            // The same text sealed twice differs, so what was sealed before is kept while it says the same.
            let sealed = before.as_ref().and_then(|before| before.personal.clone());
            let same = sealed.as_ref().and_then(|sealed| handle.vault().open::<DriverPersonal>(sealed));
            driver.personal = if same.as_ref() == Some(&personal) {
                sealed
            } else {
                let sealed = handle.vault().seal(driver.subject, &personal);
                Some(sealed.map_err(|error: SealError| wrong(error.to_string()))?)
            };
            if before.as_ref() == Some(&driver) {
                continue;
            }
            let command = match listed.banned {
                Some(_) => Command::ListDriver(driver),
                None => Command::RelistDriver(driver),
            };
            let answer = handle.request(command).await;
            answer.map_err(|source| RosterError::Refused { row, source })?;
            entered.drivers += 1;
        }
        for (i, listed) in (first..).zip(&self.operators) {
            let row = format!("operators[{i}]");
            match identity.add_operator(listed.as_account()).await {
                Ok(_) => entered.operators += 1,
                Err(AccountRefusal::Store(StoreError::LoginTaken)) => {}
                Err(refusal) => return Err(RosterError::Row { row, problem: refusal.to_string() }),
            }
        }
        Ok(entered)
    }
}

/// A stand of the map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedStand {
    /// The code painted on its pole.
    pub stand: StandId,
    /// Its name, in Korean.
    pub name_ko: String,
    /// Its name, in English.
    pub name_en: String,
    /// Where it is.
    pub position: Position,
    /// Its district.
    pub district: DistrictId,
}

/// Enters stands into central's journal; returns how many were new or had moved.
///
/// # Errors
///
/// [`RosterError::Refused`], which names the stand.
pub async fn enter_stands(handle: &Handle, stands: Vec<ListedStand>) -> Result<usize, RosterError> {
    let mut entered = 0;
    for listed in stands {
        let ListedStand { stand, name_ko, name_en, position, district } = listed;
        let row = format!("stand {stand}");
        let (code, home) = (stand.clone(), district.clone());
        let known = handle
            .read(move |node| {
                let known = node.board().district(&home).and_then(|district| district.stands.get(&code));
                known.is_some_and(|stand| stand.position == position)
            })
            .await
            .map_err(|error| RosterError::Refused { row: row.clone(), source: error.into() })?;
        if !known {
            let command = Command::ListStand { stand, name_ko, name_en, position, district };
            handle.request(command).await.map_err(|source| RosterError::Refused { row, source })?;
            entered += 1;
        }
    }
    Ok(entered)
}

fn check(listed: &ListedDriver) -> Result<(), String> {
    if !(DRIVER_SECRET_MIN..=DRIVER_SECRET_MAX).contains(&listed.secret.len()) {
        return Err(format!("secret: use {DRIVER_SECRET_MIN} to {DRIVER_SECRET_MAX} bytes"));
    }
    if !(1..=16).contains(&listed.seats) {
        return Err("seats: 1 to 16".to_owned());
    }
    if listed.name.chars().count() > 80 {
        return Err("name: at most 80 characters".to_owned());
    }
    if !is_plate(&listed.plate) {
        return Err(format!("plate: 1 to {PLATE_MAX} letters, digits, spaces and dashes"));
    }
    Ok(())
}

impl ListedDriver {
    fn as_driver(&self, secret_key: &[u8; 32], phone: ondol_core::fact::PhoneKey) -> Driver {
        Driver {
            driver: self.driver,
            subject: SubjectId(self.driver.0),
            fleet: self.fleet.clone(),
            district: self.district.clone(),
            phone: Some(phone),
            personal: None,
            lang: self.lang,
            secret_digest: driver_secret_digest(secret_key, self.driver, &self.secret),
            home: self.home.clone(),
            vehicle: Vehicle {
                vehicle: self.vehicle,
                plate: self.plate.clone(),
                seats: self.seats,
                needs: self.needs,
            },
            banned: false,
        }
    }
}

impl ListedOperator {
    fn as_account(&self) -> NewOperator {
        NewOperator {
            login: self.login.clone(),
            password: self.password.clone(),
            role: self.role,
            fleet: self.fleet.clone(),
            districts: self
                .districts
                .clone()
                .map_or(Districts::All, |list| Districts::Some(list.into_iter().collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"drivers": [
        {"driver": "00000000-0000-4000-8000-000000000001", "vehicle": "00000000-0000-4000-8000-000000000002",
         "name": "김하늘", "phone": "010-1234-5678", "fleet": "hanbit", "district": "hanbuk", "lang": "ko",
         "secret": "4821-0007", "plate": "서울33바1234", "seats": 4}],
      "operators": [{"login": "minji", "password": "correct horse battery", "role": "operator"}]}"#;

    #[test]
    fn a_mistake_is_named_by_row_and_key() {
        assert!(RosterFile::from_json(FILE.as_bytes()).is_ok());
        for (from, to, named) in [
            ("\"seats\": 4", "\"seats\": \"four\"", "drivers[0].seats: invalid type"),
            ("\"seats\": 4", "\"seats\": 40", "drivers[0]: seats"),
            ("\"seats\": 4", "\"sets\": 4", "drivers[0].sets: unknown field"),
            (", \"seats\": 4", "", "drivers[0]: missing field `seats`"),
            ("010-1234-5678", "12", "drivers[0]: phone"),
            ("4821-0007", "1", "drivers[0]: secret"),
            ("\"role\": \"operator\"", "\"role\": \"boss\"", "operators[0].role: unknown variant"),
            ("\"operators\"", "\"people\"", "people: unknown field"),
            ("]}", "]} again", "roster: trailing characters"),
            ("{\"drivers\"", "drivers", "roster: expected value"),
        ] {
            assert!(FILE.contains(from), "{from}");
            let error = RosterFile::from_json(FILE.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(named), "{to}: {error}");
        }
    }
}
