//! One small checker per promise. They look at what was stored and said, never at what a node says of itself.
//!
//! | id | promise | seen from |
//! |---|---|---|
//! | I1 | no driver on two active assignments | each slot a device stores; each offer, of all shifts of the driver; each bond a home edge writes; the end |
//! | I2 | an acknowledged booking is never lost | all durable journals after each crash; the end |
//! | I3 | at most one charge per booking | each committed entry |
//! | I4 | after heal all views are equal | the end |
//! | I5 | a boarded trip is never ended by a machine | each slot a device stores; each entry a node writes |
//! | I10 | epochs only rise: a device's of its attaches, a node's of its authority | each slot a device stores; each attach it sends; each entry a node writes |
//! | settled | after a takeover an edge asks nobody before most drivers have attached or 5 s are over | each offer an edge writes |
//! | one_planner | no zone is offered by two nodes at once while both keep the lease, nor by an edge that knows it gave it back | each offer a node writes |
//! | adopted | central offers no booking that an edge has adopted, unless its rider asked again or a human decided so | each offer central writes |
//! | exchanged | a taxi is let go for another only once that one's driver has said yes | each slot a device stores; each step of a driver by text |
//! | lent | a booking is offered in no other district than the one that has it | each offer a node writes |
//! | patient | no machine ends a booking before its time to give up is over | each entry a node writes |
//! | busy | no offer to a shift known busy | each offer a node writes |
//! | restore | no node writes two entries under one number, whatever copy of its disk it starts on | each committed entry |
//! | home | only an edge that dispatches asks a driver home, who is free and in another district | each such wish |
//! | bans | an edge whose bans are too old admits nobody, unless an operator lets it for a while, and none a barred driver | each shift that begins |
//! | one_text | one text asks for one booking, however often it comes | each acceptance |
//! | once | a feature-phone driver's text acts once and is answered the same | each answer to a text |
//! | reserved | a feature-phone driver is asked by text only what the journal holds | each text |
//! | meant | a yes by text is taken for the question that was read | each answer to a yes |
//! | restored | who attaches while the recovery key is loaded brings the trip in the slot back | each attach that was answered |
//! | foreign, revived | no trip comes back on another phone, or after it has ended | each attach it sends; each restored trip |
//! | unverified | what came back on a driver's word alone is not charged | each committed charge |
//! | live | after heal everything converges in bounded time | the end |

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::authority::Epoch;
use ondol_core::board::DistrictBoard;
use ondol_core::booking::{CancelReason, Party, Status};
use ondol_core::command::{Answer, HomeAnswer, Refusal};
use ondol_core::face::Role;
use ondol_core::fact::{Fact, Step, TakeCause};
use ondol_core::ids::{AssignmentId, BookingId, CommandId, DistrictId, NodeId};
use ondol_core::journal::{Entry, Hash, Series};
use ondol_core::node::{ModeReason, Node};
use ondol_core::shift::ShiftRecord;
use ondol_device::Durable;
use ondol_device::wire::Happening;

use super::clock::Ms;

mod admissions;
mod adoptions;
mod alone;
mod capsules;
mod charges;
mod exchanges;
mod loans;
mod relays;

use adoptions::Adoptions;
use capsules::Bonds;
use charges::Charges;
use exchanges::Exchanges;
use loans::Holders;
use relays::Relays;

