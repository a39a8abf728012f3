//! Whom an order is about, as staff knows them: nobody has a UUID at hand.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use axum::http::StatusCode;
use ondol_core::ids::{BookingId, DriverId};
use ondol_core::node::Node;
use ondol_core::pin::{booking_code, is_booking_code};
use ondol_core::units::UtcMs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::{Problem, rfc3339};
use crate::vault::{E164, Vault};

/// Longest name of a driver or booking in an order, in bytes.
pub const NAMED_MAX: usize = 80;
/// Most that are listed where a name fits several.
const LISTED_MAX: usize = 8;

/// A driver: id, number plate, or telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DriverNamed(String);

/// A booking: id, or its code for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BookingNamed(String);

macro_rules! named {
    ($type:ident, $id:ident) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let text = text.trim().to_owned();
                if (1..=NAMED_MAX).contains(&text.len()) {
                    Ok(Self(text))
                } else {
                    Err(format!("a name has 1 to {NAMED_MAX} bytes"))
                }
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                text.to_owned().try_into()
            }
        }

        impl From<$type> for String {
            fn from(named: $type) -> Self {
                named.0
            }
        }

        impl From<$id> for $type {
            fn from(id: $id) -> Self {
                Self(id.to_string())
            }
        }
    };
}

named!(DriverNamed, DriverId);
named!(BookingNamed, BookingId);

impl DriverNamed {
    /// The one driver that is meant.
    pub(super) fn find(&self, node: &Node, vault: &Vault) -> Result<DriverId, Problem> {
        if let Ok(id) = self.0.parse::<Uuid>() {
            return Ok(DriverId(id));
        }
        let plate = bare(&self.0);
        let drivers = node.board().districts().flat_map(|(_, district)| &district.drivers);
        let mut found: Vec<DriverId> = drivers
            .filter(|(_, (_, driver))| bare(&driver.vehicle.plate) == plate)
            .map(|(id, _)| *id)
            .collect();
        if found.is_empty()
            && let Ok(number) = self.0.parse::<E164>()
            && let Some((_, driver)) = node.board().driver_by_phone(&vault.phone_key(&number))
        {
            found.push(driver.driver);
        }
        // A driver who changed districts is listed in both.
        found.sort();
        found.dedup();
        match found[..] {
            [one] => Ok(one),
            [] => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "unknown_driver",
                "no driver here has that id, number plate or telephone number",
            )),
            [..] => Err(several("drivers", "telephone number or id", &found)),
        }
    }
}

impl BookingNamed {
    /// The one booking that is meant.
    pub(super) fn find(&self, node: &Node) -> Result<BookingId, Problem> {
        if let Ok(id) = self.0.parse::<Uuid>() {
            return Ok(BookingId(id));
        }
        let code = self.0.to_ascii_uppercase();
        if !is_booking_code(&code) {
            return Err(Problem::invalid(
                "a booking is named by its id or its code: three letters and a check letter, as in the rider's text",
            ));
        }
        let ids: BTreeSet<BookingId> = node
            .board()
            .districts()
            .flat_map(|(_, district)| district.bookings.keys())
            .filter(|id| booking_code(**id) == code)
            .copied()
            .collect();
        let mut found: Vec<Found> = ids.into_iter().map(|id| Found::new(node, id)).collect();
        found.sort_by_key(|found| Reverse(found.asked_at));
        match &found[..] {
            [one] => Ok(one.id),
            [] => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "unknown_booking",
                format!("no booking here has the code {code}"),
            )),
            // There are 29,791 codes: a busy city has each one again within days. What is ordered cannot be undone, so
            // that the latest is not taken for the one that is meant.
            [..] => Err(several("bookings", "id", &found)),
        }
    }
}

/// A booking that has the code.
struct Found {
    id: BookingId,
    /// When the rider asked; absent where only talk of the booking has arrived.
    asked_at: Option<UtcMs>,
    is_open: bool,
}

impl Found {
    fn new(node: &Node, id: BookingId) -> Self {
        let record = node.board().booking(id).map(|(_, record)| record);
        let asked_at = record.and_then(|record| record.accepted.as_ref()).map(|accepted| accepted.at);
        Self { id, asked_at, is_open: record.is_some_and(|record| !record.status().is_closed()) }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.id, self.asked_at.map_or("unknown when".to_owned(), rfc3339))?;
        f.write_str(if self.is_open { ", open)" } else { ")" })
    }
}

/// A plate as it is compared: people write spaces and hyphens as they like.
fn bare(plate: &str) -> String {
    plate.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

fn several(what: &str, instead: &str, found: &[impl ToString]) -> Problem {
    let ids: Vec<String> = found.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    Problem::new(
        StatusCode::CONFLICT,
        "several_fit",
        format!("{} {what} fit that; give the {instead} instead: {}", found.len(), ids.join(", ")),
    )
}
