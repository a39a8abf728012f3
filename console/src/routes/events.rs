//! What changes on the board, as server-sent events. Changes are gathered, so that a burst is one event.
//!
//! A page opens the stream first and then reads the board, so that nothing changes unseen in between.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::Method;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{Stream, unfold};
use ondol_core::face::Change;
use ondol_core::ids::{BookingId, FleetId, ShiftId};
use ondol_core::node::Node;
use ondol_core::units::{Now, Ticks};
use ondol_engine::http::Problem;
use ondol_engine::identity::OperatorSession;
use ondol_engine::identity::policy::{Caller, Object, Operation, allow};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use crate::state::ConsoleState;
use crate::view::{SeenBooking, SeenShift, attention, districts, object_fleet, sees, utc_of};
use crate::wire::{Attention, BookingRow, CHANGES_MAX, DistrictView, PositionRow, PositionsEvent, ShiftRow};

/// Changes are gathered this long.
const GATHER: Duration = Duration::from_millis(500);
/// Between two rounds of positions; also tells the page that the connection lives.
const POSITIONS_EVERY: Duration = Duration::from_secs(2);
/// Between two looks whether the session still stands.
const SESSION_EVERY: Duration = Duration::from_secs(5);

/// `GET /console/v1/events`.
pub(crate) async fn follow(
    State(state): State<ConsoleState>,
    session: OperatorSession,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    allow(&session.caller, Operation::SeeBoard, &Object::default()).check()?;
    let place = Arc::clone(&state.followers).try_acquire_owned().map_err(|_| Problem::unavailable())?;
    let mut positions = interval(POSITIONS_EVERY);
    positions.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let follower = Follower {
        changes: state.handle.changes(),
        caller: session.caller,
        headers,
        checked_at: Instant::now(),
        positions,
        positions_at: None,
        attention: None,
        bookings: BTreeSet::new(),
        shifts: BTreeSet::new(),
        modes: true,
        flush_at: None,
        ready: Vec::new(),
        state,
        _place: place,
    };
    let events = unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(events))
}

struct Follower {
    state: ConsoleState,
    caller: Caller,
    /// Shown again and again: a session that ended ends the stream.
    headers: HeaderMap,
    checked_at: Instant,
    changes: Receiver<Change>,
    positions: Interval,
    positions_at: Option<Ticks>,
    /// Why open bookings needed a hand at the last round. It changes by mere waiting, which no entry tells of.
    attention: Option<BTreeMap<BookingId, Vec<Attention>>>,
    bookings: BTreeSet<BookingId>,
    shifts: BTreeSet<ShiftId>,
    modes: bool,
    flush_at: Option<Instant>,
    /// Events made and not yet sent; at most five.
    ready: Vec<Event>,
    _place: OwnedSemaphorePermit,
}

impl Follower {
    /// The next event; `None` ends the stream, and the page signs in or asks again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }
            let flush_at = self.flush_at;
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(change) => self.note(change),
                    Err(RecvError::Lagged(_)) => return Some(resync()),
                    Err(RecvError::Closed) => return None,
                },
                () = tokio::time::sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => {
                    self.flush().await?;
                }
                _ = self.positions.tick() => {
                    self.still_signed_in().await?;
                    // The ages of a district's data change although nothing else does.
                    self.modes = true;
                    self.flush_at.get_or_insert_with(Instant::now);
                    return self.moved().await;
                }
            }
        }
    }

    fn note(&mut self, change: Change) {
        match change {
            Change::Booking(_, booking) => {
                self.bookings.insert(booking);
            }
            Change::Shift(_, shift) => {
                self.shifts.insert(shift);
            }
            Change::Mode(_) => self.modes = true,
        }
        if self.bookings.len() > CHANGES_MAX || self.shifts.len() > CHANGES_MAX {
            self.bookings.clear();
            self.shifts.clear();
            self.ready.push(resync());
        }
        self.flush_at.get_or_insert_with(|| Instant::now() + GATHER);
    }

    async fn still_signed_in(&mut self) -> Option<()> {
        if self.checked_at.elapsed() < SESSION_EVERY {
            return Some(());
        }
        self.checked_at = Instant::now();
        self.caller = self.state.identity.operator_of(&Method::GET, &self.headers).await.ok()?.caller();
        Some(())
    }

    async fn flush(&mut self) -> Option<()> {
        self.flush_at = None;
        let bookings = std::mem::take(&mut self.bookings);
        let shifts = std::mem::take(&mut self.shifts);
        let with_modes = std::mem::take(&mut self.modes);
        let caller = self.caller.clone();
        let seen = self.state.handle.read_at(move |node, now| {
            let modes = if with_modes { districts(node, &caller, now) } else { Vec::new() };
            Flushed::of(node, &caller, &bookings, shifts, now, modes)
        });
        let Flushed { bookings, gone, shifts, modes } = seen.await.ok()?;
        let vault = self.state.handle.vault();
        let bookings: Vec<BookingRow> = bookings.iter().map(|booking| booking.row(vault)).collect();
        let shifts: Vec<ShiftRow> = shifts.into_iter().map(|shift| shift.row(vault)).collect();
        self.ready.extend(event("district", &modes));
        self.ready.extend(event("shift", &shifts));
        self.ready.extend(event("gone", &gone));
        self.ready.extend(event("booking", &bookings));
        Some(())
    }

    /// Shifts heard since the round before. Bookings that need a hand since then, or no longer, are sent too.
    async fn moved(&mut self) -> Option<Event> {
        let caller = self.caller.clone();
        let since = self.positions_at;
        let seen = self.state.handle.read_at(move |node, now| {
            (positions(node, &caller, since, now), needing_a_hand(node, &caller, now), now)
        });
        let (positions, needing, now) = seen.await.ok()?;
        self.positions_at = Some(now.ticks);
        if let Some(before) = self.attention.replace(needing) {
            let needing = self.attention.iter().flatten();
            let changed = needing.filter(|(id, why)| before.get(id) != Some(why)).map(|(id, _)| *id);
            let relieved = before.keys().filter(|id| !self.needs_a_hand(id)).copied();
            let rows: Vec<BookingId> = changed.chain(relieved).take(CHANGES_MAX).collect();
            self.bookings.extend(rows);
        }
        let moved = PositionsEvent { as_of: now.utc.into(), shifts: positions };
        Event::default().event("positions").json_data(moved).ok()
    }

    fn needs_a_hand(&self, booking: &BookingId) -> bool {
        self.attention.as_ref().is_some_and(|needing| needing.contains_key(booking))
    }
}

