//! Goal: the spool adapter understands the real gammu-smsd, and it us.
//! Method: gammu-smsd from PATH with its dummy phone, on folders of the test's own.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "a test says aloud what it skipped")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ondol_sms::carrier::gammu::{Folders, GammuSpool};
use ondol_sms::carrier::{Carrier, Inbound, Outbound, Outcome, Receipt};
use ondol_sms::clock::UtcMs;
use ondol_sms::dialogue::budget::Urgency;
use tempfile::TempDir;
use uuid::Uuid;

const NOW: UtcMs = UtcMs(1_772_409_600_000);
const FROM: &str = "+821012345678";
const PATIENCE: Duration = Duration::from_secs(30);

/// gammu-smsd on its dummy phone; ends with the test.
struct Smsd {
    child: Child,
    dir: TempDir,
}

impl Drop for Smsd {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nothing left to do.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Smsd {
    /// `None`, said aloud, if it is not installed.
    fn start() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let run = dir.path();
        Folders::below(&run.join("spool")).make().unwrap();
        let spool = run.join("spool");
        let config = format!(
            "[gammu]\nconnection = none\nport = {run}/dummy\nmodel = dummy\n\
             [smsd]\nservice = files\nlogfile = {run}/smsd.log\ndebuglevel = 255\n\
             inboxpath = {spool}/inbox/\noutboxpath = {spool}/outbox/\n\
             sentsmspath = {spool}/sent/\nerrorsmspath = {spool}/error/\n\
             inboxformat = unicode\ntransmitformat = auto\ndeliveryreport = no\n\
             commtimeout = 1\nsendtimeout = 5\nloopsleep = 1\nreceivefrequency = 1\nchecksecurity = 0\n",
            run = run.display(),
            spool = spool.display(),
        );
        fs::create_dir_all(run.join("dummy")).unwrap();
        fs::write(run.join("smsdrc"), config).unwrap();
        let child = Command::new("gammu-smsd")
            .arg("-c")
            .arg(run.join("smsdrc"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Some(Self { child, dir }),
            Err(error) => {
                println!(
                    "skipped: gammu-smsd cannot be started ({error}); on Debian: apt-get install gammu-smsd"
                );
                None
            }
        }
    }

    fn spool(&self) -> GammuSpool {
        GammuSpool::open(Folders::below(&self.dir.path().join("spool")), 540).unwrap()
    }

    /// Lets a text arrive at the dummy phone's SIM, as a PDU dump: UTF-16 in hexadecimal, with a header for a part.
    fn arrive(&self, slot: u32, text: &str, header: Option<&str>) {
        let sim = self.dir.path().join("dummy/sms/1");
        until("the dummy phone is up", || sim.is_dir().then_some(()));
        let hex: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
        let header = header.map(|header| format!("UDH = {header}\n")).unwrap_or_default();
        let dump = format!(
            "; a text\n[SMSBackup000]\nPDU = Deliver\nSMSC = \"+821029190000\"\nDateTime = 20260302T090000\n\
             State = UnRead\nNumber = \"{FROM}\"\nName = \"\"\nText00 = {hex}\n\
             Coding = Unicode_No_Compression\nFolder = 1\nLength = {}\nClass = -1\nReplySMSC = False\n{header}",
            text.encode_utf16().count(),
        );
        // gammu-smsd looks at every file of the folder: the dump appears there whole.
        let half = self.dir.path().join(format!("half-{slot}"));
        fs::write(&half, dump).unwrap();
        fs::rename(half, sim.join(slot.to_string())).unwrap();
    }
}

/// Looks again and again until `found` has something.
fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn received(spool: &mut GammuSpool, count: usize) -> Vec<Inbound> {
    until("texts arrive", || {
        let texts = spool.receive(NOW, 10).unwrap();
        (texts.len() >= count).then_some(texts)
    })
}

#[test]
fn a_text_at_the_real_gammu_arrives_here() {
    let Some(smsd) = Smsd::start() else { return };
    let mut spool = smsd.spool();
    smsd.arrive(1, "택시 강남역 11번 출구 🚕", None);
    let texts = received(&mut spool, 1);
    assert_eq!(texts[0].from, FROM);
    assert_eq!(texts[0].body, "택시 강남역 11번 출구 🚕");
    assert_eq!(texts[0].sent_at, NOW);
    spool.settle(&texts[0].handle).unwrap();
    assert_eq!(spool.receive(NOW, 10).unwrap(), []);
}

#[test]
fn the_parts_of_a_long_text_arrive_as_one() {
    let Some(smsd) = Smsd::start() else { return };
    let mut spool = smsd.spool();
    let (first, second) = ("가".repeat(67), "나".repeat(13));
    smsd.arrive(1, &first, Some("0500035D0201"));
    smsd.arrive(2, &second, Some("0500035D0202"));
    let texts = received(&mut spool, 1);
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!(texts[0].body, first + &second);
}

#[test]
fn what_is_submitted_here_leaves_through_the_real_gammu() {
    let Some(smsd) = Smsd::start() else { return };
    let mut spool = smsd.spool();
    let outbound = Outbound {
        id: Uuid::from_u128(0x1234),
        to: FROM.to_owned(),
        text: "배차 K7Q2: 서울33바1234 약 5분. 탈 때 PIN 4821".to_owned(),
        urgency: Urgency::Urgent,
        made_at: NOW,
    };
    spool.submit(&outbound).unwrap();
    let receipts: Vec<Receipt> = until("a receipt", || {
        let receipts = spool.receipts(10).unwrap();
        (!receipts.is_empty()).then_some(receipts)
    });
    assert_eq!(receipts.len(), 1);
    assert_eq!((receipts[0].id, receipts[0].outcome), (outbound.id, Outcome::Sent));
    assert!(in_log(smsd.dir.path(), "PIN 4821"), "gammu-smsd logs the text it decoded");
    spool.settle(&receipts[0].handle).unwrap();
    assert_eq!(spool.receipts(10).unwrap(), []);
}

fn in_log(run: &Path, words: &str) -> bool {
    fs::read(run.join("smsd.log")).is_ok_and(|log| String::from_utf8_lossy(&log).contains(words))
}
