//! What was measured with C and C++, as a table and as JSON.

use std::fs;
use std::io::{self, Write};

use serde::Serialize;

use super::contender::{Counts, Who};
use super::sources::SINGLES;
use crate::bench::measure::Spread;
use crate::bench::report::{Figure, Machine};
use crate::process::Finished;

/// Version of the JSON form: raised where a figure is measured in another way.
pub const CC_REPORT_VERSION: u32 = 2;

/// Everything one run of the benchmark found.
#[derive(Debug, Serialize)]
pub struct CcReport {
    /// [`CC_REPORT_VERSION`].
    pub v: u32,
    /// Where it ran.
    pub machine: Machine,
    /// Compilers and ccache, a line each.
    pub versions: Vec<String>,
    /// Processes that wanted to run, a mean over a minute, before and after.
    pub load: [Option<f64>; 2],
    /// One report for each case and contender.
    pub cases: Vec<CaseReport>,
    /// The ratios that count.
    pub figures: Vec<Figure>,
}

/// Returns the system's load of the last minute, where it is told.
pub fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// What is timed; the number is a position in [`SINGLES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// A single file that was compiled before.
    Hit(usize),
    /// A single file that was never compiled so.
    Miss(usize),
    /// A project with empty caches.
    Build,
    /// A project, all of whose files were compiled before.
    Rebuild,
}

impl Case {
    fn name(self) -> String {
        let file = |number: usize| SINGLES.get(number).map_or("?", |single| single.name);
        match self {
            Self::Hit(number) => format!("hit, {}", file(number)),
            Self::Miss(number) => format!("miss, {}", file(number)),
            Self::Build => "cold build of zstd".to_owned(),
            Self::Rebuild => "warm rebuild of zstd".to_owned(),
        }
    }
}

/// One case of one contender.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// The case.
    pub case: Case,
    /// The contender.
    pub who: Who,
    /// Wall times in milliseconds.
    pub wall_ms: Vec<f64>,
    /// CPU times in milliseconds, of the process and all it waited for.
    pub cpu_ms: Vec<f64>,
    /// What is not as it should be; empty for a case that counts.
    pub faults: Vec<String>,
}

impl CaseReport {
    /// Starts without samples.
    pub fn new(case: Case, who: Who) -> Self {
        Self { case, who, wall_ms: Vec::new(), cpu_ms: Vec::new(), faults: Vec::new() }
    }

    /// Returns how many samples there are.
    pub fn samples(&self) -> usize {
        self.wall_ms.len()
    }

    /// Adds a sample.
    pub fn add(&mut self, finished: &Finished) {
        self.wall_ms.push(finished.wall.as_secs_f64() * 1000.0);
        self.cpu_ms.push(finished.cpu.as_secs_f64() * 1000.0);
        let said = finished.stderr.lines().last().unwrap_or_default();
        self.expect(finished.status.success(), &format!("{}: {said}", finished.status));
    }

    /// Adds `fault`, once, unless `holds`.
    pub fn expect(&mut self, holds: bool, fault: &str) {
        if !holds && !self.faults.iter().any(|known| known == fault) {
            self.faults.push(fault.to_owned());
        }
    }

    /// Adds a fault unless the cache did as `expected`; the bare compiler has none.
    pub fn expect_counts(&mut self, counts: Counts, expected: Counts) {
        let is_right = self.who == Who::Plain || counts == expected;
        self.expect(is_right, &format!("{counts:?} where {expected:?} were expected"));
    }

    fn spread(&self, values: &[f64]) -> Option<Spread> {
        self.faults.is_empty().then(|| Spread::of(values.iter().copied())).flatten()
    }

    /// Returns the median of the ratios of samples that were taken side by side.
    fn ratio_to(&self, other: &Self, values: impl Fn(&Self) -> &[f64]) -> Option<f64> {
        let is_valid = self.faults.is_empty() && other.faults.is_empty();
        let pairs = values(self).iter().zip(values(other));
        is_valid.then(|| Spread::of(pairs.map(|(a, b)| a / b))).flatten().map(|it| it.median)
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        // What is slow without a cache is no hit.
        let name = match (self.case, self.who) {
            (Case::Hit(_) | Case::Rebuild, Who::Plain) => "  the same, compiled".to_owned(),
            (case, _) => case.name(),
        };
        write!(out, "  {name:<26} {:<8}", self.who)?;
        let (Some(wall), Some(cpu)) = (self.spread(&self.wall_ms), self.spread(&self.cpu_ms))
        else {
            writeln!(out, "INVALID")?;
            return self.faults.iter().try_for_each(|fault| writeln!(out, "      {fault}"));
        };
        let range = format!("{:.2} ({:.2} to {:.2})", wall.median, wall.min, wall.max);
        writeln!(out, "{range:>34} {:>10.2} {:>4}", cpu.median, wall.count)
    }
}

