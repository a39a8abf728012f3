//! Riders who follow at the same time: so many in all, of one address, of one booking. Who finds no place looks now and then.

use std::net::IpAddr;

use ondol_core::ids::BookingId;
use ondol_engine::http::{NoPlace, Place, Places, Problem, network_of};

/// In all.
const FOLLOWERS_MAX: usize = 10_000;
/// From one address: behind one may be a hotel, or a whole cell of a mobile network.
const OF_ADDRESS_MAX: usize = 250;
/// Of one booking: the rider, and whom the rider gave the link.
const OF_BOOKING_MAX: usize = 8;
/// A rider who found no place looks again after this long.
const LOOK_AGAIN_S: u32 = 10;

/// The places of a door.
pub(crate) struct Followers {
    addresses: Places<IpAddr>,
    bookings: Places<BookingId>,
}

/// A place; dropping it gives it back.
pub(crate) struct Following {
    _of_address: Place<IpAddr>,
    _of_booking: Place<BookingId>,
}

impl Default for Followers {
    fn default() -> Self {
        Self { addresses: Places::new(FOLLOWERS_MAX), bookings: Places::new(FOLLOWERS_MAX) }
    }
}

impl Followers {
    /// Takes a place for whoever follows `booking` from `address`.
    ///
    /// # Errors
    ///
    /// 429 if the address or the booking has as many as one may have, 503 if there is none left.
    pub(crate) fn follow(&self, address: IpAddr, booking: BookingId) -> Result<Following, Problem> {
        // A proxy of this machine has limits of its own.
        let of_address_max = if address.is_loopback() { FOLLOWERS_MAX } else { OF_ADDRESS_MAX };
        let refused = |no: NoPlace| match no {
            NoPlace::TooMany => Problem::too_many(LOOK_AGAIN_S),
            NoPlace::Full => Problem::unavailable(),
        };
        let of_booking = self.bookings.take(booking, OF_BOOKING_MAX).map_err(refused)?;
        let of_address = self.addresses.take(network_of(address), of_address_max).map_err(refused)?;
        Ok(Following { _of_address: of_address, _of_booking: of_booking })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Following, Problem>) -> Option<String> {
        result.err().map(|problem| problem.code)
    }

    #[test]
    fn one_address_leaves_places_to_the_others() {
        let followers = Followers::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let booking = |n: usize| BookingId::from_number(u128::try_from(n).unwrap());
        let taken: Vec<_> = (0..OF_ADDRESS_MAX).map(|n| followers.follow(one, booking(n)).unwrap()).collect();
        assert_eq!(code(followers.follow(one, booking(9_999))).as_deref(), Some("too_many_requests"));
        assert_eq!(code(followers.follow(other, booking(9_999))), None);
        drop(taken);
        assert_eq!(code(followers.follow(one, booking(9_999))), None);
    }

    #[test]
    fn one_booking_is_followed_by_a_family() {
        let followers = Followers::default();
        let booking = BookingId::from_number(1);
        let address = |n: usize| IpAddr::from([10, 0, 1, u8::try_from(n).unwrap()]);
        let _taken: Vec<_> =
            (0..OF_BOOKING_MAX).map(|n| followers.follow(address(n), booking).unwrap()).collect();
        assert_eq!(code(followers.follow(address(99), booking)).as_deref(), Some("too_many_requests"));
        assert_eq!(code(followers.follow(address(99), BookingId::from_number(2))), None);
    }
}