/// What checkers remember of a run.
#[derive(Debug, Default)]
pub(crate) struct Checkers {
    /// The first broken promise: checker, and what it saw.
    pub(crate) broken: Option<(&'static str, String)>,
    pub(crate) drivers_doubled: u64,
    pub(crate) boarded_reassigned: u64,
    pub(crate) double_charges: u64,
    devices: BTreeMap<usize, DeviceLedger>,
    bonds: Bonds,
    /// The capsule that a node looks at is one that its phone should not have sent.
    pub(crate) brought_by_liar: bool,
    /// For how long the node that writes was stopped, if it has gone on just now and reads what came meanwhile.
    pub(crate) stopped_ms: Ms,
    acknowledged: BTreeMap<BookingId, usize>,
    charges: Charges,
    adoptions: Adoptions,
    exchanges: Exchanges,
    holders: Holders,
    pub(crate) relays: Relays,
    /// True time, and when each booking was first taken in.
    pub(crate) now: Ms,
    asked_at: BTreeMap<BookingId, Ms>,
    /// The civil clock of the node that writes.
    pub(crate) civil_ms: i64,
    /// For how long the node that writes has not been level with central.
    pub(crate) out_of_touch_ms: Ms,
    /// Nodes that started on an old copy of their disk. As the one who puts feature-phone drivers in line such a node
    /// may have forgotten what it has not told anybody, until its past comes back.
    restored: BTreeSet<NodeId>,
    /// Of these, the ones whose past has not come back yet: they hold what they have given back since.
    forgetful: BTreeSet<NodeId>,
    /// Bookings that went with the one disk that had them.
    lost: BTreeSet<BookingId>,
    /// The one content of each entry that was ever committed by its writer.
    histories: BTreeMap<(Series, u64), Hash>,
    /// The booking that each text asked for.
    of_texts: BTreeMap<String, BookingId>,
    /// Bonds that street hails have made in the very step that is looked at: the plan in it came before.
    pub(crate) hailed: BTreeSet<AssignmentId>,
    /// The booking of each question.
    questions: BTreeMap<AssignmentId, BookingId>,
    /// What each text of a feature-phone driver was answered when it was acted upon.
    text_answers: BTreeMap<CommandId, HomeAnswer>,
    /// The greatest authority that each life of a node knew in each district.
    authority: BTreeMap<(NodeId, u32, DistrictId), Epoch>,
    /// When an edge last took its district.
    taken_at: BTreeMap<DistrictId, Ms>,
}

/// What one device has stored so far.
#[derive(Debug, Default)]
struct DeviceLedger {
    /// Taken by the slot's first place and not ended since.
    active: BTreeSet<AssignmentId>,
    boarded: BTreeSet<AssignmentId>,
    stored_epoch: u64,
    sent_epoch: u64,
}

impl Checkers {
    pub(crate) fn break_promise(&mut self, checker: &'static str, what: String) {
        self.broken.get_or_insert((checker, what));
    }

    /// A device stored its state.
    pub(crate) fn device_stored(&mut self, device: usize, stored: &Durable) {
        let ledger = self.devices.entry(device).or_default();
        let (mut ended_by_machine, mut released) = (None, Vec::new());
        ledger.active.retain(|assignment| {
            let Some(stone) = stored.tombstone(assignment) else { return true };
            self.bonds.ended(assignment, self.now);
            if let Happening::Released { booking, reason, .. } = &stone.last {
                released.push((*booking, assignment.clone(), *reason));
            }
            if ledger.boarded.contains(assignment) && !matches!(stone.last, Happening::Done { .. }) {
                ended_by_machine =
                    Some(format!("device {device} ended boarded {assignment}: {:?}", stone.last));
            }
            false
        });
        if let Some(trip) = &stored.current {
            ledger.active.insert(trip.assignment.clone());
            self.bonds.held(&trip.assignment, stored.shift);
            self.exchanges.taken(trip.booking, &trip.assignment);
            if trip.boarded.is_some() {
                ledger.boarded.insert(trip.assignment.clone());
            }
        }
        let vanished = ledger.active.iter().find(|assignment| stored.trip(assignment).is_none()).cloned();
        let epoch_fell = stored.attach_epoch < ledger.stored_epoch;
        ledger.stored_epoch = stored.attach_epoch;
        if ledger.active.len() > 1 {
            let active = format!("{:?}", ledger.active);
            self.drivers_doubled += 1;
            self.break_promise("I1", format!("device {device} has two active assignments: {active}"));
        } else if let Some(assignment) = vanished {
            self.break_promise("I1", format!("device {device} lost {assignment} without ending it"));
        }
        for (booking, assignment, why) in released {
            self.let_go(booking, &assignment, why);
        }
        if let Some(what) = ended_by_machine {
            self.boarded_reassigned += 1;
            self.break_promise("I5", what);
        }
        if epoch_fell {
            self.break_promise("I10", format!("device {device} stored a lower attach epoch"));
        }
    }

    /// A device sent an attach, with the capsules of these.
    pub(crate) fn attach_sent(&mut self, device: usize, epoch: u64, brought: &[AssignmentId]) {
        let ledger = self.devices.entry(device).or_default();
        if epoch <= ledger.sent_epoch {
            let what = format!("device {device} attaches under epoch {epoch} after {}", ledger.sent_epoch);
            self.break_promise("I10", what);
        }
        self.devices.entry(device).or_default().sent_epoch = epoch;
        self.brings(device, brought);
    }

