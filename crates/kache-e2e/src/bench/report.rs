//! What was measured, as a table and as JSON.

use std::io::{self, Write};
use std::path::Path;
use std::{fs, thread};

use serde::Serialize;

use super::BenchError;
use super::contender::Kind;
use super::measure::{Sample, Spread};
use super::micro::MicroReport;
use super::phase::Phase;
use super::suite::Samples;
use super::workload::Workload;
use crate::toolchain::Toolchain;

/// Version of the JSON form.
pub const REPORT_VERSION: u32 = 1;

/// Everything one run of the benchmark found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub v: u32,
    /// Where it ran.
    pub machine: Machine,
    /// One report a workload.
    pub workloads: Vec<WorkloadReport>,
    /// The figures of single invocations, if they were asked for.
    pub micro: Option<MicroReport>,
}

/// Where a benchmark ran; seconds compare only within one machine.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Target tuple.
    pub host: String,
    /// Logical cores.
    pub cores: usize,
}

/// One workload's phases and figures.
#[derive(Debug, Serialize)]
pub struct WorkloadReport {
    /// Package name.
    pub name: String,
    /// Package version.
    pub version: String,
    /// One report for each phase and contender.
    pub phases: Vec<PhaseReport>,
    /// The ratios that count.
    pub figures: Vec<Figure>,
}

/// One phase of one contender.
#[derive(Debug, Serialize)]
pub struct PhaseReport {
    /// The phase.
    pub phase: Phase,
    /// The contender.
    pub contender: Kind,
    /// Wall time in seconds; none where a sample was faulty.
    pub wall_s: Option<Spread>,
    /// CPU time in seconds; none where a sample was faulty.
    pub cpu_s: Option<Spread>,
    /// Why the phase is invalid; empty for one that counts.
    pub faults: Vec<String>,
    /// Every sample, also of an invalid phase.
    pub samples: Vec<Sample>,
}

/// A ratio or an amount, and what it may be at most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its value; none where a part of it was not measured or invalid.
    pub value: Option<f64>,
    /// The target, where there is one.
    pub at_most: Option<f64>,
}

impl Figure {
    /// Whether the target is met; none where there is nothing to compare.
    pub fn met(&self) -> Option<bool> {
        Some(self.value? <= self.at_most?)
    }

    /// Writes one line of a table.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let value = self.value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
        let target = self.at_most.map_or_else(String::new, |limit| format!("at most {limit:.2}"));
        let verdict = match self.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        writeln!(out, "  {:<52} {value:>9}  {target:<13} {verdict}", self.name)
    }
}

/// Writes all of a `report` to a file.
pub fn write_json(report: &impl Serialize, path: &Path) -> Result<(), BenchError> {
    let json = serde_json::to_vec_pretty(report).map_err(io::Error::from);
    json.and_then(|json| fs::write(path, json)).map_err(BenchError::io("write", path))
}

impl Machine {
    /// Describes the machine this runs on.
    pub fn here(toolchain: &Toolchain) -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { host: toolchain.host.clone(), cores }
    }
}

impl Report {
    /// Whether every phase measured what it is about.
    pub fn is_valid(&self) -> bool {
        let phases = self.workloads.iter().flat_map(|workload| &workload.phases);
        phases.into_iter().all(|phase| phase.faults.is_empty())
    }

    /// Writes the tables.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for workload in &self.workloads {
            workload.write(out)?;
        }
        match &self.micro {
            Some(micro) => micro.write(out),
            None => Ok(()),
        }
    }
}

impl WorkloadReport {
    /// Summarises `samples`.
    pub fn of(workload: &Workload, samples: Samples) -> Self {
        let phases: Vec<PhaseReport> = samples
            .into_iter()
            .map(|((phase, kind), samples)| PhaseReport::of(phase, kind, samples))
            .collect();
        let figures = figures(&phases);
        Self {
            name: workload.name.to_owned(),
            version: workload.version.to_owned(),
            phases,
            figures,
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{} {}\n", self.name, self.version)?;
        writeln!(
            out,
            "  {:<16} {:<13} {:>26} {:>9} {:>6} {:>6} {:>6} {:>8} {:>3}",
            "phase",
            "contender",
            "wall s (min to max)",
            "cpu s",
            "units",
            "hits",
            "misses",
            "spawned",
            "n"
        )?;
        for phase in &self.phases {
            phase.write(out)?;
        }
        writeln!(out)?;
        self.figures.iter().try_for_each(|figure| figure.write(out))
    }
}

impl PhaseReport {
    fn of(phase: Phase, contender: Kind, samples: Vec<Sample>) -> Self {
        let mut faults: Vec<String> = samples.iter().flat_map(|it| it.faults.clone()).collect();
        faults.sort();
        faults.dedup();
        let timed = faults.is_empty();
        let spread = |value: fn(&Sample) -> f64| {
            timed.then(|| Spread::of(samples.iter().map(value))).flatten()
        };
        let (wall_s, cpu_s) = (spread(|it| it.wall_s), spread(|it| it.cpu_s));
        Self { phase, contender, wall_s, cpu_s, faults, samples }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let (phase, contender) = (self.phase, self.contender);
        write!(out, "  {phase:<16} {contender:<13} ")?;
        let (Some(wall), Some(cpu)) = (self.wall_s, self.cpu_s) else {
            writeln!(out, "INVALID")?;
            return self.faults.iter().try_for_each(|fault| writeln!(out, "      {fault}"));
        };
        let range = format!("{:.3} ({:.3} to {:.3})", wall.median, wall.min, wall.max);
        let span = |count: fn(&Sample) -> u64| span(self.samples.iter().map(count));
        writeln!(
            out,
            "{range:>26} {:>9.3} {:>6} {:>6} {:>6} {:>8} {:>3}",
            cpu.median,
            span(|it| it.units as u64),
            span(|it| it.hits),
            span(|it| it.misses),
            span(|it| it.spawned),
            wall.count
        )
    }
}

/// One number, or the smallest and the largest of several.
fn span(counts: impl Iterator<Item = u64>) -> String {
    let counts: Vec<u64> = counts.collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(min), Some(max)) if min == max => min.to_string(),
        (Some(min), Some(max)) => format!("{min}-{max}"),
        _ => String::new(),
    }
}

