//! Tidying the store now and then, outside of any build.
//!
//! A miss that stored something starts `kache` once more, on its own: with
//! nothing of cargo's open, at low priority, not interrupted with the build
//! and not waited for. What it needs to know is in its arguments, so that it
//! tidies the very store that was written to.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use kache_config::Config;
use kache_store::{Limits, Rules, Store, clock, housekeeping};

use crate::process;

/// The hidden verb under which `kache` starts itself for housekeeping.
pub(crate) const VERB: &str = "housekeep-store";

/// How much it yields to the build that is still running.
const NICENESS: i32 = 10;

/// On a full disk every miss would ask; once in this time is enough.
const FULL_DISK_INTERVAL: Duration = Duration::from_mins(1);

/// Starts housekeeping if the last one was long enough ago. One system call if it was not.
pub(crate) fn start_if_due(config: &Config) {
    start(config, config.housekeeping.interval, false);
}

/// Starts housekeeping if nothing could be stored because there was no room.
pub(crate) fn after_failure(config: &Config, error: &(dyn Error + 'static)) {
    if is_lack_of_space(error) {
        start(config, FULL_DISK_INTERVAL, true);
    }
}

/// Returns whether an error comes from a full disk or a used-up quota.
fn is_lack_of_space(error: &(dyn Error + 'static)) -> bool {
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| full.contains(&error.kind())) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn start(config: &Config, interval: Duration, disk_is_full: bool) {
    let store = Store::at(&config.cache_dir);
    let is_due = housekeeping::is_due(store.layout(), interval, clock::now_ns(), disk_is_full);
    // On a disk so full that not even the mark can be made, room is needed most.
    if !is_due.unwrap_or(disk_is_full) {
        return;
    }
    let rules = Rules {
        limits: Limits { max_bytes: config.max_size_bytes },
        disk_is_full,
        journal_max_bytes: config.housekeeping.journal_max_bytes,
        journal_keep: config.housekeeping.journal_keep,
    };
    if let Ok(program) = std::env::current_exe() {
        // The store stays as it is until the next miss asks again.
        drop(process::start_detached(program.as_os_str(), &to_args(&config.cache_dir, &rules)));
    }
}

/// Tidies the store that the arguments after [`VERB`] name.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let Some((cache_dir, rules)) = from_args(args) else { return ExitCode::FAILURE };
    // Neither matters enough to leave the store untidied.
    let _ = rustix::process::nice(NICENESS);
    drop(std::env::set_current_dir("/"));
    kache_observe::sweep();
    match Store::at(Path::new(cache_dir)).housekeep(&rules, clock::now_ns()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn to_args(cache_dir: &Path, rules: &Rules) -> Vec<OsString> {
    let numbers = [
        rules.limits.max_bytes,
        u64::from(rules.disk_is_full),
        rules.journal_max_bytes,
        rules.journal_keep.as_secs(),
    ];
    let numbers = numbers.iter().map(|number| number.to_string().into());
    [VERB.into(), cache_dir.as_os_str().to_owned()].into_iter().chain(numbers).collect()
}

fn from_args(args: &[OsString]) -> Option<(&OsStr, Rules)> {
    let [_verb, cache_dir, numbers @ ..] = args else { return None };
    let numbers: Option<Vec<u64>> =
        numbers.iter().map(|number| number.to_str()?.parse().ok()).collect();
    let &[max_bytes, disk_is_full, journal_max_bytes, keep_s] = numbers?.as_slice() else {
        return None;
    };
    let rules = Rules {
        limits: Limits { max_bytes },
        disk_is_full: disk_is_full != 0,
        journal_max_bytes,
        journal_keep: Duration::from_secs(keep_s),
    };
    Some((cache_dir, rules))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn what_is_to_be_done_survives_the_command_line() {
        let rules = Rules {
            limits: Limits { max_bytes: u64::MAX },
            disk_is_full: true,
            journal_max_bytes: 7,
            journal_keep: Duration::from_secs(3),
        };
        let dir = OsString::from_vec(b"/odd \xff name".to_vec());
        let args = to_args(Path::new(&dir), &rules);
        assert_eq!(from_args(&args), Some((dir.as_os_str(), rules)));
        for cut in 0..args.len() {
            assert_eq!(from_args(&args[..cut]), None);
        }
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let failure = |errno: i32| kache_store::IoFailure {
            action: "write",
            path: "/x".into(),
            source: io::Error::from_raw_os_error(errno),
        };
        for (errno, expected) in [(28, true), (122, true), (13, false), (30, false)] {
            let blob_error = kache_store::BlobError::from(failure(errno));
            assert_eq!(is_lack_of_space(&blob_error), expected, "{errno}");
            assert_eq!(is_lack_of_space(&failure(errno)), expected, "{errno}");
        }
    }
}
