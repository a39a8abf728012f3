//! Where capsules wait until somebody loads the key: a place for each phone, replaced by each of its attaches.
//!
//! One driver fills [`PHONES_PER_DRIVER`] places and no more, whatever names of shifts and keys of devices are made up.

use std::collections::{BTreeMap, BTreeSet};

use ondol_core::capsule::CAPSULE_LIFE_MS;
use ondol_core::ids::{AssignmentId, DeviceId, DriverId, ShiftId};
use ondol_core::units::Ticks;
use uuid::Uuid;

use super::Brought;
use crate::identity::Bearer;

/// Most phones that wait, each with a slot of two trips: about 30 MB.
pub(super) const PHONES_MAX: usize = 10_000;
/// Most phones of one driver that wait: the one in use, and the one before it. A third takes the oldest one's place.
const PHONES_PER_DRIVER: usize = 2;

/// A driver's phone.
pub(super) type Phone = (DriverId, DeviceId);

/// What a phone has brought.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) bearer: Bearer,
    pub(super) shift: ShiftId,
    pub(super) since: Ticks,
    pub(super) capsules: Vec<Waiting>,
}

/// A capsule that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) brought: Brought,
    /// Why it was not opened under the key that was loaded: another key or a later signer may.
    pub(super) unopened: Option<&'static str>,
}

#[derive(Debug, Default)]
pub(super) struct Room {
    phones: BTreeMap<Phone, Place>,
    /// The same, oldest first.
    by_age: BTreeSet<(Ticks, Phone)>,
}

impl Place {
    fn phone(&self) -> Phone {
        (self.bearer.driver, self.bearer.device)
    }
}

impl Room {
    /// Lets a phone wait with what it has brought now, instead of what it brought before. False if the room is full.
    pub(super) fn replace(&mut self, place: Place) -> bool {
        self.forget_expired(place.since);
        let phone = place.phone();
        self.remove(phone);
        if place.capsules.is_empty() {
            return true;
        }
        let of_driver = (phone.0, DeviceId(Uuid::nil()))..=(phone.0, DeviceId(Uuid::max()));
        let others = || self.phones.range(of_driver.clone());
        if others().count() >= PHONES_PER_DRIVER
            && let Some(oldest) = others().min_by_key(|(_, place)| place.since).map(|(phone, _)| *phone)
        {
            self.remove(oldest);
        }
        if self.phones.len() >= PHONES_MAX {
            return false;
        }
        self.insert(place);
        true
    }

    /// Capsules that nobody has tried to open under this key.
    pub(super) fn untried(&self) -> Vec<(Phone, AssignmentId)> {
        let all = self
            .phones
            .iter()
            .flat_map(|(phone, place)| place.capsules.iter().map(|waiting| (*phone, waiting)));
        let untried = all.filter(|(_, waiting)| waiting.unopened.is_none());
        untried.map(|(phone, waiting)| (phone, waiting.brought.assignment.clone())).collect()
    }

    /// Who brought a capsule, and what; it goes on waiting.
    pub(super) fn find(&self, phone: Phone, assignment: &AssignmentId) -> Option<(Bearer, ShiftId, Brought)> {
        let place = self.phones.get(&phone)?;
        let waiting = place.capsules.iter().find(|waiting| waiting.brought.assignment == *assignment)?;
        Some((place.bearer.clone(), place.shift, waiting.brought.clone()))
    }

    /// A capsule waits no longer, or for another key or signer. Harmless if its phone has ended the trip meanwhile.
    pub(super) fn settle(&mut self, phone: Phone, assignment: &AssignmentId, unopened: Option<&'static str>) {
        let Some(place) = self.phones.get_mut(&phone) else { return };
        match unopened {
            Some(code) => {
                let of_it =
                    place.capsules.iter_mut().filter(|waiting| waiting.brought.assignment == *assignment);
                of_it.for_each(|waiting| waiting.unopened = Some(code));
            }
            None => place.capsules.retain(|waiting| waiting.brought.assignment != *assignment),
        }
        if place.capsules.is_empty() {
            self.remove(phone);
        }
    }

    /// What could not be opened is tried again.
    pub(super) fn try_all_again(&mut self) {
        let waiting = self.phones.values_mut().flat_map(|place| &mut place.capsules);
        waiting.for_each(|waiting| waiting.unopened = None);
    }

