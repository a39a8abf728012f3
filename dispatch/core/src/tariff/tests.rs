use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;

/// A moment of 2024-03-05 on Seoul's clock.
fn seoul(hour: i64, minute: i64) -> UtcMs {
    UtcMs(1_709_564_400_000 + (hour * 60 + minute) * 60_000)
}

fn meter(distance_m: u32, slow_s: u32, duration_s: u32, started_at: UtcMs) -> Meter {
    Meter { distance_m, slow_s, duration_s, started_at, out_of_area: false }
}

fn total(meter: &Meter) -> i64 {
    Tariff::seoul().fare(meter).total.0
}

fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Result<Tariff, InvalidTariff> {
    let mut json: serde_json::Value =
        serde_json::from_str(include_str!("../../data/tariff-seoul-2023-02-01.json")).unwrap();
    change(&mut json);
    Tariff::from_json(&json.to_string())
}

#[test]
fn refuses_what_could_not_be_computed() {
    assert_eq!(Tariff::from_json(&" ".repeat(TARIFF_MAX + 1)), Err(InvalidTariff::TooLarge(TARIFF_MAX + 1)));
    assert!(matches!(Tariff::from_json("{}"), Err(InvalidTariff::Unreadable(_))));
    assert!(matches!(changed(|j| j["surge"] = 2.into()), Err(InvalidTariff::Unreadable(_))));
    assert!(matches!(changed(|j| j["base_fare"] = 4_800.5.into()), Err(InvalidTariff::Unreadable(_))));
    for bad in ["24:00", "10:60", "1:00", "+1:00", "22.00", ""] {
        let error = changed(|j| j["night"][0]["from"] = bad.into()).unwrap_err();
        assert!(error.to_string().contains("is not a time of day"), "{bad:?}: {error}");
    }
    assert!(matches!(changed(|j| j["id"] = "Seoul 2023".into()), Err(InvalidTariff::Id(_))));
    for (field, bad) in [
        ("unit_distance_m", 0),
        ("unit_time_s", 0),
        ("round_to", 0),
        ("base_fare", -1),
        ("unit_fare", 0),
        ("estimate_flow_kmh", 0),
        ("utc_offset_min", 841),
        ("out_of_area_percent", 201),
    ] {
        let error = changed(|j| j[field] = bad.into()).unwrap_err();
        assert!(matches!(error, InvalidTariff::Range { field: named, .. } if named == field), "{error}");
    }
    assert!(matches!(
        changed(|j| j["night"][0]["base_fare"] = 4_799.into()),
        Err(InvalidTariff::Range { field: "base_fare", least: 4_800, .. })
    ));
    assert_eq!(changed(|j| j["night"][0]["to"] = "23:01".into()), Err(InvalidTariff::Steps("23:00".into())));
    assert_eq!(changed(|j| j["night"][0]["to"] = "22:00".into()), Err(InvalidTariff::Steps("22:00".into())));
    assert_eq!(changed(|j| j["unit_fare"] = 101.into()), Err(InvalidTariff::Fraction(20)));
    let step = serde_json::json!({ "from": "05:00", "to": "05:01", "add_percent": 0, "base_fare": 4_800 });
    assert_eq!(
        changed(|j| j["night"] = vec![step; NIGHT_STEPS_MAX + 1].into()),
        Err(InvalidTariff::TooManySteps(NIGHT_STEPS_MAX + 1))
    );
}

#[test]
fn json_round_trip_keeps_the_tariff() {
    let tariff = Tariff::seoul();
    assert_eq!(Tariff::from_json(&serde_json::to_string(&tariff).unwrap()), Ok(tariff));
}

/// The city's examples of 2023-02-01: 7 km by day about 11,000 won (9,600 before), 10 km late at night about 17,700.
///
/// The slow time is not published. 624 s by day is what both the old tariff's 9,600 and the new one's 11,000 give.
/// At night 78 units give 17,620 and 79 give 17,760 won, so 17,700 itself is out of a meter's reach.
#[test]
fn the_citys_published_examples() {
    assert_eq!(total(&meter(7_000, 624, 1_260, seoul(14, 0))), 11_000);
    assert_eq!(total(&meter(10_000, 434, 1_334, seoul(23, 30))), 17_600);
    assert_eq!(total(&meter(10_000, 450, 1_350, seoul(23, 30))), 17_800);
    let tariff = Tariff::seoul();
    assert_eq!(tariff.estimate(7_000, 1_260, seoul(14, 0)).total, Money(11_000));
    assert_eq!(tariff.estimate(10_000, 1_334, seoul(23, 30)).total, Money(17_600));

    let before = changed(|j| {
        j["id"] = "seoul-medium-2019-02-16".into();
        j["base_fare"] = 3_800.into();
        j["base_distance_m"] = 2_000.into();
        j["unit_distance_m"] = 132.into();
        j["unit_time_s"] = 31.into();
        j["night"] =
            serde_json::json!([{ "from": "00:00", "to": "04:00", "add_percent": 20, "base_fare": 4_600 }]);
    })
    .unwrap();
    assert_eq!(before.fare(&meter(7_000, 624, 1_260, seoul(14, 0))).total, Money(9_600));
}

