//! Measures what observation costs a program.
//!
//! `cargo run --release -p kache-observe --example overhead -- [--runs N] [--host DIR]...
//! PROGRAM [ARGUMENT]...`
//!
//! Runs the program bare and observed by turns and prints the median of each, and
//! the median of the differences between neighbours, in microseconds of wall time.
//! Starting the watch and reading its trace is part of what is measured.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use kache_observe::Watch;

struct Measured {
    program: OsString,
    arguments: Vec<OsString>,
    library: PathBuf,
    hosts: Vec<PathBuf>,
}

impl Measured {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdout(Stdio::null());
        command
    }

    fn bare(&self) -> Result<i128, Box<dyn Error>> {
        let start = Instant::now();
        self.command().status()?;
        Ok(micros_since(start))
    }

    /// Returns the time and how many events there were.
    fn observed(&self) -> Result<(i128, usize), Box<dyn Error>> {
        let hosts: Vec<&Path> = self.hosts.iter().map(PathBuf::as_path).collect();
        let start = Instant::now();
        let watch = Watch::start()?;
        let variables = watch.variables(&self.library, &hosts)?;
        let mut child = self.command().envs(variables).spawn()?;
        child.wait()?;
        let trace = watch.finish(child.id())?;
        Ok((micros_since(start), trace.events.len()))
    }
}

fn micros_since(start: Instant) -> i128 {
    i128::try_from(start.elapsed().as_micros()).unwrap_or(i128::MAX)
}

fn median(mut all: Vec<i128>) -> i128 {
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).peekable();
    let (mut runs, mut hosts) = (50_u32, Vec::new());
    while let Some(option) =
        arguments.next_if(|argument| argument == "--host" || argument == "--runs")
    {
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

    let (mut bare, mut observed, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    let mut events = 0;
    for run in 0..runs {
        // By turns first and second, so that neither profits from the other.
        let (without, with) = if run % 2 == 0 {
            let without = measured.bare()?;
            (without, measured.observed()?)
        } else {
            let with = measured.observed()?;
            (measured.bare()?, with)
        };
        bare.push(without);
        observed.push(with.0);
        differences.push(with.0 - without);
        events = with.1;
    }
    println!("bare        {:>8} us", median(bare.clone()));
    println!("observed    {:>8} us, {events} events", median(observed.clone()));
    println!("difference  {:>8} us", median(differences));
    let fastest = |all: &[i128]| all.iter().min().copied().unwrap_or_default();
    println!("fastest     {:>8} us bare, {} us observed", fastest(&bare), fastest(&observed));
    Ok(())
}
