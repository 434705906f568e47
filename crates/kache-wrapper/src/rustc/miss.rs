//! A miss: the compiler runs, and what it made and read is stored.

use std::fs;
use std::path::{Path, PathBuf};

use kache_config::Incremental;
use kache_key::rustc::messages;
use kache_store::{Outcome, clock};

use super::collect::{self, Before};
use super::facts::Facts;
use crate::compilation::lookup::Missed;
use crate::compilation::{Compiler, products, publish};
use crate::report::Report;
use crate::served::{Passthrough, Served};
use crate::watch::{self, Unseen};
use crate::{outer, process};

/// A unit that compiles incrementally, and did so within this time, is
/// being edited: storing every keystroke would slow the edit down, and nobody
/// asks for those results again.
const EDITED_WITHIN_NS: i64 = 600 * 1_000_000_000;

impl Compiler for Facts<'_> {
    fn is_edit(&self, missed: &Missed) -> bool {
        is_edit(self, missed)
    }

    fn compile(
        &self,
        missed: &Missed,
        is_edit: bool,
        report: &mut Report,
    ) -> Result<Served, Passthrough> {
        let dependency_file = self.unit.links().then(|| dependency_file(self));
        let args = compiler_args(self, dependency_file.as_ref());
        products::unshare(&self.compilation.products);
        let before = Before::look(self, dependency_file);
        let undo = self.remaps.undo();
        let mut command = process::command(&self.call.compiler.program, &args);
        // Whoever observes this process observes the compiler, and nobody else can.
        let is_watched = self.may_run_macros() && !is_edit && !outer::is_observed();
        let watch = is_watched.then(|| {
            let hosts = self.toolchain.own_places();
            let hosts: Vec<&Path> = hosts.iter().map(PathBuf::as_path).collect();
            watch::attach(&mut command, &self.compilation.store, &hosts)
        });
        let ran = process::run_streaming(command, &|line| messages::unmap_line(line, &undo))?;
        report.compiled(ran.took);
        let served = if !ran.status.success() {
            let store = self.compilation.store.clone();
            let reason = missed.reason.clone();
            Served { store, outcome: Outcome::Error, reason, status: ran.status }
        } else if is_edit {
            publish::note_edit(&self.compilation, missed);
            let collected = Err("the crate is being edited".to_owned());
            publish::publish(&self.compilation, missed, collected, report)
        } else {
            let unwatched = || Err(Unseen::unwatched());
            let seen = self
                .may_run_macros()
                .then(|| watch.map_or_else(unwatched, |watch| watch::seen(watch, ran.pid)));
            let collected = collect::collect(self, &before, &ran, seen, &missed.records);
            publish::publish(&self.compilation, missed, collected, report)
        };
        before.clean_up();
        Ok(served)
    }
}

/// Returns whether this compilation is one step of an edit loop: there is
/// incremental state to build on, and the unit was compiled a moment ago.
fn is_edit(facts: &Facts<'_>, missed: &Missed) -> bool {
    let policy = facts.compilation.config.crate_settings(&facts.unit.crate_name).incremental;
    let is_recent = clock::now_ns().saturating_sub(missed.records.compiled_ns) < EDITED_WITHIN_NS;
    policy == Incremental::Auto
        && is_recent
        && facts
            .unit
            .incremental
            .as_ref()
            .is_some_and(|dir| has_state(&facts.compilation.absolute(dir), &facts.unit.crate_name))
}

/// Returns whether rustc left incremental state of `crate_name` in `dir`: a
/// directory named after the crate and a hash.
fn has_state(dir: &Path, crate_name: &str) -> bool {
    let prefix = format!("{crate_name}-");
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
}

/// Returns the file in which the linker will say what it read.
///
/// It lies beside the output: wherever else it were, a full disk there would
/// make the linker fail where it would not without kache. One that a killed
/// build left behind has the same name and goes.
fn dependency_file(facts: &Facts<'_>) -> PathBuf {
    let unit = &facts.unit;
    let name = format!(".{}{}.linked", unit.crate_name, unit.extra_filename);
    let path = facts.out_dir.join(name);
    drop(fs::remove_file(&path));
    path
}

/// Returns the arguments to run: cargo's own, after those that hide this
/// checkout's place and ask the linker what it read.
fn compiler_args(facts: &Facts<'_>, dependency_file: Option<&PathBuf>) -> Vec<String> {
    let mut args: Vec<String> = facts.call.compiler.stands_for.iter().cloned().collect();
    args.extend(facts.remaps.args());
    if let Some(path) = dependency_file {
        for arg in ["-Xlinker".to_owned(), format!("--dependency-file={}", path.display())] {
            args.extend(["-C".to_owned(), format!("link-arg={arg}")]);
        }
    }
    if facts.unit.incremental.is_some() {
        args.extend(facts.call.args.iter().cloned());
    } else {
        args.extend(without_incremental(&facts.call.args));
    }
    args
}

/// Returns `args` without `-C incremental=...`, however it is spelt.
fn without_incremental(args: &[String]) -> Vec<String> {
    let is_value = |arg: &str| arg.starts_with("incremental=");
    let mut kept: Vec<String> = Vec::with_capacity(args.len());
    for arg in args {
        let after_flag = kept.last().is_some_and(|flag| flag == "-C" || flag == "--codegen");
        if is_value(arg) && after_flag {
            kept.pop();
        } else if !arg.strip_prefix("-C").is_some_and(is_value)
            && !arg.strip_prefix("--codegen=").is_some_and(is_value)
        {
            kept.push(arg.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[&str], kept: &[&str]) {
        let given: Vec<String> = given.iter().map(|arg| (*arg).to_owned()).collect();
        assert_eq!(without_incremental(&given), kept);
    }

    #[test]
    fn incremental_is_taken_out_in_every_spelling() {
        check(&["-C", "incremental=/x", "-g"], &["-g"]);
        check(&["-Cincremental=/x", "-g"], &["-g"]);
        check(&["--codegen", "incremental=/x"], &[]);
        check(&["--codegen=incremental=/x"], &[]);
        check(&["-C", "debuginfo=2", "incremental=/x"], &["-C", "debuginfo=2", "incremental=/x"]);
    }
}
