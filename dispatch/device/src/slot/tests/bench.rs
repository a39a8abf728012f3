//! A device bound to a played node. It checks after every output that nothing is said which is not stored.

use ondol_core::authority::Epoch;
use ondol_core::booking::{Door, Needs, Payment, Priority};
use ondol_core::fact::{Lang, Release};
use ondol_core::ids::{AssignmentId, BookingId, DeviceId, ShiftId};
use ondol_core::pin::pin_verifier;
use ondol_core::position::Position;
use ondol_core::units::{Money, Now, Ticks, UtcMs};

use crate::device::Device;
use crate::durable::Durable;
use crate::face::{Answer, Config, Input, Message, Output, Wish, WishRefusal};
use crate::wire::{
    AskedHome, Attached, BeatAnswer, Endpoint, EndpointRole, Fare, Happening, Offer, Outcome, Problem, Push,
    ReportAnswer, ReportEntry, ReportResult, Ride,
};

/// A device, what it stored last, and what it sent.
pub(super) struct Bench {
    pub(super) device: Device,
    pub(super) stored: Durable,
    pub(super) told: Vec<Happening>,
    pub(super) sent: Vec<(u64, Message)>,
    pub(super) now: Now,
    /// How often what the driver sees has changed.
    pub(super) changes: usize,
    /// What central says of where the driver should be.
    pub(super) asked_home: Option<AskedHome>,
    /// The next store or send never happens: the phone dies there.
    pub(super) outputs_left: usize,
}

pub(super) fn id(n: u64) -> AssignmentId {
    AssignmentId { origin: "n".parse().unwrap(), incarnation: 1, counter: n }
}

pub(super) fn booking(n: u64) -> BookingId {
    BookingId::from_number(u128::from(n))
}

pub(super) fn fare() -> Fare {
    Fare { revision: 0, amount: Money(4_800), distance_m: 900, duration_s: 200, payment: Payment::Cash }
}

pub(super) fn here() -> Position {
    Position::new(37.5, 127.0).unwrap()
}

pub(super) fn offer(n: u64, session: &str, attach_epoch: u64) -> Box<Offer> {
    let ride = Ride {
        door: Door::Web,
        pickup: here(),
        pickup_label: None,
        dropoff: None,
        dropoff_label: None,
        stand: None,
        seats: 1,
        needs: Needs::default(),
        priority: Priority::Normal,
        payment: Payment::Cash,
        fare_shown: None,
        rider_name: None,
        note: None,
        lang: Lang::Ko,
    };
    Box::new(Offer {
        booking: booking(n),
        assignment: id(n),
        session: session.into(),
        attach_epoch,
        after: None,
        ttl_ms: 20_000,
        eta_s: 120,
        ride,
        pin_verifier: pin_verifier(&id(n), "1234"),
        capsule: Some(format!("capsule-{n}")),
    })
}

pub(super) fn released(n: u64, reason: Release) -> Happening {
    Happening::Released { booking: booking(n), assignment: id(n), reason }
}

pub(super) fn revoke(n: u64) -> Push {
    Push::Revoke { assignment: id(n), booking: booking(n), reason: Release::Cancelled }
}

/// An assignment leaves the slot only for its grave: it is never overwritten, and what boarded stays boarded.
pub(super) fn check_step(before: &Durable, new: &Durable) {
    for trip in before.current.iter().chain(&before.next) {
        let stays = new.trip(&trip.assignment);
        let ended = new.tombstone(&trip.assignment);
        assert!(stays.is_some() != ended.is_some(), "{:?} vanished or is both", trip.assignment);
        if trip.boarded.is_some() {
            let done = ended.is_some_and(|stone| matches!(stone.last, Happening::Done { .. }));
            assert!(done || stays.is_some_and(|trip| trip.boarded.is_some()), "a boarded trip was ended");
        }
    }
    assert!(new.attach_epoch >= before.attach_epoch, "the attach epoch fell");
}

/// Nothing is said that is not stored.
pub(super) fn check_said(stored: &Durable, message: &Message) {
    match message {
        Message::Attach(attach) => assert_eq!(attach.attach_epoch, stored.attach_epoch),
        Message::Beat(beat) => assert_eq!(beat.slot, stored.slot()),
        Message::Reports(batch) => {
            for ReportEntry { what, .. } in &batch.entries {
                if let Happening::Assigned { assignment, .. } | Happening::Boarded { assignment, .. } = what {
                    let known = stored.trip(assignment).is_some() || stored.tombstone(assignment).is_some();
                    assert!(known, "{what:?} was told before it was stored");
                }
            }
        }
        Message::Positions(_) => {}
    }
}

impl Bench {
    /// A device that central has attached as session `s1` under epoch 1.
    pub(super) fn attached() -> Self {
        let endpoints = [("central", EndpointRole::Central), ("edge-a", EndpointRole::Edge)]
            .map(|(name, role)| Endpoint { node: name.parse().unwrap(), role, url: String::new() });
        let now = Now { utc: UtcMs(1_000), ticks: Ticks(1_000) };
        let (shift, device) = (ShiftId::from_number(1), DeviceId::from_number(2));
        let durable = Durable::new(shift, device, endpoints.to_vec(), now.utc);
        let mut bench = Self {
            device: Device::new(durable.clone(), Config::default(), now),
            stored: durable,
            told: vec![],
            sent: vec![],
            now,
            changes: 0,
            asked_home: None,
            outputs_left: usize::MAX,
        };
        bench.run();
        bench.answer_all();
        assert_eq!(bench.session(), ("s1".to_owned(), 1));
        bench
    }

