//! A miss: the script runs, watched, and what it made and read is stored.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kache_key::build_script::is_told_by_cargo;
use kache_key::rustc::messages::Segment;
use kache_key::{RootKind, portable};
use kache_observe::Trace;
use kache_store::{Outcome, UnitRecords};

use super::facts::Facts;
use super::repository::Repository;
use super::{tree, variables};
use crate::compilation::Compiler;
use crate::compilation::inputs::{Inputs, Start};
use crate::compilation::lookup::Missed;
use crate::compilation::publish::{self, Collected};
use crate::compilation::sight::{self, Ground, Sight};
use crate::process::{self, Ran};
use crate::report::Report;
use crate::rustc::Declared;
use crate::served::{Passthrough, Served};
use crate::shims::Shims;
use crate::watch;

impl Compiler for Facts<'_> {
    fn compile(
        &self,
        missed: &Missed,
        _is_edit: bool,
        report: &mut Report,
    ) -> Result<Served, Passthrough> {
        let has_leftovers = fs::read_dir(&self.out_dir).is_ok_and(|mut dir| dir.next().is_some());
        if has_leftovers {
            tree::unshare(&self.out_dir)?;
        }
        let mut command = self.call.command();
        let shims = self.put_shims_before_compilers(&mut command);
        let watch = watch::attach(&mut command, &self.compilation.store, &[]);
        // What is left of earlier runs must be seen to be old, copies of it too.
        let start = if has_leftovers { Start::after_tick() } else { Start::now() };
        let repository = Repository::around(&self.call.cwd);
        let before = Before { start, has_leftovers, shims, repository };
        let ran = process::run_streaming(command, &|line| Cow::Borrowed(line))?;
        report.compiled(ran.took);
        let shims = before.shims.as_ref();
        let taken_out = shims.map_or(Ok(()), |shims| shims.take_out(&self.out_dir));
        if !ran.status.success() {
            let store = self.compilation.store.clone();
            let reason = missed.reason.clone();
            return Ok(Served { store, outcome: Outcome::Error, reason, status: ran.status });
        }
        let collected = watch::seen(watch, ran.pid)
            .map_err(|unseen| unseen.why)
            .and_then(|trace| taken_out.map_err(|error| error.to_string()).map(|()| trace))
            .and_then(|trace| collect(self, &before, &trace, &ran, &missed.records));
        Ok(publish::publish(&self.compilation, missed, collected, report))
    }
}

impl Facts<'_> {
    /// Lets `command` find kache where it looks for a C compiler, and returns what it
    /// finds there.
    fn put_shims_before_compilers(&self, command: &mut Command) -> Option<Shims> {
        if !self.wraps_cc {
            return None;
        }
        let path_var = std::env::var_os("PATH").unwrap_or_default();
        let kache = std::env::current_exe().unwrap_or_default();
        // Without them the script finds the compilers that it always found.
        let shims = Shims::make(&self.compilation.store, &kache, &path_var).ok()??;
        command.env("PATH", shims.before(&path_var));
        Some(shims)
    }
}

/// How things were just before the script started.
struct Before {
    start: Start,
    /// Whether an earlier run left something in `OUT_DIR`.
    has_leftovers: bool,
    /// What it finds by the names of compilers.
    shims: Option<Shims>,
    repository: Option<Repository>,
}

fn collect(
    facts: &Facts<'_>,
    before: &Before,
    trace: &Trace,
    ran: &Ran,
    earlier: &UnitRecords,
) -> Result<Collected, String> {
    let mut sight = see(facts, before, trace)?;
    let count = sight.files.len() + sight.looked_at.len();
    check_worth(ran, count)?;
    let mut inputs = Inputs::new(&facts.compilation, before.start)?;
    let roots = &facts.compilation.roots;
    let text = |bytes| {
        std::str::from_utf8(bytes).map_err(|_| "the script's output is not UTF-8".to_owned())
    };
    let (stdout, stderr) = (text(&ran.stdout)?, text(&ran.stderr)?);
    let mut declared = Declared::by_script(stdout, &facts.call.cwd).map_err(|why| why.reason)?;
    let tops: Vec<&Path> = [RootKind::OutDir, RootKind::Workspace]
        .iter()
        .filter_map(|kind| roots.path(*kind).map(Path::new))
        .chain([facts.call.cwd.as_path()])
        .collect();
    if let Some(repository) = &before.repository {
        repository.add_objects(&mut sight, &mut inputs, &tops)?;
        if repository.is_left_to_git(trace) {
            let tracked = repository.add_index(&mut sight, &mut declared.files, &mut inputs, &tops);
            check_worth(ran, count + tracked)?;
        }
    }
    // After that, because git may write its index anew.
    check_sight(&sight)?;
    let tree = tree::gather(&facts.out_dir, roots, before.has_leftovers, &mut inputs)?;
    if before.shims.as_ref().is_some_and(|shims| shims.are_told_to_cargo(stdout)) {
        return Err("it tells cargo of a launcher of kache's".to_owned());
    }
    inputs.observed(&sight, &tops, earlier)?;
    add_declared(facts, &declared, &mut inputs, earlier)?;
    let [stdout, stderr]: [Vec<Segment>; 2] =
        [stdout, stderr].map(|text| portable::tokenise(text, roots));
    let texts: Vec<String> = [&stdout, &stderr].map(|text| portable::write(text)).into();
    let texts = texts.iter().chain(tree.texts.iter().map(|text| &text.text));
    let texts: Vec<&str> = texts.map(String::as_str).collect();
    variables::add(&sight, &texts, is_told_by_cargo, roots, &mut inputs);
    inputs.bind_messages(&stdout);
    inputs.bind_messages(&stderr);
    Ok(Collected {
        inputs: inputs.finish(),
        outputs: tree.files,
        texts: tree.texts,
        stdout,
        stderr,
        exit_code: 0,
        expanded: None,
    })
}

