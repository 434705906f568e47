//! Running cargo, with kache or without, and seeing what it did.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::env::Env;
use crate::events::{Event, Journal, JournalError, Outcome, Tally};
use crate::process::{self, RunError};

/// One call of cargo that has not happened yet.
#[derive(Debug)]
pub struct CargoRun<'env> {
    env: &'env Env,
    dir: PathBuf,
    args: Vec<OsString>,
    vars: Vec<(OsString, Option<OsString>)>,
}

/// Why a call of cargo tells nothing. A build that fails is a [`CargoOutcome`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CargoError {
    /// Cargo did not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The journal is unreadable.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What a call of cargo did.
#[derive(Clone, Debug)]
pub struct CargoOutcome {
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error, with cargo's `-v` lines in it.
    pub stderr: String,
    /// The commands cargo ran to build, one a line as it prints them.
    pub commands: Vec<String>,
    /// The packages cargo found fresh.
    pub fresh: usize,
    /// Wall time.
    pub wall: Duration,
    /// User and system time of cargo and everything below it.
    pub cpu: Duration,
    /// What kache wrote to its journal meanwhile.
    pub events: Vec<Event>,
}

impl<'env> CargoRun<'env> {
    /// Prepares `cargo <verb> -v` in `dir` without any wrapper.
    pub fn new(env: &'env Env, dir: &Path, verb: &str) -> Self {
        Self { env, dir: dir.to_owned(), args: vec![verb.into(), "-v".into()], vars: Vec::new() }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable for this call.
    #[must_use]
    pub fn var(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.vars.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes a variable for this call.
    #[must_use]
    pub fn without_var(mut self, name: impl AsRef<OsStr>) -> Self {
        self.vars.push((name.as_ref().to_owned(), None));
        self
    }

    /// Lets cargo call rustc through `wrapper`.
    #[must_use]
    pub fn wrapper(self, wrapper: &Path) -> Self {
        self.var("RUSTC_WRAPPER", wrapper)
    }

    /// Returns the command that [`run`](Self::run) would run, for callers that
    /// must interrupt it or run several at once.
    pub fn command(&self) -> std::process::Command {
        let mut command = self.env.command(&self.env.toolchain().cargo);
        command.current_dir(&self.dir).args(&self.args);
        for (name, value) in &self.vars {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Runs cargo to its end.
    pub fn run(&self) -> Result<CargoOutcome, CargoError> {
        let mut journal = Journal::at_end_of(&self.cache_dir());
        let finished = process::run(&mut self.command())?;
        Ok(CargoOutcome {
            code: finished.status.code(),
            commands: commands_in(&finished.stderr),
            fresh: finished
                .stderr
                .lines()
                .filter(|line| line.trim_start().starts_with("Fresh "))
                .count(),
            stdout: finished.stdout,
            stderr: finished.stderr,
            wall: finished.wall,
            cpu: finished.cpu,
            events: journal.take()?,
        })
    }

    /// Returns the cache directory that this call uses.
    pub fn cache_dir(&self) -> PathBuf {
        let own = self.vars.iter().rev().find(|(name, _)| name == "KACHE_CACHE_DIR");
        let own = own.and_then(|(_, value)| value.clone());
        own.map_or_else(|| self.env.cache_dir(), PathBuf::from)
    }
}

impl CargoOutcome {
    /// Whether cargo ended with 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns how many units cargo ran: compilations and build scripts.
    pub fn units(&self) -> usize {
        self.commands.len()
    }

    /// Returns how many compilations cargo asked for.
    pub fn compilations(&self) -> usize {
        self.commands.iter().filter(|command| command.contains(" --crate-name ")).count()
    }

    /// Returns the crates that cargo asked a compiler for, in its order.
    pub fn crates(&self) -> Vec<&str> {
        self.commands.iter().filter_map(|command| crate_of(command)).collect()
    }

    /// Tells the units that cargo asked for from what build scripts compiled
    /// behind its back.
    pub fn asked(&self) -> Asked<'_> {
        let mut asked = Asked { units: Vec::new(), probes: Vec::new(), unseen: self.crates() };
        let (handed_on, rest): (Vec<&Event>, Vec<&Event>) =
            self.unit_events().partition(|event| event.outcome == Outcome::Passthrough);
        // Where a name occurs too often, what was handed on is the probe.
        for event in rest.into_iter().chain(handed_on) {
            match asked.unseen.iter().position(|name| *name == event.name) {
                Some(at) => {
                    asked.unseen.swap_remove(at);
                    asked.units.push(event);
                }
                None => asked.probes.push(event),
            }
        }
        asked
    }

    /// Counts the events of the units that cargo asked for.
    pub fn tally(&self) -> Tally {
        Tally::of(self.asked().units)
    }

    /// Returns how many processes kache started or became, whatever for.
    pub fn spawned(&self) -> u64 {
        self.events.iter().map(Event::spawned).sum()
    }

    /// Returns the events of compilations, without questions to the compiler.
    pub fn unit_events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.is_unit())
    }

    /// Returns the events of build scripts that ran, or whose place was taken.
    pub fn script_events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.is_script_run())
    }

    /// Returns the event of the unit called `name`, or of the run of a package's
    /// build script, `<package> build script`, if there is exactly one.
    pub fn event_of(&self, name: &str) -> Option<&Event> {
        let all = self.unit_events().chain(self.script_events());
        let mut named = all.filter(|event| event.name == name);
        named.next().filter(|_| named.next().is_none())
    }
}

