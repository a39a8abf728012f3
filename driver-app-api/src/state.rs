//! What the door holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::FromRef;
use ondol_core::ids::DistrictId;
use ondol_device::wire::Endpoints;
use ondol_engine::Handle;
use ondol_engine::capsule::Recovery;
use ondol_engine::identity::Identity;

use crate::budget::Budgets;
use crate::tickets::Tickets;
use crate::track::TrackQueue;

/// What the door is started with.
pub struct DriverSetup {
    /// The loop.
    pub handle: Handle,
    /// Who may enter.
    pub identity: Arc<Identity>,
    /// Trips that phones keep.
    pub recovery: Recovery,
    /// The key of drivers' secrets: `Secrets::derive("driver-secret")`.
    pub secret_key: [u8; 32],
    /// For each district, the nodes that serve its drivers, best first, and the number to text.
    pub endpoints: BTreeMap<DistrictId, Endpoints>,
    /// Where fixes wait for what learns from them; without it they are acknowledged and forgotten.
    pub tracks: Option<TrackQueue>,
}

/// What every route reads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DriverState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) handle: Handle,
    pub(crate) identity: Arc<Identity>,
    pub(crate) recovery: Recovery,
    pub(crate) secret_key: [u8; 32],
    pub(crate) endpoints: BTreeMap<DistrictId, Endpoints>,
    pub(crate) tracks: Option<TrackQueue>,
    pub(crate) tickets: Tickets,
    pub(crate) budgets: Budgets,
}

impl DriverState {
    pub(crate) fn new(setup: DriverSetup) -> Self {
        Self(Arc::new(Inner {
            handle: setup.handle,
            identity: setup.identity,
            recovery: setup.recovery,
            secret_key: setup.secret_key,
            endpoints: setup.endpoints,
            tracks: setup.tracks,
            tickets: Tickets::default(),
            budgets: Budgets::default(),
        }))
    }
}

impl std::ops::Deref for DriverState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<DriverState> for Arc<Identity> {
    fn from_ref(state: &DriverState) -> Self {
        Self::clone(&state.identity)
    }
}
