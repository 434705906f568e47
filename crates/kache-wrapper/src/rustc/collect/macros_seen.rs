//! What proc macros were seen to read while they expanded.

use std::path::{Path, PathBuf};

use kache_key::{Input, RootKind, build_script};
use kache_observe::{Act, Trace};
use kache_store::UnitRecords;

use super::Collector;
use crate::compilation::observed::Places;
use crate::compilation::sight::{self, Ground, Sight};
use crate::places::variable;
use crate::watch::Unseen;

impl Collector<'_> {
    /// Adds what macros read, or what they may have read where nobody saw it.
    ///
    /// A script in the place of the compiler does things of its own, which cannot
    /// be told from those of macros.
    pub(super) fn read_by_macros(
        &mut self,
        seen: Result<Trace, Unseen>,
        earlier: &UnitRecords,
    ) -> Result<(), String> {
        let sysroot = &self.facts.toolchain.sysroot;
        let is_compiler = |trace: &Trace| {
            let mut acts = trace.acts();
            acts.find_map(|act| match act {
                Act::Started { program, .. } => Some(program.starts_with(sysroot)),
                _ => None,
            })
        };
        match seen {
            Ok(trace) if is_compiler(&trace) == Some(true) => self.seen_by_macros(&trace, earlier),
            // The next time there is room to see it.
            Err(Unseen { why, is_passing: true }) => Err(why),
            _ => {
                self.taken_for_read();
                Ok(())
            }
        }
    }

    /// Adds what macros read, by the `trace` of the compiler that hosted them.
    ///
    /// An error is why the result of the macros cannot be told from what they read.
    fn seen_by_macros(&mut self, trace: &Trace, earlier: &UnitRecords) -> Result<(), String> {
        if !trace.left_behind.is_empty() {
            return Err("a macro leaves a process behind".to_owned());
        }
        let known = self.known_to_the_compiler();
        let toolchain = &self.facts.toolchain.own_places();
        let ground = Ground { own_dir: None, has_leftovers: false, known: &known, toolchain };
        let sight = sight::sort(trace, &ground).map_err(|why| format!("a macro: {why}"))?;
        if let Some(path) =
            sight.written_elsewhere.iter().find(|path| path.symlink_metadata().is_ok())
        {
            return Err(format!("a macro writes `{}`", path.display()));
        }
        if let Some(path) = sight.taken_away.first() {
            return Err(format!("a macro removes `{}`", path.display()));
        }
        if sight.asked_for_time || sight.asked_for_date {
            return Err("a macro asks what time it is".to_owned());
        }
        let roots = &self.facts.compilation.roots;
        let tops: Vec<&Path> = [RootKind::Target, RootKind::Workspace]
            .iter()
            .filter_map(|kind| roots.path(*kind).map(Path::new))
            .collect();
        self.inputs.observed(&sight, &tops, earlier)?;
        self.variables_of_macros(&sight);
        Ok(())
    }

    /// Adds the variables that macros asked for. One that names a place where
    /// nothing was sought counts by its value: what was made of it need not show.
    fn variables_of_macros(&mut self, sight: &Sight) {
        // What the compiler reads right after a macro can look like the macro's doing.
        // It says what it reads itself; where cargo did not set the variable, no
        // macro knows of it.
        let is_the_compilers = |name: &str| {
            let by_compiler = Input::EnvPath(name.to_owned());
            !build_script::is_told_by_cargo(name)
                && self.inputs.list.iter().any(|recorded| recorded.input == by_compiler)
        };
        let names = sight.variables.iter();
        let names = names.filter(|name| !kache_observe::ours(name.as_ref()));
        let names: Vec<&String> = names.filter(|name| !is_the_compilers(name)).collect();
        let places = Places::of(sight.variables.iter().map(String::as_str));
        for name in names {
            let value = variable(name).unwrap_or_default();
            let is_locator = value.starts_with('/') && places.is_sought(&value, sight);
            self.inputs.observed_variable(name, is_locator);
        }
    }

    /// Returns what the compiler itself looks at, which the loading of a macro
    /// may seem to do.
    fn known_to_the_compiler(&self) -> Vec<PathBuf> {
        let unit = &self.facts.unit;
        let externs = self.before.externs.iter().map(|(path, _)| path.clone());
        let dependencies = unit.search_paths.iter().filter(|path| path.kind == "dependency");
        let dependencies = dependencies.map(|path| self.facts.compilation.absolute(&path.path));
        externs.chain(dependencies).collect()
    }
}
