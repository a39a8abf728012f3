//! The machine that is measured on.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// Bytes of one write: a page of a write-ahead log.
const PAGE: usize = 4_096;
/// Writes go round in a file of so many pages, as a log's segments are used again.
const PAGES: u64 = 1_024;

/// What a figure may depend on besides the code.
#[derive(Debug, Serialize)]
pub(crate) struct Facts {
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    /// Load of the last minute before the first round: others use the machine too.
    load_before: f64,
}

impl Facts {
    /// Reads them; what this system does not tell is empty or 0.
    pub(crate) fn read() -> Facts {
        let text = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let (cpus, memory) = (text("/proc/cpuinfo"), text("/proc/meminfo"));
        let kib =
            value_of(&memory, "MemTotal").and_then(|value| value.split(' ').next()?.parse::<u64>().ok());
        Facts {
            cpu: value_of(&cpus, "model name").unwrap_or_default().to_owned(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: kib.unwrap_or(0) / 1_024,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: text("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
        }
    }
}

impl std::fmt::Display for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Facts { cpu, cores, memory_mib, kernel, load_before } = self;
        write!(
            f,
            "{cores} cores ({cpu}), {memory_mib} MiB, Linux {kernel}, load {load_before:.1} before the first round"
        )
    }
}

/// The value of the first line `key : value`.
pub(super) fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim())
    })
}

/// Returns how many writes of 4 KiB the disk of `dir` makes durable in a second, one after the other, measured for `time`.
///
/// # Errors
///
/// If the disk refuses.
pub(super) fn fdatasync_per_s(dir: &Path, time: Duration) -> Result<f64> {
    let path = dir.join("fdatasync.probe");
    let opened = File::options().create(true).truncate(true).write(true).open(&path);
    let mut file = opened.with_context(|| format!("cannot write {}", path.display()))?;
    let page = [0x5a_u8; PAGE];
    for _ in 0..PAGES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    let (started, mut count) = (Instant::now(), 0_u32);
    while count == 0 || started.elapsed() < time {
        file.seek(SeekFrom::Start(u64::from(count) % PAGES * PAGE as u64))?;
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    fs::remove_file(&path)?;
    Ok(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_name() {
        let text = "processor : 0\nmodel name\t: Some CPU: fast\nmodel name\t: Other\n";
        assert_eq!(value_of(text, "model name"), Some("Some CPU: fast"));
        assert_eq!(value_of(text, "model"), None);
    }

    #[test]
    fn a_disk_has_a_rate_and_nothing_is_left_on_it() {
        let dir = std::env::temp_dir().join(format!("ondol-facts-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        assert!(fdatasync_per_s(&dir, Duration::ZERO).unwrap() > 0.0);
        fs::remove_dir(&dir).unwrap();
        assert!(fdatasync_per_s(&dir, Duration::ZERO).is_err());
    }
}
