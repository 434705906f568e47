//! The log file in the store: kache writes nothing into a build's own output.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;

use kache_config::LogLevel;
use kache_store::{Event, Store};

/// Appends one line about `event` to the log if `threshold` asks for it.
///
/// A failure is an error, a decision is info, and debug adds the keys and the
/// time of each phase. A log that cannot be written must not stop a build.
pub(crate) fn write(store: &Store, threshold: LogLevel, event: &Event, is_failure: bool) {
    let level = if is_failure { LogLevel::Error } else { LogLevel::Info };
    if level > threshold {
        return;
    }
    let mut line = format!(
        "{} {} {:?} {} {}",
        event.ts,
        if is_failure { "error" } else { "info" },
        event.outcome,
        event.name,
        event.reason
    );
    if threshold >= LogLevel::Debug {
        let (unit, key) = (event.unit.as_deref(), event.key.as_deref());
        let (unit, key) = (unit.unwrap_or("-"), key.unwrap_or("-"));
        let (cwd, phases) = (&event.cwd, &event.phases_us);
        write!(line, " unit={unit} key={key} cwd={cwd} {phases:?}")
            .expect("a string takes any text");
    }
    line.push('\n');
    let path = store.layout().log();
    let opened = OpenOptions::new().append(true).create(true).open(path);
    drop(opened.and_then(|mut file| file.write_all(line.as_bytes())));
}
