//! The clocks that the store compares with file times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Returns the current time in nanoseconds since the Unix epoch.
pub fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}

/// Returns the latest time that the kernel could have put on a file so far.
///
/// File times come from a clock that ticks every few milliseconds, so they
/// can be behind [`now_ns`] but are never ahead of it.
pub fn file_clock_ns() -> i64 {
    #[cfg(target_os = "linux")]
    let now = clock_gettime(ClockId::RealtimeCoarse);
    #[cfg(not(target_os = "linux"))]
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// Returns an identifier of the running boot, or an empty text where the
/// system has none: then no entry is ever trusted across processes' boots.
pub fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

/// Returns a time in nanoseconds since the Unix epoch as RFC 3339 in UTC with milliseconds.
pub fn rfc3339(time_ns: i64) -> String {
    let since_epoch = Duration::from_nanos(u64::try_from(time_ns).unwrap_or(0));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since_epoch).to_string()
}
