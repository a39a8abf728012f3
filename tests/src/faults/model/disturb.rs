//! Carries out the schedule.

use super::{Event, World};
use crate::faults::clock::Ms;
use crate::faults::net::{Cut, Place, Side, TextWay};
use crate::faults::schedule::Fault;

/// How long a flapping link stays up, and down.
const FLAP_MS: Ms = 7_000;

impl World {
    pub(super) fn fault_begins(&mut self, index: usize) {
        if self.healing {
            return;
        }
        let (_, lasts, fault) = self.schedule.faults[index].clone();
        let now = self.agenda.now();
        let until = now + lasts;
        // A link that flaps comes back here each time that it goes down.
        if now == self.schedule.faults[index].0 {
            *self.counts.faults.entry(fault.kind()).or_default() += 1;
        }
        let node = |node| Side::One(Place::Node(node));
        match fault {
            Fault::CutPeers { edge, down, up } => {
                self.cut_if(down, node(0), node(edge), until);
                self.cut_if(up, node(edge), node(0), until);
            }
            Fault::CutEdges { down, up } => {
                self.cut_if(down, node(1), node(2), until);
                self.cut_if(up, node(2), node(1), until);
            }
            Fault::Flap { edge } => {
                self.cut_both(node(0), node(edge), until.min(now + FLAP_MS));
                if now + 2 * FLAP_MS < until {
                    self.schedule.faults[index].1 = lasts - 2 * FLAP_MS;
                    self.agenda.at(now + 2 * FLAP_MS, Event::FaultBegins(index));
                }
            }
            Fault::CutDevices { node: at, devices, up, down } => {
                self.cut_if(up, Side::Devices(devices.clone()), node(at), until);
                self.cut_if(down, node(at), Side::Devices(devices), until);
            }
            Fault::CutRiders { node: at } => self.cut_both(Side::Riders, node(at), until),
            Fault::Isolate { node: at } => {
                self.cut_both(Side::All, node(at), until);
                if at == 0 {
                    self.central_away_until = self.central_away_until.max(until);
                }
            }
            Fault::LateLinks { ms } => {
                self.cut_both(Side::All, node(0), until);
                for edge in self.town.edges() {
                    self.cut_both(node(edge), node(0), until + ms);
                }
                self.central_away_until = self.central_away_until.max(until);
            }
            Fault::CrashNode { node } | Fault::TearNode { node } | Fault::RestoreNode { node, .. } => {
                match fault {
                    Fault::RestoreNode { age_ms, before_return, .. } => {
                        let aged = self.agenda.now().saturating_sub(age_ms);
                        let returned = self.nodes[node].disk.returned_at().filter(|_| before_return);
                        self.restore(node, returned.map_or(aged, |at| at.saturating_sub(1)));
                    }
                    Fault::TearNode { .. } => self.tear(node),
                    _ => self.crash_node(node),
                }
                self.agenda.at(until, Event::FaultEnds(index));
                if node == 0 {
                    self.central_away_until = self.central_away_until.max(until);
                }
            }
            Fault::WipeAll { .. } => {
                self.wipe_all();
                self.agenda.at(until, Event::FaultEnds(index));
                self.central_away_until = self.central_away_until.max(until);
            }
            Fault::PauseNode { node } => {
                self.nodes[node].pause.begin(self.agenda.now(), until);
            }
            Fault::FailDisk { node } => {
                let failing_until = &mut self.nodes[node].failing_until;
                *failing_until = until.max(*failing_until);
            }
            Fault::SpoilPages { per_mille } => self.net.spoiling = (until, per_mille),
            Fault::BadTexts { per_mille } => self.net.texts = (until, per_mille),
            Fault::CutTexts { edge, inward, outward } => {
                let ways = [(TextWay::In, inward), (TextWay::Out, outward)];
                for (way, _) in ways.into_iter().filter(|(_, cut)| *cut) {
                    self.net.text_cuts.insert((edge, way), until);
                }
            }
            Fault::CutTelephone => self.net.telephone_cut = until,
            Fault::BarDriver { edge } => self.bar_driver(edge),
            Fault::StallDisk { node } => {
                let stalled_until = &mut self.nodes[node].stalled_until;
                *stalled_until = until.max(*stalled_until);
            }
            Fault::CrashDevice { device, after_outputs } => {
                let place = &mut self.devices[device];
                (place.dies_after, place.off_ms) = (Some(after_outputs), lasts);
            }
            Fault::TwoPhones { edge } => {
                self.cut_both(node(0), node(edge), until);
                let phones = self.begin_two_phones(edge);
                for (phone, away) in phones.into_iter().zip([edge, 0]) {
                    self.cut_both(Side::One(Place::Device(phone)), node(away), until);
                }
            }
            Fault::Lose { per_mille } => self.net.lossy = (until, per_mille),
            Fault::Repeat { per_mille } => self.net.repeating = (until, per_mille),
            Fault::Delay { ms } => self.net.slow = (until, ms),
            Fault::WrongClock { node, ms } => {
                self.nodes[node].clock.civil_error_ms += ms;
                self.agenda.at(until, Event::FaultEnds(index));
            }
            Fault::StepClock { node, ms } => self.nodes[node].clock.civil_error_ms += ms,
        }
    }

    pub(super) fn fault_ends(&mut self, index: usize) {
        match self.schedule.faults[index].2 {
            Fault::CrashNode { node } | Fault::TearNode { node } | Fault::RestoreNode { node, .. } => {
                self.start_node(node);
            }
            Fault::WipeAll { liars_per_cent } => self.start_empty(liars_per_cent),
            Fault::WrongClock { node, ms } => self.nodes[node].clock.civil_error_ms -= ms,
            Fault::LateLinks { .. }
            | Fault::CutPeers { .. }
            | Fault::CutEdges { .. }
            | Fault::Flap { .. }
            | Fault::CutDevices { .. }
            | Fault::CutRiders { .. }
            | Fault::Isolate { .. }
            | Fault::PauseNode { .. }
            | Fault::StallDisk { .. }
            | Fault::FailDisk { .. }
            | Fault::SpoilPages { .. }
            | Fault::BadTexts { .. }
            | Fault::CutTexts { .. }
            | Fault::CutTelephone
            | Fault::BarDriver { .. }
            | Fault::CrashDevice { .. }
            | Fault::TwoPhones { .. }
            | Fault::Lose { .. }
            | Fault::Repeat { .. }
            | Fault::Delay { .. }
            | Fault::StepClock { .. } => {}
        }
    }

    /// Ends every fault, and lets people finish what they began. A process that stands still goes on when its time is
    /// over: until then it has not noticed anything.
    pub(crate) fn heal(&mut self) {
        self.healing = true;
        self.net.heal();
        for node in self.town.nodes() {
            self.start_node(node);
            (self.nodes[node].stalled_until, self.nodes[node].failing_until) = (0, 0);
        }
        for place in &mut self.devices {
            place.dies_after = None;
        }
        self.drivers_settle();
        self.operators_settle();
    }

    fn cut_if(&mut self, wanted: bool, from: Side, to: Side, until: Ms) {
        if wanted {
            self.net.cut(Cut { from, to, until });
        }
    }

    fn cut_both(&mut self, one: Side, other: Side, until: Ms) {
        self.cut_if(true, one.clone(), other.clone(), until);
        self.cut_if(true, other, one, until);
    }
}