/// The ratios between contenders, with what they may be at most.
fn figures(phases: &[PhaseReport]) -> Vec<Figure> {
    use Kind::{Floor, Kache, Plain, Sccache};
    use Phase::{Cold, EditBack, FirstEdit, NoOp, RepeatedEdit, Second, Warm};
    let wall = |phase, kind| Some(find(phases, phase, kind)?.wall_s?.median);
    let cpu = |phase, kind| Some(find(phases, phase, kind)?.cpu_s?.median);
    let ratio = |name: &str, above: Option<f64>, below: Option<f64>, at_most: Option<f64>| Figure {
        name: name.to_owned(),
        value: above.zip(below).map(|(above, below)| above / below),
        at_most,
    };
    let both = |name: &str, phase, below: (Phase, Kind), at_most| {
        let (base, kind) = below;
        [
            ratio(&format!("{name}, wall"), wall(phase, Kache), wall(base, kind), at_most),
            ratio(&format!("{name}, CPU"), cpu(phase, Kache), cpu(base, kind), at_most),
        ]
    };
    let mut figures = Vec::new();
    figures.extend(both("warm against floor", Warm, (Warm, Floor), Some(1.15)));
    let second_limit = second_checkout_limit(phases);
    figures.extend(both("second checkout against floor", Second, (Second, Floor), second_limit));
    figures.extend(both("cold against plain", Cold, (Cold, Plain), Some(1.03)));
    figures.push(ratio(
        "repeated edit against plain, wall",
        wall(RepeatedEdit, Kache),
        wall(RepeatedEdit, Plain),
        Some(1.05),
    ));
    figures.push(ratio(
        "no-op against plain, wall",
        wall(NoOp, Kache),
        wall(NoOp, Plain),
        Some(1.02),
    ));
    figures.push(ratio(
        "first edit after a warm restore against plain, wall",
        wall(FirstEdit, Kache),
        wall(FirstEdit, Plain),
        None,
    ));
    figures.push(ratio(
        "edit back against plain, wall",
        wall(EditBack, Kache),
        wall(EditBack, Plain),
        None,
    ));
    figures.push(ratio("warm against sccache, wall", wall(Warm, Kache), wall(Warm, Sccache), None));
    figures.retain(|figure| figure.value.is_some() || figure.at_most.is_some());
    figures
}

/// Where a file system can reflink, a second checkout costs no copies.
fn second_checkout_limit(phases: &[PhaseReport]) -> Option<f64> {
    let second = find(phases, Phase::Second, Kind::Kache)?;
    let cloned = second.samples.iter().any(|sample| sample.bytes[1] > 0);
    Some(if cloned { 1.20 } else { 1.45 })
}

fn find(phases: &[PhaseReport], phase: Phase, kind: Kind) -> Option<&PhaseReport> {
    phases.iter().find(|it| it.phase == phase && it.contender == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(wall_s: f64, faults: &[&str]) -> Sample {
        let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
        let (units, spawned, bytes) = (3, 0, [0, 0, 9]);
        Sample { wall_s, cpu_s: wall_s, units, hits: 3, misses: 0, spawned, bytes, faults }
    }

    fn report(faults: &[&str]) -> WorkloadReport {
        let samples = Samples::from([
            ((Phase::Warm, Kind::Floor), vec![sample(1.0, &[]), sample(1.0, &[])]),
            ((Phase::Warm, Kind::Kache), vec![sample(1.2, &[]), sample(1.0, faults)]),
            ((Phase::Second, Kind::Kache), vec![sample(1.2, &[])]),
        ]);
        WorkloadReport::of(Workload::named("ripgrep").unwrap(), samples)
    }

    #[test]
    fn a_figure_is_a_ratio_of_medians_with_a_target() {
        let report = report(&[]);
        let warm = &report.figures[0];
        assert_eq!(warm.name, "warm against floor, wall");
        assert!((warm.value.unwrap() - 1.1).abs() < 1e-9);
        assert_eq!((warm.at_most, warm.met()), (Some(1.15), Some(true)));
        let second = &report.figures[2];
        assert_eq!((second.value, second.at_most, second.met()), (None, Some(1.45), None));
    }

    #[test]
    fn an_invalid_phase_has_no_time_and_no_ratio() {
        let report = report(&["a miss"]);
        assert_eq!(report.figures[0].value, None);
        let mut text = Vec::new();
        report.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("kache         INVALID\n      a miss\n"), "{text}");
        assert!(text.contains("1.000 (1.000 to 1.000)"), "{text}");
    }
}
