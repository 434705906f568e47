//! Speed, measured against plain cargo, the replay floor and sccache.
//!
//! The floor is what a warm build under any `RUSTC_WRAPPER` costs at least:
//! cargo itself, the build scripts' runs, one process for each rustc call, one
//! link for each output file, and one compiler for each call of a build script
//! that fails or has its source on standard input. Ratios to it travel between
//! machines, seconds do not.

pub mod contender;
pub mod measure;
pub mod micro;
pub mod phase;
pub mod report;
pub mod sccache;
pub mod suite;
pub mod verify;
pub mod workload;

use std::io::{self, Write};
use std::path::PathBuf;
use std::{env, fs};

use crate::scenario::HarnessError;
use crate::toolchain::Toolchain;

use contender::{Kind, Tools};
use phase::{PHASES, Phase};
use report::{Machine, REPORT_VERSION, Report, WorkloadReport, write_json};
use suite::Plan;
use workload::{WORKLOADS, Workload, WorkloadError};

/// Measure kache against plain cargo, the replay floor and sccache
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Packages to build
    #[arg(long, value_delimiter = ',', value_parser = parse_workload,
          default_values = ["ripgrep", "hyperfine", "bat"])]
    workloads: Vec<&'static Workload>,
    /// How often everything is repeated
    #[arg(long, default_value_t = 3)]
    reps: usize,
    /// Phases to measure; all by default
    #[arg(long, value_delimiter = ',', value_enum)]
    phases: Vec<Phase>,
    /// Contenders to measure; all that are installed by default
    #[arg(long, value_delimiter = ',', value_enum)]
    contenders: Vec<Kind>,
    /// Measure single invocations instead of builds
    #[arg(long)]
    micro: bool,
    /// Write everything measured to this file
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Build and cache below this directory, which decides the file system
    #[arg(long, value_name = "DIR")]
    fs: Option<PathBuf>,
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Something around the builds failed.
    #[error(transparent)]
    Harness(HarnessError),
    /// No workload.
    #[error(transparent)]
    Workload(#[from] WorkloadError),
    /// No sccache server.
    #[error("failed to start sccache")]
    Sccache {
        /// The operating system's answer.
        source: io::Error,
    },
    /// A build that only prepares a measurement failed.
    #[error("building {workload} with {contender} failed:\n{output}")]
    Build {
        /// The package.
        workload: &'static str,
        /// Who compiled.
        contender: String,
        /// What cargo said.
        output: String,
    },
    /// A file of the benchmark's own.
    #[error("failed to {action} `{}`", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Nothing like what a measurement needs was found.
    #[error("{what}")]
    Unusable {
        /// What is wrong.
        what: String,
    },
}

impl<E: Into<HarnessError>> From<E> for BenchError {
    fn from(error: E) -> Self {
        Self::Harness(error.into())
    }
}

impl BenchError {
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// Measures what `options` ask for, and writes tables to `out` and progress
/// to `log`. Returns whether every phase was valid; missed targets are not
/// invalid.
pub fn run(
    options: &Options,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> Result<bool, BenchError> {
    let parent = options.fs.clone().unwrap_or_else(env::temp_dir);
    fs::create_dir_all(&parent).map_err(BenchError::io("create", &parent))?;
    let scratch = tempfile::Builder::new().prefix("kache-bench-").tempdir_in(&parent);
    let scratch = scratch.map_err(BenchError::io("create a directory in", &parent))?;
    let toolchain = Toolchain::active()?;
    let tools = Tools::build(&toolchain, scratch.path())?;
    for workload in &options.workloads {
        workload.fetch(scratch.path())?;
    }
    let mut report = Report {
        v: REPORT_VERSION,
        machine: Machine::here(&toolchain),
        workloads: Vec::new(),
        micro: None,
    };
    if options.micro {
        report.micro = Some(micro::measure(&options.workloads, &tools, &parent, log)?);
    } else {
        let plan = options.plan(&tools);
        for workload in &options.workloads {
            let samples = suite::measure(workload, &plan, &tools, &parent, log)?;
            report.workloads.push(WorkloadReport::of(workload, samples));
        }
    }
    report.write(out).map_err(BenchError::io("write the report to", "standard output".as_ref()))?;
    if let Some(path) = &options.json {
        write_json(&report, path)?;
    }
    Ok(report.is_valid())
}

impl Options {
    fn plan(&self, tools: &Tools) -> Plan {
        let wanted = |kind: &Kind| self.contenders.is_empty() || self.contenders.contains(kind);
        let phases = if self.phases.is_empty() { PHASES.to_vec() } else { self.phases.clone() };
        Plan { phases, kinds: tools.kinds().into_iter().filter(wanted).collect(), reps: self.reps }
    }
}

fn parse_workload(name: &str) -> Result<&'static Workload, String> {
    Workload::named(name).ok_or_else(|| {
        let known: Vec<_> = WORKLOADS.iter().map(|workload| workload.name).collect();
        format!("known workloads are {}", known.join(", "))
    })
}