/// Returns what the script did, as far as it says something of what it depends on.
fn see(facts: &Facts<'_>, before: &Before, trace: &Trace) -> Result<Sight, String> {
    if !trace.left_behind.is_empty() {
        return Err("it leaves a process behind".to_owned());
    }
    // What kache itself is does not change what is made.
    let kache = std::env::current_exe().unwrap_or_default();
    let shims_dir = before.shims.as_ref().map(|shims| shims.dir.clone());
    let known = [Some(facts.call.program.clone()), Some(kache), shims_dir];
    let ground = Ground {
        own_dir: Some(&facts.out_dir),
        has_leftovers: before.has_leftovers,
        known: &known.into_iter().flatten().collect::<Vec<_>>(),
        toolchain: &facts.toolchain.own_places(),
    };
    let mut sight = sight::sort(trace, &ground)?;
    // Cargo names its own directories for libraries to everybody it starts, and
    // fills them meanwhile. Who lists them looks for a library of the system.
    let is_of_cargo = |dir: &PathBuf| {
        let target = facts.compilation.roots.path(RootKind::Target);
        target.is_some_and(|target| dir.starts_with(target))
    };
    let listed = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    for dir in std::env::split_paths(&listed).filter(is_of_cargo) {
        sight.listed.remove(&dir);
    }
    if let Some(shims) = &before.shims {
        add_sought(shims, trace, &mut sight);
    }
    Ok(sight)
}

/// Adds what a search for compilers would have come to without launchers.
fn add_sought(shims: &Shims, trace: &Trace, sight: &mut Sight) {
    let path_var = std::env::var_os("PATH").unwrap_or_default();
    for (compiler, earlier) in shims.sought(trace, &path_var) {
        sight.files.insert(compiler.to_owned());
        for place in earlier {
            // What is there all the same is nothing that can be started.
            let is_there = place.symlink_metadata().is_ok();
            let places = if is_there { &mut sight.looked_at } else { &mut sight.absent };
            places.insert(place);
        }
    }
}

/// Makes sure that running the script again would make the same.
fn check_sight(sight: &Sight) -> Result<(), String> {
    if let Some(path) = sight.written_elsewhere.iter().find(|path| path.symlink_metadata().is_ok())
    {
        return Err(format!("it writes `{}`", path.display()));
    }
    if let Some(path) = sight.taken_away.first() {
        return Err(format!("it removes `{}`", path.display()));
    }
    if sight.asked_for_date || sight.asked_for_time {
        return Err("it asks what time it is".to_owned());
    }
    if sight.programs.iter().any(|program| program.file_name().is_some_and(|name| name == "date")) {
        return Err("it runs `date`".to_owned());
    }
    Ok(())
}

/// Makes sure that a hit, which looks at `count` files, does not take longer than the script.
fn check_worth(ran: &Ran, count: usize) -> Result<(), String> {
    if is_worth(ran.took, count) {
        return Ok(());
    }
    Err(format!("it takes less time than a look at {count} files"))
}

/// Returns whether looking at `count` files takes no longer than `run`: git looks at all
/// files of a large repository in less time.
fn is_worth(run: Duration, count: usize) -> bool {
    /// Of so few it does not matter, and watching them costs as much.
    const FEW: usize = 10_000;
    const LOOK: Duration = Duration::from_micros(15);

    let looks = u32::try_from(count).unwrap_or(u32::MAX);
    count <= FEW || LOOK.saturating_mul(looks) <= run
}

/// Adds what the script declared to cargo.
fn add_declared(
    facts: &Facts<'_>,
    declared: &Declared,
    inputs: &mut Inputs<'_>,
    earlier: &UnitRecords,
) -> Result<(), String> {
    for path in declared.files.iter().filter(|path| !path.starts_with(&facts.out_dir)) {
        if path.is_file() {
            inputs.digested_file(path, earlier)?;
        } else {
            inputs.absent(path);
        }
    }
    for path in declared.directories.iter().filter(|path| !path.starts_with(&facts.out_dir)) {
        inputs.declared_directory(path)?;
    }
    // What cargo tells is in the key, with roots as names.
    for name in declared.asked_variables.iter().filter(|name| !is_told_by_cargo(name)) {
        inputs.observed_variable(name, false);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_worth_a_look_where_the_run_takes_long() {
        let ms = Duration::from_millis;
        assert!(is_worth(ms(1), 10_000));
        assert!(!is_worth(ms(299), 20_000));
        assert!(is_worth(ms(300), 20_000));
    }
}
