//! How edges talk of bookings that one lends to another. Lending is in `lend.rs`, borrowing in `borrow.rs`.
//!
//! Every edge calls each neighbour again and again, says how its loans to it stand, and asks what it wants to know. At
//! central, which holds the journals of both districts, what one says is carried to the other without a call.
//!
//! A booking that an earlier life had is not planned before every neighbour has said whether it has to do with it: this
//! edge's disk may be an old copy, on which a loan, or its end, is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::lease::Side;
use super::unheard::Riders;
use super::{Node, aged};
use crate::authority::{CentralMode, EdgeMode};
use crate::board::{Board, DistrictBoard};
use crate::booking::{BookingRecord, Status};
use crate::command::{
    Answer, BorrowedSaid, LentSaid, LoanAnswer, LoanCall, LoanStage, REQUESTS_MAX, Refusal, SAID_MAX,
};
use crate::face::{Neighbour, NodeConfig, Output, Role};
use crate::fact::{Fact, district_wide};
use crate::ids::{BookingId, DistrictId, NodeId};
use crate::loan::{Loan, LoanId, Told, ToldTaxi};
use crate::units::{Now, Ticks, UtcMs};

/// Time between two calls while nothing is lent or asked.
const CALL_EVERY_MS: u64 = 5_000;
/// Time between two calls while something is.
const CALL_BUSY_MS: u64 = 1_000;
/// Central waits so long for an edge that has begun a new life and asks its neighbours; then for no silent one any more.
const ASKS_FIRST_MS: u64 = 5_000;

/// What this life knows of its neighbours and of bookings that earlier lives had.
#[derive(Debug, Default)]
pub(super) struct Loans {
    pub(super) peers: BTreeMap<NodeId, Peer>,
    /// Bookings that an earlier life had, and the neighbours that have not said what they know of them.
    pub(super) unsure: BTreeMap<BookingId, BTreeSet<NodeId>>,
    /// Riders who wait for a neighbour, by the lender's district.
    pub(super) riders: BTreeMap<DistrictId, Riders>,
    /// Counts loans of this life.
    pub(super) count: u64,
    /// When this life offered each loan that is not transferred.
    pub(super) offered_at: BTreeMap<LoanId, Ticks>,
}

/// What is known of a neighbour in this life.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer {
    /// Its latest life; 0 if it has not been heard.
    incarnation: u32,
    pub(super) heard_at: Option<Ticks>,
    called_at: Option<Ticks>,
    /// Its answer to the last call in turn was followed by a call at once.
    followed_up: bool,
    /// Drivers whom it could ask for another booking when it was heard last.
    pub(super) free: u32,
    /// Loans of which it has the request.
    has: BTreeSet<LoanId>,
}

impl Loans {
    /// Nothing is known of neighbours yet: what the journal has was an earlier life's.
    pub(super) fn start(config: &NodeConfig, board: &Board) -> Self {
        let mut loans = Self::default();
        for district in config.districts.keys() {
            for record in board.district(district).into_iter().flat_map(DistrictBoard::open_bookings) {
                loans.doubt(config, record);
            }
        }
        loans
    }

    /// The booking is of an earlier life: each neighbour that may have to do with it is to be heard first.
    pub(super) fn doubt(&mut self, config: &NodeConfig, record: &BookingRecord) {
        let lenders: BTreeSet<&NodeId> =
            record.loans.values().filter_map(|loan| loan.borrowed.as_ref().map(|b| &b.from)).collect();
        let asked = config.neighbours.iter().map(|neighbour| &neighbour.node);
        let asked: BTreeSet<NodeId> =
            asked.filter(|node| lenders.is_empty() || lenders.contains(node)).cloned().collect();
        if !asked.is_empty() {
            self.unsure.insert(record.id, asked);
        }
    }

    pub(super) fn is_sure(&self, booking: BookingId) -> bool {
        !self.unsure.contains_key(&booking)
    }

    /// True if this life has just begun and has not heard of each booking of its past: central waits so long.
    pub(super) fn asks_first(&self, started_at: Ticks, now: Now) -> bool {
        !self.unsure.is_empty() && now.ticks.since_ms(started_at) < ASKS_FIRST_MS
    }

