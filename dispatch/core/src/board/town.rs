//! A board that several nodes write to, for tests of what is read off it.

use std::collections::BTreeMap;

use super::Board;
use crate::authority::Epoch;
use crate::booking::{CancelReason, Door, Party, Payment};
use crate::fact::{Fact, Fare, Owner, PhoneKey, PinCheck, Release, Request, Step, district_wide};
use crate::hlc::Hlc;
use crate::ids::{AssignmentId, BookingId, DistrictId, ShiftId, SubjectId};
use crate::journal::{Entry, Hash, Head, Series};
use crate::matching::Reasons;
use crate::position::Position;
use crate::units::{Money, UtcMs};

/// A board that several nodes write to.
pub(crate) struct Town {
    pub(crate) board: Board,
    heads: BTreeMap<Series, Head>,
}

pub(crate) fn gangnam() -> DistrictId {
    "gangnam".parse().unwrap()
}

pub(crate) fn booking(number: u128) -> BookingId {
    BookingId::from_number(number)
}

pub(crate) fn bond(text: &str) -> AssignmentId {
    format!("{text}:1:1").parse().unwrap()
}

/// Minutes.
pub(crate) fn minute(minutes: i64) -> UtcMs {
    UtcMs(minutes * 60_000)
}

pub(crate) fn request(phone: Option<&str>, north_m: f64) -> Request {
    Request {
        phone: phone.map(|phone| PhoneKey(phone.into())),
        ..Request::plain(
            Door::Sms,
            Position::new(37.5 + north_m / 111_195.0, 127.0).unwrap(),
            SubjectId::from_number(1),
        )
    }
}

impl Town {
    pub(crate) fn new() -> Self {
        Self { board: Board::default(), heads: BTreeMap::new() }
    }

    pub(crate) fn write(&mut self, node: &str, at: UtcMs, fact: &Fact) {
        let series =
            Series { origin: node.parse().unwrap(), incarnation: 1, district: gangnam(), lane: fact.lane() };
        let head = self.heads.entry(series.clone()).or_default();
        let mut entry = Entry {
            series,
            seq: head.seq + 1,
            zone: district_wide(),
            hlc: Hlc { wall_ms: at.0, logical: u32::try_from(head.seq).unwrap() },
            kind: fact.kind().into(),
            schema_version: 1,
            key: fact.key(),
            payload: fact.write(),
            prev_hash: head.hash,
            hash: Hash::default(),
        };
        entry.hash = entry.compute_hash();
        *head = entry.as_head();
        self.board.apply(&entry).unwrap();
    }

    pub(crate) fn accept(&mut self, node: &str, number: u128, at: UtcMs, request: Request) {
        let owner = Owner {
            epoch: Epoch { central_term: 1, edge_term: 0 },
            version: 0,
            node: node.parse().unwrap(),
            apart: false,
        };
        self.write(node, at, &Fact::BookingAccepted { booking: booking(number), request, owner, at });
    }

    /// The bond `<node>:1:1` of a booking, offered at `eta_s` and assigned at once.
    pub(crate) fn assign(&mut self, node: &str, number: u128, at: UtcMs, eta_s: u32) {
        let (booking, assignment, shift) = (booking(number), bond(node), ShiftId::from_number(eta_s.into()));
        let why = Reasons::default();
        self.write(node, at, &Fact::Offered { booking, assignment, shift, eta_s, why, at });
        self.step(node, number, at, eta_s, Step::Assigned);
    }

    pub(crate) fn step(&mut self, node: &str, number: u128, at: UtcMs, shift: u32, what: Step) {
        let (booking, assignment, shift) = (booking(number), bond(node), ShiftId::from_number(shift.into()));
        self.write(node, at, &Fact::Stepped { booking, assignment, shift, what, at });
    }

    pub(crate) fn cancel(&mut self, node: &str, number: u128, at: UtcMs) {
        let (by, reason) = (Party::Rider, CancelReason::ChangedMind);
        self.write(node, at, &Fact::CancelRequested { booking: booking(number), by, reason, at });
    }
}

pub(crate) const BOARDED: Step = Step::Boarded { pin: PinCheck::Verified };

pub(crate) fn done() -> Step {
    let (amount, payment) = (Money(4_800), Payment::Cash);
    Step::Done { fare: Fare { revision: 0, amount, distance_m: 1_000, duration_s: 300, payment } }
}

pub(crate) fn released(reason: Release) -> Step {
    Step::Released { reason }
}
