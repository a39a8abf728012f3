//! Phones: what they store, what they say, and how they die.

use super::{Flying, Town, node_id};
use crate::device::Device;
use crate::durable::Durable;
use crate::face::{Config, Input, Message, Output, Wish};
use crate::slot::tests::bench::{check_said, check_step, fare, here};
use crate::wire::Attach;
use ondol_core::pin::PinKey;

pub(super) struct Phone {
    pub(super) device: Device,
    pub(super) stored: Durable,
    pub(super) life: u32,
    /// The highest epoch under which it asked to be attached, over all lives.
    pub(super) asked_epoch: u64,
    /// The next store or send after so many never happens: the phone dies there.
    pub(super) outputs_left: usize,
}

impl Town {
    pub(in super::super) fn input(&mut self, phone: usize, input: Input) {
        let now = self.now();
        // A wish that does not fit is refused, and changes nothing.
        drop(self.phones[phone].device.handle(input, now));
        self.drain_phone(phone);
    }

    /// The phone dies after so many more outputs.
    pub(in super::super) fn crash_after(&mut self, phone: usize, outputs: usize) {
        self.phones[phone].outputs_left = outputs;
    }

    pub(super) fn drain_phone(&mut self, phone: usize) {
        while let Some(output) = self.phones[phone].device.poll_output() {
            let place = &mut self.phones[phone];
            if matches!(output, Output::Changed) {
                continue;
            }
            if place.outputs_left == 0 {
                return self.crash(phone);
            }
            place.outputs_left -= 1;
            match output {
                Output::Changed => {}
                Output::Persist(durable) => {
                    check_step(&place.stored, &durable);
                    place.stored = *durable;
                }
                Output::Send { to, request, message } => {
                    check_said(&place.stored, &message);
                    if let Message::Attach(Attach { attach_epoch, .. }) = &*message {
                        assert!(*attach_epoch > place.asked_epoch, "a phone used an attach epoch twice");
                        place.asked_epoch = *attach_epoch;
                    }
                    let (life, node) = (place.life, usize::from(to != node_id(0)));
                    self.fly(Flying::Asked { node, phone, life, request, message });
                }
            }
        }
    }

    fn crash(&mut self, phone: usize) {
        let now = self.now();
        let place = &mut self.phones[phone];
        place.life += 1;
        place.outputs_left = usize::MAX;
        let config = Config { seed: phone as u64, ..Config::default() };
        place.device = Device::new(place.stored.clone(), config, now);
        self.input(phone, Input::Fix(here()));
    }

    /// What the driver may wish now, by number.
    pub(in super::super) fn wish(&mut self, phone: usize, which: u8) {
        let device = &self.phones[phone].device;
        let asked = device.offers().next().map(|(offer, _)| offer.assignment.clone());
        let pin = device.trip().map(|trip| PinKey([7; 32]).pin(trip.booking));
        let wish = match (which, asked) {
            (0..4, Some(asked)) => Wish::Accept(asked),
            (4, Some(asked)) => Wish::Decline(asked),
            (0 | 1, None) => Wish::Arrive,
            (2 | 3, None) => Wish::Board { pin },
            (4, None) => Wish::GiveBack,
            (5, _) => Wish::End(fare()),
            (6, _) => Wish::NoShow,
            _ => Wish::Hail { pickup: here() },
        };
        self.input(phone, Input::Wish(wish));
    }
}
