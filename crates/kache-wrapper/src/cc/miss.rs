//! A miss: the compiler runs, watched, and what it made and read is stored.

use std::borrow::Cow;
use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use kache_cc::{HeadersFrom, instrument};
use kache_store::Outcome;

use super::collect::{self, Compiled};
use super::expanded::{self, Looked};
use super::facts::{Facts, own_file};
use crate::compilation::inputs::Start;
use crate::compilation::lookup::Missed;
use crate::compilation::publish::Collected;
use crate::compilation::{Compiler, publish};
use crate::process;
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};
use crate::watch;

impl Compiler for Facts<'_> {
    fn is_edit(&self, _: &Missed) -> bool {
        false
    }

    fn compile(
        &self,
        missed: &Missed,
        _is_edit: bool,
        report: &mut Report,
    ) -> Result<Served, Passthrough> {
        let own_file = own_file(self);
        let start = Start::now();
        let expanded = match expanded::look(self, start, missed, report) {
            Looked::Found(served) => return Ok(served),
            Looked::Nothing(unit) => unit,
        };
        let how = instrument(self.unit, &own_file);
        let mut args = how.args;
        args.extend(self.prefix_maps.iter().cloned());
        args.extend(self.unit.args.iter().cloned());
        if how.headers_from == HeadersFrom::OurDepFile {
            reserve(&self.compilation.absolute(&own_file))?;
        }
        let mut command = process::command(&self.call.compiler.program, &args);
        let watch = watch::attach(&mut command, &self.compilation.store, &[]);
        let started = Instant::now();
        let ran = if self.terminal.is_some() {
            process::run_on_terminal(command)?
        } else {
            process::run_streaming(command, &|line| Cow::Borrowed(line))?
        };
        report.compile_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        report.lap(Phase::Compile);
        let seen = watch::seen(watch, ran.pid);
        let served = if ran.status.success() {
            let collected = seen.map_err(|unseen| unseen.why).and_then(|trace| {
                let compiled = Compiled {
                    start,
                    headers_from: &how.headers_from,
                    own_file: &self.compilation.absolute(&own_file),
                    trace: &trace,
                    earlier: &missed.records,
                };
                collect::collect(self, &compiled, &ran)
            });
            // What is said may show more than the expansion.
            let expanded = expanded.filter(|_| ran.stdout.is_empty() && ran.stderr.is_empty());
            let collected = collected.map(|collected| Collected { expanded, ..collected });
            publish::publish(&self.compilation, missed, collected, report)
        } else {
            let store = self.compilation.store.clone();
            let reason = missed.reason.clone();
            Served { store, outcome: Outcome::Error, reason, status: ran.status }
        };
        // Nobody looks for it; one that stays is only in the way.
        drop(fs::remove_file(self.compilation.absolute(&own_file)));
        Ok(served)
    }
}

/// Makes the file that only kache reads: where it cannot be made, the compiler
/// must not be asked to, and complain of a name that nobody gave it.
pub(super) fn reserve(own_file: &Path) -> Result<(), Passthrough> {
    File::create(own_file).map(drop).map_err(|error| {
        Passthrough::because(format!("`{}` cannot be made: {error}", own_file.display()))
    })
}
