//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use kache_cc::source_scan::{is_unremarkable, may_paste, scan};
use kache_cc::{dep_layout, portable_text, recipe};
use kache_key::input::{FileStamp, terminal_digest};
use kache_key::rustc::messages;
use kache_key::{Digest, Input, RecordedInput, RootKind};
use kache_observe::Trace;
use kache_store::TextOutput;

use super::facts::Facts;
use super::object;
use super::places::PrefixMaps;
use super::sight::{self, Sight};
use crate::compilation::Form;
use crate::compilation::current::Links;
use crate::compilation::inputs::{Inputs, Start};
use crate::compilation::products::{Made, Product};
use crate::compilation::publish::Collected;
use crate::process::Ran;
use crate::terminal;

/// How precompiled headers end, which compilers take instead of a header.
const PRECOMPILED: [&str; 2] = [".gch", ".pch"];

/// What is known of a run of the compiler that succeeded.
pub(crate) struct Compiled<'a> {
    /// When it began.
    pub(crate) start: Start,
    /// A file that only kache reads.
    pub(crate) own_file: Option<&'a Path>,
    /// What was seen of it.
    pub(crate) trace: &'a Trace,
}

/// Gathers inputs and outputs; an error is why the result must not be stored.
pub(crate) fn collect(
    facts: &Facts<'_>,
    compiled: &Compiled<'_>,
    ran: &Ran,
) -> Result<Collected, String> {
    let (mut collector, sight) = Collector::begin(facts, compiled)?;
    let (outputs, texts) = collector.outputs()?;
    collector.inputs(&sight)?;
    let text = |bytes| {
        std::str::from_utf8(bytes).map_err(|_| "the compiler's output is not UTF-8".to_owned())
    };
    let roots = &facts.compilation.roots;
    let stdout = messages::tokenise(text(&ran.stdout)?, roots);
    let stderr = messages::tokenise(text(&ran.stderr)?, roots);
    collector.inputs.bind_messages(&stdout);
    collector.inputs.bind_messages(&stderr);
    if !stderr.is_empty() {
        collector.terminal()?;
    }
    let inputs = collector.inputs.finish();
    Ok(Collected { inputs, outputs, texts, stdout, stderr, exit_code: 0, expanded: None })
}

/// Gathers what a run of the preprocessor read, and the dependency file that the
/// compiler would write and that run wrote to kache's own; an error is why the
/// result of an equal expansion must not be taken.
pub(crate) fn collect_expanded(
    facts: &Facts<'_>,
    compiled: &Compiled<'_>,
) -> Result<(Vec<RecordedInput>, Vec<TextOutput>), String> {
    let (mut collector, sight) = Collector::begin(facts, compiled)?;
    let mut texts = Vec::new();
    for product in &facts.compilation.products {
        if let (Form::Text, Some(own_file)) = (product.form, compiled.own_file) {
            texts.push(collector.dep_text(product, own_file)?);
        }
    }
    collector.inputs(&sight)?;
    Ok((collector.inputs.finish(), texts))
}

/// A file that was opened.
enum Text {
    /// What it says may matter.
    Remarkable(Vec<u8>),
    /// It names no root, and nothing that a scan finds.
    Unremarkable,
    Directory,
}

pub(super) struct Collector<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) inputs: Inputs<'a>,
    pub(super) links: Links,
    /// The digest of everything that makes a text remarkable, if it is known.
    sought: Option<Digest>,
    /// Files that are no symbolic links.
    pub(super) plain: BTreeSet<String>,
}

impl<'a> Collector<'a> {
    /// Sorts what was seen of the compiler, which must be such that it can be told again.
    fn begin(facts: &'a Facts<'_>, compiled: &Compiled<'_>) -> Result<(Self, Sight), String> {
        let sight = sight::sort(facts, compiled.own_file, compiled.trace)?;
        let inputs = Inputs::new(&facts.compilation, compiled.start)?;
        let sought = inputs.sought();
        let (links, plain) = (Links::default(), BTreeSet::new());
        let collector = Self { facts, inputs, links, sought, plain };
        collector.check(&sight)?;
        Ok((collector, sight))
    }

    /// Adds everything that was read or looked for, and what binds the entry.
    fn inputs(&mut self, sight: &Sight) -> Result<(), String> {
        self.read(sight)?;
        self.unread(sight)?;
        self.bind_unseen();
        Ok(())
    }

    /// Adds the width of the terminal that something was said on.
    fn terminal(&mut self) -> Result<(), String> {
        let Some(before) = self.facts.terminal else { return Ok(()) };
        if terminal::widths() != before {
            return Err("the terminal's width changed while the compiler ran".to_owned());
        }
        self.inputs.add(Input::TerminalWidth, terminal_digest(before), None);
        Ok(())
    }

