//! From the wire to the core's commands and back.

use ondol_core::command::{self, ToDevice};
use ondol_core::fact::{self, ShiftStart, Step, Vehicle};
use ondol_core::ids::{DistrictId, DriverId, FleetId};
use ondol_core::shift::Serialiser;
use ondol_core::units::UtcMs;

use super::{
    AskedHome, Attach, Beat, BeatAnswer, Fare, Happening, Held, Invalid, MESSAGES_MAX, Offer, Outcome, Push,
    ReportBatch, ReportEntry, ReportResult, Ride, Slot, TEXT_MAX,
};

/// Whose device it is: from the shift pass and the roster, never from the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The driver.
    pub driver: DriverId,
    /// The district of the pass.
    pub district: DistrictId,
    /// The company.
    pub fleet: FleetId,
    /// The vehicle driven.
    pub vehicle: Vehicle,
}

/// What a node may tell a driver about a rider; opened at the door, absent where the rider gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RiderTexts {
    /// What the rider is called.
    pub name: Option<String>,
    /// The rider's number in E.164; only for a confirmed assignment.
    pub phone: Option<String>,
    /// The pickup in words.
    pub pickup_label: Option<String>,
    /// The drop-off in words.
    pub dropoff_label: Option<String>,
    /// What the rider wrote to the driver.
    pub note: Option<String>,
    /// The capsule of the question, sealed at the door; the driver cannot read it.
    pub capsule: Option<String>,
}

impl Attach {
    /// The core's command, for the driver of the pass.
    #[must_use]
    pub fn into_command(self, who: &Who) -> command::Attach {
        command::Attach {
            shift: self.shift,
            device: self.device,
            driver: who.driver,
            district: who.district.clone(),
            start: ShiftStart {
                driver: who.driver,
                vehicle: who.vehicle.clone(),
                fleet: who.fleet.clone(),
                serialiser: Serialiser::Device { device: self.device },
                at: self.started_at,
            },
            attach_epoch: self.attach_epoch,
            slot: self.slot.into(),
            duty: (self.duty.number, self.duty.duty),
            position: self.position,
            keeps_capsules: self.capsules.is_some(),
        }
    }
}

impl Beat {
    /// The core's command.
    #[must_use]
    pub fn into_command(self, district: DistrictId) -> command::Beat {
        command::Beat {
            shift: self.shift,
            device: self.device,
            district,
            session: self.session,
            hears_central: self.hears_central,
            position: self.position,
            slot: self.slot.into(),
        }
    }
}

impl ReportBatch {
    /// The core's commands, each with the entry's number; an entry out of bounds is none.
    pub fn into_commands(
        self,
        district: &DistrictId,
    ) -> impl Iterator<Item = (u64, Result<command::Report, Invalid>)> {
        let Self { shift, device, entries } = self;
        entries.into_iter().map(move |entry| {
            let checked = entry.check();
            let ReportEntry { number, at, what } = entry;
            let district = district.clone();
            (number, checked.map(|()| command::Report { shift, device, district, what: what.into(), at }))
        })
    }

    /// Numbers of the entries whose time cannot be.
    #[must_use]
    pub fn far_off(&self, now: UtcMs) -> Vec<u64> {
        self.entries.iter().filter(|entry| entry.is_far_off(now)).map(|entry| entry.number).collect()
    }
}

impl ReportResult {
    /// The result of an entry that is out of bounds: it will not be taken later either.
    #[must_use]
    pub fn invalid(number: u64, invalid: &Invalid) -> Self {
        Self { number, outcome: Outcome::Refused { code: invalid.code().to_owned(), retry: false } }
    }

    /// The result of the entry `number`.
    #[must_use]
    pub fn new(number: u64, result: &Result<command::Answer, command::Refusal>) -> Self {
        let outcome = match result {
            Ok(_) => Outcome::Stored,
            Err(refusal) => {
                Outcome::Refused { code: refusal.code().to_owned(), retry: refusal.is_transient() }
            }
        };
        Self { number, outcome }
    }
}

impl BeatAnswer {
    /// The answer on the wire; `texts` opens what the driver may read about the rider of a message, `asked_home` is the
    /// answer's wish in words.
    ///
    /// At most [`MESSAGES_MAX`] messages go along; the rest comes with the next beat.
    pub fn new(
        answer: &command::BeatAnswer,
        mut texts: impl FnMut(&ToDevice) -> RiderTexts,
        asked_home: Option<AskedHome>,
    ) -> Self {
        Self {
            node: answer.node.clone(),
            alive: answer.alive,
            holder: answer.holder.clone(),
            epoch: answer.epoch,
            attached: answer.attached,
            messages: answer
                .messages
                .iter()
                .take(MESSAGES_MAX)
                .map(|message| Push::new(message, texts(message)))
                .collect(),
            asked_home,
        }
    }
}

