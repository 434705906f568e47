//! Measures what observation costs a program.
//!
//! `cargo run --release -p kache-observe --example overhead -- [--runs N] [--host DIR]...
//! PROGRAM [ARGUMENT]...`
//!
//! Runs the program bare and observed by turns and prints the median and the least of
//! each, in microseconds: by the clock, and of processor time of the program and all
//! its children, which on a busy machine is the better measure. Starting the watch and
//! reading its trace is part of what the clock measures, and is printed by itself.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kache_observe::Watch;
use wait4::Wait4 as _;

struct Measured {
    program: OsString,
    arguments: Vec<OsString>,
    library: PathBuf,
    hosts: Vec<PathBuf>,
}

/// What one run took.
#[derive(Clone, Copy)]
struct Run {
    clock: Duration,
    processor: Duration,
    /// What starting the watch and reading the trace took.
    watching: Duration,
    events: usize,
}

impl Measured {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdout(Stdio::null());
        command
    }

    fn bare(&self) -> Result<Run, Box<dyn Error>> {
        let start = Instant::now();
        let usage = self.command().spawn()?.wait4()?.rusage;
        let processor = usage.utime + usage.stime;
        Ok(Run { clock: start.elapsed(), processor, watching: Duration::ZERO, events: 0 })
    }

    fn observed(&self) -> Result<Run, Box<dyn Error>> {
        let hosts: Vec<&Path> = self.hosts.iter().map(PathBuf::as_path).collect();
        let start = Instant::now();
        let watch = Watch::start()?;
        let variables = watch.variables(&self.library, &hosts)?;
        let started = start.elapsed();
        let child = self.command().envs(variables).spawn()?;
        let root = child.id();
        let usage = child.wait4()?.rusage;
        let ended = Instant::now();
        let trace = watch.finish(root)?;
        Ok(Run {
            clock: start.elapsed(),
            processor: usage.utime + usage.stime,
            watching: started + ended.elapsed(),
            events: trace.events.len(),
        })
    }
}

/// How much more some measure of the observed runs is than that of the bare runs that were
/// made beside them: the median, in per cent.
fn overhead(bare: &[Run], observed: &[Run], measure: impl Fn(&Run) -> Duration) -> f64 {
    let ratio = |(bare, observed)| measure(observed).as_secs_f64() / measure(bare).as_secs_f64();
    let mut ratios: Vec<f64> = bare.iter().zip(observed).map(ratio).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    100.0 * (ratios.get(ratios.len() / 2).copied().unwrap_or(1.0) - 1.0)
}

/// The median and the least of some measure.
fn summary(runs: &[Run], measure: impl Fn(&Run) -> Duration) -> String {
    let mut all: Vec<u128> = runs.iter().map(|run| measure(run).as_micros()).collect();
    all.sort_unstable();
    let least = all.first().copied().unwrap_or_default();
    let median = all.get(all.len() / 2).copied().unwrap_or_default();
    format!("{median:>9} {least:>9}")
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).peekable();
    let (mut runs, mut hosts) = (50_u32, Vec::new());
    let is_option = |argument: &OsString| argument == "--host" || argument == "--runs";
    while let Some(option) = arguments.next_if(is_option) {
        let value = arguments.next().ok_or("an option takes a value")?;
        if option == "--host" {
            hosts.push(PathBuf::from(value));
        } else {
            runs = value.to_str().ok_or("--runs takes a number")?.parse()?;
        }
    }
    let program = arguments.next().ok_or("which program?")?;
    let directory = env::temp_dir().join("kache-observe");
    let library = kache_observe::unpack(&directory)?.ok_or("nothing is observed here")?;
    let measured = Measured { program, arguments: arguments.collect(), library, hosts };

    let (mut bare, mut observed) = (Vec::new(), Vec::new());
    for run in 0..runs {
        // By turns first and second, so that neither profits from the other.
        if run % 2 == 0 {
            bare.push(measured.bare()?);
            observed.push(measured.observed()?);
        } else {
            observed.push(measured.observed()?);
            bare.push(measured.bare()?);
        }
    }
    println!("us                  median     least");
    println!("clock, bare      {}", summary(&bare, |run| run.clock));
    println!("clock, observed  {}", summary(&observed, |run| run.clock));
    println!("processor, bare  {}", summary(&bare, |run| run.processor));
    println!("  observed       {}", summary(&observed, |run| run.processor));
    println!("watching         {}", summary(&observed, |run| run.watching));
    let percent = |measure: fn(&Run) -> Duration| overhead(&bare, &observed, measure);
    println!("more, by clock   {:>8.1}%", percent(|run| run.clock));
    println!("  by processor   {:>8.1}%", percent(|run| run.processor));
    println!("events           {:>9}", observed.last().map_or(0, |run| run.events));
    Ok(())
}