impl CcReport {
    /// Whether everything measured what it is about.
    pub fn is_valid(&self) -> bool {
        self.cases.iter().all(|case| case.faults.is_empty())
    }

    /// Writes the tables.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)?;
        self.versions.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        let cores = self.machine.cores;
        let [before, after] =
            self.load.map(|load| load.map_or("?".to_owned(), |load| format!("{load:.1}")));
        writeln!(out, "  {cores} cores, load {before} before and {after} after\n")?;
        writeln!(
            out,
            "  {:<26} {:<8}{:>34} {:>10} {:>4}",
            "case", "", "wall ms (min to max)", "cpu ms", "n"
        )?;
        self.cases.iter().try_for_each(|case| case.write(out))?;
        writeln!(out)?;
        self.figures.iter().try_for_each(|figure| figure.write(out))
    }
}

/// The ratios between contenders, with what they may be at most.
pub fn figures(cases: &[CaseReport]) -> Vec<Figure> {
    use Who::{Ccache, Kache, Plain};
    let mut figures = Vec::new();
    let mut both = |case: Case, who: Who, against: Who, at_most: Option<f64>| {
        let find = |who| cases.iter().find(|it| it.case == case && it.who == who);
        let reports = find(who).zip(find(against));
        let mut figure = |unit: &str, values: fn(&CaseReport) -> &[f64]| {
            let value = reports.and_then(|(it, other)| it.ratio_to(other, values));
            let name = format!("{}: {who} against {against}, {unit}", case.name());
            figures.push(Figure { name, value, at_most });
        };
        figure("wall", |report| &report.wall_ms);
        figure("CPU", |report| &report.cpu_ms);
    };
    for number in 0..SINGLES.len() {
        both(Case::Hit(number), Kache, Ccache, Some(0.6));
        both(Case::Miss(number), Kache, Plain, Some(1.03));
        both(Case::Miss(number), Ccache, Plain, None);
    }
    both(Case::Build, Kache, Plain, Some(1.03));
    both(Case::Build, Ccache, Plain, None);
    both(Case::Rebuild, Kache, Ccache, Some(0.7));
    both(Case::Rebuild, Kache, Plain, None);
    figures.retain(|figure| figure.value.is_some() || figure.at_most.is_some());
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(case: Case, who: Who, ms: &[f64]) -> CaseReport {
        CaseReport { wall_ms: ms.to_vec(), cpu_ms: ms.to_vec(), ..CaseReport::new(case, who) }
    }

    #[track_caller]
    fn check(cases: &[CaseReport], name: &str, value: Option<f64>, met: Option<bool>) {
        let figures = figures(cases);
        let figure = figures.iter().find(|figure| figure.name == name).expect("it is listed");
        assert_eq!((figure.value, figure.met()), (value, met));
    }

    #[test]
    fn a_figure_is_a_median_of_ratios_with_a_target() {
        let mut cases = vec![
            // The machine was slow once and then fast: the ratio was the same.
            report(Case::Hit(0), Who::Ccache, &[40.0, 4.0, 4.0]),
            report(Case::Hit(0), Who::Kache, &[10.0, 1.0, 9.0]),
            report(Case::Rebuild, Who::Ccache, &[1.0]),
            report(Case::Rebuild, Who::Kache, &[1.0]),
        ];
        let hit = "hit, C, 60 headers: kache against ccache, wall";
        check(&cases, hit, Some(0.25), Some(true));
        let rebuild = "warm rebuild of zstd: kache against ccache, CPU";
        check(&cases, rebuild, Some(1.0), Some(false));
        check(&cases, "miss, C, 60 headers: kache against plain, wall", None, None);
        cases[1].expect(false, "not served");
        check(&cases, hit, None, None);
    }

    #[test]
    fn a_cache_that_did_something_else_is_at_fault() {
        let expected = Counts { hits: 2, ..Counts::default() };
        let mut kache = report(Case::Hit(0), Who::Kache, &[1.0]);
        kache.expect_counts(expected, expected);
        assert!(kache.faults.is_empty());
        kache.expect_counts(Counts { hits: 1, misses: 1, others: 0 }, expected);
        assert_eq!(kache.faults.len(), 1);
        let mut plain = report(Case::Hit(0), Who::Plain, &[1.0]);
        plain.expect_counts(Counts::default(), expected);
        assert!(plain.faults.is_empty());
    }
}
