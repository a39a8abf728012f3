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
//! | one_planner | no zone is offered by two nodes at once while both keep the lease | each offer a node writes |
//! | adopted | central offers no booking that an edge has adopted, unless its rider asked again or a human decided so | each offer central writes |
//! | patient | no machine ends a booking before its time to give up is over | each entry a node writes |
//! | busy | no offer to a shift known busy | each offer a node writes |
//! | live | after heal everything converges in bounded time | the end |

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::authority::Epoch;
use ondol_core::board::DistrictBoard;
use ondol_core::booking::{CancelReason, Party, Status};
use ondol_core::face::Role;
use ondol_core::fact::{Fact, Step, TakeCause};
use ondol_core::ids::{AssignmentId, BookingId, DistrictId, NodeId};
use ondol_core::journal::Entry;
use ondol_core::node::{Contact, ModeReason, Node};
use ondol_core::shift::ShiftRecord;
use ondol_device::Durable;
use ondol_device::wire::Happening;

use super::clock::Ms;

/// What checkers remember of a run.
#[derive(Debug, Default)]
pub(crate) struct Checkers {
    /// The first broken promise: checker, and what it saw.
    pub(crate) broken: Option<(&'static str, String)>,
    pub(crate) drivers_doubled: u64,
    pub(crate) boarded_reassigned: u64,
    pub(crate) double_charges: u64,
    devices: BTreeMap<usize, DeviceLedger>,
    acknowledged: BTreeMap<BookingId, usize>,
    charges: BTreeMap<BookingId, u64>,
    adoptions: Adoptions,
    /// True time, and when each booking was first taken in.
    pub(crate) now: Ms,
    asked_at: BTreeMap<BookingId, Ms>,
    /// The greatest authority that each life of a node knew in each district.
    authority: BTreeMap<(NodeId, u32, DistrictId), Epoch>,
    /// When an edge last took its district.
    taken_at: BTreeMap<DistrictId, Ms>,
}

/// Who took bookings over by the rules of the lease.
#[derive(Debug, Default)]
struct Adoptions {
    /// Adopted by an edge and not given back.
    adopted: BTreeMap<BookingId, NodeId>,
    /// Nodes that a rider reached with the booking.
    taken_in: BTreeMap<BookingId, BTreeSet<NodeId>>,
    /// Riders asked central for it again, or an operator decided.
    excused: BTreeSet<BookingId>,
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
        let mut ended_by_machine = None;
        ledger.active.retain(|assignment| {
            let Some(stone) = stored.tombstone(assignment) else { return true };
            if ledger.boarded.contains(assignment) && !matches!(stone.last, Happening::Done { .. }) {
                ended_by_machine =
                    Some(format!("device {device} ended boarded {assignment}: {:?}", stone.last));
            }
            false
        });
        if let Some(trip) = &stored.current {
            ledger.active.insert(trip.assignment.clone());
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
        if let Some(what) = ended_by_machine {
            self.boarded_reassigned += 1;
            self.break_promise("I5", what);
        }
        if epoch_fell {
            self.break_promise("I10", format!("device {device} stored a lower attach epoch"));
        }
    }

    /// A device sent an attach.
    pub(crate) fn attach_sent(&mut self, device: usize, epoch: u64) {
        let ledger = self.devices.entry(device).or_default();
        if epoch <= ledger.sent_epoch {
            let what = format!("device {device} attaches under epoch {epoch} after {}", ledger.sent_epoch);
            self.break_promise("I10", what);
        }
        self.devices.entry(device).or_default().sent_epoch = epoch;
    }