    /// How many capsules wait, and how many of them could not be opened.
    pub(super) fn count(&self) -> (usize, usize) {
        let all = || self.phones.values().flat_map(|place| &place.capsules);
        (all().count(), all().filter(|waiting| waiting.unopened.is_some()).count())
    }

    fn insert(&mut self, place: Place) {
        let phone = place.phone();
        self.by_age.insert((place.since, phone));
        self.phones.insert(phone, place);
    }

    fn remove(&mut self, phone: Phone) {
        if let Some(place) = self.phones.remove(&phone) {
            self.by_age.remove(&(place.since, phone));
        }
    }

    /// The oldest go first, so that nobody looks through all of them.
    fn forget_expired(&mut self, now: Ticks) {
        while let Some((since, phone)) = self.by_age.first().copied()
            && now.since_ms(since) > CAPSULE_LIFE_MS
        {
            self.remove(phone);
        }
    }
}

#[cfg(test)]
mod tests {
    use ondol_core::ids::BookingId;
    use ondol_core::units::UtcMs;

    use super::*;
    use crate::identity::SigningKey;

    fn place(driver: u128, device: u128, shift: u128, since: u64, capsules: u64) -> Place {
        let bearer = Bearer {
            driver: DriverId::from_number(driver),
            device: DeviceId::from_number(device),
            district: "hanbuk".parse().unwrap(),
            fleet: "blue".parse().unwrap(),
            jkt: SigningKey::from_seed(&[1; 32]).public().thumbprint(),
            expires_at: UtcMs(0),
            token: Uuid::nil(),
        };
        let waiting = (0..capsules).map(|n| Waiting {
            brought: Brought {
                booking: BookingId::from_number(n.into()),
                assignment: format!("central:1:{n}").parse().unwrap(),
                text: String::new(),
            },
            unopened: None,
        });
        let shift = ShiftId(Uuid::from_u128(shift));
        Place { bearer, shift, since: Ticks(since), capsules: waiting.collect() }
    }

    #[test]
    fn an_attach_replaces_what_its_phone_had_waiting_under_whatever_shift() {
        let mut room = Room::default();
        assert!(room.replace(place(1, 1, 1, 0, 2)));
        for shift in 2..100 {
            assert!(room.replace(place(1, 1, shift, 1, 2)));
        }
        assert_eq!(room.count(), (2, 0));
        assert!(room.replace(place(1, 1, 100, 2, 0)), "its trip is over");
        assert_eq!((room.count(), room.by_age.len()), ((0, 0), 0));
    }

    #[test]
    fn of_a_drivers_phones_the_oldest_gives_way() {
        let mut room = Room::default();
        for device in 1..=100 {
            assert!(room.replace(place(1, device, 1, u64::try_from(device).unwrap(), 2)));
        }
        assert!(room.replace(place(2, 1, 2, 200, 1)));
        let left: Vec<_> = room.phones.keys().map(|(_, device)| *device).collect();
        assert_eq!(left, [99, 100, 1].map(DeviceId::from_number));
    }

    #[test]
    fn a_full_room_takes_nobody_else_until_the_oldest_have_expired() {
        let mut room = Room::default();
        for driver in 0..u128::try_from(PHONES_MAX).unwrap() {
            assert!(room.replace(place(driver, 1, 1, 10, 1)));
        }
        let life = CAPSULE_LIFE_MS;
        assert!(!room.replace(place(99_999, 1, 1, 10 + life, 1)));
        assert!(room.replace(place(7, 1, 1, 10 + life, 2)), "who waits already may come again");
        assert!(room.replace(place(99_999, 1, 1, 11 + life, 1)));
        assert_eq!(room.count(), (3, 0), "whoever came later than the others is still there");
    }

    #[test]
    fn what_is_settled_waits_no_longer_and_the_rest_does() {
        let mut room = Room::default();
        room.replace(place(1, 1, 1, 0, 2));
        let all = room.untried();
        let [(phone, first), (_, second)] = &all[..] else { panic!("{all:?}") };
        room.settle(*phone, first, Some("capsule_forged"));
        assert_eq!((room.count(), room.untried()), ((2, 1), vec![(*phone, second.clone())]));
        room.settle(*phone, second, None);
        assert_eq!((room.count(), room.find(*phone, second).is_none()), ((1, 1), true));
        room.try_all_again();
        assert_eq!(room.untried(), [(*phone, first.clone())]);
        room.settle(*phone, first, None);
        room.settle(*phone, first, Some("capsule_forged"));
        assert_eq!((room.phones.len(), room.by_age.len()), (0, 0));
    }
}
