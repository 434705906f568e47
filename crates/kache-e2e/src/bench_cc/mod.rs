//! Speed with C and C++, measured against ccache and the bare compiler.
//!
//! Single files show what a hit and a miss cost, a whole project what it costs to
//! build it with empty caches and to rebuild it. Every figure is the median of
//! ratios of samples that were taken side by side: the contenders take turns, and a
//! machine that becomes slower or faster does so for all.

pub mod contender;
pub mod report;
pub mod sources;
pub mod suite;

use std::env;
use std::io::Write;
use std::path::PathBuf;

use crate::bench::BenchError;
use crate::bench::report::{Machine, write_json};
use crate::kache::Kache;
use crate::registry::ZSTD;
use crate::toolchain::Toolchain;

use contender::{Tools, Who, ccache_on_path};
use report::{CC_REPORT_VERSION, CcReport, load};
use suite::Plan;

/// Measure `kache cc` against ccache and the bare compiler
#[derive(clap::Args, Debug)]
pub struct Options {
    /// How often each hit of a single file is timed
    #[arg(long, default_value_t = 150)]
    hits: usize,
    /// How often each compilation of a single file is timed
    #[arg(long, default_value_t = 42)]
    misses: usize,
    /// How often the project is built with empty caches
    #[arg(long, default_value_t = 15)]
    builds: usize,
    /// How often the project is rebuilt
    #[arg(long, default_value_t = 12)]
    rebuilds: usize,
    /// Write everything measured to this file
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Build and cache below this directory, which decides the file system
    #[arg(long, value_name = "DIR")]
    fs: Option<PathBuf>,
}

/// Measures, and writes tables to `out` and progress to `log`. Returns whether
/// everything that was measured was valid; missed targets are not invalid.
pub fn run(
    options: &Options,
    out: &mut dyn Write,
    log: &mut dyn Write,
) -> Result<bool, BenchError> {
    let parent = options.fs.clone().unwrap_or_else(env::temp_dir);
    let toolchain = Toolchain::active()?;
    ZSTD.fetch(&env::temp_dir()).map_err(crate::bench::workload::WorkloadError::from)?;
    let tools = Tools { kache: Kache::released(&toolchain)?, ccache: ccache_on_path() };
    let mut kinds = vec![Who::Plain, Who::Kache];
    if tools.ccache.is_some() {
        kinds.insert(1, Who::Ccache);
    } else {
        // Without it the ratios to it are missing from the table, for which this is why.
        drop(writeln!(log, "ccache is not on PATH: nothing is compared with it"));
    }
    let plan = Plan {
        kinds,
        hits: options.hits,
        misses: options.misses,
        builds: options.builds,
        rebuilds: options.rebuilds,
    };
    let load_before = load();
    let cases = suite::measure(&plan, &tools, &parent, log)?;
    let report = CcReport {
        v: CC_REPORT_VERSION,
        machine: Machine::here(&toolchain),
        versions: contender::versions(&tools),
        load: [load_before, load()],
        figures: report::figures(&cases),
        cases,
    };
    report.write(out).map_err(BenchError::io("write the report to", "standard output".as_ref()))?;
    if let Some(path) = &options.json {
        write_json(&report, path)?;
    }
    Ok(report.is_valid())
}