    /// A node wrote an entry of its own. `other` is the other node of the district, if it runs.
    pub(crate) fn written(&mut self, node: &Node, other: Option<&Node>, entry: &Entry) {
        let own_life =
            entry.series.origin == node.config().id && entry.series.incarnation == node.config().incarnation;
        let Some(board) = node.board().district(&entry.series.district).filter(|_| own_life) else { return };
        self.authority_rises(node, &entry.series.district);
        match Fact::read(entry) {
            Ok(Some(Fact::Offered { booking, assignment, shift, .. })) => {
                let me = &node.config().id;
                if let Some((record, bond)) = board.bonds_of(shift).find(|(_, id)| **id != assignment) {
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
                    && let Some(edge) = self.adoptions.adopter(booking)
                {
                    let what = format!("central offers {booking} as {assignment} after {edge} adopted it");
                    self.break_promise("adopted", what);
                }
                let home = board.shifts.get(&shift).and_then(|shift| shift.home());
                if home.is_some_and(|home| home != me) {
                    self.break_promise("I1", format!("{me} asks a driver homed at {home:?}"));
                }
                self.settled(node, board, &entry.series.district);
                if holds(node, &entry.series.district)
                    && other.is_some_and(|other| holds(other, &entry.series.district))
                {
                    let what =
                        format!("{me} offers {booking} in {} while another holds it", entry.series.district);
                    self.break_promise("one_planner", what);
                }
            }
            Ok(Some(Fact::ZoneTaken { .. })) => {
                self.taken_at.insert(entry.series.district.clone(), self.now);
            }
            Ok(Some(Fact::Stepped { booking, assignment, shift, what, .. })) => {
                self.stepped(board, booking, &assignment, &what);
                let homed_here = board.shifts.get(&shift).and_then(|s| s.home()) == Some(&node.config().id);
                if homed_here && matches!(what, Step::Assigned | Step::Boarded { .. }) {
                    self.bonds_of_homed(board, shift);
                }
            }
            Ok(Some(Fact::BookingAccepted { booking, .. })) => {
                self.asked_at.entry(booking).or_insert(self.now);
                self.adoptions.taken_in(node, booking);
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

    /// After a takeover an edge asks nobody before most drivers have attached, or the time for it is over.
    fn settled(&mut self, node: &Node, board: &DistrictBoard, district: &DistrictId) {
        let is_edge = node.config().role != Role::Central;
        let Some(taken_at) = self.taken_at.get(district).filter(|_| is_edge && holds(node, district)) else {
            return;
        };
        let waited_ms = self.now - taken_at;
        let shifts = board.on_duty().filter(|shift| shift.home().is_none());
        let attached = |shift: &ShiftRecord| node.contacts().get(&shift.id).is_some_and(Contact::is_attached);
        let (here, away): (Vec<_>, Vec<_>) = shifts.partition(|shift| attached(shift));
        // The node's elapsed clock may run a little fast.
        if waited_ms < node.config().timing.lease.settle_ms * 97 / 100 && here.len() < 4 * away.len() {
            let what = format!(
                "{} offers {waited_ms} ms after it took {district}, with {} drivers attached and {} away",
                node.config().id,
                here.len(),
                away.len()
            );
            self.break_promise("settled", what);
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
        let Ok(Some(fact)) = Fact::read(entry) else { return };
        if let Fact::Charged { booking, .. } = fact {
            let charges = self.charges.entry(booking).or_default();
            *charges += 1;
            if *charges > 1 {
                self.double_charges += 1;
                self.break_promise("I3", format!("{booking} was charged twice"));
            }
        }
        let Some(node) = node else { return };
        self.adoptions.committed(node, entry, &fact);
    }

    /// A rider told central that a taxi is still wanted.
    pub(crate) fn asked_again(&mut self, booking: BookingId) {
        self.adoptions.excused.insert(booking);
    }

    /// An operator told central to take back what an unheard edge may plan.
    pub(crate) fn taken_by_hand(&mut self, board: Option<&DistrictBoard>) {
        let open = board.into_iter().flat_map(DistrictBoard::open_bookings);
        self.adoptions.excused.extend(open.map(|record| record.id));
    }

    /// A rider got an acknowledgement from `node`.
    pub(crate) fn acknowledged(&mut self, booking: BookingId, node: usize) {
        self.acknowledged.entry(booking).or_insert(node);
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

impl Adoptions {
    fn committed(&mut self, node: &Node, entry: &Entry, fact: &Fact) {
        let me = &node.config().id;
        let is_central = node.config().role == Role::Central;
        match fact {
            Fact::BookingOwned { booking, owner, .. } if !is_central && owner.node == *me => {
                let Some(board) = node.board().district(&entry.series.district) else { return };
                let by_hand = board.authority.taken.is_some_and(|(_, cause)| cause == TakeCause::Operator);
                // A rider who reached both sides of a cut with one booking asked both.
                let Some(record) = board.bookings.get(booking) else { return };
                let both = self.taken_in.get(booking).is_some_and(|nodes| {
                    nodes.contains(me) && nodes.iter().any(|other| !record.accepted_by.contains_key(other))
                });
                if !by_hand && !both {
                    self.adopted.insert(*booking, me.clone());
                }
            }
            Fact::BookingOwned { booking, .. } if !is_central => {
                self.adopted.remove(booking);
                self.excused.remove(booking);
            }
            _ => {}
        }
    }

    /// A rider reached a node with a booking that it did not know: whoever adopted it before, the rider asked here too.
    fn taken_in(&mut self, node: &Node, booking: BookingId) {
        self.taken_in.entry(booking).or_default().insert(node.config().id.clone());
        if node.config().role == Role::Central {
            self.adopted.remove(&booking);
        }
    }

    /// The edge that adopted a booking which central offers, unless central may.
    fn adopter(&self, booking: BookingId) -> Option<&NodeId> {
        self.adopted.get(&booking).filter(|_| !self.excused.contains(&booking))
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
