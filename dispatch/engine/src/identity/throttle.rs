//! Bounds on tries: passwords, drivers' secrets.
//!
//! Counted by account *and* address together, so that a stranger cannot lock an operator out; by address
//! alone, against one machine trying many accounts; and, much wider, by account alone, against many
//! machines trying one account.

use std::collections::BTreeMap;

use ondol_core::units::Ticks;

/// Time after which failures are forgotten.
const WINDOW_MS: u64 = 15 * 60 * 1_000;
/// Failures of one account from one address within the window.
const PAIR_MAX: u32 = 5;
/// Failures from one address within the window.
const ADDRESS_MAX: u32 = 30;
/// The same for this machine itself: behind a proxy on it everybody has its address.
const OWN_ADDRESS_MAX: u32 = 3_000;
/// Failures of one account within the window, from anywhere.
const ACCOUNT_MAX: u32 = 200;
/// Counters kept; the oldest gives way.
const COUNTERS_MAX: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Pair(String, String),
    Address(String),
    Account(String),
}

/// Counts failures.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    counters: BTreeMap<Key, (Ticks, u32)>,
}

impl Throttle {
    /// Returns the milliseconds to wait before `account` may be tried from `address`; zero if at once.
    pub(super) fn wait_ms(&self, account: &str, address: &str, now: Ticks) -> u64 {
        keys(account, address)
            .into_iter()
            .filter_map(|(key, max)| {
                let (since, failures) = self.counters.get(&key)?;
                let passed_ms = now.since_ms(*since);
                (*failures >= max && passed_ms < WINDOW_MS).then(|| WINDOW_MS - passed_ms)
            })
            .max()
            .unwrap_or(0)
    }

    /// Counts a try of the pair before it is made, so that many at once cannot slip by.
    pub(super) fn count(&mut self, account: &str, address: &str, now: Ticks) {
        let [(pair, _), _, _] = keys(account, address);
        self.add([pair], now);
    }

    /// Counts a failure against the address and the account. Not before it has failed: a depot's many drivers
    /// sign in from one address at the same moment.
    pub(super) fn failed(&mut self, account: &str, address: &str, now: Ticks) {
        let [_, (address, _), (account, _)] = keys(account, address);
        self.add([address, account], now);
    }

    /// Forgets the tries of a pair that has succeeded.
    pub(super) fn succeeded(&mut self, account: &str, address: &str) {
        let [(pair, _), _, _] = keys(account, address);
        self.counters.remove(&pair);
    }

    fn add<const N: usize>(&mut self, keys: [Key; N], now: Ticks) {
        for key in keys {
            self.make_room(&key, now);
            let (since, failures) = self.counters.entry(key).or_insert((now, 0));
            if now.since_ms(*since) >= WINDOW_MS {
                (*since, *failures) = (now, 0);
            }
            *failures += 1;
        }
    }

    fn make_room(&mut self, key: &Key, now: Ticks) {
        if self.counters.len() < COUNTERS_MAX || self.counters.contains_key(key) {
            return;
        }
        self.counters.retain(|_, (since, _)| now.since_ms(*since) < WINDOW_MS);
        if self.counters.len() >= COUNTERS_MAX {
            let oldest =
                self.counters.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.counters.remove(&oldest);
            }
        }
    }
}

fn keys(account: &str, address: &str) -> [(Key, u32); 3] {
    [
        (Key::Pair(account.into(), address.into()), PAIR_MAX),
        (Key::Address(address.into()), address_max(address)),
        (Key::Account(account.into()), ACCOUNT_MAX),
    ]
}

fn address_max(address: &str) -> u32 {
    let is_own = address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if is_own { OWN_ADDRESS_MAX } else { ADDRESS_MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_try_waits_and_another_address_does_not() {
        let mut throttle = Throttle::default();
        for _ in 0..PAIR_MAX {
            assert_eq!(throttle.wait_ms("kim", "10.0.0.1", Ticks(0)), 0);
            throttle.count("kim", "10.0.0.1", Ticks(0));
        }
        assert_eq!(throttle.wait_ms("kim", "10.0.0.1", Ticks(1_000)), WINDOW_MS - 1_000);
        assert_eq!(throttle.wait_ms("kim", "10.0.0.2", Ticks(1_000)), 0, "kim is not locked out elsewhere");
        assert_eq!(throttle.wait_ms("kim", "10.0.0.1", Ticks(WINDOW_MS)), 0);
    }

    #[test]
    fn one_address_with_many_accounts_waits() {
        let mut throttle = Throttle::default();
        for n in 0..ADDRESS_MAX {
            assert_eq!(throttle.wait_ms("fresh", "10.0.0.1", Ticks(1)), 0);
            throttle.failed(&format!("account-{n}"), "10.0.0.1", Ticks(0));
        }
        assert!(throttle.wait_ms("fresh", "10.0.0.1", Ticks(1)) > 0);
    }

    #[test]
    fn a_proxy_on_this_machine_locks_nobody_out_soon() {
        let mut throttle = Throttle::default();
        for n in 0..OWN_ADDRESS_MAX {
            assert_eq!(throttle.wait_ms("fresh", "127.0.0.1", Ticks(1)), 0);
            throttle.failed(&format!("account-{n}"), "127.0.0.1", Ticks(0));
        }
        assert!(throttle.wait_ms("fresh", "127.0.0.1", Ticks(1)) > 0);
    }

    #[test]
    fn one_account_from_many_addresses_waits() {
        let mut throttle = Throttle::default();
        for n in 0..ACCOUNT_MAX {
            throttle.failed("kim", &format!("10.0.{}.{}", n / 250, n % 250), Ticks(0));
        }
        assert!(throttle.wait_ms("kim", "192.0.2.1", Ticks(1)) > 0);
    }

    #[test]
    fn a_depot_signs_in_from_one_address_at_the_same_moment() {
        let mut throttle = Throttle::default();
        for n in 0..1_000 {
            let account = format!("driver-{n}");
            assert_eq!(throttle.wait_ms(&account, "10.0.0.1", Ticks(0)), 0);
            throttle.count(&account, "10.0.0.1", Ticks(0));
        }
        for n in 0..1_000 {
            throttle.succeeded(&format!("driver-{n}"), "10.0.0.1");
        }
        assert!(throttle.counters.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_keeps_the_newest() {
        let mut throttle = Throttle::default();
        for n in 0..COUNTERS_MAX as u64 {
            throttle.failed(&format!("a{n}"), &format!("b{n}"), Ticks(n));
        }
        assert_eq!(throttle.counters.len(), COUNTERS_MAX);
        let last = COUNTERS_MAX - 1;
        assert!(throttle.counters.contains_key(&Key::Account(format!("a{last}"))));
    }
}
