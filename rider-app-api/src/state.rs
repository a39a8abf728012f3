//! What the door holds.

use std::sync::Arc;

use ondol_core::tariff::Tariff;
use ondol_engine::Handle;
use ondol_roads::{Districts, RoadMap};

use crate::arrivals::Arrivals;
use crate::followers::Followers;
use crate::limits::{Budgets, Limits};
use crate::wire::EndpointsAnswer;

/// What the door is started with.
pub struct RiderSetup {
    /// The loop.
    pub handle: Handle,
    /// The map; without one there is no place search, and quotes follow the straight line.
    pub map: Option<Arc<RoadMap>>,
    /// The districts of the whole platform: a pickup outside all of them is refused.
    pub districts: Arc<Districts>,
    /// The tariff.
    pub tariff: Tariff,
    /// Nodes that serve riders, in the order to try, and the numbers to text and call.
    pub endpoints: EndpointsAnswer,
    /// How much one address may ask.
    pub limits: Limits,
}

/// What every route reads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct RiderState(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) handle: Handle,
    pub(crate) map: Option<Arc<RoadMap>>,
    pub(crate) districts: Arc<Districts>,
    pub(crate) tariff: Tariff,
    pub(crate) endpoints: EndpointsAnswer,
    pub(crate) budgets: Budgets,
    pub(crate) followers: Followers,
    pub(crate) arrivals: Arc<Arrivals>,
}

impl RiderState {
    pub(crate) fn new(setup: RiderSetup) -> Self {
        Self(Arc::new(Inner {
            handle: setup.handle,
            map: setup.map,
            districts: setup.districts,
            tariff: setup.tariff,
            endpoints: setup.endpoints,
            budgets: Budgets::new(setup.limits),
            followers: Followers::default(),
            arrivals: Arc::default(),
        }))
    }

    pub(crate) fn inner(&self) -> Arc<Inner> {
        Arc::clone(&self.0)
    }
}

impl std::ops::Deref for RiderState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}
