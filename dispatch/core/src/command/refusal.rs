//! Why a node refuses.

use serde::{Deserialize, Serialize};

/// Why a node refuses, in order of precedence; the state is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The district is not served here.
    #[error("this node does not serve that district")]
    OtherDistrict,
    /// Only the other kind of node does this.
    #[error("this is done at another node")]
    OtherNode,
    /// No booking has that id.
    #[error("there is no such booking")]
    UnknownBooking,
    /// No shift has that id.
    #[error("there is no such shift")]
    UnknownShift,
    /// No driver has that id or number.
    #[error("there is no such driver")]
    UnknownDriver,
    /// No stand has that code.
    #[error("there is no such stand")]
    UnknownStand,
    /// No entry of that series is known.
    #[error("there is no such series")]
    UnknownSeries,
    /// The key was used for another request.
    #[error("this key was used for another booking; make a new key")]
    KeyReused,
    /// A value is out of its range.
    #[error("the request is out of range")]
    OutOfRange,
    /// The driver is barred.
    #[error("the driver is barred from new shifts")]
    Banned,
    /// The roster or its bans are too old to admit a driver; an operator may.
    #[error("the roster here is too old to admit a new driver")]
    RosterTooOld,
    /// The driver is on duty with another phone.
    #[error("the driver is on duty with another phone; end that shift first")]
    DriverElsewhere,
    /// The shift is over: an operator ended it, or the driver began another one.
    #[error("the shift has ended; hand in what happened and begin a new one")]
    ShiftEnded,
    /// The device has attached elsewhere, or again, since.
    #[error("the device has attached again since; attach anew")]
    StaleAttach,
    /// The booking is over.
    #[error("the booking is closed")]
    Closed,
    /// The rider is in the vehicle: no machine and no cancel ends that.
    #[error("the rider has boarded")]
    AlreadyBoarded,
    /// The shift is not taking bookings.
    #[error("the shift is not available")]
    NotAvailable,
    /// The shift is busy or being asked.
    #[error("the shift has another booking")]
    ShiftBusy,
    /// The booking already has a shift.
    #[error("the booking has a shift")]
    AlreadyAssigned,
    /// No road is known from where the shift is to the pickup, or not where it is: the driver must tell.
    #[error("how long the driver needs is not known here; ask the driver and tell the minutes")]
    EtaUnknown,
    /// The driver's phone is heard: the driver ends the trip.
    #[error("the driver's phone is heard; ask the driver to end the trip")]
    DriverHeard,
    /// There is no open question for this driver.
    #[error("there is no open offer")]
    NoOffer,
    /// The question has run out of time.
    #[error("the offer has lapsed")]
    OfferLapsed,
    /// The driver has no assignment in the state that the wish needs.
    #[error("there is no trip for that")]
    NoTrip,
    /// The rider has an open booking by this door.
    #[error("there is an open booking for this number")]
    OpenBookingExists,
    /// The series ends here, and the node that writes it still does: what it writes would be known to it alone.
    #[error("that node still writes this series; restart it, so that it begins another one, and try again")]
    StillWritten,
    /// Every entry of the series that is known has gone in, here and at the edge.
    #[error("nothing of this series is missing; there is nothing to set aside")]
    NotStuck,
    /// The series is this node's own past, of which its store has lost entries that another node still holds.
    #[error(
        "this node's store has lost these entries and another node holds them; run `ondol node take-back`"
    )]
    OwnPast,
    /// The capsule was made for another device, shift or district.
    #[error("this capsule was made for another device or district")]
    CapsuleForeign,
    /// The capsule has outlived its trip.
    #[error("this capsule has expired")]
    CapsuleExpired,
    /// A later bond of the same shift is known here: the trip of this capsule is over.
    #[error("a later trip of this shift is known; this capsule is of an earlier one")]
    CapsuleRolledBack,
    /// Another node plans the booking or asks the driver, and cannot be reached from here.
    #[error("another node decides this")]
    NotOwner,
    /// Too much is under way; try again shortly.
    #[error("too many open bookings; try again shortly")]
    Overloaded,
}

impl Refusal {
    /// The stable code at the doors.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherDistrict => "other_district",
            Self::OtherNode => "other_node",
            Self::UnknownBooking => "unknown_booking",
            Self::UnknownShift => "unknown_shift",
            Self::UnknownDriver => "unknown_driver",
            Self::UnknownStand => "unknown_stand",
            Self::UnknownSeries => "unknown_series",
            Self::KeyReused => "key_reused",
            Self::OutOfRange => "out_of_range",
            Self::Banned => "banned",
            Self::RosterTooOld => "roster_too_old",
            Self::DriverElsewhere => "driver_elsewhere",
            Self::ShiftEnded => "shift_ended",
            Self::StaleAttach => "stale_attach",
            Self::Closed => "closed",
            Self::AlreadyBoarded => "already_boarded",
            Self::NotAvailable => "not_available",
            Self::ShiftBusy => "shift_busy",
            Self::AlreadyAssigned => "already_assigned",
            Self::EtaUnknown => "eta_unknown",
            Self::DriverHeard => "driver_heard",
            Self::NoOffer => "no_offer",
            Self::OfferLapsed => "offer_lapsed",
            Self::NoTrip => "no_trip",
            Self::OpenBookingExists => "open_booking_exists",
            Self::StillWritten => "still_written",
            Self::NotStuck => "not_stuck",
            Self::OwnPast => "own_past",
            Self::CapsuleForeign => "capsule_foreign",
            Self::CapsuleExpired => "capsule_expired",
            Self::CapsuleRolledBack => "capsule_rolled_back",
            Self::NotOwner => "not_owner",
            Self::Overloaded => "overloaded",
        }
    }

    /// True if the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::ShiftBusy | Self::NotAvailable | Self::NotOwner | Self::Overloaded | Self::RosterTooOld
        )
    }
}
