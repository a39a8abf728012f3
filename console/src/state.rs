//! What the door holds.

use std::sync::Arc;

use axum::extract::FromRef;
use ondol_engine::Handle;
use ondol_engine::identity::Identity;
use ondol_roads::{Districts, RoadMap};
use tokio::sync::Semaphore;

/// Consoles that follow the board at the same time.
const FOLLOWERS_MAX: usize = 64;
/// Fairness reports made at the same time: each reads a good part of a journal.
const REPORTS_MAX: usize = 1;

/// What the door is started with.
pub struct ConsoleSetup {
    /// The loop.
    pub handle: Handle,
    /// Who signs in, and what each may do.
    pub identity: Arc<Identity>,
    /// The map; without one the screen has none, and candidates are ordered by the straight line.
    pub map: Option<Arc<RoadMap>>,
    /// The districts of the whole platform.
    pub districts: Arc<Districts>,
}

/// What every route reads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ConsoleState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) handle: Handle,
    pub(crate) identity: Arc<Identity>,
    pub(crate) map: Option<Arc<RoadMap>>,
    pub(crate) districts: Arc<Districts>,
    pub(crate) followers: Arc<Semaphore>,
    /// Whoever makes a fairness report holds it.
    pub(crate) reporting: Semaphore,
}

impl ConsoleState {
    pub(crate) fn new(setup: ConsoleSetup) -> Self {
        Self(Arc::new(Inner {
            handle: setup.handle,
            identity: setup.identity,
            map: setup.map,
            districts: setup.districts,
            followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            reporting: Semaphore::new(REPORTS_MAX),
        }))
    }
}

impl std::ops::Deref for ConsoleState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<ConsoleState> for Arc<Identity> {
    fn from_ref(state: &ConsoleState) -> Self {
        Arc::clone(&state.identity)
    }
}
