//! `POST /text/v1/drivers/{phone}/commands`: a feature-phone driver's text, read.

use axum::Json;
use axum::extract::State;
use ondol_core::command::{Answer, Command, HomeAnswer, HomeCommand, HomeWish, Refusal};
use ondol_core::fact::{Driver, Lang};
use ondol_core::ids::{CommandId, DriverId, StandId};
use ondol_core::node::Node;
use ondol_core::pin::booking_code;
use ondol_core::stand::place;
use ondol_core::units::{Money, Now};
use ondol_engine::RequestError;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::{TextClient, is_driver_secret};
use ondol_engine::vault::RiderPersonal;

use super::places::called;
use super::riders::shift_state;
use super::{PhonePath, Reach, TextDoor, conflict, lang, view};
use crate::wire::{
    DriverAnswer, DriverCommand, DriverCommandRequest, DriverTrip, ShiftState, Spot, Standing, code,
};

pub(super) async fn command(
    State(door): State<TextDoor>,
    client: TextClient,
    phone: PhonePath,
    StrictJson(wish): StrictJson<DriverCommandRequest>,
) -> Result<Json<DriverAnswer>, Problem> {
    let reach = Reach::of(&client);
    let key = door.handle.vault().phone_key(&super::phone_of(phone)?);
    let driver = door
        .handle
        .read(move |node| {
            let known = node.board().driver_by_phone(&key).filter(|(district, _)| reach.covers(district));
            known.map(|(_, driver)| driver.clone())
        })
        .await?
        .filter(|driver| driver.home.is_some())
        .ok_or_else(|| {
            let detail = "this number is no feature-phone driver's";
            view::unknown_here(door.handle.role(), code::DRIVER_UNKNOWN, detail)
        })?;
    check_code(&door, &driver, wish.driver_code.as_deref(), &wish.command)?;
    if let Some(what) = meaning(&wish.command)? {
        let command = HomeCommand { command: CommandId(wish.command_id), driver: driver.driver, what };
        match door.handle.request(Command::Home(command)).await {
            Ok(Answer::Home(HomeAnswer::WrongPin { .. })) => {
                return Err(conflict(code::PIN_WRONG, "the PIN does not match"));
            }
            Ok(_) => {}
            Err(RequestError::Refused(refusal)) => return Err(refused(refusal, &wish.command)),
            Err(unavailable) => return Err(unavailable.into()),
        }
    }
    let id = driver.driver;
    let seen = door.handle.read_at(move |node, now| look(node, id, now)).await?;
    Ok(Json(seen.answer(&door)))
}

/// A sender's number can be forged: whoever asks for more than where things stand shows the driver's code. Tries are
/// bounded as at a sign-in, for each driver apart: texts of all come from one place.
fn check_code(
    door: &TextDoor,
    driver: &Driver,
    shown: Option<&str>,
    command: &DriverCommand,
) -> Result<(), Problem> {
    if matches!(command, DriverCommand::Status {}) {
        return Ok(());
    }
    let Some(shown) = shown else {
        return Err(conflict(code::DRIVER_CODE_NEEDED, "add your code, as in ON 12 *1234"));
    };
    let (account, place) = (driver.driver.to_string(), format!("text {}", driver.driver));
    if door.identity.try_once(&account, &place).is_err() {
        return Err(conflict(
            code::DRIVER_CODE_LOCKED,
            "too many wrong codes were sent in this driver's name: wait a quarter of an hour",
        ));
    }
    if is_driver_secret(&door.secret_key, driver.driver, shown, &driver.secret_digest) {
        door.identity.tried_well(&account, &place);
        Ok(())
    } else {
        door.identity.tried_badly(&account, &place);
        Err(conflict(code::DRIVER_CODE_WRONG, "the driver's code is wrong"))
    }
}

