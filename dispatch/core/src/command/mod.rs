//! What the doors ask of a node, and what it answers.

mod device;
mod home;
mod lease;
mod loan;
mod notice;
mod refusal;
mod relay;

pub use device::{
    AskedHome, Attach, Beat, BeatAnswer, FUTURE_MAX_MS, Happening, Held, Offer, PAST_MAX_MS, Report, Restore,
    Slot, ToDevice, is_far_off,
};
pub use home::{HomeAnswer, HomeCommand, HomeWish};
pub use lease::{Renewal, RenewalAnswer};
pub use loan::{BorrowedSaid, LentSaid, LoanAnswer, LoanCall, LoanStage, REQUESTS_MAX, SAID_MAX};
pub use notice::{Notice, NoticeText, Recipient};
pub use refusal::Refusal;
pub use relay::{RELAYED_MAX, Relay, RelayedDriver};

use crate::booking::{CancelReason, Party};
use crate::fact::{CloseReason, Driver, Request};
use crate::ids::{BookingId, DistrictId, DriverId, ShiftId, StandId, ZoneId};
use crate::journal::Series;
use crate::position::Position;
use crate::units::Money;

/// Longest time for which old bans may be waived at once, in milliseconds: a day.
pub const WAIVE_MAX_MS: u64 = 24 * 3_600_000;

/// A wish that changes something. Whether the caller may have it was decided at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A rider wants a taxi.
    Book {
        /// The request key, made by the rider's device; the same key again is the same booking.
        booking: BookingId,
        /// The district of the pickup.
        district: DistrictId,
        /// The zone of the pickup.
        zone: ZoneId,
        /// What is asked.
        request: Request,
    },
    /// Somebody wants a booking to end. After boarding it is refused.
    Cancel {
        /// The booking.
        booking: BookingId,
        /// Who asks.
        by: Party,
        /// Why.
        reason: CancelReason,
    },
    /// The rider says that a booking which waited through a cut is still wanted.
    Keep {
        /// The booking.
        booking: BookingId,
    },
    /// The rider says, by an act of their own, that a trip which came back from a driver's device is going on. A booking
    /// that is only sent again is no such word: pages do that by themselves.
    Attest {
        /// The booking.
        booking: BookingId,
    },
    /// An operator asks a certain shift.
    AssignByHand {
        /// The booking.
        booking: BookingId,
        /// The shift.
        shift: ShiftId,
        /// How long the driver told the operator the way takes; counts where no road is known from where the driver
        /// is, or where the driver is.
        told_eta_s: Option<u32>,
    },
    /// An operator takes a booking back from its shift before boarding.
    Recall {
        /// The booking.
        booking: BookingId,
    },
    /// An operator closes a trip whose driver cannot end it: the rider is out, and the phone is silent.
    CloseTrip {
        /// The booking.
        booking: BookingId,
        /// Why.
        reason: CloseReason,
        /// The fare as the driver told it; absent if nobody knows, and then nothing is charged before the phone tells.
        fare: Option<Money>,
    },
    /// An operator ends a shift whose phone is lost or broken, so that its driver can begin another one.
    EndShift {
        /// The shift.
        shift: ShiftId,
    },
    /// An operator at the edge takes the district by hand.
    TakeDistrict {
        /// The district.
        district: DistrictId,
    },
    /// An operator lets a district go back: the edge drains and returns it as soon as central grants it.
    GiveBackDistrict {
        /// The district.
        district: DistrictId,
    },
    /// An operator at the edge lets drivers begin shifts although the bans here are old: central, which would tell of new
    /// ones, is away. Who is known to be barred stays so. The latest wish stands; one for no time ends it.
    WaiveBans {
        /// The district.
        district: DistrictId,
        /// For how long from now, in milliseconds, at most [`WAIVE_MAX_MS`].
        for_ms: u64,
    },
    /// Central's staff lets the return of a district wait no longer for a series that does not go in.
    SetAside {
        /// The series.
        series: Series,
    },
    /// Central's staff add or change a driver, and say whether the driver is barred.
    ListDriver(Driver),
    /// The same, but who is listed already stays barred or admitted: what the driver's `banned` says counts for a new
    /// driver alone.
    RelistDriver(Driver),
    /// Central's staff bar a driver from new shifts or admit the driver again, in every district that lists the driver.
    BarDriver {
        /// The driver.
        driver: DriverId,
        /// True if barred from now on.
        banned: bool,
    },
    /// Central's staff add or change a stand.
    ListStand {
        /// The stand.
        stand: StandId,
        /// Its name, in Korean.
        name_ko: String,
        /// Its name, in English.
        name_en: String,
        /// Where it is.
        position: Position,
        /// Its district.
        district: DistrictId,
    },
    /// A device binds itself to this node.
    Attach(Attach),
    /// A device brings the capsule of a trip that it holds; the shell has opened it and checked who signed it.
    Restore(Box<Restore>),
    /// A device says that it lives, and what it sees.
    Beat(Beat),
    /// A device hands in an entry of its outbox.
    Report(Report),
    /// A feature-phone driver's text, read.
    Home(HomeCommand),
    /// Central renews the lease of this edge's district.
    Renew(Renewal),
    /// The edge of a district answered a renewal.
    Renewed(RenewalAnswer),
    /// The edge of a district says which free drivers it hears.
    Relay(Relay),
    /// A neighbour says what it lends, and asks what is known here.
    Borrow(LoanCall),
    /// A neighbour answered that.
    Lent(LoanAnswer),
}

/// What a node answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The booking is in the journal; `repeat` if it already was.
    Booked {
        /// The key had been used for the same request before.
        repeat: bool,
    },
    /// It is done, or was done before.
    Done,
    /// The device is attached.
    Attached {
        /// Names the session; offers carry it, beats and reports show it.
        session: String,
    },
    /// What the device should know.
    Beat(BeatAnswer),
    /// What to tell the feature-phone driver.
    Home(HomeAnswer),
    /// The edge's answer to a renewal.
    Renewal(RenewalAnswer),
    /// The edge's answer to a neighbour.
    Loans(LoanAnswer),
}