    /// A node wrote an entry of its own. `other` is the other node of the district, if it runs.
    pub(crate) fn written(&mut self, node: &Node, other: Option<&Node>, entry: &Entry) {
        let own_life =
            entry.series.origin == node.config().id && entry.series.incarnation == node.config().incarnation;
        let Some(board) = node.board().district(&entry.series.district).filter(|_| own_life) else { return };
        self.authority_rises(node, &entry.series.district);
        if node.config().role == Role::Central && holds(node, &entry.series.district) {
            self.adoptions.joined(board, &node.config().id);
        }
        match Fact::read(entry) {
            Ok(Some(Fact::Offered { booking, assignment, shift, why, .. })) => {
                let me = &node.config().id;
                let mut others = board.bonds_of(shift).filter(|(_, id)| **id != assignment);
                if let Some((record, bond)) = others.find(|(_, id)| !self.hailed.contains(id)) {
                    let what = format!("{me} offers {assignment} to a shift with {bond} of {}", record.id);
                    self.break_promise("busy", what);
                }
                let driver =
                    board.shifts.get(&shift).and_then(|shift| shift.start.as_ref()).map(|s| s.driver);
                let others = driver.into_iter().flat_map(|driver| board.shifts_of(driver));
                let bound = others
                    .filter(|other| other.id != shift)
                    .find_map(|other| Some((other.id, board.bonds_of(other.id).next()?.1)));
                if let Some((other, bond)) = bound {
                    self.drivers_doubled += 1;
                    let what =
                        format!("{me} offers {assignment} to {shift}, whose driver has {bond} on {other}");
                    self.break_promise("I1", what);
                }
                if node.config().role == Role::Central
                    && self.forgetful.is_empty()
                    && let Some(edge) = self.adoptions.adopter(booking, node, &entry.series.district)
                {
                    let what = format!("central offers {booking} as {assignment} after {edge} adopted it");
                    self.break_promise("adopted", what);
                }
                let home = board.shifts.get(&shift).and_then(|shift| shift.home());
                if home.is_some_and(|home| home != me) {
                    self.break_promise("I1", format!("{me} asks a driver homed at {home:?}"));
                }
                self.relays.offered(node, &entry.series.district, board, &assignment, shift);
                if let Some(what) = self.holders.elsewhere(node, &entry.series.district, booking) {
                    self.break_promise("lent", what);
                }
                if why.rule != "by_hand" {
                    self.settled(node, board, &entry.series.district);
                    let is_edge = node.config().role != Role::Central;
                    if is_edge && holds(node, &entry.series.district) && !board.authority.edge_holds() {
                        let what = format!("{me} knows that it gave the district back, and offers {booking}");
                        self.break_promise("one_planner", what);
                    }
                }
                if self.forgetful.is_empty()
                    && holds(node, &entry.series.district)
                    && other.is_some_and(|other| holds(other, &entry.series.district))
                {
                    let what =
                        format!("{me} offers {booking} in {} while another holds it", entry.series.district);
                    self.break_promise("one_planner", what);
                }
            }
            Ok(Some(Fact::BookingOwned { booking, owner, .. })) => {
                if node.config().role != Role::Central && owner.node == node.config().id {
                    self.adoptions.written(node, board, booking);
                    // Central may go on with what a human had the edge adopt.
                    if board.authority.taken.is_some_and(|(_, cause)| cause == TakeCause::Operator) {
                        self.holders.excuse(booking);
                    }
                }
            }
            Ok(Some(Fact::BookingLent { booking, .. })) => self.exchanges.lent(booking),
            Ok(Some(
                Fact::BookingTransferred { booking, loan } | Fact::BookingReturned { booking, loan },
            )) => {
                let known = board.bookings.get(&booking).and_then(|record| record.loans.get(&loan));
                if let Some(known) = known {
                    self.holders.moved(booking, loan, known, entry);
                }
            }
            Ok(Some(Fact::ZoneTaken { .. })) => {
                self.taken_at.insert(entry.series.district.clone(), self.now);
            }
            Ok(Some(Fact::Stepped { booking, assignment, shift, what, .. })) => {
                let homed_here = board.shifts.get(&shift).and_then(|s| s.home()) == Some(&node.config().id);
                let forgot = homed_here && self.restored.contains(&node.config().id);
                let decides = homed_here && !forgot;
                if !forgot {
                    self.stepped(board, booking, &assignment, &what);
                }
                if decides && matches!(what, Step::Assigned | Step::Boarded { .. }) {
                    self.bonds_of_homed(board, shift);
                }
                match what {
                    Step::Assigned if homed_here => self.exchanges.taken(booking, &assignment),
                    Step::Released { reason } if decides => self.let_go(booking, &assignment, reason),
                    _ => {}
                }
            }
            Ok(Some(Fact::TripRestored { assignment, shift, .. })) => self.restored(&assignment, shift),
            // A phone whose shift is over hands in what happened, and is admitted to nothing.
            Ok(Some(Fact::ShiftStarted { shift, start })) => {
                if board.shifts.get(&shift).is_some_and(ShiftRecord::is_on_duty) {
                    self.admitted(node, board, &start);
                }
            }
            Ok(Some(Fact::BookingAccepted { booking, request, .. })) => {
                let known = self.of_texts.entry(request.digest).or_insert(booking);
                if *known != booking {
                    let what = format!("one text asked for {known} and for {booking}");
                    self.break_promise("one_text", what);
                }
                self.asked_at.entry(booking).or_insert(self.now);
                self.adoptions.taken_in(node, booking);
                self.holders.taken_in(booking, &entry.series.district);
            }
            Ok(Some(Fact::CancelRequested { booking, by, reason, .. })) => {
                let waited_ms = self.asked_at.get(&booking).map_or(Ms::MAX, |at| self.now - at);
                // The node's elapsed clock may run a little fast.
                let patience_ms = node.config().timing.give_up_ms * 97 / 100;
                if by == Party::System && reason == CancelReason::NoTaxi && waited_ms < patience_ms {
                    let what = format!("{booking} was given up after {waited_ms} ms");
                    self.break_promise("patient", what);
                }
                let status = board.bookings.get(&booking).map(|record| record.status());
                if matches!(status, Some(Status::Boarded | Status::Done)) {
                    self.boarded_reassigned += 1;
                    self.break_promise(
                        "I5",
                        format!("{by:?} cancelled {booking} at a node that knew it boarded"),
                    );
                }
            }
            Ok(_) => {}
            Err(error) => self.break_promise("journal", error.to_string()),
        }
    }