/// What a command asks of the core; nothing if it only asks where things stand.
fn meaning(command: &DriverCommand) -> Result<Option<HomeWish>, Problem> {
    let stand = |code: u16| -> Result<StandId, Problem> {
        StandId::new(&code.to_string()).map_err(|error| Problem::invalid(error.to_string()))
    };
    let letter = |text: &str| -> Result<char, Problem> {
        let mut letters = text.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) if letter.is_ascii_alphabetic() => Ok(letter.to_ascii_uppercase()),
            _ => Err(Problem::invalid("an offer is named by one letter A to Z")),
        }
    };
    Ok(Some(match command {
        DriverCommand::On { stand: code } => HomeWish::On { stand: code.map(stand).transpose()? },
        DriverCommand::Off {} => HomeWish::Off,
        DriverCommand::At { stand: code } => HomeWish::At { stand: stand(*code)? },
        DriverCommand::Accept { offer } => HomeWish::Accept { letter: letter(offer)? },
        DriverCommand::Decline { offer } => HomeWish::Decline { letter: letter(offer)? },
        DriverCommand::Arrived {} => HomeWish::Arrived,
        DriverCommand::Boarded { pin } => HomeWish::Boarded { pin: pin.clone() },
        DriverCommand::Ended { fare } => HomeWish::Ended { amount: Money(i64::from(*fare)) },
        DriverCommand::Break {} => HomeWish::Pause,
        DriverCommand::Problem { .. } => HomeWish::Problem,
        DriverCommand::Status {} => return Ok(None),
    }))
}

/// The dialogue's own codes for what the core refuses.
fn refused(refusal: Refusal, command: &DriverCommand) -> Problem {
    let own = match (&refusal, command) {
        (Refusal::UnknownStand, _) => code::STAND_UNKNOWN,
        (Refusal::NotAvailable, _) => code::NOT_ON_DUTY,
        (Refusal::NoOffer, _) => code::OFFER_UNKNOWN,
        (Refusal::OfferLapsed, _) => code::OFFER_LAPSED,
        (Refusal::NoTrip, _) => code::NO_SUCH_TRIP,
        (Refusal::ShiftBusy, DriverCommand::Off {}) => code::TRIP_OPEN,
        (Refusal::OutOfRange, DriverCommand::Ended { .. }) => code::FARE_IMPLAUSIBLE,
        (Refusal::AlreadyBoarded, _) => code::ALREADY_BOARDED,
        _ => return refusal.into(),
    };
    conflict(own, &refusal.to_string())
}

struct Seen {
    lang: Lang,
    state: ShiftState,
    stand: Option<u16>,
    queue_position: Option<u16>,
    trip: Option<(ondol_core::ids::BookingId, ondol_core::fact::Request)>,
    standing: Standing,
}

fn look(node: &Node, driver: DriverId, now: Now) -> Seen {
    let known = node.board().driver(driver).map(|(district, _)| district);
    let board = known.and_then(|district| node.board().district(district));
    let shift = board.and_then(|board| board.shift_of(driver));
    let queue = board.zip(shift).and_then(|(board, shift)| place(board, shift.id));
    let trip = board.zip(shift).and_then(|(board, shift)| {
        let (record, assignment) = board.bonds_of(shift.id).next()?;
        (!record.assignments[assignment].is_question())
            .then(|| record.request().cloned())?
            .map(|request| (record.id, request))
    });
    let mode = known
        .and_then(|district| node.mode(district))
        .map_or(ondol_core::node::Mode::Normal, |view| view.mode);
    Seen {
        lang: node.board().driver(driver).map_or(Lang::Ko, |(_, driver)| driver.lang),
        state: shift_state(node, driver),
        stand: queue.as_ref().and_then(|place| place.stand.as_str().parse().ok()),
        queue_position: queue.as_ref().and_then(|place| u16::try_from(place.place).ok()),
        trip,
        standing: view::standing(node.config().id.as_str(), now, mode),
    }
}

impl Seen {
    fn answer(self, door: &TextDoor) -> DriverAnswer {
        let trip = self.trip.map(|(booking, request)| {
            let (personal, _): (RiderPersonal, _) = door.handle.vault().read_any(request.personal.as_ref());
            let map = door.map.as_deref();
            let stand_code = request.stand.as_ref().and_then(|stand| stand.as_str().parse().ok());
            DriverTrip {
                code: booking_code(booking),
                pickup: Spot {
                    name: called(map, personal.pickup_label, request.pickup),
                    position: view::wire_position(request.pickup),
                    stand_code,
                },
                destination: request.dropoff.map(|position| Spot {
                    name: called(map, personal.dropoff_label, position),
                    position: view::wire_position(position),
                    stand_code: None,
                }),
            }
        });
        DriverAnswer {
            lang: lang(self.lang),
            state: self.state,
            stand: self.stand,
            queue_position: self.queue_position,
            trip,
            standing: self.standing,
        }
    }
}
