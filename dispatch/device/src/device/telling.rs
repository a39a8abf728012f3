//! What a device tells by itself: a beat to every node it knows, and to its own what happened and where it drove.

use ondol_core::units::{Now, Ticks};

use super::{Device, Purpose};
use crate::face::Message;
use crate::wire::{Beat, EndpointRole, PositionBatch, REPORTS_MAX, ReportBatch};

impl Device {
    pub(super) fn hand_in(&mut self, now: Now) {
        let Some(session) = self.session.clone() else { return };
        let timing = self.config.timing;
        let (shift, device) = (self.durable.shift, self.durable.device);
        let under_way = |of: &Purpose| self.flights.values().any(|flight| flight.of == *of);
        let positions = under_way(&Purpose::Positions);
        let reports = self.flights.values().any(|flight| matches!(flight.of, Purpose::Reports(_)));
        if self.durable.outbox.unsent() > 0 {
            if !reports && self.reports_again_at.is_none() {
                let mut entries = self.durable.outbox.next_reports();
                entries.truncate(if self.one_by_one { 1 } else { REPORTS_MAX });
                let only = entries.first().filter(|_| entries.len() == 1).map(|entry| entry.number);
                let batch = ReportBatch { shift, device, entries };
                self.send(
                    session.node,
                    Message::Reports(batch),
                    Purpose::Reports(only),
                    timing.answer_ms,
                    now.ticks,
                );
            }
        } else if self.durable.outbox.unsent_fixes() > 0 && !positions && self.track_at <= now.ticks {
            self.track_at = now.ticks.plus_ms(timing.track_every_ms);
            let batch = PositionBatch { shift, device, fixes: self.durable.outbox.next_fixes() };
            self.send(
                session.node,
                Message::Positions(batch),
                Purpose::Positions,
                timing.answer_ms,
                now.ticks,
            );
        }
    }

    pub(super) fn schedule_beats(&mut self, now: Ticks) {
        self.beat_at = self.durable.endpoints.iter().map(|endpoint| (endpoint.node.clone(), now)).collect();
    }

    pub(super) fn hurry_edges(&mut self, now: Ticks) {
        for endpoint in &self.durable.endpoints {
            if endpoint.role == EndpointRole::Edge {
                self.beat_at.insert(endpoint.node.clone(), now);
            }
        }
    }

    pub(super) fn send_beats(&mut self, now: Now) {
        let timing = self.timing();
        let hears_central = self.hears_central(now.ticks);
        for endpoint in self.durable.endpoints.clone() {
            if self.beat_at.get(&endpoint.node).is_none_or(|at| now.ticks < *at) {
                continue;
            }
            let hurried = endpoint.role == EndpointRole::Edge && !hears_central;
            let every_ms = if hurried { timing.beat_cut_off_ms } else { timing.beat_every_ms };
            self.beat_at.insert(endpoint.node.clone(), now.ticks.plus_ms(every_ms));
            let session = self.session.as_ref().filter(|s| s.node == endpoint.node).map(|s| s.name.clone());
            let beat = Beat {
                shift: self.durable.shift,
                device: self.durable.device,
                session: session.clone(),
                hears_central,
                position: self.position,
                slot: self.durable.slot(),
            };
            let wait_ms = self.config.timing.hears_ms;
            self.send(endpoint.node, Message::Beat(beat), Purpose::Beat(session), wait_ms, now.ticks);
        }
    }
}