    fn authority_rises(&mut self, node: &Node, district: &DistrictId) {
        let Some(epoch) = node.mode(district).map(|view| view.epoch) else { return };
        let life = (node.config().id.clone(), node.config().incarnation, district.clone());
        let known = self.authority.entry(life).or_insert(epoch);
        if epoch < *known {
            let what = format!("{} fell from {known:?} to {epoch:?} in {district}", node.config().id);
            self.break_promise("I10", what);
        } else {
            *known = epoch;
        }
    }

    fn stepped(&mut self, board: &DistrictBoard, booking: BookingId, assignment: &AssignmentId, what: &Step) {
        let bond = board.bookings.get(&booking).and_then(|record| record.assignments.get(assignment));
        if matches!(what, Step::Released { .. }) && bond.is_some_and(|bond| bond.boarded.is_some()) {
            self.boarded_reassigned += 1;
            self.break_promise("I5", format!("a node released boarded {assignment} of {booking}"));
        }
    }

    fn bonds_of_homed(&mut self, board: &DistrictBoard, shift: ondol_core::ids::ShiftId) {
        let bound = board.bonds_of(shift).filter(|(record, id)| record.assignments[*id].binds()).count();
        if bound > 1 {
            self.drivers_doubled += 1;
            self.break_promise("I1", format!("homed shift {shift} has {bound} active assignments"));
        }
    }

    /// An entry became durable where it was written.
    pub(crate) fn committed(&mut self, node: Option<&Node>, entry: &Entry) {
        match self.histories.insert((entry.series.clone(), entry.seq), entry.hash) {
            // A repeated commit, or a node's own past that came back.
            Some(known) if known == entry.hash => return,
            Some(_) => {
                let what = format!("{} wrote entry {} twice, as two entries", entry.series, entry.seq);
                self.break_promise("restore", what);
            }
            None => {}
        }
        let Ok(Some(fact)) = Fact::read(entry) else { return };
        if let Fact::Charged { booking, .. } = fact {
            self.charged(booking, node);
        }
        self.relays.committed(&fact);
        if let Fact::Offered { booking, assignment, .. } = &fact {
            self.questions.insert(assignment.clone(), *booking);
        }
        let Some(node) = node else { return };
        self.adoptions.committed(node, &fact);
    }

    /// A rider told a node, be it central, that a taxi is still wanted.
    pub(crate) fn asked_again(&mut self, booking: BookingId, central: bool) {
        if central {
            self.adoptions.excused.insert(booking);
        }
        self.holders.excuse(booking);
    }

    /// An operator told central to take back what an unheard edge may plan.
    pub(crate) fn taken_by_hand(&mut self, board: Option<&DistrictBoard>) {
        let open = board.into_iter().flat_map(DistrictBoard::open_bookings);
        for record in open {
            self.adoptions.excused.insert(record.id);
            self.holders.excuse(record.id);
        }
    }