    /// True if the rider was asked whether a taxi is still wanted.
    pub(super) fn has_asked(&self, booking: BookingId) -> bool {
        self.asked_in(booking).is_some()
    }

    /// The district in which the rider was asked: the one that has lent the booking, or may have.
    pub(super) fn asked_in(&self, booking: BookingId) -> Option<&DistrictId> {
        let mut riders = self.riders.iter();
        riders.find(|(_, riders)| riders.asked.contains(&booking)).map(|(district, _)| district)
    }

    fn is_unsure_of(&self, booking: BookingId, peer: &NodeId) -> bool {
        self.unsure.get(&booking).is_some_and(|peers| peers.contains(peer))
    }

    fn told_by(&mut self, booking: BookingId, peer: &NodeId) {
        if let Some(peers) = self.unsure.get_mut(&booking) {
            peers.remove(peer);
            if peers.is_empty() {
                self.unsure.remove(&booking);
            }
        }
    }

    /// A human has decided: nobody else is asked about the booking any more.
    pub(super) fn decided(&mut self, booking: BookingId) {
        self.unsure.remove(&booking);
        for riders in self.riders.values_mut() {
            riders.asked.remove(&booking);
        }
    }
}

impl Node {
    /// Looks after loans of a district.
    pub(super) fn sweep_loans(&mut self, district: &DistrictId, now: Now) {
        self.return_unserved(district, now);
        if self.config.role == Role::Central {
            self.note_forgotten(district, now);
            self.carry_loans(district, now);
            self.note_heard_edge(district, now);
            return self.ask_riders_of_unheard(district, now);
        }
        self.withdraw_unanswered(district, now);
        self.lend_waiting(district, now);
        self.hand_left_to_central(district, now);
        self.ask_riders_of_unheard(district, now);
        for neighbour in self.config.neighbours.clone() {
            let is_busy = self.has_to_say(district, &neighbour.node);
            let every_ms = if is_busy { CALL_BUSY_MS } else { CALL_EVERY_MS };
            let called_at = self.loans.peers.get(&neighbour.node).and_then(|peer| peer.called_at);
            if called_at.is_none_or(|at| now.ticks.since_ms(at) >= every_ms) {
                self.call_neighbour(district, &neighbour, now);
                self.loans.peers.entry(neighbour.node).or_default().followed_up = false;
            }
        }
    }

    fn has_to_say(&self, district: &DistrictId, peer: &NodeId) -> bool {
        self.loans.unsure.values().any(|peers| peers.contains(peer))
            || self.loans_with(district, peer).next().is_some()
    }

