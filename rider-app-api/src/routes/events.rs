//! Follow a booking: server-sent events, each the whole booking, so that a lost one costs nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::Extensions;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{Stream, unfold};
use ondol_core::face::Change;
use ondol_core::ids::BookingId;
use ondol_engine::http::Problem;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;

use super::bookings::booking_of;
use crate::followers::Following;
use crate::limits::address_of;
use crate::state::{Inner, RiderState};
use crate::view::show;
use crate::wire::BookingView;

/// Shortest time between two events.
const AT_MOST_EVERY: Duration = Duration::from_millis(400);
/// Between two events while a taxi moves.
const WITH_TAXI: Duration = Duration::from_secs(2);
/// Between two events otherwise: tells the page that the connection lives.
const WITHOUT_TAXI: Duration = Duration::from_secs(5);

/// `GET /rider/v1/bookings/{token}/events`: the first event at once, the last one when the booking is closed.
pub(crate) async fn follow(
    State(state): State<RiderState>,
    Path(token): Path<String>,
    extensions: Extensions,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let booking = booking_of(&state, &token)?;
    let place = state.followers.follow(address_of(&extensions), booking)?;
    // Watching begins before looking, so that no change falls in between.
    let changes = state.handle.changes();
    let first = show(&state, booking).await?;
    let follower = Follower {
        state: state.inner(),
        booking,
        changes,
        next: Some(first),
        pause: WITHOUT_TAXI,
        _place: place,
    };
    let events = unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        let view = follower.next().await?;
        let event = Event::default().event("booking").json_data(&view).ok()?;
        let rest = if view.status.is_closed() { None } else { Some(follower) };
        Some((Ok(event), rest))
    });
    Ok(Sse::new(events))
}

struct Follower {
    state: Arc<Inner>,
    booking: BookingId,
    changes: Receiver<Change>,
    next: Option<BookingView>,
    pause: Duration,
    _place: Following,
}

impl Follower {
    /// The next event; `None` ends the stream, and the page asks another node.
    async fn next(&mut self) -> Option<BookingView> {
        let view = match self.next.take() {
            Some(first) => first,
            None => {
                self.wait().await?;
                show(&self.state, self.booking).await.ok()?
            }
        };
        self.pause = if view.vehicle.is_some() { WITH_TAXI } else { WITHOUT_TAXI };
        Some(view)
    }

    /// Waits for a change of this booking, but no longer than the pause.
    async fn wait(&mut self) -> Option<()> {
        tokio::time::sleep(AT_MOST_EVERY).await;
        let until = Instant::now() + self.pause;
        loop {
            match tokio::time::timeout_at(until, self.changes.recv()).await {
                Ok(Ok(Change::Booking(_, booking))) if booking != self.booking => {}
                Ok(Ok(Change::Shift(..))) => {}
                Ok(Ok(Change::Booking(..) | Change::Mode(_)) | Err(RecvError::Lagged(_))) | Err(_) => {
                    return Some(());
                }
                Ok(Err(RecvError::Closed)) => return None,
            }
        }
    }
}