#[test]
fn the_meter_turns_when_a_unit_is_complete() {
    let noon = seoul(12, 0);
    for (distance_m, slow_s, expected) in [
        (0, 0, 4_800),
        (1_600, 0, 4_800),
        (1_730, 0, 4_800),
        (1_731, 0, 4_900),
        (1_861, 0, 4_900),
        (1_862, 0, 5_000),
        (1_600, 29, 4_800),
        (1_600, 30, 4_900),
        // Half a unit of each makes one.
        (1_666, 15, 4_900),
        // Standing counts towards the base too: 1,600 m are worth 366.4 s.
        (0, 366, 4_800),
        (0, 396, 4_800),
        (0, 397, 4_900),
    ] {
        assert_eq!(total(&meter(distance_m, slow_s, 900, noon)), expected, "{distance_m} m, {slow_s} s");
    }
}

#[test]
fn the_night_in_steps() {
    // 1,731 m are the base and one unit: 100, 120 or 140 won, rounded to hundreds.
    for (hour, minute, base, with_unit) in [
        (4, 0, 4_800, 4_900),
        (21, 59, 4_800, 4_900),
        (22, 0, 5_800, 5_900),
        (22, 59, 5_800, 5_900),
        (23, 0, 6_700, 6_800),
        (0, 0, 6_700, 6_800),
        (1, 59, 6_700, 6_800),
        (2, 0, 5_800, 5_900),
        (3, 59, 5_800, 5_900),
    ] {
        let at = seoul(hour, minute);
        assert_eq!(total(&meter(1_000, 0, 30, at)), base, "{hour}:{minute}");
        assert_eq!(total(&meter(1_731, 0, 30, at)), with_unit, "{hour}:{minute}");
    }
    // Ten units: 1,000, 1,200 or 1,400 won.
    assert_eq!(total(&meter(2_910, 0, 300, seoul(12, 0))), 5_800);
    assert_eq!(total(&meter(2_910, 0, 300, seoul(22, 30))), 7_000);
    assert_eq!(total(&meter(2_910, 0, 300, seoul(23, 30))), 8_100);
}

#[test]
fn a_trip_into_the_night_pays_each_step_for_its_part() {
    // 13,100 m in 50 min: the base is over after 6 min, 87 units follow.
    let fare = Tariff::seoul().fare(&meter(13_100, 0, 3_000, seoul(21, 35)));
    assert_eq!((fare.base, fare.units, fare.metered), (Money(4_800), 87, Money(8_700)));
    // At 22:00, half of the way (6,550 m), 37 units are complete; the other 50 pay 20 won more.
    assert_eq!((fare.night, fare.rounding, fare.total), (Money(50 * 20), Money(0), Money(14_500)));
    // All three steps in one long trip: base at 21:59, home at 02:30.
    let fare = Tariff::seoul().fare(&meter(270_000, 0, 271 * 60, seoul(21, 59)));
    let units_at = |minute: i64| (270_000 * minute / 271 - 1_600).max(0) / 131;
    let expected = (units_at(61) - units_at(1)) * 20
        + (units_at(241) - units_at(61)) * 40
        + (units_at(271) - units_at(241)) * 20;
    assert_eq!(fare.night, Money(expected));
}

#[test]
fn leaving_the_area_adds_to_the_night() {
    let mut trip = meter(2_910, 0, 300, seoul(12, 0));
    trip.out_of_area = true;
    // 4,800 × 1.2 = 5,760 → 5,800, the same as the night's base fare; ten units at 120.
    let fare = Tariff::seoul().fare(&trip);
    assert_eq!((fare.out_of_area, fare.night, fare.total), (Money(1_200), Money(0), Money(7_000)));
    trip.started_at = seoul(23, 30);
    // 4,800 × 1.6 = 7,680 → 7,700; ten units at 160.
    assert_eq!(Tariff::seoul().fare(&trip).total, Money(9_300));
}

#[test]
fn tens_of_won_round_half_up() {
    assert_eq!(
        [5_040, 5_049, 5_050, 5_099].map(|won| round_half_up(won, 100) * 100),
        [5_000, 5_000, 5_100, 5_100]
    );
}

