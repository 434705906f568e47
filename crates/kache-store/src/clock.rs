//! The clocks that the store compares with file times.

use std::sync::OnceLock;
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
/// system has none: then nothing that was stored before is trusted unseen.
///
/// Read once per process.
pub fn boot_id() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .map(|text| text.trim().to_owned())
            .unwrap_or_default()
    })
}

/// Returns how long the machine has been running, in seconds, counting sleep.
pub(crate) fn up_s() -> u32 {
    #[cfg(target_os = "linux")]
    let up = clock_gettime(ClockId::Boottime);
    #[cfg(not(target_os = "linux"))]
    let up = clock_gettime(ClockId::Monotonic);
    u32::try_from(up.tv_sec).unwrap_or(u32::MAX)
}

/// Returns a time in nanoseconds since the Unix epoch as RFC 3339 in UTC with milliseconds.
pub fn rfc3339(time_ns: i64) -> String {
    let since_epoch = Duration::from_nanos(u64::try_from(time_ns).unwrap_or(0));
    humantime::format_rfc3339_millis(UNIX_EPOCH + since_epoch).to_string()
}
