//! What a fact is about, whose it is to say, and in which lane it stands.

use super::Fact;
use crate::authority::Epoch;
use crate::journal::Lane;

impl Fact {
    /// Kinds that central alone writes: every node refuses them under another name.
    pub const OF_CENTRAL: [&'static str; 5] =
        ["zone_granted", "series_set_aside", "charged", "driver_listed", "stand_listed"];

    /// The authority that the fact claims, if any.
    #[must_use]
    pub fn epoch(&self) -> Option<Epoch> {
        match self {
            Self::ZoneGranted { epoch } | Self::ZoneTaken { epoch, .. } | Self::ZoneReturned { epoch } => {
                Some(*epoch)
            }
            Self::BookingAccepted { owner, .. }
            | Self::BookingOwned { owner, .. }
            | Self::TripRestored { owner, .. } => Some(owner.epoch),
            Self::Opened { .. }
            | Self::BookingLent { .. }
            | Self::BookingBorrowed { .. }
            | Self::BookingTransferred { .. }
            | Self::BookingReturned { .. }
            | Self::LoanTold { .. }
            | Self::CancelRequested { .. }
            | Self::Offered { .. }
            | Self::Stepped { .. }
            | Self::TripClosed { .. }
            | Self::StreetHailed { .. }
            | Self::ShiftStarted { .. }
            | Self::DutyChanged { .. }
            | Self::Attached { .. }
            | Self::StandChanged { .. }
            | Self::TextAnswered { .. }
            | Self::SeriesSetAside { .. }
            | Self::BansWaived { .. }
            | Self::Charged { .. }
            | Self::DriverListed { .. }
            | Self::StandListed { .. } => None,
        }
    }

    /// True if the fact may stand in `lane`: a lane has its own writer, its own urgency and its own readers.
    #[must_use]
    pub fn may_stand_in(&self, lane: Lane) -> bool {
        matches!(self, Self::Opened { .. }) || self.lane() == lane
    }

    /// What the fact is about, for finding its entries again.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::BookingAccepted { booking, .. }
            | Self::BookingOwned { booking, .. }
            | Self::BookingLent { booking, .. }
            | Self::BookingBorrowed { booking, .. }
            | Self::BookingTransferred { booking, .. }
            | Self::BookingReturned { booking, .. }
            | Self::LoanTold { booking, .. }
            | Self::CancelRequested { booking, .. }
            | Self::Offered { booking, .. }
            | Self::Stepped { booking, .. }
            | Self::TripClosed { booking, .. }
            | Self::StreetHailed { booking, .. }
            | Self::TripRestored { booking, .. }
            | Self::Charged { booking, .. } => booking.to_string(),
            Self::ShiftStarted { shift, .. }
            | Self::DutyChanged { shift, .. }
            | Self::Attached { shift, .. }
            | Self::StandChanged { shift, .. } => shift.to_string(),
            Self::TextAnswered { driver, .. } => driver.to_string(),
            Self::DriverListed { driver } => driver.driver.to_string(),
            Self::StandListed { stand, .. } => stand.to_string(),
            Self::Opened { .. }
            | Self::ZoneGranted { .. }
            | Self::ZoneTaken { .. }
            | Self::ZoneReturned { .. }
            | Self::SeriesSetAside { .. }
            | Self::BansWaived { .. } => String::new(),
        }
    }

    /// The lane that carries it; `Opened` opens whichever lane it is written to.
    #[must_use]
    pub fn lane(&self) -> Lane {
        match self {
            Self::ZoneGranted { .. }
            | Self::ZoneTaken { .. }
            | Self::ZoneReturned { .. }
            | Self::SeriesSetAside { .. }
            | Self::BansWaived { .. } => Lane::Safety,
            Self::DriverListed { .. } | Self::StandListed { .. } => Lane::Roster,
            _ => Lane::Bookings,
        }
    }
}
