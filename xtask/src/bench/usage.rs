//! What a process uses of the machine, as the system tells it.

use std::fs;

use anyhow::{Context as _, Result};

use super::facts::value_of;

/// Memory, in MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) resident_mib: f64,
    /// The most that was resident since the process began.
    pub(super) most_mib: f64,
}

/// Returns the memory of process `pid`.
///
/// # Errors
///
/// If the system does not tell.
pub(super) fn memory(pid: u32) -> Result<Memory> {
    let status = told(pid, "status")?;
    let mib = |key: &str| mib_of(&status, key).with_context(|| format!("/proc does not tell {key}"));
    Ok(Memory { resident_mib: mib("VmRSS")?, most_mib: mib("VmHWM")? })
}

/// Returns the processor time that process `pid` has used since it began, in seconds.
///
/// # Errors
///
/// If the system does not tell.
pub(super) fn processor_s(pid: u32) -> Result<f64> {
    let ticks = ticks_of(&told(pid, "stat")?).context("/proc does not tell the time used")?;
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let used_s = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Ok(used_s)
}

fn told(pid: u32, what: &str) -> Result<String> {
    let file = format!("/proc/{pid}/{what}");
    fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))
}

/// Ticks of processor time, of the program and of the system for it: the 14th and the 15th field of `stat`. The second
/// one is a name in brackets and may have blanks and brackets in it.
/// Source: proc(5).
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    fields.next()??.checked_add(fields.next()??)
}

/// `VmRSS:   1234 kB`, of which a kB is 1,024 bytes.
fn mib_of(status: &str, key: &str) -> Option<f64> {
    let kib = value_of(status, key)?.strip_suffix("kB")?.trim();
    Some(f64::from(kib.parse::<u32>().ok()?) / 1_024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_what_the_system_says_whatever_the_program_is_called() {
        let stat = "7 (a b) 9) S 1 7 7 0 -1 4194560 3205 0 1 0 250 50 8 9 20 0 5 0 100 1000 200";
        assert_eq!(ticks_of(stat), Some(300));
        assert_eq!(ticks_of("7 (ondol) S 1 7"), None);
    }

    #[test]
    fn memory_is_what_the_system_says_of_a_process() {
        let status = "VmPeak:\t    9999 kB\nVmHWM:\t    3072 kB\nVmRSS:\t    1536 kB\n";
        assert_eq!((mib_of(status, "VmRSS"), mib_of(status, "VmHWM")), (Some(1.5), Some(3.0)));
        assert_eq!(mib_of("Threads:\t3\n", "VmRSS"), None);
    }

    #[test]
    fn a_process_has_memory_and_no_process_has_none() {
        let own = memory(std::process::id()).unwrap();
        assert!(own.resident_mib > 1.0 && own.most_mib >= own.resident_mib, "{own:?}");
        assert!(processor_s(std::process::id()).unwrap() >= 0.0);
        assert!(memory(u32::MAX).is_err());
    }
}