#[test]
fn the_slow_speed_is_where_distance_and_time_fill_a_unit_together() {
    let tariff = Tariff::seoul();
    assert!(!tariff.is_slow(131, 30_000), "15.72 km/h");
    assert!(tariff.is_slow(130, 30_000) && tariff.is_slow(131, 30_001));
    assert!(tariff.is_slow(0, 1) && !tariff.is_slow(0, 0));
}

#[test]
fn absurd_meters_still_have_a_fare() {
    let most = Meter {
        distance_m: u32::MAX,
        slow_s: u32::MAX,
        duration_s: u32::MAX,
        ..meter(0, 0, 0, UtcMs(i64::MAX))
    };
    assert!(total(&most) > 0);
    assert!(total(&meter(u32::MAX, u32::MAX, 0, UtcMs(i64::MIN))) > 0);
}

#[test]
fn a_quote_names_the_tariff_that_binds() {
    let quote = Tariff::seoul().quote(7_000, 1_260, seoul(14, 0));
    assert_eq!((quote.fare, quote.tariff.as_str()), (Money(11_000), "seoul-medium-2023-02-01"));
}

fn any_meter() -> impl Strategy<Value = Meter> {
    (0..60_000_u32, 0..7_200_u32, 0..7_200_u32, 0..1_440_i64, any::<bool>()).prop_map(
        |(distance_m, slow_s, duration_s, minute, out_of_area)| Meter {
            out_of_area,
            ..meter(distance_m, slow_s, duration_s, seoul(0, minute))
        },
    )
}

/// The same cases each run; `PROPTEST_RNG_SEED` tries others.
fn repeatable() -> ProptestConfig {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let rng_seed = match config.rng_seed {
        RngSeed::Random => RngSeed::Fixed(2023),
        given @ RngSeed::Fixed(_) => given,
    };
    ProptestConfig { rng_seed, ..config }
}

proptest! {
    #![proptest_config(repeatable())]

    #[test]
    fn the_parts_add_up(meter in any_meter()) {
        let fare = Tariff::seoul().fare(&meter);
        let parts = [fare.base, fare.metered, fare.night, fare.out_of_area, fare.rounding];
        prop_assert_eq!(fare.total.0, parts.iter().map(|part| part.0).sum::<i64>());
        prop_assert!(fare.total.0 % 100 == 0 && (-50..=50).contains(&fare.rounding.0));
        prop_assert!(fare.night.0 >= 0 && fare.out_of_area.0 >= 0);
    }

    /// Against a meter that is turned unit by unit.
    #[test]
    fn the_night_equals_unit_by_unit(meter in any_meter()) {
        let tariff = Tariff::seoul();
        let (boarding_s, units) = (tariff.local_second(meter.started_at), tariff.fare(&meter).units);
        let all = u128::from(meter.distance_m) * 30 + u128::from(meter.slow_s) * 131;
        let slow_sum: i64 = (1..=u128::from(units)).map(|unit| {
            // The last second before the unit is complete: it belongs to that second's step.
            let complete = (48_000 + unit * 3_930) * u128::from(meter.duration_s);
            let second = i64::try_from(complete.div_ceil(all)).unwrap() - 1;
            let step = tariff.0.step_at((boarding_s + second.max(0)).rem_euclid(DAY_S));
            step.map_or(0, |step| i64::from(step.add_percent))
        }).sum();
        prop_assert_eq!(tariff.night_of_units(&meter, boarding_s, units), slow_sum);
    }

    #[test]
    fn within_one_step_more_driving_never_costs_less(
        distance_m in 0..60_000_u32, slow_s in 0..1_800_u32, more_m in 0..2_000_u32, more_s in 0..600_u32,
        hour in prop::sample::select(vec![3_i64, 12, 21, 22, 23, 1, 2]), out_of_area in any::<bool>(),
    ) {
        // At most 40 min from the full hour on, so the trip stays within its step.
        let less = Meter { out_of_area, ..meter(distance_m, slow_s, 1_800, seoul(hour, 0)) };
        let more = Meter { distance_m: distance_m + more_m, slow_s: slow_s + more_s, duration_s: 2_400, ..less };
        prop_assert!(total(&more) >= total(&less));
        let outside = Meter { out_of_area: true, ..less };
        prop_assert!(total(&outside) >= total(&less));
    }

    /// Across steps, a fare lies between that of the cheapest and that of the dearest hour.
    #[test]
    fn no_trip_costs_less_than_by_day_or_more_than_at_midnight(meter in any_meter()) {
        let at = |started_at| total(&Meter { started_at, duration_s: 0, ..meter });
        prop_assert!((at(seoul(12, 0))..=at(seoul(0, 0))).contains(&total(&meter)));
    }
}
