//! Sizes and durations as people write them.

use std::time::Duration;

use kache_config::{format_duration, format_size, parse_duration, parse_size};
use proptest::prelude::*;

#[test]
fn sizes_are_numbers_with_units() {
    for (text, bytes) in [
        ("0", Some(0)),
        ("1234", Some(1234)),
        ("12B", Some(12)),
        ("1KB", Some(1000)),
        ("1KiB", Some(1024)),
        ("1k", Some(1024)),
        ("2 MB", Some(2_000_000)),
        ("2MiB", Some(2 << 20)),
        ("3gb", Some(3_000_000_000)),
        ("50GiB", Some(50 << 30)),
        ("1TB", Some(1_000_000_000_000)),
        ("1TiB", Some(1 << 40)),
        ("1.5GiB", Some(3 << 29)),
        ("0.001KiB", Some(1)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("99999999TiB", None),
        ("", None),
        ("GiB", None),
        ("1.GiB", None),
        (".5GiB", None),
        ("1.2.3", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1PiB", None),
        ("1 GiB 2", None),
        ("0.0000000000000000001B", None),
    ] {
        assert_eq!(parse_size(text).ok(), bytes, "{text}");
    }
}

#[test]
fn durations_are_numbers_with_units_longest_first() {
    for (text, ms) in [
        ("0", Some(0)),
        ("0s", Some(0)),
        ("500ms", Some(500)),
        ("30m", Some(1_800_000)),
        ("7d", Some(604_800_000)),
        ("1w", Some(604_800_000)),
        ("2h30m", Some(9_000_000)),
        ("2h 30m", Some(9_000_000)),
        ("1m1ms", Some(60_001)),
        (" 1s ", Some(1000)),
        ("", None),
        ("30", None),
        ("m", None),
        ("30m2h", None),
        ("1h1h", None),
        ("1.5h", None),
        ("1M", None),
        ("1y", None),
        ("-1s", None),
        ("0s5", None),
        ("99999999999999999999ms", None),
        ("18446744073709551615w", None),
    ] {
        assert_eq!(parse_duration(text).ok(), ms.map(Duration::from_millis), "{text}");
    }
}

#[test]
fn quantities_are_shown_as_they_are_written() {
    for text in ["0B", "1000B", "1KiB", "1536MiB", "50GiB", "2TiB"] {
        assert_eq!(format_size(parse_size(text).expect(text)), text);
    }
    for text in ["0s", "500ms", "2h30m", "30d", "1d1h1m1s1ms"] {
        assert_eq!(format_duration(parse_duration(text).expect(text)), text);
    }
}

proptest! {
    #[test]
    fn every_size_survives_its_text(bytes in prop_oneof![any::<u64>(), (0_u64..1 << 24).prop_map(|n| n << 40)]) {
        prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
    }

    #[test]
    fn every_duration_survives_its_text(ms in any::<u64>()) {
        let duration = Duration::from_millis(ms);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn a_larger_number_of_the_same_unit_is_a_larger_size(
        a in 0_u32..1000, b in 0_u32..1000, decimals in 0_u32..1000,
        unit in prop::sample::select(vec!["B", "KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB"]),
    ) {
        let size = |n: u32| parse_size(&format!("{n}.{decimals:03}{unit}")).expect("it fits");
        prop_assert_eq!(size(a).cmp(&size(b)), a.cmp(&b));
    }

    #[test]
    fn whatever_parses_has_a_text_of_the_same_value(
        text in "[0-9.]{0,25}[ a-zA-Z]{0,4}[0-9]{0,3}[a-z]{0,3}|\\PC{0,12}",
    ) {
        if let Ok(bytes) = parse_size(&text) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }
        if let Ok(duration) = parse_duration(&text) {
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
    }
}
