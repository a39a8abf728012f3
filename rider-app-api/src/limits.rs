//! How much one address may ask: a bucket of tokens each, in bounded memory.
//!
//! Counted on the node's elapsed clock, so that a demo that runs faster allows as much per simulated minute.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ondol_core::units::Ticks;
use ondol_engine::http::{Problem, network_of};

use crate::state::RiderState;

/// Addresses whose use is remembered; beyond, all new ones share one bucket.
const ADDRESSES_MAX: usize = 10_000;

/// What one address may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Requests per second, in the long run.
    pub requests_per_s: f64,
    /// Requests at once.
    pub request_burst: f64,
    /// Changes (bookings, cancels) per minute, in the long run.
    pub changes_per_min: f64,
    /// Changes at once.
    pub change_burst: f64,
}

impl Default for Limits {
    /// Enough for a household or a small hotel behind one address.
    fn default() -> Self {
        Self { requests_per_s: 10.0, request_burst: 100.0, changes_per_min: 20.0, change_burst: 20.0 }
    }
}

impl Limits {
    /// For an address behind which are many: the machine itself, where a proxy (which has limits of its own) or
    /// the demo's clients run. A bound against accidents only.
    #[must_use]
    pub fn one_address_is_many() -> Self {
        Self {
            requests_per_s: 2_000.0,
            request_burst: 5_000.0,
            changes_per_min: 6_000.0,
            change_burst: 2_000.0,
        }
    }
}

/// What addresses have used.
pub(crate) struct Budgets {
    limits: Limits,
    used: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    requests: f64,
    changes: f64,
    at: Ticks,
}

impl Budgets {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, used: Mutex::default() }
    }

    /// Takes one request, and one change if it is one; otherwise the seconds to wait.
    fn take(&self, address: IpAddr, is_change: bool, now: Ticks) -> Result<(), u32> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut address = network_of(address);
        if used.len() >= ADDRESSES_MAX && !used.contains_key(&address) {
            used.retain(|address, bucket| !self.limits_of(*address).is_full(*bucket, now));
            if used.len() >= ADDRESSES_MAX {
                address = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let limits = self.limits_of(address);
        let known = used.get(&address).copied().unwrap_or(limits.full(now));
        let mut bucket = limits.filled(known, now);
        let result = limits.pay(&mut bucket, is_change);
        used.insert(address, bucket);
        result
    }

    fn limits_of(&self, address: IpAddr) -> Limits {
        if address.is_loopback() { Limits::one_address_is_many() } else { self.limits }
    }
}

impl Limits {
    fn full(&self, now: Ticks) -> Bucket {
        Bucket { requests: self.request_burst, changes: self.change_burst, at: now }
    }

    /// True if whoever used it has rested long enough to be forgotten.
    fn is_full(&self, bucket: Bucket, now: Ticks) -> bool {
        let filled = self.filled(bucket, now);
        filled.requests >= self.request_burst && filled.changes >= self.change_burst
    }

    fn filled(&self, bucket: Bucket, now: Ticks) -> Bucket {
        #[allow(clippy::cast_precision_loss, reason = "elapsed milliseconds are far below 2^52")]
        let elapsed_s = now.since_ms(bucket.at) as f64 / 1_000.0;
        Bucket {
            requests: (bucket.requests + elapsed_s * self.requests_per_s).min(self.request_burst),
            changes: (bucket.changes + elapsed_s / 60.0 * self.changes_per_min).min(self.change_burst),
            at: now,
        }
    }

    fn pay(&self, bucket: &mut Bucket, is_change: bool) -> Result<(), u32> {
        if bucket.requests < 1.0 {
            return Err(seconds((1.0 - bucket.requests) / self.requests_per_s));
        }
        if is_change && bucket.changes < 1.0 {
            return Err(seconds((1.0 - bucket.changes) / self.changes_per_min * 60.0));
        }
        bucket.requests -= 1.0;
        if is_change {
            bucket.changes -= 1.0;
        }
        Ok(())
    }
}

/// The address of a connection; all that come by a server without addresses are one.
pub(crate) fn address_of(extensions: &Extensions) -> IpAddr {
    extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |info| info.0.ip())
}

/// Lets a request through if its address has not used up its budget.
pub(crate) async fn guard(State(state): State<RiderState>, request: Request, next: Next) -> Response {
    let address = address_of(request.extensions());
    let is_change = request.method() == Method::POST && !request.uri().path().ends_with("/quotes");
    match state.budgets.take(address, is_change, state.handle.now().ticks) {
        Ok(()) => next.run(request).await,
        Err(wait_s) => Problem::too_many(wait_s).into_response(),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn seconds(wait_s: f64) -> u32 {
    wait_s.ceil().clamp(1.0, 3_600.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { requests_per_s: 1.0, request_burst: 3.0, changes_per_min: 6.0, change_burst: 1.0 };

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_burst_is_followed_by_the_long_run() {
        let budgets = Budgets::new(LIMITS);
        let take = |ms| budgets.take(address(1), false, Ticks(ms));
        assert_eq!([take(0), take(0), take(0), take(0)], [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!(take(999), Err(1));
        assert_eq!(take(1_000), Ok(()));
        assert_eq!(budgets.take(address(2), false, Ticks(0)), Ok(()), "another address has its own");
    }

    #[test]
    fn a_refused_change_costs_nothing_and_says_how_long_to_wait() {
        let budgets = Budgets::new(LIMITS);
        assert_eq!(budgets.take(address(1), true, Ticks(0)), Ok(()));
        assert_eq!(budgets.take(address(1), true, Ticks(0)), Err(10));
        assert_eq!(budgets.take(address(1), false, Ticks(0)), Ok(()));
        assert_eq!(budgets.take(address(1), true, Ticks(10_000)), Ok(()));
    }

    #[test]
    fn the_machine_itself_is_many() {
        let budgets = Budgets::new(LIMITS);
        let local = IpAddr::from([127, 0, 0, 1]);
        assert!((0..1_000).all(|_| budgets.take(local, true, Ticks(0)) == Ok(())));
        assert_eq!(budgets.take(address(1), true, Ticks(0)), Ok(()));
        assert_eq!(budgets.take(address(1), true, Ticks(0)), Err(10));
    }

    #[test]
    fn memory_is_bounded_and_strangers_then_share() {
        let budgets = Budgets::new(LIMITS);
        for n in 0..20_000_u32 {
            let _shared = budgets.take(IpAddr::from(n.to_be_bytes()), false, Ticks(0));
        }
        assert!(budgets.used.lock().unwrap().len() <= ADDRESSES_MAX + 1);
        assert_eq!(budgets.take(address(200), false, Ticks(0)), Err(1), "the shared bucket is empty");
        // Whoever has rested is forgotten, which makes room.
        assert_eq!(budgets.take(address(201), false, Ticks(60_000)), Ok(()));
        assert!(budgets.used.lock().unwrap().len() < 10);
    }
}
