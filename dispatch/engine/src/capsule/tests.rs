//! Goal: a capsule is read by the recovery key alone, says who signed it, and fits its bound; anything else is refused.

use ondol_core::booking::{Door, Needs, Payment, Priority};
use ondol_core::capsule::{CAPSULE_MAX_CHARS, Capsule};
use ondol_core::fact::{Lang, Quote, Request};
use ondol_core::ids::{
    AssignmentId, BookingId, DeviceId, DistrictId, DriverId, NAME_MAX, NodeId, ShiftId, SubjectId,
};
use ondol_core::loan::LoanId;
use ondol_core::position::Position;
use ondol_core::units::{Money, UtcMs};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use uuid::Uuid;

use super::seal::{RecoveryKey, Unopened};
use super::with_personal;
use crate::identity::SigningKey;
use crate::vault::{RiderPersonal, Secrets, Vault};

fn recovery(seed: u8) -> RecoveryKey {
    RecoveryKey::from_bytes(&Secrets::from_bytes([seed; 32]).derive("recovery"))
}

fn signer() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn open(key: &RecoveryKey, text: &str) -> Result<(Capsule, RiderPersonal), Unopened> {
    key.open(text, |_, bytes, signature| signer().public().verifies(bytes, signature))
}

fn name(seed: u128, length: usize) -> String {
    (0..length).map(|i| char::from(b'a' + u8::try_from((seed >> (i % 16)) % 26).unwrap())).collect()
}

/// A trip of which every part is as long as it can be, or as short.
fn trip(seed: u128, is_long: bool) -> (Capsule, RiderPersonal) {
    let length = if is_long { NAME_MAX } else { 1 };
    let number = if is_long { u64::MAX } else { 0 };
    let uuid = Uuid::from_u128(seed);
    let at = UtcMs(if is_long { i64::MIN } else { 0 });
    let district: DistrictId = name(seed, length).parse().unwrap();
    let request = Request {
        door: Door::Phone,
        fleet: is_long.then(|| name(seed, length).parse().unwrap()),
        pickup: Position::new(-37.512_345, 127.012_345).unwrap(),
        dropoff: is_long.then(|| Position::new(37.5, -127.0).unwrap()),
        stand: is_long.then(|| name(seed, length).parse().unwrap()),
        seats: 8,
        needs: Needs { wheelchair: is_long, pet: true, luggage: true },
        priority: Priority::Medical,
        pickup_at: is_long.then_some(at),
        rider: SubjectId(uuid),
        phone: None,
        personal: None,
        lang: Lang::En,
        payment: Payment::Deferred,
        quote: is_long.then(|| Quote { fare: Money(i64::MIN), tariff: name(seed, NAME_MAX) }),
        text_home: is_long.then(|| name(seed, length).parse().unwrap()),
        digest: name(seed, 64),
    };
    let origin: NodeId = name(seed, length).parse().unwrap();
    let capsule = Capsule {
        booking: BookingId(uuid),
        assignment: AssignmentId {
            origin,
            incarnation: u32::try_from(number >> 32).unwrap(),
            counter: number,
        },
        shift: ShiftId(uuid),
        device: DeviceId(uuid),
        driver: DriverId(uuid),
        zone: name(seed, length).parse().unwrap(),
        district,
        attach_epoch: number,
        request,
        eta_s: u32::MAX,
        offered_at: at,
        borrowed: is_long.then(|| (LoanId(number), name(seed, length).parse().unwrap())),
    };
    let phone = is_long.then(|| "+821012345678901".parse().unwrap());
    (capsule, RiderPersonal { name: is_long.then(|| "가".repeat(20)), phone, ..RiderPersonal::default() })
}

fn sealed(seed: u128, is_long: bool) -> String {
    let (capsule, rider) = trip(seed, is_long);
    recovery(1).public().seal(&signer(), capsule, &rider).expect("it is no longer than any of ours")
}

