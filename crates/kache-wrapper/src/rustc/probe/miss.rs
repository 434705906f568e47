//! A miss: the compiler runs, watched, and what it answered and read is stored.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kache_key::rustc::messages::Segment;
use kache_key::rustc::recipe::RUSTC_ENV;
use kache_key::{RootKind, portable};
use kache_observe::{Act, Trace};
use kache_store::{Outcome, TextOutput, UnitRecords};

use super::Facts;
use crate::compilation::inputs::{Inputs, Start};
use crate::compilation::lookup::Missed;
use crate::compilation::publish::{self, Collected};
use crate::compilation::sight::{self, Ground};
use crate::compilation::{Compiler, Form, Product, products};
use crate::process::{self, Ran};
use crate::report::Report;
use crate::script;
use crate::served::{Passthrough, Served};
use crate::watch;

/// How rustc ends where it finds an error in the code. Where it finds one in itself,
/// it ends otherwise.
const NO: i32 = 1;

impl Compiler for Facts<'_> {
    fn compile(
        &self,
        missed: &Missed,
        _is_edit: bool,
        report: &mut Report,
    ) -> Result<Served, Passthrough> {
        let mut command = process::command(&self.call.compiler.program, &self.call.args);
        command.stdin(self.source.stdin()?);
        // What an earlier probe made stays if this one makes nothing.
        for product in &self.compilation.products {
            products::own_inode(&product.path)?;
        }
        let has_leftovers = self.compilation.products.iter().any(|it| it.path.exists());
        let watch = watch::attach(&mut command, &self.compilation.store, &[]);
        let start = if has_leftovers { Start::after_tick() } else { Start::now() };
        let ran = process::run_streaming(command, &|line| Cow::Borrowed(line))?;
        report.compiled(ran.took);
        let seen = watch::seen(watch, ran.pid);
        if !matches!(ran.status.code(), Some(0 | NO)) {
            let (store, reason) = (self.compilation.store.clone(), missed.reason.clone());
            return Ok(Served { store, outcome: Outcome::Error, reason, status: ran.status });
        }
        let collected = seen
            .map_err(|unseen| unseen.why)
            .and_then(|trace| self.collect(start, &trace, &ran, &missed.records));
        let served = publish::publish(&self.compilation, missed, collected, report);
        Ok(Served { status: ran.status, ..served })
    }
}

impl Facts<'_> {
    /// Gathers what was read and made; an error is why it must not be stored.
    fn collect(
        &self,
        start: Start,
        trace: &Trace,
        ran: &Ran,
        earlier: &UnitRecords,
    ) -> Result<Collected, String> {
        if !trace.left_behind.is_empty() {
            return Err("the compiler leaves a process behind".to_owned());
        }
        let toolchain = &self.toolchain.own_places();
        let is_own = |path: &PathBuf| toolchain.iter().any(|own| path.starts_with(own));
        let macros = trace.acts().find_map(|act| match act {
            Act::Loaded(path) if !is_own(path) => Some(path),
            _ => None,
        });
        if let Some(path) = macros {
            return Err(format!("the compiler loads `{}`", path.display()));
        }
        // Whether it could write its outputs is all that it wants to know of them.
        let products = self.compilation.products.iter().map(|product| product.path.clone());
        let known: Vec<PathBuf> = products.collect();
        let ground = Ground { own_dir: None, has_leftovers: false, known: &known, toolchain };
        let sight = sight::sort(trace, &ground)?;
        if let Some(path) = sight.taken_away.first() {
            return Err(format!("the compiler removes `{}`", path.display()));
        }
        self.check_written(&sight.written_elsewhere)?;
        let mut inputs = Inputs::new(&self.compilation, start)?;
        let (outputs, texts) = self.made(&mut inputs)?;
        let roots = &self.compilation.roots;
        let tops: Vec<&Path> = [RootKind::OutDir, RootKind::Workspace]
            .iter()
            .filter_map(|kind| roots.path(*kind).map(Path::new))
            .collect();
        inputs.observed(&sight, &tops, earlier)?;
        let stdout = if self.is_unheard { "" } else { self.said(&ran.stdout)? };
        let said = [stdout, self.said(&ran.stderr)?];
        let [stdout, stderr]: [Vec<Segment>; 2] = said.map(|text| portable::tokenise(text, roots));
        script::add_variables(&sight, &said, |name| RUSTC_ENV.contains(&name), roots, &mut inputs);
        inputs.bind_messages(&stdout);
        inputs.bind_messages(&stderr);
        let exit_code = ran.status.code().unwrap_or_default();
        let inputs = inputs.finish();
        Ok(Collected { inputs, outputs, texts, stdout, stderr, exit_code, expanded: None })
    }

    /// Makes sure that nothing was written but the outputs.
    fn check_written(&self, written: &BTreeSet<PathBuf>) -> Result<(), String> {
        let is_product =
            |path: &PathBuf| self.compilation.products.iter().any(|product| product.path == *path);
        let mut others = written.iter().filter(|path| !is_product(path));
        match others.find(|path| path.symlink_metadata().is_ok()) {
            Some(path) => Err(format!("the compiler writes `{}`", path.display())),
            None => Ok(()),
        }
    }

    /// Returns the outputs that there are, and the texts.
    fn made(
        &self,
        inputs: &mut Inputs<'_>,
    ) -> Result<(Vec<products::Made>, Vec<TextOutput>), String> {
        let (mut outputs, mut texts) = (Vec::new(), Vec::new());
        let is_made = |product: &&Product| inputs.check_written(&product.path).is_ok();
        let made: Vec<&Product> = self.compilation.products.iter().filter(is_made).collect();
        for product in made {
            if product.form != Form::Text {
                outputs.push(inputs.product(product, true)?);
                continue;
            }
            let failed = |error| format!("`{}`: {error}", product.path.display());
            let text = fs::read_to_string(&product.path).map_err(failed)?;
            let segments = portable::tokenise(&text, &self.compilation.roots);
            inputs.bind_messages(&segments);
            let (role, name) = (product.role.to_owned(), product.name.clone());
            texts.push(TextOutput { role, name, text: portable::write(&segments) });
        }
        Ok((outputs, texts))
    }

    /// Returns what the compiler said, if it can be said again.
    fn said<'t>(&self, bytes: &'t [u8]) -> Result<&'t str, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "what is said is not UTF-8")?;
        if self.probe.is_random && text.contains(&self.probe.crate_name) {
            return Err("what is said has a random name in it".to_owned());
        }
        Ok(text)
    }
}
