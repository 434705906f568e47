//! A miss: the compiler runs, watched, and what it made and read is stored.

use std::borrow::Cow;

use kache_store::Outcome;

use super::collect::{self, Compiled};
use super::expanded::{self, Looked};
use super::facts::Facts;
use crate::compilation::inputs::Start;
use crate::compilation::lookup::Missed;
use crate::compilation::publish::Collected;
use crate::compilation::{Compiler, publish};
use crate::process;
use crate::report::Report;
use crate::served::{Passthrough, Served};
use crate::watch;

impl Compiler for Facts<'_> {
    fn compile(
        &self,
        missed: &Missed,
        _is_edit: bool,
        report: &mut Report,
    ) -> Result<Served, Passthrough> {
        let start = Start::now();
        let expanded = match expanded::look(self, start, missed, report) {
            Looked::Found(served) => return Ok(served),
            Looked::Nothing(unit) => unit,
        };
        let args = [self.prefix_maps.as_slice(), &self.unit.args].concat();
        let mut command = process::command(&self.call.compiler.program, &args);
        let watch = watch::attach(&mut command, &self.compilation.store, &[]);
        let ran = if self.terminal.is_some() {
            process::run_on_terminal(command)?
        } else {
            process::run_streaming(command, &|line| Cow::Borrowed(line))?
        };
        report.compiled(ran.took);
        let seen = watch::seen(watch, ran.pid);
        let served = if ran.status.success() {
            let collected = seen.map_err(|unseen| unseen.why).and_then(|trace| {
                let compiled = Compiled { start, own_file: None, trace: &trace };
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
        Ok(served)
    }
}
