//! Half-written, broken and strange files: none is lost, none stops the others.

use super::super::Counterpart;
use super::*;
use crate::dialogue::budget::Urgency;
use tempfile::TempDir;

const NOW: UtcMs = UtcMs(1_772_409_600_000);
const FROM: &str = "+821012345678";

struct Bench {
    _dir: TempDir,
    folders: Folders,
    spool: GammuSpool,
    network: Counterpart,
    now: UtcMs,
}

impl Bench {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let folders = Folders::below(dir.path());
        let spool = GammuSpool::open(folders.clone(), 540).unwrap();
        let network = Counterpart::new(folders.clone(), 540).unwrap();
        Self { _dir: dir, folders, spool, network, now: NOW }
    }

    /// Looks, `ms` later.
    fn look_after(&mut self, ms: u64) -> Vec<String> {
        self.now = self.now.plus_ms(ms);
        self.spool.receive(self.now, 100).unwrap().into_iter().map(|text| text.body).collect()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folders.inbox.join(name), bytes).unwrap();
    }

    fn quarantined(&self) -> Vec<String> {
        names(&self.folders.quarantine).unwrap()
    }
}

#[test]
fn a_file_in_writing_is_left_alone() {
    let mut bench = Bench::new();
    let whole = text::encode("택시 서울역");
    let name = "IN20260302_090000_00_+821012345678_00.txt";
    for half in [0, 1, 2, 3, 8] {
        bench.put(name, &whole[..half]);
        assert_eq!(bench.look_after(1_000), Vec::<String>::new(), "{half} bytes, just written");
    }
    bench.put(name, &whole);
    assert_eq!(bench.look_after(1_000), Vec::<String>::new(), "it has just grown");
    assert_eq!(bench.look_after(1_000), ["택시 서울역"]);
    assert_eq!(bench.look_after(1_000), ["택시 서울역"], "it stays until settled");
    let text = bench.spool.receive(bench.now, 1).unwrap().remove(0);
    assert_eq!((text.from.as_str(), text.sent_at), (FROM, NOW));
    bench.spool.settle(&text.handle).unwrap();
    bench.spool.settle(&text.handle).unwrap();
    assert_eq!(bench.look_after(1_000), Vec::<String>::new());
    assert_eq!(bench.quarantined(), Vec::<String>::new());
}

#[test]
fn what_never_becomes_a_text_is_set_aside_and_kept() {
    let mut bench = Bench::new();
    let strange = [
        ("IN20260302_090000_00_+821012345678_00.txt", vec![0xfe, 0xff, 0xd0]),
        ("IN20260302_090001_00_+821012345678_00.txt", vec![0xfe, 0xff, 0xd8, 0x3d, 0, 0x41]),
        ("IN20260302_090002_00_+821012345678_01.txt", text::encode("second part only")),
        ("IN20269999_090003_00_+821012345678_00.txt", text::encode("no date")),
        ("IN20260302_090004_00_+821012345678_00.txt", vec![b'x'; 5_000]),
        ("readme.md", b"hello".to_vec()),
        ("IN20260302_090005_00_+821012345678_00.bin", b"binary".to_vec()),
    ];
    for (name, bytes) in &strange {
        bench.put(name, bytes);
    }
    bench.network.deliver(FROM, "택시 서울역", NOW).unwrap();
    bench.look_after(0);
    assert_eq!(bench.look_after(1_000), ["택시 서울역"], "the others do not hold it up");
    bench.look_after(BROKEN_AFTER_MS);
    let mut expected: Vec<String> = strange.iter().map(|(name, _)| (*name).to_owned()).collect();
    expected.sort();
    assert_eq!(bench.quarantined(), expected);
    for (name, bytes) in &strange {
        assert_eq!(&fs::read(bench.folders.quarantine.join(name)).unwrap(), bytes, "{name}");
    }
    assert_eq!(bench.spool.health().quarantined, strange.len());
    bench.put("readme.md", b"again");
    bench.look_after(0);
    bench.look_after(BROKEN_AFTER_MS);
    assert!(bench.quarantined().contains(&"readme.md.1".to_owned()), "nothing is overwritten");
}

#[test]
fn a_long_text_is_joined_and_waits_for_its_parts() {
    let mut bench = Bench::new();
    let long = "가나다라".repeat(40);
    bench.network.deliver(FROM, &long, NOW).unwrap();
    assert_eq!(names(&bench.folders.inbox).unwrap().len(), 3);
    let second = bench.folders.inbox.join("IN20260302_090000_00_+821012345678_01.txt");
    let bytes = fs::read(&second).unwrap();
    fs::remove_file(&second).unwrap();
    bench.look_after(1_000);
    assert_eq!(bench.look_after(1_000), Vec::<String>::new(), "a part is missing");
    fs::write(&second, bytes).unwrap();
    assert_eq!(bench.look_after(1_000), Vec::<String>::new(), "a part has just come");
    assert_eq!(bench.look_after(1_000), [long]);
}

#[test]
fn two_texts_of_one_second_are_two() {
    let mut bench = Bench::new();
    bench.network.deliver(FROM, "하나", NOW).unwrap();
    bench.network.deliver(FROM, "둘", NOW).unwrap();
    bench.network.deliver("+821055550001", "셋", NOW).unwrap();
    bench.look_after(1_000);
    let mut texts = bench.look_after(1_000);
    texts.sort();
    assert_eq!(texts, ["둘", "셋", "하나"]);
}

#[test]
fn what_is_sent_can_be_traced_and_leaves_a_receipt() {
    let mut bench = Bench::new();
    let outbound = |id: u128, text: &str, urgency| Outbound {
        id: Uuid::from_u128(id),
        to: FROM.to_owned(),
        text: text.to_owned(),
        urgency,
        made_at: NOW,
    };
    assert_eq!(bench.spool.trace(Uuid::from_u128(1)).unwrap(), Trace::Unknown);
    bench.spool.submit(&outbound(1, "접수 K001", Urgency::Plain)).unwrap();
    bench.spool.submit(&outbound(1, "접수 K001", Urgency::Plain)).unwrap();
    bench.spool.submit(&outbound(2, "배차 🚕", Urgency::Urgent)).unwrap();
    assert_eq!(bench.spool.trace(Uuid::from_u128(1)).unwrap(), Trace::Taken);
    let sent = bench.network.collect().unwrap();
    let expected = [(FROM.to_owned(), "배차 🚕".to_owned()), (FROM.to_owned(), "접수 K001".to_owned())];
    assert_eq!(sent, expected, "the urgent one first, the repeated one once");
    assert_eq!(bench.spool.trace(Uuid::from_u128(1)).unwrap(), Trace::Taken);
    let receipts = bench.spool.receipts(10).unwrap();
    assert_eq!(receipts.len(), 2);
    assert!(receipts.iter().all(|receipt| receipt.outcome == Outcome::Sent));
    for receipt in receipts {
        bench.spool.settle(&receipt.handle).unwrap();
    }
    assert_eq!(bench.spool.receipts(10).unwrap(), []);
}
