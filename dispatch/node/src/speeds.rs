//! Streets are as fast as this node's drivers drive them.
//!
//! ```text
//! drivers' door ─▶ TrackQueue ─▶ trails ─▶ book ──(every 5 min, and when the hour changes)──▶ the map in use
//!                 bounded, drops              └───(every 15 min, and at the end)──▶ speeds.file
//! ```
//!
//! Nobody waits for it: not the door, which only queues, and not the loop, which asks the map. The work is done on a
//! thread beside those of the runtime, and rests three times as long as it worked: a quarter of one processor at most.
//! What is too much for that waits in the queue, and is dropped there.
//!
//! What is absent: paces learnt by other nodes. An edge whose drivers speak to central learns nothing meanwhile.

use std::sync::Arc;
use std::time::Instant;

use ondol_core::units::{Now, Ticks};
use ondol_driver_api::{Track, TrackQueue};
use ondol_engine::clock::SharedClock;
use ondol_engine::config::SpeedsSection;
use ondol_roads::RoadMap;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, spawn_blocking};

use learner::Learner;

mod learner;
mod trails;

/// Tracks looked at in one go.
const ROUND_MAX: usize = 64;
/// How much longer than it works the learner rests.
const REST: u32 = 3;
const HOUR_MS: i64 = 3_600_000;
/// The hour has surely changed so long after it should have, in milliseconds: civil clocks are corrected.
const HOUR_SLACK_MS: u64 = 1_000;

/// A learner that runs beside the node.
pub(crate) struct Learning {
    /// What it learns from.
    pub(crate) tracks: TrackQueue,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    /// How far it has come.
    pub(crate) progress: watch::Receiver<Progress>,
}

/// How much was done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Progress {
    /// Tracks that were looked at.
    pub(crate) tracks: usize,
    /// Times that the map took other paces.
    pub(crate) refreshes: usize,
}

impl Learning {
    /// Drives at the paces that were learnt before, and goes on learning.
    pub(crate) fn start(section: &SpeedsSection, map: Arc<RoadMap>, clock: SharedClock) -> Self {
        let learner = Learner::open(section, map, clock.now());
        let tracks = TrackQueue::default();
        let (stop, stopped) = oneshot::channel();
        let (done, progress) = watch::channel(Progress::default());
        let task = Task { tracks: tracks.clone(), clock, section: section.clone(), done };
        Self { tracks, stop, task: tokio::spawn(task.run(learner, stopped)), progress }
    }

    /// Ends it, once what was learnt is kept.
    pub(crate) async fn stop(self) {
        // If nobody hears it the task has ended already, and has said why.
        let _heard = self.stop.send(());
        let _ended = self.task.await;
        let Progress { tracks, refreshes } = *self.progress.borrow();
        tracing::info!(tracks, refreshes, "learning from drivers' tracks has ended");
    }
}

struct Task {
    tracks: TrackQueue,
    clock: SharedClock,
    section: SpeedsSection,
    done: watch::Sender<Progress>,
}

/// What is done at a time.
enum Work {
    Learn(Vec<Track>),
    Refresh,
}

impl Task {
    async fn run(self, learner: Learner, stopped: oneshot::Receiver<()>) {
        if let Err(error) = self.learn_until(learner, stopped).await {
            tracing::error!(%error, "nothing is learnt from drivers' tracks any more, until the node starts again");
        }
    }

    async fn learn_until(
        self,
        mut learner: Learner,
        mut stopped: oneshot::Receiver<()>,
    ) -> Result<(), tokio::task::JoinError> {
        let mut due_at = refresh_due_at(&self.section, self.clock.now());
        loop {
            let work = tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = self.clock.sleep_until(due_at) => Work::Refresh,
                tracks = self.tracks.take(ROUND_MAX) => Work::Learn(tracks),
            };
            let now = self.clock.now();
            if matches!(work, Work::Refresh) {
                due_at = refresh_due_at(&self.section, now);
            }
            let begun = Instant::now();
            let done;
            (learner, done) = spawn_blocking(move || learner.after(work, now)).await?;
            self.done.send_modify(|all| {
                all.tracks += done.tracks;
                all.refreshes += done.refreshes;
            });
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = tokio::time::sleep(begun.elapsed() * REST) => {}
            }
        }
        spawn_blocking(move || learner.keep()).await
    }
}

impl Learner {
    fn after(mut self, work: Work, now: Now) -> (Self, Progress) {
        let done = match work {
            Work::Learn(tracks) => {
                let done = Progress { tracks: tracks.len(), refreshes: 0 };
                self.learn(tracks, now.ticks);
                done
            }
            Work::Refresh => {
                let refreshes = usize::from(self.refresh(now.utc));
                self.keep_now_and_then(now.ticks);
                Progress { tracks: 0, refreshes }
            }
        };
        (self, done)
    }
}

/// When the map gets newer paces if it got some `now`: after the least time between two refreshes, or when the hour
/// changes.
fn refresh_due_at(section: &SpeedsSection, now: Now) -> Ticks {
    let local_ms = now.utc.0.saturating_add(i64::from(section.utc_offset_min) * 60_000);
    let hour_left_ms = (HOUR_MS - local_ms.rem_euclid(HOUR_MS)).unsigned_abs();
    let hour_changes_at = now.ticks.plus_ms(hour_left_ms + HOUR_SLACK_MS);
    now.ticks.plus_ms(section.refresh_every_ms).min(hour_changes_at)
}

#[cfg(test)]
mod tests {
    use ondol_core::units::UtcMs;

    use super::*;

    #[test]
    fn paces_are_refreshed_every_five_minutes_and_when_the_local_hour_changes() {
        let section = |utc_offset_min| SpeedsSection { utc_offset_min, ..SpeedsSection::default() };
        let due_ms = |utc_ms, offset_min| {
            let now = Now { utc: UtcMs(utc_ms), ticks: Ticks(7_000_000) };
            refresh_due_at(&section(offset_min), now).since_ms(now.ticks)
        };
        assert_eq!(due_ms(HOUR_MS / 2, 540), 300_000);
        assert_eq!(due_ms(HOUR_MS - 20_000, 540), 21_000);
        assert_eq!(due_ms(HOUR_MS, 540), 300_000);
        assert_eq!(due_ms(HOUR_MS / 2 - 20_000, 330), 21_000, "India's clocks are half an hour off");
        assert_eq!(due_ms(-20_000, 0), 21_000);
    }
}