    /// Makes sure that compiling again would make the same, and nothing else.
    fn check(&self, sight: &Sight) -> Result<(), String> {
        if sight.asked_for_date {
            return Err("`__DATE__`, `__TIME__` or `__TIMESTAMP__` is used".to_owned());
        }
        // GCC itself asks what time it is, for a seed that it needs only where it makes
        // up names.
        let is_asking = |name: &&String| {
            let path = self.facts.compilation.absolute(name.as_str());
            fs::read(path).map_or(true, |bytes| may_ask_for_time(&bytes))
        };
        if let Some(name) = sight.plugins.iter().filter(|_| sight.asked_for_time).find(is_asking) {
            return Err(format!("`{name}` may ask what time it is"));
        }
        // `-B` leads to it.
        let foreign = self.facts.unit.facts.foreign;
        let are_specs = |name: &&String| *name == "specs" || name.ends_with("/specs");
        if let Some(name) = sight.files.iter().find(are_specs).filter(|_| !foreign) {
            return Err(format!("options may come from `{name}`"));
        }
        let is_there = |name: &&String| {
            fs::symlink_metadata(self.facts.compilation.absolute(name.as_str())).is_ok()
        };
        if let Some(name) = sight.written.iter().find(is_there) {
            return Err(format!("unexpected output `{name}`"));
        }
        let is_precompiled = |name: &&String| {
            let mut parts = name.split('/');
            parts.any(|part| PRECOMPILED.iter().any(|ending| part.ends_with(ending)))
        };
        let read = sight.files.iter().chain(&sight.looked_at).chain(&sight.listed);
        match read.into_iter().find(is_precompiled) {
            Some(name) => Err(format!("`{name}` is a precompiled header")),
            None => Ok(()),
        }
    }

    /// Adds every file that was read or run, and looks through those that may be
    /// the unit's own.
    fn read(&mut self, sight: &Sight) -> Result<(), String> {
        for name in sight.programs.iter().chain(&sight.plugins) {
            self.digested(name)?;
        }
        let (systems, own): (Vec<&String>, Vec<&String>) =
            sight.files.iter().partition(|name| self.is_systems(name));
        for name in systems {
            self.digested(name)?;
        }
        let mut texts: Vec<Vec<u8>> =
            self.facts.unit.defines.iter().map(|define| define.clone().into_bytes()).collect();
        let mut unremarkable = Vec::new();
        for name in own {
            match self.text(name)? {
                Text::Remarkable(bytes) => texts.push(bytes),
                Text::Unremarkable => unremarkable.push(name),
                Text::Directory => {}
            }
        }
        let mut found = scan(&slices(&texts));
        if !found.mentions_file_name && may_paste(&slices(&texts)) {
            for name in unremarkable {
                let path = self.facts.compilation.absolute(name);
                texts.push(self.inputs.read_unchanged(&path)?.0);
            }
            found = scan(&slices(&texts));
        }
        if found.reads_times {
            return Err("`#pragma GCC dependency` may be used".to_owned());
        }
        if found.mentions_file_name {
            self.bind_named(&sight.named);
        }
        Ok(())
    }

    /// Adds something that was opened, of which nobody needs the bytes.
    pub(super) fn digested(&mut self, name: &str) -> Result<(), String> {
        let path = self.facts.compilation.absolute(name);
        let Some(stamp) = self.stamp(name, &path)? else { return self.kind(name, &path) };
        let (digest, stamp) = self.inputs.digest(&path, &stamp)?;
        self.inputs.add(Input::File(self.token(name)), digest, Some(stamp));
        Ok(())
    }

    /// Returns the stamp of a file that was opened, `None` for a directory.
    fn stamp(&mut self, name: &str, path: &Path) -> Result<Option<FileStamp>, String> {
        let failed = |error: io::Error| format!("`{}`: {error}", path.display());
        let mut metadata = fs::symlink_metadata(path).map_err(failed)?;
        if metadata.is_symlink() {
            metadata = fs::metadata(path).map_err(failed)?;
        } else {
            self.plain.insert(name.to_owned());
        }
        if metadata.is_dir() {
            return Ok(None);
        }
        self.inputs.unchanged(path, &metadata).map(Some)
    }