    pub(super) fn session(&self) -> (String, u64) {
        let session = self.device.session.as_ref().map(|s| s.name.clone()).unwrap_or_default();
        (session, self.device.durable().attach_epoch)
    }

    pub(super) fn offer(&self, n: u64) -> Box<Offer> {
        let (session, epoch) = self.session();
        offer(n, &session, epoch)
    }

    /// Carries out outputs as a shell does; checks that nothing is said which is not stored.
    pub(super) fn drain(&mut self) {
        while let Some(output) = self.device.poll_output() {
            match output {
                Output::Changed => self.changes += 1,
                Output::Persist(_) | Output::Send { .. } if self.outputs_left == 0 => {
                    return self.crash();
                }
                Output::Persist(durable) => {
                    self.outputs_left -= 1;
                    check_step(&self.stored, &durable);
                    self.stored = *durable;
                }
                Output::Send { request, message, .. } => {
                    self.outputs_left -= 1;
                    check_said(&self.stored, &message);
                    if let Message::Reports(batch) = &*message {
                        self.told.extend(batch.entries.iter().map(|entry| entry.what.clone()));
                    }
                    self.sent.push((request, *message));
                }
            }
        }
    }

    /// The phone dies: all is forgotten except what was stored.
    pub(super) fn crash(&mut self) {
        self.outputs_left = usize::MAX;
        self.sent.clear();
        let config = Config::default();
        self.device = Device::new(self.stored.clone(), config, self.now);
        self.drain();
    }

    pub(super) fn run(&mut self) {
        self.drain();
        self.device.handle_timeout(self.now);
        self.drain();
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = Now { utc: self.now.utc.plus_ms(ms), ticks: self.now.ticks.plus_ms(ms) };
        self.run();
    }

    pub(super) fn wish(&mut self, wish: Wish) -> Result<(), WishRefusal> {
        let result = self.device.handle(Input::Wish(wish), self.now);
        self.drain();
        result
    }

    pub(super) fn push(&mut self, push: Push) {
        self.push_from("central", push);
    }

    pub(super) fn push_from(&mut self, from: &str, push: Push) {
        let from = from.parse().unwrap();
        self.device.handle(Input::Push { from, push }, self.now).unwrap();
        self.drain();
    }

    /// Central answers everything that is under way, as a node that stores all it is told.
    pub(super) fn answer_all(&mut self) {
        while !self.sent.is_empty() {
            let (request, message) = self.sent.remove(0);
            let answer = match message {
                Message::Attach(attach) => Answer::Attached(Attached {
                    node: "central".parse().unwrap(),
                    session: format!("s{}", attach.attach_epoch),
                    capsules: vec![],
                }),
                Message::Beat(_) => Answer::Beat(BeatAnswer {
                    node: "central".parse().unwrap(),
                    alive: true,
                    holder: "central".parse().unwrap(),
                    epoch: Epoch::default(),
                    attached: true,
                    messages: vec![],
                    asked_home: self.asked_home.clone(),
                }),
                Message::Reports(batch) => Answer::Reports(ReportAnswer {
                    results: batch
                        .entries
                        .iter()
                        .map(|entry| ReportResult { number: entry.number, outcome: Outcome::Stored })
                        .collect(),
                    corrected: batch.far_off(self.now.utc),
                }),
                Message::Positions(_) => Answer::Failed,
            };
            self.device.handle(Input::Answer { request, answer }, self.now).unwrap();
            self.drain();
        }
    }

    /// The session is gone, and the node refuses the next attach.
    pub(super) fn refuse_attach(&mut self, code: &str) {
        self.device.lose_session(self.now.ticks);
        self.run();
        let attach = self.sent.iter().position(|(_, message)| matches!(message, Message::Attach(_)));
        let (request, _) = self.sent.remove(attach.expect("it attaches at once"));
        let problem = Problem { code: code.into(), detail: String::new(), retry: false };
        self.device.handle(Input::Answer { request, answer: Answer::Refused(problem) }, self.now).unwrap();
        self.drain();
    }

    /// Central refuses whatever batch holds this entry, and takes everything else.
    pub(super) fn answer_all_but(&mut self, number: u64, code: &str) {
        for _ in 0..8 {
            let holds = |message: &Message| matches!(message, Message::Reports(batch) if batch.entries.iter().any(|e| e.number == number));
            if let Some(index) = self.sent.iter().position(|(_, message)| holds(message)) {
                let (request, _) = self.sent.remove(index);
                let problem = Problem { code: code.into(), detail: String::new(), retry: false };
                let answer = Input::Answer { request, answer: Answer::Refused(problem) };
                self.device.handle(answer, self.now).unwrap();
                self.drain();
            } else {
                self.answer_all();
            }
            self.run();
        }
    }

    pub(super) fn assigned(n: u64) -> Self {
        let mut bench = Self::attached();
        bench.push(Push::Offer { offer: bench.offer(n) });
        bench.wish(Wish::Accept(id(n))).unwrap();
        bench.answer_all();
        bench
    }

    pub(super) fn boarded(n: u64) -> Self {
        let mut bench = Self::assigned(n);
        bench.wish(Wish::Board { pin: Some("1234".into()) }).unwrap();
        bench.answer_all();
        bench
    }

    pub(super) fn shown(&self) -> usize {
        self.device.offers().count()
    }
}