    /// With a second disk the last word of a loan was lost: nobody can know any more which district has the booking.
    pub(crate) fn loan_is_lost(&mut self, booking: BookingId) {
        self.holders.excuse(booking);
    }

    /// A disk was lost with entries that nobody else holds: no rule brings them back. `held` is what is left.
    pub(crate) fn lost_with_a_disk(&mut self, node: NodeId, gone: &[Entry], held: &BTreeSet<BookingId>) {
        self.restored.insert(node.clone());
        self.forgetful.insert(node);
        self.acknowledged.retain(|booking, _| held.contains(booking));
        // An answer may still be on its way.
        let accepted = gone.iter().filter(|entry| entry.kind == "booking_accepted");
        self.lost.extend(accepted.filter_map(|entry| entry.key.parse::<BookingId>().ok()));
        for entry in gone {
            match Fact::read(entry) {
                Ok(Some(Fact::Charged { booking, .. })) => {
                    self.charge_is_gone(booking);
                }
                Ok(Some(Fact::BookingOwned { booking, .. })) => {
                    self.adoptions.adopted.remove(&booking);
                }
                Ok(Some(Fact::TextAnswered { command, .. })) => {
                    self.text_answers.remove(&command);
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// A node holds again all that the others hold.
    pub(crate) fn knows_its_past(&mut self, node: &NodeId) {
        self.forgetful.remove(node);
    }

    /// A feature-phone driver's text was answered, be it for the first time or again. A text on which nothing was done
    /// is not `remembered` by the journal, and what is answered to its copy later follows from what has happened since.
    pub(crate) fn text_answered(
        &mut self,
        command: CommandId,
        remembered: bool,
        result: &Result<Answer, Refusal>,
    ) {
        if let Some(first) = self.text_answers.get(&command) {
            if *result != Ok(Answer::Home(first.clone())) {
                let what = format!("text {command} was answered {first:?}, and again {result:?}");
                self.break_promise("once", what);
            }
        } else if let Ok(Answer::Home(answer)) = result
            && remembered
            && !matches!(answer, HomeAnswer::OnDuty { .. } | HomeAnswer::WrongPin { .. })
        {
            self.text_answers.insert(command, answer.clone());
        }
    }

    /// A feature-phone driver said yes to `asked` and was told to fetch the rider of `booking`.
    ///
    /// A node that has started again, on a copy even, may ask under a letter that its life before has used: that is
    /// made rare by the letters, and cannot be ruled out.
    pub(crate) fn agreed(&mut self, asked: &AssignmentId, life: u32, booking: BookingId) {
        if asked.incarnation == life && self.questions.get(asked).is_some_and(|meant| *meant != booking) {
            self.break_promise("meant", format!("a yes to {asked} was taken for {booking}"));
        }
    }

    /// A text asks a feature-phone driver: the question must be in the journal.
    pub(crate) fn asked_by_text(&mut self, asked: &AssignmentId) {
        if !self.questions.contains_key(asked) {
            self.break_promise("reserved", format!("a text asks {asked}, of which no journal knows"));
        }
    }

    /// A rider got an acknowledgement from `node`.
    pub(crate) fn acknowledged(&mut self, booking: BookingId, node: usize) {
        if !self.lost.contains(&booking) {
            self.acknowledged.entry(booking).or_insert(node);
        }
    }

    /// True if somebody was promised the booking, and it did not go with the one disk that had it.
    pub(crate) fn is_promised(&self, booking: BookingId) -> bool {
        self.acknowledged.contains_key(&booking)
    }

    pub(crate) fn acknowledgements(&self) -> impl Iterator<Item = BookingId> {
        self.acknowledged.keys().copied()
    }

    /// A node crashed: every acknowledged booking must be in some durable journal.
    pub(crate) fn nothing_lost(&mut self, stored: &[&BTreeSet<BookingId>]) {
        let lost = self
            .acknowledged
            .iter()
            .find(|(booking, _)| !stored.iter().any(|store| store.contains(booking)))
            .map(|(booking, node)| format!("{booking}, acknowledged by node {node}, is in no journal"));
        if let Some(what) = lost {
            self.break_promise("I2", what);
        }
    }
}

/// True if a node claims the district by the rules of the lease.
fn holds(node: &Node, district: &DistrictId) -> bool {
    node.mode(district).is_some_and(|view| {
        let by_lease = view.reason == ModeReason::LeaseRuns && view.holder == node.config().id;
        let taken = view.holder == node.config().id
            && matches!(view.reason, ModeReason::Witnesses | ModeReason::Silence | ModeReason::ByHand);
        by_lease || taken
    })
}