    /// Adds something that was opened and may be the unit's own, and binds the entry to
    /// the roots that it names: a place that a text names is the same in every checkout.
    ///
    /// Most texts say nothing that matters, and that is remembered.
    fn text(&mut self, name: &str) -> Result<Text, String> {
        let path = self.facts.compilation.absolute(name);
        let Some(stamp) = self.stamp(name, &path)? else {
            self.kind(name, &path)?;
            return Ok(Text::Directory);
        };
        let known =
            self.sought.and_then(|it| self.inputs.known().get_unremarkable(&path, it, &stamp));
        if let Some((digest, stamp)) = known {
            self.inputs.add(Input::File(self.token(name)), digest, Some(stamp));
            return Ok(Text::Unremarkable);
        }
        let (bytes, stamp) = self.inputs.read_unchanged(&path)?;
        let digest = Digest::of(&bytes);
        self.inputs.add(Input::File(self.token(name)), digest, Some(stamp));
        let names_roots = self.inputs.bind_named_in(&bytes);
        if names_roots || !is_unremarkable(&bytes) {
            return Ok(Text::Remarkable(bytes));
        }
        // No other unit reads its source.
        if let Some(sought) = self.sought.filter(|_| name != self.facts.unit.source) {
            self.inputs.known().put_unremarkable(&path, sought, &stamp, digest);
        }
        Ok(Text::Unremarkable)
    }

    /// Returns whether `file` is one of the compiler's own or the system's, which
    /// name files only to print them, as `assert` does.
    fn is_systems(&self, file: &str) -> bool {
        let is_below = |dir: &String| {
            file.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        let root = self.facts.compilation.roots.split(file);
        let is_in_project =
            matches!(root, Some((RootKind::Workspace | RootKind::Target | RootKind::Base(_), _)));
        !is_in_project && self.facts.call.compiler.header_dirs.iter().any(is_below)
    }

    /// Binds the entry to where those roots are in which files have absolute `names`:
    /// what is made of such a name, its length for one, need not show it.
    fn bind_named(&mut self, names: &BTreeSet<RootKind>) {
        let roots = &self.facts.compilation.roots;
        let maps = PrefixMaps::of_names(self.facts);
        let is_shown = |kind: &&RootKind| roots.path(**kind).is_some_and(|it| !maps.cover(it));
        self.inputs.bind(names.iter().filter(is_shown).copied());
    }

    /// Hashes what was made, and reads the dependency file if one was asked for.
    fn outputs(&mut self) -> Result<(Vec<Made>, Vec<TextOutput>), String> {
        let facts = self.facts;
        let (mut made, mut texts) = (Vec::new(), Vec::new());
        for product in &facts.compilation.products {
            if !product.is_certain && self.inputs.check_written(&product.path).is_err() {
                continue;
            }
            match product.form {
                Form::Text => texts.push(self.dep_file(product)?),
                Form::Bytes { .. } => {
                    object::check_complete(&product.path)?;
                    made.push(self.inputs.product(product, !product.is_certain)?);
                }
            }
        }
        Ok((made, texts))
    }

    fn dep_file(&mut self, product: &Product) -> Result<TextOutput, String> {
        self.inputs.check_written(&product.path)?;
        self.dep_text(product, &product.path)
    }

    /// Reads the dependency file that is `written` for `product`.
    fn dep_text(&mut self, product: &Product, written: &Path) -> Result<TextOutput, String> {
        let text = fs::read_to_string(written)
            .map_err(|error| format!("`{}`: {error}", written.display()))?;
        let roots = &self.facts.compilation.roots;
        let flat = dep_layout::flatten(&text, self.facts.unit.family);
        let portable = portable_text::tokenise(flat.as_deref().unwrap_or(&text), roots);
        self.inputs.bind_named_in(portable.as_bytes());
        // A name that make's syntax escapes is not found as it is.
        let has_escapes = |path: &str| path.contains([' ', '\t', '#', '$', ':', '\\']);
        let escaped = roots.iter().filter(|(_, path)| has_escapes(path)).map(|(kind, _)| kind);
        self.inputs.bind(escaped);
        // Names of another length would stand in other lines.
        if flat.is_none() {
            self.inputs.bind_named_in(text.as_bytes());
        }
        let (role, name) = (product.role.to_owned(), product.name.clone());
        Ok(TextOutput { role, name, text: portable })
    }

    /// Binds the entry to the roots that the output may name, or may depend on,
    /// where no search of it shows that.
    fn bind_unseen(&mut self) {
        let facts = &self.facts.unit.facts;
        let roots = &self.facts.compilation.roots;
        self.inputs.bind(recipe::roots_in_defines(self.facts.unit, roots));
        if facts.compresses_debug || facts.lto || facts.coverage || facts.foreign {
            self.inputs.bind([RootKind::Workspace, RootKind::Target, RootKind::CargoHome]);
        }
    }
}

fn slices(texts: &[Vec<u8>]) -> Vec<&[u8]> {
    texts.iter().map(Vec::as_slice).collect()
}

/// How the names of functions end that tell the time. Linkers keep a name that is the
/// end of another as a part of that.
const CLOCKS: [&[u8]; 4] = [b"time\0", b"timeofday\0", b"timespec_get\0", b"_clock3nowEv\0"];

/// Returns whether a library, of which these are the bytes, has the name of a function
/// that tells the time.
fn may_ask_for_time(library: &[u8]) -> bool {
    CLOCKS.iter().any(|name| memchr::memmem::find(library, name).is_some())
}
