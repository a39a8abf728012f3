//! Tickets for sockets. A browser cannot send a header when it opens one, and a session's token must not stand in
//! an address, where logs keep it; a ticket is worth one opening within a minute.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ondol_core::units::Ticks;
use ondol_engine::identity::{Bearer, new_token, token_hash};

/// Life of a ticket.
pub(crate) const TICKET_TTL_MS: u64 = 60_000;
/// Tickets that are out at the same time; beyond, the oldest is void.
const TICKETS_MAX: usize = 10_000;

/// Tickets that are out.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    out: Mutex<BTreeMap<String, (Ticks, Bearer)>>,
}

impl Tickets {
    /// Makes a ticket for the device of `bearer`; an older one of the same device is void.
    pub(crate) fn give(&self, bearer: Bearer, now: Ticks) -> String {
        let ticket = new_token();
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.retain(|_, (at, other)| now.since_ms(*at) < TICKET_TTL_MS && other.device != bearer.device);
        if out.len() >= TICKETS_MAX {
            let oldest = out.iter().min_by_key(|(_, (at, _))| *at).map(|(hash, _)| hash.clone());
            if let Some(oldest) = oldest {
                out.remove(&oldest);
            }
        }
        out.insert(token_hash(&ticket), (now, bearer));
        ticket
    }

    /// Uses a ticket up.
    pub(crate) fn take(&self, ticket: &str, now: Ticks) -> Option<Bearer> {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, bearer) = out.remove(&token_hash(ticket))?;
        (now.since_ms(at) < TICKET_TTL_MS).then_some(bearer)
    }
}

#[cfg(test)]
mod tests {
    use ondol_core::ids::{DeviceId, DriverId};
    use ondol_core::units::UtcMs;
    use ondol_engine::identity::SigningKey;

    use super::*;

    fn bearer(device: u128) -> Bearer {
        Bearer {
            driver: DriverId::from_number(device),
            fleet: "blue".parse().unwrap(),
            district: "north".parse().unwrap(),
            device: DeviceId::from_number(device),
            jkt: SigningKey::from_seed(&[1; 32]).thumbprint(),
            expires_at: UtcMs(0),
            token: uuid::Uuid::nil(),
        }
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_minute() {
        let tickets = Tickets::default();
        assert_eq!(tickets.take("made up", Ticks(0)), None);
        let ticket = tickets.give(bearer(1), Ticks(0));
        assert_eq!(tickets.take(&ticket, Ticks(59_999)), Some(bearer(1)));
        assert_eq!(tickets.take(&ticket, Ticks(59_999)), None, "used");
        let late = tickets.give(bearer(1), Ticks(0));
        assert_eq!(tickets.take(&late, Ticks(60_000)), None, "too late");
    }

    #[test]
    fn a_device_has_one_ticket_and_all_together_a_bound() {
        let tickets = Tickets::default();
        let (older, newer) = (tickets.give(bearer(1), Ticks(0)), tickets.give(bearer(1), Ticks(1)));
        assert_eq!(tickets.take(&older, Ticks(2)), None);
        assert_eq!(tickets.take(&newer, Ticks(2)), Some(bearer(1)));
    }
}