/// The compilations of one call of cargo, matched with the journal.
#[derive(Debug)]
pub struct Asked<'a> {
    /// One event for each unit that cargo asked for and kache saw.
    pub units: Vec<&'a Event>,
    /// What build scripts compiled to try something out.
    pub probes: Vec<&'a Event>,
    /// Crates that cargo asked for and kache never saw.
    pub unseen: Vec<&'a str>,
}

/// The `Running` lines before `Finished`: what comes later are the tests.
fn commands_in(stderr: &str) -> Vec<String> {
    stderr
        .lines()
        .map(str::trim_start)
        .take_while(|line| !line.starts_with("Finished "))
        .filter_map(|line| line.strip_prefix("Running `"))
        .map(|rest| rest.strip_suffix('`').unwrap_or(rest).to_owned())
        .collect()
}

fn crate_of(command: &str) -> Option<&str> {
    let (_, rest) = command.split_once(" --crate-name ")?;
    rest.split(' ').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_ran_is_read_from_its_verbose_lines() {
        let stderr = "   Compiling a v0.1.0 (/w/a)\n     Running `/k/kache /t/rustc --crate-name build_script_build a/build.rs`\n     \
                      Running `/w/target/debug/build/a-1/build-script-build`\n     Running `/k/kache /t/rustc --crate-name a --test`\n    \
                      Finished `test` profile\n     Running `/w/target/debug/deps/a-2`\n";
        let commands = commands_in(stderr);
        assert_eq!(commands.len(), 3);
        let crates: Vec<_> = commands.iter().filter_map(|command| crate_of(command)).collect();
        assert_eq!(crates, ["build_script_build", "a"]);
    }
    #[test]
    fn a_probe_is_told_from_the_unit_of_the_same_name() {
        let event = |name: &str, outcome| Event {
            name: name.to_owned(),
            crate_types: vec!["lib".to_owned()],
            outcome,
            ..Event::default()
        };
        let outcome = CargoOutcome {
            code: Some(0),
            stdout: String::new(),
            stderr: String::new(),
            commands: ["a", "b"].map(|name| format!("rustc --crate-name {name} x")).to_vec(),
            fresh: 0,
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
            events: vec![event("a", Outcome::Passthrough), event("a", Outcome::Hit)],
        };
        let asked = outcome.asked();
        assert_eq!(asked.units.iter().map(|it| it.outcome).collect::<Vec<_>>(), [Outcome::Hit]);
        assert_eq!(
            asked.probes.iter().map(|it| it.outcome).collect::<Vec<_>>(),
            [Outcome::Passthrough]
        );
        assert_eq!(asked.unseen, ["b"]);
        assert_eq!((outcome.tally().hits, outcome.spawned()), (1, 1));
    }
}
