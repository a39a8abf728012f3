//! Goal: the real process, killed at any moment, loses no text and books nobody twice.
//! Method: this binary starts itself as the text process on real spool folders, against a node over
//! HTTP, and kills it (SIGKILL) at random calls of that node; the seed is printed.

#![allow(clippy::unwrap_used, reason = "a failing unwrap fails the test")]
#![allow(clippy::print_stdout, reason = "a failing run is repeated from its printed seed")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::http::{TOKEN, serve};
use common::{MORNING, city};
use ondol_sms::carrier::gammu::{Counterpart, Folders};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tempfile::TempDir;

const CHILD: &str = "ONDOL_TEST_TEXT_PROCESS";
const RIDERS: usize = 60;
const KILLS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(120);

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_the_text_process() {
    let Some(config) = std::env::var_os(CHILD) else { return };
    ondol_sms::process::serve(Path::new(&config), std::future::pending()).await.unwrap();
}

struct Process(Option<Child>);

impl Process {
    fn start(config: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "as_the_text_process", "--nocapture"])
            .env(CHILD, config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(Some(child))
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn config(dir: &TempDir, node: std::net::SocketAddr) -> PathBuf {
    fs::write(dir.path().join("text.token"), TOKEN).unwrap();
    let path = dir.path().join("text.toml");
    let text = format!(
        "role = \"text\"\nname = \"mapo-text\"\nlisten = \"127.0.0.1:0\"\nstore = \"text.sqlite\"\n\
         key_file = \"text.key\"\nnode_token_file = \"text.token\"\npoll_ms = 10\n\
         [[nodes]]\nname = \"mapo\"\nurl = \"http://{node}/\"\n\
         [carrier]\nkind = \"gammu\"\nspool = \"spool\"\n\
         [words]\noperator_phone = \"02-123-4567\"\n[budgets]\nminute = 10000\nprefix_10min = 10000\n"
    );
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_it_loses_and_doubles_nothing() {
    let seed = 20_221_015;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let dir = TempDir::new().unwrap();
    let (address, door, _serving) = serve(city()).await;
    let config = config(&dir, address);
    let network = Counterpart::new(Folders::below(&dir.path().join("spool")), 540).unwrap();
    let phones: Vec<String> =
        (0..RIDERS).map(|index| format!("+8210{:08}", 20_000_000 + index * 10_007)).collect();

    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut process = Process::start(&config);
    let mut kills = 0;
    let mut next_kill = random.random_range(1..12);
    let mut delivered = 0;
    let begun = Instant::now();
    while answers.len() < RIDERS {
        assert!(begun.elapsed() < PATIENCE, "{} of {RIDERS} answered after {kills} kills", answers.len());
        if delivered < RIDERS {
            network.deliver(&phones[delivered], "택시 서울역", MORNING).unwrap();
            delivered += 1;
        }
        if kills < KILLS && door.calls.load(Ordering::SeqCst) >= next_kill {
            process.kill();
            kills += 1;
            next_kill = door.calls.load(Ordering::SeqCst) + random.random_range(1..12);
            process = Process::start(&config);
        }
        for (to, text) in network.collect().unwrap() {
            answers.entry(to).or_default().push(text);
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    process.kill();
    for (to, text) in network.collect().unwrap() {
        answers.entry(to).or_default().push(text);
    }

    let bookings = door.node.bookings();
    println!("{} bookings, {kills} kills, {:?}", bookings.len(), begun.elapsed());
    assert!(kills >= 10, "only {kills} kills: the run was too quick to say anything");
    assert_eq!(bookings.len(), RIDERS, "a text was lost or booked twice");
    for (phone, view) in &bookings {
        let texts = &answers[phone];
        let firsts = texts.iter().filter(|text| text.starts_with("접수 ")).count();
        assert!(firsts <= 1, "{phone} got an unmarked text twice: {texts:?}");
        for text in texts {
            assert!(text.contains(&view.code) && text.contains(&view.pin), "{phone} {view:?}: {text}");
        }
    }
}
