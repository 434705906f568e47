//! What the past came to: the store's index, kept up with the journal.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kache_store::Layout;
use kache_store::index::{Index, IndexError};

use crate::error::CliError;
use crate::output;
use crate::quantity::Since;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Opens the index and counts what the journal has that it does not.
///
/// Where that cannot be done, the journal files that are there are counted in
/// memory, and a warning says so; in a store that is not there, nothing is.
pub(crate) fn open(layout: &Layout) -> Result<Index, CliError> {
    if layout.base().is_dir() {
        match refreshed(layout) {
            Ok(index) => return Ok(index),
            Err(error) => output::warning(format_args!(
                "{error}; only what the journal files still hold is counted"
            )),
        }
    }
    Ok(Index::in_memory(layout, None)?)
}

/// Counts what the journal files hold before they may be removed.
pub(crate) fn keep(layout: &Layout) {
    if let Err(error) = refreshed(layout) {
        output::warning(format_args!("{error}; the history may lose old events"));
    }
}

fn refreshed(layout: &Layout) -> Result<Index, IndexError> {
    let index = Index::open(layout)?;
    index.refresh()?;
    Ok(index)
}

/// Opens what tells the past since some time, and returns from which moment.
///
/// The index counts by the hour, so a number of days begins at the beginning
/// of an hour. Where less than a day or a moment within an hour is asked for,
/// the journal files are counted instead, to the millisecond.
pub(crate) fn since(
    layout: &Layout,
    since: Option<Since>,
    now: SystemTime,
) -> Result<(Index, Option<SystemTime>), CliError> {
    let Some(since) = since else { return Ok((open(layout)?, None)) };
    let moment = since.moment(now);
    let within_hour = past(moment, HOUR);
    let is_by_the_hour = match since {
        Since::Ago(ago) => ago >= DAY && past(UNIX_EPOCH + ago, DAY).is_zero(),
        Since::At(_) => within_hour.is_zero(),
    };
    if is_by_the_hour {
        return Ok((open(layout)?, Some(moment - within_hour)));
    }
    Ok((Index::in_memory(layout, Some(ns(moment)))?, Some(moment)))
}

/// Returns how long before `moment` the last multiple of `step` was.
fn past(moment: SystemTime, step: Duration) -> Duration {
    let since_epoch = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    let rest = since_epoch.as_nanos() % step.as_nanos();
    Duration::from_nanos(u64::try_from(rest).expect("less than a day"))
}

/// Returns a moment in nanoseconds since the Unix epoch.
pub(crate) fn ns(moment: SystemTime) -> i64 {
    let since_epoch = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
