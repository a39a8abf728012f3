//! A node in memory that keeps the rules of the text door, and nothing more.

mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use ondol_messages::Lang;
use uuid::Uuid;

use super::{Answered, NodeApi, Unreachable};
use crate::clock::UtcMs;
use crate::dialogue::{NodeAnswer, NodeRequest};
use crate::wire::{
    AckRequest, BookingView, Notice, NoticeResult, NoticesAnswer, Place, Position, Report, SavedPlace,
    ShiftState, Spot,
};

/// A node in memory. Clones are the same node.
#[derive(Debug, Clone, Default)]
pub struct FakeNode(Arc<Mutex<World>>);

#[derive(Debug, Default)]
struct World {
    cut: bool,
    life: u32,
    places: Vec<Place>,
    saved: BTreeMap<String, Vec<SavedPlace>>,
    bookings: BTreeMap<Uuid, (String, BookingView)>,
    order: Vec<Uuid>,
    drivers: BTreeMap<String, FakeDriver>,
    commands: BTreeSet<Uuid>,
    notices: Vec<Notice>,
    outcomes: Vec<NoticeResult>,
    reports: Vec<Report>,
    calls: Vec<NodeRequest>,
}

/// A feature-phone driver of a [`FakeNode`].
#[derive(Debug, Clone, PartialEq)]
pub struct FakeDriver {
    /// The language the driver reads.
    pub lang: Lang,
    /// What the driver does.
    pub state: ShiftState,
    /// Where the driver waits.
    pub stand: Option<u16>,
    /// The open offer: its letter and booking.
    pub offer: Option<(char, Uuid)>,
    /// The letter of the offer that was withdrawn last.
    pub withdrawn: Option<char>,
    /// The trip.
    pub trip: Option<Uuid>,
    /// The code that must follow each command, if one is set.
    pub text_code: Option<String>,
    /// Fares the driver told.
    pub fares: Vec<u32>,
}

impl FakeNode {
    /// Returns a node with these places.
    #[must_use]
    pub fn new(places: Vec<Place>) -> Self {
        let node = Self::default();
        node.world().places = places;
        node
    }

    /// Cuts the node off, or mends the link.
    pub fn set_cut(&self, link: Link) {
        self.world().cut = link == Link::Cut;
    }

    /// Starts the node anew on a store that was restored from before all its notices.
    pub fn restore(&self) {
        let mut world = self.world();
        world.life += 1;
        world.notices.clear();
    }

    /// Registers a driver.
    pub fn add_driver(&self, phone: &str, lang: Lang) {
        let driver = FakeDriver {
            lang,
            state: ShiftState::OffDuty,
            stand: None,
            offer: None,
            withdrawn: None,
            trip: None,
            text_code: None,
            fares: Vec::new(),
        };
        self.world().drivers.insert(phone.to_owned(), driver);
    }

    /// Saves a place of a rider under `home` or `work`.
    pub fn save_place(&self, phone: &str, alias: &str, place: Place) {
        let saved = SavedPlace { alias: alias.to_owned(), place };
        self.world().saved.entry(phone.to_owned()).or_default().push(saved);
    }

    /// Changes a driver.
    pub fn with_driver(&self, phone: &str, change: impl FnOnce(&mut FakeDriver)) {
        if let Some(driver) = self.world().drivers.get_mut(phone) {
            change(driver);
        }
    }

    /// Changes a booking.
    pub fn with_booking(&self, booking_id: Uuid, change: impl FnOnce(&mut BookingView)) {
        if let Some((_, view)) = self.world().bookings.get_mut(&booking_id) {
            change(view);
        }
    }

    /// Puts a notice into the outbox.
    pub fn notify(&self, notice: Notice) {
        self.world().notices.push(notice);
    }

    /// Returns all bookings with their numbers, oldest first.
    #[must_use]
    pub fn bookings(&self) -> Vec<(String, BookingView)> {
        let world = self.world();
        world.order.iter().filter_map(|id| world.bookings.get(id).cloned()).collect()
    }

    /// Returns a driver.
    #[must_use]
    pub fn driver(&self, phone: &str) -> Option<FakeDriver> {
        self.world().drivers.get(phone).cloned()
    }

    /// Returns what was told of notices.
    #[must_use]
    pub fn outcomes(&self) -> Vec<NoticeResult> {
        self.world().outcomes.clone()
    }

    /// Returns what operators were told.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        self.world().reports.clone()
    }

    /// Returns all requests, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<NodeRequest> {
        self.world().calls.clone()
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&self, request: &NodeRequest, now: UtcMs) -> NodeAnswer {
        let mut world = self.world();
        world.calls.push(request.clone());
        world.answer(request, now).unwrap_or_else(|code| NodeAnswer::Refused(rules::problem(code)))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no holder of this lock panics")
    }

    fn linked(&self) -> Result<MutexGuard<'_, World>, Unreachable> {
        let world = self.world();
        if world.cut { Err(Unreachable("the link is cut".to_owned())) } else { Ok(world) }
    }
}

/// Whether the node can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// It can.
    Up,
    /// It cannot.
    Cut,
}

impl NodeApi for FakeNode {
    async fn ask(
        &self,
        request: &NodeRequest,
        _prefer: Option<&str>,
        now: UtcMs,
    ) -> Result<Answered, Unreachable> {
        drop(self.linked()?);
        Ok(Answered { answer: self.answer(request, now), node: "fake".to_owned() })
    }

    fn sources(&self) -> Vec<String> {
        vec!["fake".to_owned()]
    }

    async fn notices(
        &self,
        _source: &str,
        known: &str,
        after: i64,
        _wait_ms: u64,
    ) -> Result<NoticesAnswer, Unreachable> {
        let world = self.linked()?;
        let outbox = format!("fake/{}", world.life);
        let same = known.is_empty() || known == outbox;
        let notices = world.notices.iter().filter(|notice| same && notice.seq > after).take(50);
        Ok(NoticesAnswer { notices: notices.cloned().collect(), outbox })
    }

    async fn acknowledge(&self, _source: &str, request: &AckRequest) -> Result<(), Unreachable> {
        self.linked()?.outcomes.extend(request.results.iter().cloned());
        Ok(())
    }

    async fn report(&self, _source: &str, report: &Report) -> Result<(), Unreachable> {
        self.linked()?.reports.push(report.clone());
        Ok(())
    }
}

impl Place {
    /// Returns a place for a [`FakeNode`]'s gazetteer.
    #[must_use]
    pub fn named(name: &str, lat: f64, lon: f64, stand_code: Option<u16>) -> Self {
        Self {
            name: name.to_owned(),
            detail: None,
            kind: "place".to_owned(),
            position: Position { lat, lon },
            stand_code,
            score: 1.0,
        }
    }
}

impl From<&Place> for Spot {
    fn from(place: &Place) -> Self {
        Self { name: place.name.clone(), position: place.position, stand_code: place.stand_code }
    }
}
