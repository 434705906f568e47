//! One measured build, and many of them taken together.

use std::time::Duration;

use serde::Serialize;

use crate::cargo::CargoOutcome;

/// What one build of one phase showed.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Wall time in seconds.
    pub wall_s: f64,
    /// User and system time in seconds, of cargo and all below it, and of the
    /// contender's server where it has one.
    pub cpu_s: f64,
    /// Units cargo ran.
    pub units: usize,
    /// Units served from the cache.
    pub hits: u64,
    /// Units that were compiled.
    pub misses: u64,
    /// Compilers that were started.
    pub spawned: u64,
    /// Bytes moved by hard link, reflink and copying.
    pub bytes: [u64; 3],
    /// What is not as it should be; empty for a sample that counts.
    pub faults: Vec<String>,
}

impl Sample {
    /// Takes the figures that every build has; `hits` and its companions
    /// belong to the contender.
    pub fn of(outcome: &CargoOutcome) -> Self {
        Self {
            wall_s: outcome.wall.as_secs_f64(),
            cpu_s: outcome.cpu.as_secs_f64(),
            units: outcome.units(),
            hits: 0,
            misses: 0,
            spawned: outcome.compilations() as u64,
            bytes: [0; 3],
            faults: Vec::new(),
        }
    }
}

/// The middle of some values and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median; of an even number of values the mean of the middle two.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many there are.
    pub count: usize,
}

impl Spread {
    /// Summarises `values`; `None` of no values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let upper = *values.get(values.len() / 2)?;
        let lower = *values.get(values.len().saturating_sub(1) / 2)?;
        Some(Self {
            median: f64::midpoint(lower, upper),
            min: *values.first()?,
            max: *values.last()?,
            count: values.len(),
        })
    }

    /// Summarises `times` in microseconds.
    pub fn of_micros(times: &[Duration]) -> Option<Self> {
        Self::of(times.iter().map(|time| time.as_secs_f64() * 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], median: f64, min: f64, max: f64) {
        let expected = Spread { median, min, max, count: values.len() };
        assert_eq!(Spread::of(values.iter().copied()), Some(expected));
    }

    #[test]
    fn a_median_stands_in_the_middle() {
        check(&[3.0, 1.0, 2.0], 2.0, 1.0, 3.0);
        check(&[4.0, 1.0, 2.0, 8.0], 3.0, 1.0, 8.0);
        check(&[5.0], 5.0, 5.0, 5.0);
        assert_eq!(Spread::of([]), None);
    }
}