impl AskedHome {
    /// The wish on the wire, as `text` words it.
    #[must_use]
    pub fn new(asked: &command::AskedHome, text: String) -> Self {
        Self { district: asked.district.clone(), towards: asked.towards, text: bounded(text) }
    }
}

impl Push {
    /// The message on the wire.
    #[must_use]
    pub fn new(message: &ToDevice, texts: RiderTexts) -> Self {
        match message {
            ToDevice::Offer(offer) => Self::Offer { offer: Box::new(Offer::new(offer, texts)) },
            ToDevice::Revoke { assignment, booking, reason } => {
                Self::Revoke { assignment: assignment.clone(), booking: *booking, reason: *reason }
            }
            ToDevice::Confirm { assignment } => {
                Self::Confirm { assignment: assignment.clone(), rider_phone: texts.phone }
            }
            ToDevice::Replace { expected, offer } => {
                Self::Replace { expected: expected.clone(), offer: Box::new(Offer::new(offer, texts)) }
            }
        }
    }
}

impl Offer {
    /// The question on the wire. The rider's number is left out: it comes with the confirmation.
    #[must_use]
    pub fn new(offer: &command::Offer, texts: RiderTexts) -> Self {
        Self {
            booking: offer.booking,
            assignment: offer.assignment.clone(),
            session: offer.session.clone(),
            attach_epoch: offer.attach_epoch,
            after: None,
            ttl_ms: offer.ttl_ms,
            eta_s: offer.eta_s,
            capsule: texts.capsule.clone(),
            ride: Ride::new(&offer.request, texts),
            pin_verifier: offer.pin_verifier.clone(),
        }
    }
}

impl Ride {
    fn new(request: &fact::Request, texts: RiderTexts) -> Self {
        Self {
            door: request.door,
            pickup: request.pickup,
            pickup_label: texts.pickup_label.map(bounded),
            dropoff: request.dropoff,
            dropoff_label: texts.dropoff_label.map(bounded),
            stand: request.stand.clone(),
            seats: request.seats,
            needs: request.needs,
            priority: request.priority,
            payment: request.payment,
            fare_shown: request.quote.as_ref().map(|quote| quote.fare),
            rider_name: texts.name.map(bounded),
            note: texts.note.map(bounded),
            lang: request.lang,
        }
    }
}

fn bounded(text: String) -> String {
    if text.chars().count() <= TEXT_MAX { text } else { text.chars().take(TEXT_MAX).collect() }
}

impl From<Slot> for command::Slot {
    fn from(slot: Slot) -> Self {
        Self { current: slot.current.map(Into::into), next: slot.next.map(Into::into) }
    }
}

impl From<Held> for command::Held {
    fn from(held: Held) -> Self {
        Self {
            booking: held.booking,
            assignment: held.assignment,
            confirmed: held.confirmed,
            boarded: held.boarded,
        }
    }
}

impl From<Fare> for fact::Fare {
    fn from(fare: Fare) -> Self {
        Self {
            revision: fare.revision,
            amount: fare.amount,
            distance_m: fare.distance_m,
            duration_s: fare.duration_s,
            payment: fare.payment,
        }
    }
}

impl From<Happening> for command::Happening {
    fn from(happening: Happening) -> Self {
        let (booking, assignment, what) = match happening {
            Happening::Duty { number, duty } => return Self::Duty { number, duty },
            Happening::StreetHail { booking, assignment, pickup } => {
                return Self::StreetHail { booking, assignment, pickup };
            }
            Happening::Stand { stand } => return Self::Stand { stand },
            Happening::Assigned { booking, assignment } => (booking, assignment, Step::Assigned),
            Happening::Arrived { booking, assignment } => (booking, assignment, Step::Arrived),
            Happening::Boarded { booking, assignment, pin } => (booking, assignment, Step::Boarded { pin }),
            Happening::Done { booking, assignment, fare } => {
                (booking, assignment, Step::Done { fare: fare.into() })
            }
            Happening::Released { booking, assignment, reason } => {
                (booking, assignment, Step::Released { reason })
            }
        };
        Self::Step { booking, assignment, what }
    }
}
