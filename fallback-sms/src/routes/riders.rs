//! `GET /text/v1/riders/{phone}`: what this node knows of a number.

use axum::Json;
use axum::extract::State;
use ondol_core::booking::{BookingRecord, Status};
use ondol_core::fact::{Lang, PhoneKey};
use ondol_core::ids::DriverId;
use ondol_core::node::{Mode, Node};
use ondol_core::shift::Duty;
use ondol_core::units::Now;
use ondol_engine::http::Problem;
use ondol_engine::identity::TextClient;

use super::{PhonePath, Reach, TextDoor, lang, view};
use crate::wire::{BookingView, DriverFacts, RiderFacts, ShiftState, Standing};

/// Most open bookings of a number that are told.
const OPEN_MAX: usize = 4;

struct Known {
    open: Vec<view::Seen>,
    lang: Option<Lang>,
    driver: Option<DriverFacts>,
    standing: Standing,
}

pub(super) async fn facts(
    State(door): State<TextDoor>,
    client: TextClient,
    phone: PhonePath,
) -> Result<Json<RiderFacts>, Problem> {
    let reach = Reach::of(&client);
    let key = door.handle.vault().phone_key(&super::phone_of(phone)?);
    let known = door.handle.read_at(move |node, now| look(node, &reach, &key, now)).await?;
    let open: Vec<BookingView> = known.open.iter().filter_map(|seen| seen.view(&door)).collect();
    Ok(Json(RiderFacts {
        lang: known.lang.map(lang),
        open,
        saved: Vec::new(),
        last_pickup: None,
        driver: known.driver,
        near: None,
        standing: known.standing,
    }))
}

fn look(node: &Node, reach: &Reach, key: &PhoneKey, now: Now) -> Known {
    let covered = node.board().districts().filter(|(district, _)| reach.covers(district));
    let mut records: Vec<&BookingRecord> =
        covered.flat_map(|(_, district)| district.bookings_of_phone(key)).collect();
    records.sort_by_key(|record| record.accepted.as_ref().map(|accepted| accepted.at));
    let lang = records.last().and_then(|record| record.request()).map(|request| request.lang);
    let open = records
        .iter()
        .filter(|record| !record.status().is_closed())
        .take(OPEN_MAX)
        .filter_map(|record| view::look(node, record.id, now))
        .collect();
    let driver = node
        .board()
        .driver_by_phone(key)
        .filter(|(district, driver)| reach.covers(district) && driver.home.is_some())
        .map(|(_, driver)| DriverFacts {
            lang: super::lang(driver.lang),
            state: shift_state(node, driver.driver),
        });
    let worst = node
        .config()
        .districts
        .keys()
        .filter(|district| reach.covers(district))
        .filter_map(|district| node.mode(district))
        .map(|view| view.mode)
        .max()
        .unwrap_or(Mode::Normal);
    Known { open, lang, driver, standing: view::standing(node.config().id.as_str(), now, worst) }
}

/// What a feature-phone driver does now.
pub(super) fn shift_state(node: &Node, driver: DriverId) -> ShiftState {
    let Some((district, _)) = node.board().driver(driver) else { return ShiftState::OffDuty };
    let Some(board) = node.board().district(district) else { return ShiftState::OffDuty };
    let Some(shift) = board.shift_of(driver) else { return ShiftState::OffDuty };
    if let Some((record, assignment)) = board.bonds_of(shift.id).next() {
        let bond = &record.assignments[assignment];
        return match record.status() {
            _ if bond.is_question() => ShiftState::Offered,
            Status::Boarded => ShiftState::Boarded,
            _ if bond.arrived_at.is_some() => ShiftState::AtPickup,
            _ => ShiftState::ToPickup,
        };
    }
    if shift.duty() == Some(Duty::Paused) { ShiftState::OnBreak } else { ShiftState::Free }
}
