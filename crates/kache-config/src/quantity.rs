//! Sizes and durations as people write them: `50GiB`, `2h30m`.

use std::time::Duration;

/// Why a text is not a size or a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// The text is not a number with a unit of size.
    #[error("expected a size such as `50GiB`, found `{0}`")]
    Size(String),
    /// The text is not a series of numbers with units of time.
    #[error("expected a duration such as `30m` or `2h30m`, found `{0}`")]
    Duration(String),
    /// The value does not fit into 64 bits.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

/// Units of size, in bytes; the first of each size is the one that is printed.
const SIZE_UNITS: [(&str, u64); 13] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1000),
    ("T", 1 << 40),
    ("G", 1 << 30),
    ("M", 1 << 20),
    ("K", 1 << 10),
    ("B", 1),
];

/// Units of time, in milliseconds, longest first.
const TIME_UNITS: [(&str, u64); 6] = [
    ("w", 7 * 24 * 60 * 60 * 1000),
    ("d", 24 * 60 * 60 * 1000),
    ("h", 60 * 60 * 1000),
    ("m", 60 * 1000),
    ("s", 1000),
    ("ms", 1),
];

/// Returns the bytes in `text`: a number, possibly with decimals, and a unit.
///
/// Units are `B`, `KB`, `MB`, `GB`, `TB` (powers of 1000), `KiB`, `MiB`,
/// `GiB`, `TiB` and, like those, `K`, `M`, `G`, `T` (powers of 1024), in any
/// case; no unit means bytes. Parts of a byte are dropped.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
    let not_a_size = || QuantityError::Size(text.to_owned());
    let too_large = || QuantityError::TooLarge(text.to_owned());
    let trimmed = text.trim();
    let (number, unit) = split_unit(trimmed, |c| c.is_ascii_digit() || c == '.');
    let unit_bytes = match unit.trim_start() {
        "" => 1,
        unit => SIZE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, bytes)| *bytes)
            .ok_or_else(not_a_size)?,
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    if !is_digits(whole) || !is_digits(decimals) {
        return Err(not_a_size());
    }
    let whole: u64 = whole.parse().map_err(|_| too_large())?;
    let part = fraction_of(decimals, unit_bytes).ok_or_else(too_large)?;
    whole.checked_mul(unit_bytes).and_then(|bytes| bytes.checked_add(part)).ok_or_else(too_large)
}

/// Returns `0.<decimals>` of `unit`, rounded down; `None` for more than 18 decimals.
fn fraction_of(decimals: &str, unit: u64) -> Option<u64> {
    let scale = 10_u128.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    if decimals.len() > 18 {
        return None;
    }
    let numerator: u128 = decimals.parse().ok()?;
    u64::try_from(numerator * u128::from(unit) / scale).ok()
}

/// Returns the duration in `text`: numbers with units, longest unit first, or `0`.
///
/// Units are `w`, `d`, `h`, `m`, `s` and `ms`; a number without a unit is
/// refused, because nothing says which one was meant.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let not_a_duration = || QuantityError::Duration(text.to_owned());
    let too_large = || QuantityError::TooLarge(text.to_owned());
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total_ms: u64 = 0;
    let mut units = TIME_UNITS.iter();
    while !rest.is_empty() || total_ms == 0 && units.len() == TIME_UNITS.len() {
        let (number, tail) = split_unit(rest, |c| c.is_ascii_digit());
        let (unit, tail) = split_unit(tail, |c| c.is_ascii_alphabetic());
        if number.is_empty() {
            return Err(not_a_duration());
        }
        let (_, unit_ms) = units.find(|(name, _)| *name == unit).ok_or_else(not_a_duration)?;
        let number: u64 = number.parse().map_err(|_| too_large())?;
        total_ms = number
            .checked_mul(*unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(too_large)?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(total_ms))
}

/// Returns `bytes` in the largest unit that divides it, so that it parses back to itself.
pub fn format_size(bytes: u64) -> String {
    let binary =
        SIZE_UNITS.iter().take(4).find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit));
    match binary {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

/// Returns a duration that parses back to `duration` in whole milliseconds.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // A month of days reads better than weeks and days.
    for (name, unit) in TIME_UNITS.iter().skip(1) {
        if rest >= *unit {
            let count = (rest / unit).to_string();
            text.extend([count.as_str(), name]);
            rest %= unit;
        }
    }
    text
}

/// Splits `text` where the leading characters that satisfy `is_head` end.
fn split_unit(text: &str, is_head: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_head(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