    /// Loans of a district that are not over.
    pub(super) fn open_loans(
        &self,
        district: &DistrictId,
    ) -> impl Iterator<Item = (&BookingRecord, LoanId, &Loan)> {
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_loans);
        let loans = open.flat_map(|record| record.loans.iter().map(move |(id, loan)| (record, *id, loan)));
        loans.filter(|(_, _, loan)| !loan.over)
    }

    /// Those of them that are to be talked about with a neighbour.
    pub(super) fn loans_with<'a>(
        &'a self,
        district: &DistrictId,
        peer: &'a NodeId,
    ) -> impl Iterator<Item = (&'a BookingRecord, LoanId, &'a Loan)> {
        self.open_loans(district).filter(move |(_, _, loan)| is_with(loan, peer))
    }

    pub(super) fn call_neighbour(&mut self, district: &DistrictId, neighbour: &Neighbour, now: Now) {
        let peer = self.loans.peers.entry(neighbour.node.clone()).or_default();
        peer.called_at = Some(now.ticks);
        let (to_incarnation, to) = (peer.incarnation, neighbour.node.clone());
        let loans: Vec<_> = self.loans_with(district, &to).collect();
        let lent = loans.iter().filter(|(_, _, loan)| loan.lent.is_some());
        let lent = lent.map(|(record, id, loan)| self.said_of_lent(record, *id, loan, &to));
        // What it waits for comes before what it only wants to be sure of.
        let of_stage = |transferred| {
            let borrowed = loans.iter().filter(move |(_, _, loan)| loan.borrowed.is_some());
            borrowed.filter(move |(_, _, loan)| loan.transferred == transferred).map(|(record, ..)| record.id)
        };
        let unsure = self.loans.unsure.iter().filter(|(_, peers)| peers.contains(&to)).map(|(id, _)| *id);
        let asks: BTreeSet<BookingId> =
            of_stage(false).chain(unsure).chain(of_stage(true)).take(SAID_MAX).collect();
        let call = LoanCall {
            from: self.config.id.clone(),
            district: district.clone(),
            incarnation: self.config.incarnation,
            to_incarnation,
            lent: with_few_requests(lent),
            asks: asks.into_iter().collect(),
        };
        self.outputs.push_back(Output::CallNeighbour { to, call });
    }

    /// A neighbour says what it lends, and asks.
    pub(super) fn hear_call(&mut self, call: LoanCall, now: Now) -> Result<Answer, Refusal> {
        let district = self.own_district_with(&call.from, &call.district)?;
        if call.lent.len() > SAID_MAX || call.asks.len() > SAID_MAX || has_many_requests(&call.lent) {
            return Err(Refusal::OutOfRange);
        }
        if !self.is_alive(now) {
            return Err(Refusal::Overloaded);
        }
        let peer = self.loans.peers.entry(call.from.clone()).or_default();
        if call.incarnation < peer.incarnation {
            return Err(Refusal::OutOfRange);
        }
        peer.incarnation = call.incarnation;
        if call.to_incarnation == self.config.incarnation {
            for said in &call.lent {
                self.hear_lent(&district, &call.from, &call.district, said, now);
            }
        }
        self.ask_back(&district, &call);
        let about: BTreeSet<BookingId> =
            call.lent.iter().map(|said| said.booking).chain(call.asks.iter().copied()).collect();
        let board = self.district(&district);
        let about = about.iter().filter_map(|booking| board?.bookings.get(booking));
        let borrowed = about.flat_map(|record| {
            let from = |loan: &Loan| loan.borrowed.as_ref().is_some_and(|b| b.from == call.from);
            let loans = record.loans.iter().filter(move |(_, loan)| from(loan));
            loans.map(|(id, loan)| self.said_of_borrowed(&district, record, *id, loan)).collect::<Vec<_>>()
        });
        let borrowed = borrowed.collect();
        let asked = call.asks.iter().filter_map(|booking| board?.bookings.get(booking));
        let lent = asked.flat_map(|record| {
            let to = |loan: &Loan| loan.lent.as_ref().is_some_and(|l| l.to == call.from);
            let loans = record.loans.iter().filter(move |(_, loan)| to(loan));
            loans.map(|(id, loan)| self.said_of_lent(record, *id, loan, &call.from)).collect::<Vec<_>>()
        });
        Ok(Answer::Loans(LoanAnswer {
            from: self.config.id.clone(),
            incarnation: self.config.incarnation,
            to_incarnation: call.incarnation,
            free: self.free_to_lend(&district, now),
            borrowed,
            lent: with_few_requests(lent),
            told: call.asks,
            district,
        }))
    }

    /// A neighbour that asks about a booking of which no loan to it is known may have brought it back from a driver's
    /// phone, after this edge had lost everything and taken the booking in anew: it is asked before anybody is sent.
    fn ask_back(&mut self, district: &DistrictId, call: &LoanCall) {
        let Some(board) = self.board.district(district) else { return };
        for record in call.asks.iter().filter_map(|booking| board.bookings.get(booking)) {
            let is_known = record.loans.values().any(|loan| is_with(loan, &call.from));
            if aged::waits(record) && !is_known && !record.is_borrowed() {
                self.loans.unsure.entry(record.id).or_default().insert(call.from.clone());
            }
        }
    }

    /// A neighbour has answered a call of this life.
    pub(super) fn hear_answer(&mut self, answer: LoanAnswer, now: Now) -> Result<Answer, Refusal> {
        let district = self.own_district_with(&answer.from, &answer.district)?;
        let lists = [answer.borrowed.len() / 4, answer.lent.len() / 4, answer.told.len()];
        let is_long = lists.iter().any(|length| *length > SAID_MAX) || has_many_requests(&answer.lent);
        if answer.to_incarnation != self.config.incarnation || is_long {
            return Err(Refusal::OutOfRange);
        }
        let peer = self.loans.peers.entry(answer.from.clone()).or_default();
        if answer.incarnation < peer.incarnation {
            return Err(Refusal::OutOfRange);
        }
        peer.incarnation = answer.incarnation;
        (peer.heard_at, peer.free) = (Some(now.ticks), answer.free);
        peer.has = answer.borrowed.iter().map(|said| said.loan).collect();
        let written = self.outputs.len();
        for said in &answer.lent {
            self.hear_lent(&district, &answer.from, &answer.district, said, now);
        }
        for said in &answer.borrowed {
            let asked = self.loans.is_unsure_of(said.booking, &answer.from);
            self.hear_borrowed(&district, &answer.from, &answer.district, said, asked, now);
        }
        for booking in &answer.told {
            if answer.lent.iter().all(|said| said.booking != *booking) {
                self.give_back_unknown(&district, &answer.from, *booking, now);
            }
            self.loans.told_by(*booking, &answer.from);
        }
        let has_news = self.outputs.iter().skip(written).any(|output| matches!(output, Output::Append(_)));
        // Once, however fast a neighbour makes news.
        let peer = self.loans.peers.entry(answer.from.clone()).or_default();
        if has_news
            && !std::mem::replace(&mut peer.followed_up, true)
            && let Some(neighbour) = self.neighbour(&answer.from).cloned()
        {
            self.call_neighbour(&district, &neighbour, now);
        }
        self.dirty.insert(district);
        Ok(Answer::Done)
    }

    /// When a neighbour was last heard; one that never was counts from the start of this life.
    pub(super) fn neighbour_heard_at(&self, node: &NodeId) -> Ticks {
        self.loans.peers.get(node).and_then(|peer| peer.heard_at).unwrap_or(self.started_at)
    }

    pub(super) fn neighbour(&self, node: &NodeId) -> Option<&Neighbour> {
        self.config.neighbours.iter().find(|neighbour| neighbour.node == *node)
    }

    /// The district of this edge, if it lends to that neighbour.
    fn own_district_with(&self, node: &NodeId, district: &DistrictId) -> Result<DistrictId, Refusal> {
        let is_neighbour = self.neighbour(node).is_some_and(|neighbour| neighbour.district == *district);
        let own = self.config.districts.keys().next().filter(|_| is_neighbour);
        own.cloned().ok_or(Refusal::OtherNode)
    }

    fn said_of_lent(&self, record: &BookingRecord, id: LoanId, loan: &Loan, to: &NodeId) -> LentSaid {
        let has = self.loans.peers.get(to).is_some_and(|peer| peer.has.contains(&id));
        let request = record.request().filter(|_| !has && !loan.over);
        LentSaid {
            booking: record.id,
            loan: id,
            stage: stage(loan),
            at: record.accepted.as_ref().map_or(UtcMs(0), |accepted| accepted.at),
            request: request.cloned().map(Box::new),
            taken: record.standing().is_some(),
            cancel: record.cancel.as_ref().map(|cancel| (cancel.by, cancel.reason)),
        }
    }

    fn said_of_borrowed(
        &self,
        district: &DistrictId,
        record: &BookingRecord,
        id: LoanId,
        loan: &Loan,
    ) -> BorrowedSaid {
        let taxi = record.standing().map(|(assignment, bond)| ToldTaxi {
            assignment: assignment.clone(),
            plate: self.plate(district, bond.shift),
            asked_at: bond.offered.as_ref().map_or(UtcMs(0), |(_, at, _)| *at),
            eta_s: bond.offered.as_ref().map_or(0, |(eta_s, ..)| *eta_s),
            fare: bond.fare().cloned(),
        });
        let status = match record.status() {
            Status::Offered => Status::Open,
            status => status,
        };
        BorrowedSaid {
            booking: record.id,
            loan: id,
            stage: stage(loan),
            decides: self.decides(district),
            told: Told { status, taxi },
            cancel: record.cancel.as_ref().map(|cancel| (cancel.by, cancel.reason)),
        }
    }

    /// True if this node plans the district, so that nobody knows better.
    pub(super) fn decides(&self, district: &DistrictId) -> bool {
        match self.sides.get(district) {
            Some(Side::Central(side)) => side.lease.mode() == CentralMode::Holder,
            Some(Side::Edge(side)) => matches!(side.lease.mode(), EdgeMode::Active | EdgeMode::Healing),
            None => false,
        }
    }

    /// Central has the journals of both districts of a loan: what one says reaches the other, be there no link between
    /// their edges.
    fn carry_loans(&mut self, district: &DistrictId, now: Now) {
        let open = self.district(district).into_iter().flat_map(DistrictBoard::open_loans);
        let pairs: Vec<(BookingId, LoanId, DistrictId, DistrictId)> = open
            .flat_map(|record| record.loans.iter().map(move |(id, loan)| (record.id, *id, loan)))
            .filter_map(|(booking, id, loan)| match (&loan.lent, &loan.borrowed) {
                (Some(lent), None) => Some((booking, id, district.clone(), lent.district.clone())),
                (None, Some(borrowed)) => Some((booking, id, borrowed.district.clone(), district.clone())),
                (None, None) | (Some(_), Some(_)) => None,
            })
            .collect();
        for (booking, id, lender, borrower) in pairs {
            let find = |node: &Self, district: &DistrictId| {
                let record = node.district(district)?.bookings.get(&booking)?.clone();
                let loan = record.loans.get(&id)?.clone();
                Some((record, loan))
            };
            let Some((there, loan)) = find(self, &borrower) else { continue };
            let Some(from) = loan.borrowed.as_ref().map(|borrowed| borrowed.from.clone()) else { continue };
            let said = self.said_of_borrowed(&borrower, &there, id, &loan);
            let Some((here, loan)) = find(self, &lender) else { continue };
            let Some(to) = loan.lent.as_ref().map(|lent| lent.to.clone()) else { continue };
            self.hear_borrowed(&lender, &to, &borrower, &said, false, now);
            let said = self.said_of_lent(&here, id, &loan, &to);
            self.hear_lent(&borrower, &from, &lender, &said, now);
        }
    }

    /// Writes that a loan has come to its end here.
    pub(super) fn write_returned(
        &mut self,
        district: &DistrictId,
        booking: BookingId,
        loan: LoanId,
        now: Now,
    ) {
        self.loans.offered_at.remove(&loan);
        self.write_loan(district, booking, Fact::BookingReturned { booking, loan }, now);
    }

    pub(super) fn write_loan(&mut self, district: &DistrictId, booking: BookingId, fact: Fact, now: Now) {
        let record = self.district(district).and_then(|board| board.bookings.get(&booking));
        let zone = record.and_then(|record| record.zone().cloned()).unwrap_or_else(district_wide);
        self.append(district, zone, fact, now);
    }
}

/// What is said, with no more requests than go with one call.
fn with_few_requests(said: impl Iterator<Item = LentSaid>) -> Vec<LentSaid> {
    let mut room = REQUESTS_MAX;
    let thin = |said: LentSaid| {
        let request = said.request.filter(|_| room > 0);
        room -= usize::from(request.is_some());
        LentSaid { request, ..said }
    };
    said.map(thin).collect()
}

fn has_many_requests(said: &[LentSaid]) -> bool {
    said.iter().filter(|said| said.request.is_some()).count() > REQUESTS_MAX
}

fn stage(loan: &Loan) -> LoanStage {
    match (loan.over, loan.transferred) {
        (true, _) => LoanStage::Over,
        (false, true) => LoanStage::Out,
        (false, false) => LoanStage::Begun,
    }
}

fn is_with(loan: &Loan, peer: &NodeId) -> bool {
    loan.lent.as_ref().is_some_and(|lent| lent.to == *peer)
        || loan.borrowed.as_ref().is_some_and(|borrowed| borrowed.from == *peer)
}
