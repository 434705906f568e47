//! `kache-e2e`: demonstration and benchmark of the built binaries, and what
//! their tests need.
//!
//! Exit codes: 0 for success, 1 for a second build that was not served from
//! the cache or a phase that was invalid, 2 for wrong usage, 3 if nothing
//! could be run.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use kache_e2e::{bench, bench_cc, bench_scripts, demo, registry};

/// Demonstration and benchmark of the kache compiler cache
#[derive(Parser, Debug)]
#[command(name = "kache-e2e", version)]
enum Args {
    Demo(demo::Options),
    Bench(bench::Options),
    BenchCc(bench_cc::Options),
    BenchScripts(bench_scripts::Options),
    /// Download the sources in C that the tests build
    Fetch,
}

fn main() -> ExitCode {
    let (out, log) = (&mut io::stdout(), &mut io::stderr());
    let done: Result<bool, Box<dyn std::error::Error>> = match Args::parse() {
        Args::Demo(options) => demo::run(&options, out).map_err(Into::into),
        Args::Bench(options) => bench::run(&options, out, log).map_err(Into::into),
        Args::BenchCc(options) => bench_cc::run(&options, out, log).map_err(Into::into),
        Args::BenchScripts(_) => bench_scripts::run(out, log).map_err(Into::into),
        Args::Fetch => registry::fetch_all().map(|()| true).map_err(Into::into),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            drop(write_chain(log, error.as_ref()));
            ExitCode::from(3)
        }
    }
}

fn write_chain(log: &mut impl Write, error: &dyn std::error::Error) -> io::Result<()> {
    write!(log, "error: {error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(log, ": {error}")?;
        cause = error.source();
    }
    writeln!(log)
}