#[test]
fn the_longest_capsule_fits_its_bound_and_a_longer_name_is_cut() {
    let longest = sealed(u128::MAX, true).len();
    println!("the longest capsule has {longest} of {CAPSULE_MAX_CHARS} characters");
    assert!(longest <= CAPSULE_MAX_CHARS);
    let (capsule, mut rider) = trip(1, true);
    rider.name = Some(format!("x{}", "가".repeat(60)));
    let text = recovery(1).public().seal(&signer(), capsule, &rider).unwrap();
    let read = open(&recovery(1), &text).unwrap().1.name.unwrap();
    assert_eq!(read, format!("x{}", "가".repeat(19)), "cut between letters");
    let (mut capsule, rider) = trip(1, true);
    capsule.request.digest = "x".repeat(600);
    assert_eq!(recovery(1).public().seal(&signer(), capsule, &rider), None, "never sent longer");
}

#[test]
fn another_key_another_signer_and_a_text_sealed_anew_are_told_apart() {
    let text = sealed(3, true);
    assert_eq!(open(&recovery(2), &text).unwrap_err(), Unopened::Foreign);
    let thief = SigningKey::from_seed(&[8; 32]);
    let (capsule, rider) = trip(3, true);
    let forged = recovery(1).public().seal(&thief, capsule, &rider).unwrap();
    assert_eq!(open(&recovery(1), &forged).unwrap_err(), Unopened::Forged);
    let asked = std::cell::RefCell::new(Vec::new());
    let opened = recovery(1).open(&text, |node, _, _| {
        asked.borrow_mut().push(node.clone());
        false
    });
    assert_eq!(opened.unwrap_err(), Unopened::Forged);
    assert_eq!(
        asked.into_inner(),
        [trip(3, true).0.assignment.origin],
        "the node that made the bond must have signed"
    );
    for bad in ["", "x", "가", &"A".repeat(CAPSULE_MAX_CHARS + 1), &"A".repeat(400)] {
        assert_eq!(open(&recovery(1), bad).unwrap_err(), Unopened::Unreadable, "{bad:.9}");
    }
}

#[test]
fn a_capsule_tells_nothing_to_who_has_no_key() {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(sealed(5, true)).unwrap();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(!holds(b"+8210") && !holds("가가".as_bytes()) && !holds(Uuid::from_u128(5).as_bytes()));
    assert_ne!(sealed(5, true), sealed(5, true), "two capsules of one trip look unlike");
}

/// What the first release sealed is read for ever: a change of what a capsule holds is another form.
#[test]
fn a_capsule_of_the_first_form_is_still_read() {
    let text = include_str!("first-form.txt").trim();
    assert_eq!(open(&recovery(1), text).unwrap(), trip(11, true));
}

/// Who was erased is not known to a node that lost everything, but may be to one that has heard of it since.
#[test]
fn a_trip_comes_back_with_its_rider_unless_the_rider_was_erased() {
    let vault = Vault::new(&Secrets::from_bytes([3; 32]));
    let (capsule, rider) = trip(4, true);
    let back = with_personal(&vault, capsule.clone(), &rider);
    assert_eq!(back.request.phone, Some(vault.phone_key(rider.phone.as_ref().unwrap())));
    let read: RiderPersonal = vault.read(back.request.personal.as_ref().unwrap()).unwrap();
    assert_eq!((read.name, read.phone), (rider.name.clone(), rider.phone.clone()));
    vault.erase(capsule.request.rider, UtcMs(0));
    assert_eq!(with_personal(&vault, capsule.clone(), &rider).request.personal, None);
    assert_eq!(with_personal(&vault, capsule, &RiderPersonal::default()).request.phone, None);
}

proptest! {
    // The same cases each run.
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn what_is_sealed_is_opened(seed in any::<u128>(), is_long in any::<bool>()) {
        let text = sealed(seed, is_long);
        prop_assert!(text.len() <= CAPSULE_MAX_CHARS);
        prop_assert_eq!(open(&recovery(1), &text).unwrap(), trip(seed, is_long));
    }

    #[test]
    fn what_was_cut_or_altered_is_refused(seed in any::<u128>(), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let text = sealed(seed, true);
        let mut bytes = engine.decode(&text).unwrap();
        let at = at.index(bytes.len());
        prop_assert!(open(&recovery(1), &engine.encode(&bytes[..at])).is_err());
        bytes[at] ^= 1 << bit;
        prop_assert!(open(&recovery(1), &engine.encode(&bytes)).is_err());
        bytes[at] ^= 1 << bit;
        bytes.push(0);
        prop_assert!(open(&recovery(1), &engine.encode(&bytes)).is_err());
    }
}
