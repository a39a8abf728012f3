//! What became of each wish for a ride, by what its rider and the drivers wrote down.

use std::collections::BTreeMap;

use ondol_core::board::Board;
use ondol_core::booking::{Door, Status};
use ondol_core::ids::BookingId;
use ondol_core::pin::booking_code;
use ondol_core::position::Position;
use ondol_core::units::UtcMs;

use super::evidence::Evidence;
use crate::city::record::{DriverNote, RiderNote};

/// A wish, as its rider lived it.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// Its number.
    pub wish: u32,
    /// Through which door.
    pub door: Door,
    /// When the rider asked.
    pub asked_at: UtcMs,
    /// Where the rider waited.
    pub pickup: Position,
    /// The booking, once anybody told.
    pub booking: Option<BookingId>,
    /// The booking's code, once told.
    pub code: Option<String>,
    /// Somebody acknowledged it.
    pub is_acknowledged: bool,
    /// Somebody refused it.
    pub is_refused: bool,
    /// Times that the rider got into a taxi.
    pub boarded: usize,
    /// The rider was told that it is cancelled.
    pub is_cancelled: bool,
    /// What the rider saw in the end.
    pub last: Option<String>,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The rider rode.
    Served,
    /// Somebody ended it.
    Cancelled,
    /// A node said no.
    Refused,
    /// Nobody ever answered: nothing was promised.
    Unanswered,
    /// Open, and visible to rider and operator.
    Open,
    /// Promised, and gone.
    Lost,
}

/// Reads every wish off what was written down.
#[must_use]
pub fn stories(evidence: &Evidence, union: &Board) -> Vec<Story> {
    let mut stories: BTreeMap<u32, Story> = BTreeMap::new();
    for line in &evidence.riders {
        if let RiderNote::Asked { door, booking, pickup } = &line.note {
            stories.entry(line.wish).or_insert_with(|| Story {
                booking: *booking,
                ..Story::new(line.wish, *door, line.at, *pickup)
            });
        }
        let Some(story) = stories.get_mut(&line.wish) else { continue };
        match &line.note {
            RiderNote::Acknowledged { booking, code, .. } => {
                story.is_acknowledged = true;
                story.booking = story.booking.or(*booking);
                story.code.get_or_insert_with(|| code.clone());
            }
            RiderNote::Refused { .. } => story.is_refused = true,
            RiderNote::Boarded { booking, .. } => {
                story.boarded += 1;
                story.booking = story.booking.or(*booking);
            }
            RiderNote::Cancelled { .. } => story.is_cancelled = true,
            RiderNote::Last { status, .. } => story.last = Some(status.clone()),
            RiderNote::Asked { .. }
            | RiderNote::Unanswered {}
            | RiderNote::Assigned { .. }
            | RiderNote::Ended {} => {}
        }
    }
    for line in &evidence.drivers {
        if let DriverNote::Hailed { wish, booking, pickup } = &line.note {
            stories.entry(*wish).or_insert_with(|| Story {
                booking: Some(*booking),
                is_acknowledged: true,
                boarded: 1,
                ..Story::new(*wish, Door::Street, line.at, *pickup)
            });
        }
    }
    let mut stories: Vec<Story> = stories.into_values().collect();
    for story in stories.iter_mut().filter(|story| story.booking.is_none()) {
        story.booking = story.code.as_deref().and_then(|code| by_code(union, code, story.pickup));
    }
    stories
}

/// The booking that a text calls by its code: of several with that code, the nearest to where the rider waits.
fn by_code(union: &Board, code: &str, pickup: Position) -> Option<BookingId> {
    let all = union.districts().flat_map(|(_, district)| district.bookings.values());
    let named = all.filter(|record| booking_code(record.id) == code).filter_map(|record| {
        let request = record.request().filter(|request| request.door == Door::Sms)?;
        Some((request.pickup.distance_m(pickup), record.id))
    });
    named.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id)| id)
}

impl Story {
    fn new(wish: u32, door: Door, asked_at: UtcMs, pickup: Position) -> Self {
        Self {
            wish,
            door,
            asked_at,
            pickup,
            booking: None,
            code: None,
            is_acknowledged: false,
            is_refused: false,
            boarded: 0,
            is_cancelled: false,
            last: None,
        }
    }

    /// What became of it. `central` is what operators see when everything is over.
    #[must_use]
    pub fn fate(&self, central: Option<&Board>) -> Fate {
        if self.boarded > 0 {
            return Fate::Served;
        }
        if self.is_cancelled {
            return Fate::Cancelled;
        }
        if !self.is_acknowledged {
            return if self.is_refused { Fate::Refused } else { Fate::Unanswered };
        }
        let record = self.booking.and_then(|booking| central?.booking(booking));
        match record.map(|(_, record)| record.status()) {
            Some(Status::Cancelled) => Fate::Cancelled,
            Some(Status::Done | Status::Boarded) => Fate::Served,
            Some(Status::Open | Status::Offered | Status::Assigned | Status::Arrived)
                if self.last.as_deref() != Some("unknown") =>
            {
                Fate::Open
            }
            Some(Status::Open | Status::Offered | Status::Assigned | Status::Arrived) | None => Fate::Lost,
        }
    }
}
