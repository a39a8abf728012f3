//! A bounded number of places, and of those a bounded number for each holder: nobody can take them all.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Places that are taken and given back. Cheap to clone; all clones share them.
#[derive(Debug)]
pub struct Places<K: Eq + Hash> {
    max: usize,
    taken: Arc<Mutex<Taken<K>>>,
}

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    by: HashMap<K, usize>,
}

/// A taken place; dropping it gives it back.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    taken: Arc<Mutex<Taken<K>>>,
    by: K,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// All are taken.
    Full,
    /// This holder has as many as one may have.
    TooMany,
}

impl<K: Eq + Hash> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self { max: self.max, taken: Arc::clone(&self.taken) }
    }
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// Returns `max` free places.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, taken: Arc::new(Mutex::new(Taken { all: 0, by: HashMap::new() })) }
    }

    /// Takes a place for `by`, who may have at most `each_max`.
    ///
    /// # Errors
    ///
    /// [`NoPlace`]
    pub fn take(&self, by: K, each_max: usize) -> Result<Place<K>, NoPlace> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.by.get(&by).is_some_and(|count| *count >= each_max) {
            return Err(NoPlace::TooMany);
        }
        if taken.all >= self.max {
            return Err(NoPlace::Full);
        }
        taken.all += 1;
        *taken.by.entry(by.clone()).or_default() += 1;
        Ok(Place { taken: Arc::clone(&self.taken), by })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let rest = taken.by.get(&self.by).map_or(0, |count| count.saturating_sub(1));
        if rest == 0 {
            taken.by.remove(&self.by);
        } else if let Some(count) = taken.by.get_mut(&self.by) {
            *count = rest;
        }
    }
}

/// Who is one caller: an IPv4 address, or the /64 network of an IPv6 one, because a household has a whole network.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_cannot_take_every_place() {
        let places = Places::new(3);
        let first = [places.take("a", 2).unwrap(), places.take("a", 2).unwrap()];
        assert_eq!(places.take("a", 2).unwrap_err(), NoPlace::TooMany);
        let _other = places.take("b", 2).unwrap();
        assert_eq!(places.take("c", 2).unwrap_err(), NoPlace::Full);
        drop(first);
        assert!(places.take("c", 2).is_ok(), "what is given back is free");
        assert!(places.take("a", 2).is_ok());
        assert_eq!(places.taken.lock().unwrap().by.len(), 1, "who holds nothing is forgotten");
    }

    #[test]
    fn one_house_is_one_caller() {
        let of = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_eq!(of("::ffff:10.0.0.1"), IpAddr::from([10, 0, 0, 1]));
        assert_eq!(of("::1"), of("::1"));
    }
}
