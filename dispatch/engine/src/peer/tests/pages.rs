//! Goal: of a page only that goes in which its sender may tell and a store can hold; the rest of the page goes on.

use ondol_core::authority::{EdgeMode, Epoch};
use ondol_core::command::{Renewal, RenewalAnswer};
use ondol_core::ids::{DistrictId, NAME_MAX, NodeId, SubjectId};
use ondol_core::journal::{Entry, Hash, Head, Heads, Lane, PAYLOAD_MAX, Series};
use ondol_core::units::{Ticks, UtcMs};

use super::sites::{chain, district, series};
use crate::peer::check::{PageRefusal, Parties};
use crate::peer::subjects::cut_to_subjects;
use crate::peer::wire::{CALL_MAX, PAGE_MAX, PullAnswer, PullRequest, SERIES_MAX};
use crate::store::{KeyCursor, PAGE_BYTES_MAX, PAGE_ENTRIES_MAX};
use crate::vault::{Secrets, SubjectKey, Vault};

struct Names {
    edge: NodeId,
    central: NodeId,
    districts: [DistrictId; 1],
    held: Heads,
}

impl Names {
    fn new() -> Self {
        let (edge, central) = ("edge-a".parse().unwrap(), "central".parse().unwrap());
        Self { edge, central, districts: [district()], held: Heads::default() }
    }

    /// Central, in its life 5, hears the edge.
    fn edge_tells(&self) -> Parties<'_> {
        Parties {
            sender: &self.edge,
            sender_is_central: false,
            receiver: &self.central,
            incarnation: 5,
            held: &self.held,
            takes_back: false,
            districts: &self.districts,
        }
    }

    fn central_tells(&self) -> Parties<'_> {
        let (sender, receiver) = (&self.central, &self.edge);
        Parties { sender, sender_is_central: true, receiver, ..self.edge_tells() }
    }
}

fn page(entries: Vec<Entry>, keys: Vec<SubjectKey>) -> PullAnswer {
    PullAnswer { entries, heads: Heads::default(), keys, key_cursor: KeyCursor::default(), more: false }
}

#[test]
fn an_edge_tells_its_own_district_only() {
    let names = Names::new();
    let cases = [
        ("edge-a", 1, "hanbuk", Lane::Bookings, true, true),
        ("edge-a", 1, "hanbuk", Lane::Safety, true, true),
        ("edge-a", 1, "hanbuk", Lane::Roster, false, true),
        ("edge-a", 1, "hannam", Lane::Bookings, false, false),
        ("edge-a", 1, "all", Lane::Roster, false, true),
        ("edge-b", 1, "hanbuk", Lane::Bookings, false, true),
        ("central", 4, "hanbuk", Lane::Bookings, false, true),
        ("central", 4, "all", Lane::Roster, false, true),
        // Central's present life comes back from long polls, and the core passes over it.
        ("central", 5, "hanbuk", Lane::Bookings, true, true),
        ("central", 4, "hannam", Lane::Bookings, false, false),
    ];
    for (origin, life, of, lane, edge_may, central_may) in cases {
        let other = series("edge-a", 2, "hanbuk", Lane::Safety);
        let mut entries = chain(&series(origin, life, of, lane), 2);
        entries.extend(chain(&other, 2));
        for (who, parties, may) in
            [("edge", names.edge_tells(), edge_may), ("central", names.central_tells(), central_may)]
        {
            let mut page = page(entries.clone(), Vec::new());
            let refused = parties.sift(&mut page).unwrap();
            assert_eq!(refused.is_empty(), may, "{who} tells {origin}/{life} of {of}: {refused:?}");
            assert!(refused.len() <= 1, "each series is reported once: {refused:?}");
            assert_eq!(page.entries.len(), if may { 4 } else { 2 }, "the other series goes on");
        }
    }
}

#[test]
fn central_takes_back_what_its_store_has_lost() {
    let mut names = Names::new();
    let past = series("central", 4, "hanbuk", Lane::Bookings);
    let entries = chain(&past, 3);
    let sift = |names: &Names, takes_back: bool| {
        let mut page = page(entries.clone(), Vec::new());
        let refused = Parties { takes_back, ..names.edge_tells() }.sift(&mut page).unwrap();
        (page.entries.len(), refused.len())
    };
    assert_eq!((sift(&names, false), sift(&names, true)), ((0, 1), (3, 0)));
    names.held.0.insert(past, entries[2].as_head());
    assert_eq!(sift(&names, false), (3, 0), "what is held comes to nothing");
}

#[test]
fn what_no_store_holds_waits_with_its_series() {
    let names = Names::new();
    let (own, other) =
        (series("edge-a", 1, "hanbuk", Lane::Bookings), series("edge-a", 1, "hanbuk", Lane::Safety));
    let spoilt: [fn(&mut Entry); 8] = [
        |e| e.payload = "x".repeat(PAYLOAD_MAX + 1),
        |e| e.payload = "\0".into(),
        |e| e.key = "k\0".into(),
        |e| e.kind = "k".repeat(200),
        |e| e.seq = u64::MAX,
        |e| e.seq = 0,
        |e| e.hlc.wall_ms = i64::MIN,
        |e| e.hlc.wall_ms = i64::MAX,
    ];
    for (i, spoil) in spoilt.iter().enumerate() {
        let mut entries = chain(&own, 3);
        spoil(&mut entries[1]);
        entries.extend(chain(&other, 2));
        let mut page = page(entries, Vec::new());
        let refused = names.edge_tells().sift(&mut page).unwrap();
        assert!(
            matches!(&refused[..], [PageRefusal::Unstorable { series, .. }] if *series == own),
            "case {i}: {refused:?}"
        );
        let left: Vec<_> = page.entries.iter().map(|entry| (entry.series.lane, entry.seq)).collect();
        assert_eq!(left, [(Lane::Bookings, 1), (Lane::Safety, 1), (Lane::Safety, 2)], "case {i}");
    }
    let refused = names.edge_tells().sift(&mut page(chain(&own, 2_001), Vec::new()));
    assert_eq!(refused, Err(PageRefusal::TooMany));
}

