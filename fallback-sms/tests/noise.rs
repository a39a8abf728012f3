//! Goal: real texts of strangers never become a booking.
//! Method: the 5,574 messages of the UCI SMS Spam Collection through the grammar, as they are.

#![allow(clippy::print_stdout, reason = "a test says aloud what it skipped and what it found")]
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use ondol_sms::grammar::{Intent, read};

fn corpus() -> Option<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let data = std::env::var_os("ONDOL_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let file = data.join("text/uci-sms-spam.tsv.gz");
    let Ok(bytes) = std::fs::read(&file) else {
        println!("skipped: {} is absent; set ONDOL_DATA to the folder that holds text/", file.display());
        return None;
    };
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("the corpus is UTF-8");
    Some(text.lines().filter_map(|line| line.split_once('\t')).map(|(_, text)| text.to_owned()).collect())
}

#[test]
fn no_text_of_the_corpus_is_a_booking() {
    let Some(corpus) = corpus() else { return };
    assert_eq!(corpus.len(), 5_574);
    let mut booked = Vec::new();
    let mut commands = Vec::new();
    for text in &corpus {
        match read(text).intent {
            Intent::Book(_) => booked.push(text),
            Intent::Unknown => {}
            Intent::Cancel { .. }
            | Intent::Status
            | Intent::Help
            | Intent::Sos
            | Intent::Stop
            | Intent::Digits(_)
            | Intent::Driver(_) => commands.push(text),
        }
    }
    println!("{} texts: {} bookings, other commands: {commands:?}", corpus.len(), booked.len());
    assert_eq!(booked, Vec::<&String>::new());
    assert!(commands.len() <= 10, "{} texts were taken for commands: {commands:?}", commands.len());
}