/// What is copied out of the loop for one round of events.
struct Flushed {
    bookings: Vec<SeenBooking>,
    /// Bookings that the caller saw, and that another fleet has taken since.
    gone: Vec<BookingId>,
    shifts: Vec<SeenShift>,
    modes: Vec<DistrictView>,
}

impl Flushed {
    fn of(
        node: &Node,
        caller: &Caller,
        bookings: &BTreeSet<BookingId>,
        mut shifts: BTreeSet<ShiftId>,
        now: Now,
        modes: Vec<DistrictView>,
    ) -> Self {
        let may_see = |booking: &SeenBooking, fleet: Option<&FleetId>| {
            sees(caller, Operation::SeeBooking, &booking.district, fleet)
        };
        let found = bookings.iter().filter_map(|id| SeenBooking::find(node, *id, now));
        let (bookings, others): (Vec<_>, Vec<_>) =
            found.partition(|booking| may_see(booking, object_fleet(node, &booking.record)));
        // Without its taxi it was everybody's, or that of the fleet that its rider chose.
        let gone = others
            .iter()
            .filter(|seen| may_see(seen, seen.record.request().and_then(|request| request.fleet.as_ref())))
            .map(|seen| seen.record.id)
            .collect();
        // A booking's step changes what its shifts are doing.
        shifts.extend(bookings.iter().flat_map(|seen| seen.record.assignments.values().map(|b| b.shift)));
        let shifts = shifts
            .iter()
            .filter(|id| sees_shift(node, caller, **id))
            .filter_map(|id| SeenShift::find(node, *id, now))
            .collect();
        Self { bookings, gone, shifts, modes }
    }
}

/// Open bookings that need a hand, with the reasons.
fn needing_a_hand(node: &Node, caller: &Caller, now: Now) -> BTreeMap<BookingId, Vec<Attention>> {
    let open = node.board().districts().flat_map(|(district, board)| {
        board.open_bookings().map(move |record| (district, record, attention(node, record, now)))
    });
    open.filter(|(_, _, why)| !why.is_empty())
        .filter(|(district, record, _)| node.board().is_listed_in(district, record.id))
        .filter(|(district, record, _)| {
            sees(caller, Operation::SeeBooking, district, object_fleet(node, record))
        })
        .map(|(_, record, why)| (record.id, why))
        .collect()
}

fn positions(node: &Node, caller: &Caller, since: Option<Ticks>, now: Now) -> Vec<PositionRow> {
    node.contacts()
        .iter()
        .filter(|(_, contact)| since.is_none_or(|since| contact.heard_at >= since))
        .filter(|(shift, _)| sees_shift(node, caller, **shift))
        .filter_map(|(shift, contact)| {
            let (position, _) = contact.position?;
            Some(PositionRow { shift: *shift, position, heard_at: utc_of(now, contact.heard_at).into() })
        })
        .collect()
}

fn sees_shift(node: &Node, caller: &Caller, shift: ShiftId) -> bool {
    node.board().shift(shift).is_some_and(|(district, record)| {
        let fleet = record.start.as_ref().map(|start| &start.fleet);
        sees(caller, Operation::SeeBoard, district, fleet)
    })
}

fn event<T: Serialize>(name: &str, rows: &[T]) -> Option<Event> {
    if rows.is_empty() { None } else { Event::default().event(name).json_data(rows).ok() }
}

/// Too much has changed to tell: the page reads the board again.
fn resync() -> Event {
    Event::default().event("resync").data("{}")
}