#[test]
fn an_edge_tells_keys_of_those_whose_text_it_sends_and_erases_nobody() {
    let names = Names::new();
    let vault = Vault::new(&Secrets::from_bytes([3; 32]));
    let mut entries = chain(&series("edge-a", 1, "hanbuk", Lane::Bookings), 1);
    let sealed = vault.seal(SubjectId::from_number(1), &"x").unwrap();
    entries[0].payload = serde_json::json!({ "request": { "personal": sealed } }).to_string();
    vault.seal(SubjectId::from_number(2), &"x").unwrap();
    let [named, stranger] = vault.take_new_keys().try_into().unwrap();
    let erased = SubjectKey { wrapped: None, erased_at: Some(UtcMs(5)), ..named.clone() };
    let broken = SubjectKey { wrapped: None, ..named.clone() };
    for (what, key, edge_may, central_may) in [
        ("a key with its text", named, true, true),
        ("somebody else's key", stranger, false, true),
        ("a tombstone", erased, false, true),
        ("neither key nor tombstone", broken, false, false),
    ] {
        for (parties, may) in [(names.edge_tells(), edge_may), (names.central_tells(), central_may)] {
            let mut page = page(entries.clone(), vec![key.clone()]);
            let refused = parties.sift(&mut page).unwrap();
            assert_eq!((page.keys.len(), page.entries.len()), (usize::from(may), 1), "{what}");
            assert_eq!(refused.is_empty(), may, "{what}: {refused:?}");
        }
    }
}

#[test]
fn a_page_is_cut_before_it_names_too_many_people() {
    let mut entries = chain(&series("edge-a", 1, "hanbuk", Lane::Bookings), 700);
    for (number, entry) in (0_u128..).zip(&mut entries) {
        let subject = SubjectId::from_number(number);
        entry.payload = format!("{{\"deep\":[{{\"subject\":\"{subject}\",\"text\":\"x\"}}]}}");
    }
    let subjects = cut_to_subjects(&mut entries);
    assert_eq!((entries.len(), subjects.named.len(), subjects.cut), (500, 500, true));
    let subjects = cut_to_subjects(&mut entries);
    assert_eq!((entries.len(), subjects.named.len(), subjects.cut), (500, 500, false));
}

/// A renewal names no driver and no stand: those travel as entries, in pages that are bounded. What it carries is the
/// heads of all series, and these grow with every restart.
#[test]
fn renewals_and_pulls_of_a_district_with_many_lives_and_the_longest_names_fit_a_call() {
    let name = |letter: &str| letter.repeat(NAME_MAX);
    let district: DistrictId = name("d").parse().unwrap();
    let mut heads = Heads::default();
    for life in 0..u32::try_from(SERIES_MAX.div_ceil(5)).unwrap() {
        let lanes = [
            ("c", Lane::Safety),
            ("c", Lane::Bookings),
            ("c", Lane::Roster),
            ("e", Lane::Safety),
            ("e", Lane::Bookings),
        ];
        for (origin, lane) in lanes {
            let (origin, district) = (name(origin).parse().unwrap(), district.clone());
            let series = Series { origin, incarnation: u32::MAX - life, district, lane };
            heads.0.insert(series, Head { seq: i64::MAX.unsigned_abs(), hash: Hash([0xab; 32]) });
        }
    }
    assert!(heads.0.len() >= SERIES_MAX);
    let epoch = Epoch { central_term: u32::MAX, edge_term: u32::MAX };
    let sent_at = Ticks(u64::MAX);
    let size = |json: serde_json::Result<Vec<u8>>| json.unwrap().len();
    let renewal = Renewal { district: district.clone(), epoch, sent_at, heads: heads.clone() };
    assert!(size(serde_json::to_vec(&renewal)) <= CALL_MAX);
    let pull = PullRequest {
        districts: vec![district.clone()],
        cursors: heads.clone(),
        keys_after: KeyCursor::default(),
        limit: PAGE_ENTRIES_MAX,
        wait_ms: u64::MAX,
    };
    assert!(size(serde_json::to_vec(&pull)) <= CALL_MAX);
    let answer = RenewalAnswer {
        district,
        sent_at,
        mode: EdgeMode::Standby,
        epoch,
        counted: true,
        heads: heads.clone(),
    };
    assert!(size(serde_json::to_vec(&answer)) <= PAGE_MAX);
    // Payloads are JSON within JSON, which at worst doubles them.
    let page = PullAnswer { heads, ..page(Vec::new(), Vec::new()) };
    assert!(size(serde_json::to_vec(&page)) + 2 * PAGE_BYTES_MAX <= PAGE_MAX);
}
