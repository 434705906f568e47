//! Numbers as people read them, and the times they type.

use std::time::{Duration, SystemTime};

/// Returns `bytes` with three digits or so: `12.3 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = None;
    let mut tenths = u128::from(bytes) * 10;
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths = (tenths + 512) / 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} B"),
        Some(unit) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

/// Returns a time span as people say it: `740 ms`, `12.3 s`, `4 min 5 s`, `3 h 12 min`.
pub(crate) fn milliseconds(ms: u64) -> String {
    let seconds = ms.saturating_add(500) / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..59_950 => format!("{}.{} s", (ms + 50) / 1000, (ms + 50) % 1000 / 100),
        59_950..3_599_500 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Returns how long ago `then` was, roughly: `now`, `5 min`, `3 h`, `12 d`.
pub(crate) fn age(now: SystemTime, then: SystemTime) -> String {
    let seconds = now.duration_since(then).map_or(0, |age| age.as_secs());
    match seconds {
        0..60 => "now".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Returns a share between 0 and 1 in per cent: `93.4 %`, or a dash for none.
pub(crate) fn share(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Returns `number` with its noun: `1 entry`, `2 entries`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A moment that a user named: so long ago, or a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    /// This long before now.
    Ago(Duration),
    /// At this moment.
    At(SystemTime),
}

impl Since {
    /// Parses `7d`, `2026-01-01` (in UTC) or `2026-01-01T12:00:00Z`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Ok(ago) = kache_config::parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        let midnight = format!("{text}T00:00:00Z");
        [text, midnight.as_str()]
            .into_iter()
            .find_map(|text| humantime::parse_rfc3339_weak(text).ok())
            .map(Self::At)
            .ok_or_else(|| {
                "expected a duration such as `7d` or a date such as `2026-01-01`".to_owned()
            })
    }

    /// Returns the moment.
    pub(crate) fn moment(self, now: SystemTime) -> SystemTime {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH),
            Self::At(moment) => moment,
        }
    }
}

/// Returns a moment as text: RFC 3339 in UTC, whole seconds.
pub(crate) fn timestamp(moment: SystemTime) -> String {
    // Times before the epoch and after the year 9999 have no text form.
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_seconds(moment.clamp(SystemTime::UNIX_EPOCH, last)).to_string()
}

/// Returns a moment counted in nanoseconds since the Unix epoch.
pub(crate) fn moment_of_ns(ns: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(actual: impl Into<String>, expected: &str) {
        assert_eq!(actual.into(), expected);
    }

    #[test]
    fn sizes_have_three_digits_or_so() {
        check(size(0), "0 B");
        check(size(1023), "1023 B");
        check(size(1024), "1.0 KiB");
        check(size(1_048_575), "1.0 MiB");
        check(size(50 << 30), "50.0 GiB");
        check(size(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn time_spans_never_show_sixty_of_anything() {
        check(milliseconds(0), "0 ms");
        check(milliseconds(999), "999 ms");
        check(milliseconds(1000), "1.0 s");
        check(milliseconds(59_949), "59.9 s");
        check(milliseconds(59_950), "1 min 0 s");
        check(milliseconds(3_599_499), "59 min 59 s");
        check(milliseconds(3_599_500), "1 h 0 min");
        check(milliseconds(u64::MAX), "5124095576030 h 25 min");
    }

    #[test]
    fn a_clock_set_back_makes_nothing_older_than_now() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        check(age(now, now + Duration::from_secs(9)), "now");
        check(age(now, now - Duration::from_secs(3_700)), "1 h");
        check(age(now, SystemTime::UNIX_EPOCH), "11 d");
    }

    #[test]
    fn since_takes_durations_and_dates() {
        let now = humantime::parse_rfc3339("2026-03-10T12:00:00Z").unwrap();
        let moment = |text| Since::parse(text).map(|since| timestamp(since.moment(now)));
        assert_eq!(moment("7d").as_deref(), Ok("2026-03-03T12:00:00Z"));
        assert_eq!(moment("2026-01-01").as_deref(), Ok("2026-01-01T00:00:00Z"));
        assert_eq!(moment("2026-01-01 10:00:00").as_deref(), Ok("2026-01-01T10:00:00Z"));
        assert_eq!(moment("99999999w").as_deref(), Ok("1970-01-01T00:00:00Z"));
        for bad in ["", "yesterday", "7", "2026-13-01", "-1d"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
