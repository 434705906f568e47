//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kache_cc::source_scan::scan;
use kache_cc::{HeadersFrom, dep_layout, depfile, portable_text, recipe};
use kache_key::input::terminal_digest;
use kache_key::rustc::messages;
use kache_key::{Input, RecordedInput, RootKind};
use kache_observe::Trace;
use kache_store::{TextOutput, UnitRecords};

use super::facts::Facts;
use super::object;
use super::places::PrefixMaps;
use super::sight::{self, Names, Sight};
use crate::compilation::Form;
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
    pub(crate) headers_from: &'a HeadersFrom,
    /// The file that only kache reads.
    pub(crate) own_file: &'a Path,
    /// What was seen of it.
    pub(crate) trace: &'a Trace,
    /// What the unit read earlier.
    pub(crate) earlier: &'a UnitRecords,
}

/// Gathers inputs and outputs; an error is why the result must not be stored.
pub(crate) fn collect(
    facts: &Facts<'_>,
    compiled: &Compiled<'_>,
    ran: &Ran,
) -> Result<Collected, String> {
    let (mut collector, sight) = Collector::begin(facts, compiled)?;
    let spelt = collector.spelt(compiled)?;
    let (outputs, texts) = collector.outputs()?;
    collector.inputs(&sight, &spelt)?;
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
    Ok(Collected { inputs, outputs, texts, stdout, stderr, expanded: None })
}

/// Gathers what a run of the preprocessor read, and the dependency file that the
/// compiler would write and that run wrote to kache's own; an error is why the
/// result of an equal expansion must not be taken.
pub(crate) fn collect_expanded(
    facts: &Facts<'_>,
    compiled: &Compiled<'_>,
) -> Result<(Vec<RecordedInput>, Vec<TextOutput>), String> {
    let (mut collector, sight) = Collector::begin(facts, compiled)?;
    let products = facts.compilation.products.iter().filter(|product| product.form == Form::Text);
    let texts = products.map(|product| collector.dep_text(product, compiled.own_file));
    let texts = texts.collect::<Result<_, _>>()?;
    let spelt = collector.spelt(compiled)?;
    collector.inputs(&sight, &spelt)?;
    Ok((collector.inputs.finish(), texts))
}

pub(super) struct Collector<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) names: Names,
    /// What the unit read earlier.
    pub(super) earlier: &'a UnitRecords,
    pub(super) inputs: Inputs<'a>,
}

impl<'a> Collector<'a> {
    /// Sorts what was seen of the compiler, which must be such that it can be told again.
    fn begin(facts: &'a Facts<'_>, compiled: &Compiled<'a>) -> Result<(Self, Sight), String> {
        let names = Names::of(facts);
        let sight = sight::sort(facts, &names, compiled.own_file, compiled.trace)?;
        let inputs = Inputs::new(&facts.compilation, compiled.start)?;
        let collector = Self { facts, names, earlier: compiled.earlier, inputs };
        collector.check(&sight)?;
        Ok((collector, sight))
    }

    /// Adds everything that was read or looked for, and what binds the entry.
    fn inputs(&mut self, sight: &Sight, spelt: &BTreeSet<String>) -> Result<(), String> {
        self.read(spelt)?;
        self.unspelt(sight, spelt)?;
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

    /// Returns the source and every header that the compiler says it read, each
    /// once and as it spelt it.
    fn spelt(&self, compiled: &Compiled<'_>) -> Result<BTreeSet<String>, String> {
        let compilation = &self.facts.compilation;
        let listed = |path: &Path| {
            let text = fs::read_to_string(path).map_err(|error| {
                format!("the compiler did not say what it read: `{}`: {error}", path.display())
            })?;
            depfile::parse(&text).map_err(|error| error.to_string())
        };
        let files = match compiled.headers_from {
            HeadersFrom::Source => Vec::new(),
            HeadersFrom::UserDepFile(path) => listed(&compilation.absolute(path))?,
            HeadersFrom::OurDepFile => listed(compiled.own_file)?,
        };
        Ok(files.into_iter().chain([self.facts.unit.source.clone()]).collect())
    }

    /// Adds every file that the compiler says it read.
    fn read(&mut self, spelt: &BTreeSet<String>) -> Result<(), String> {
        let mut texts: Vec<Vec<u8>> =
            self.facts.unit.defines.iter().map(|define| define.clone().into_bytes()).collect();
        for file in spelt {
            if self.is_systems(file) {
                let input = Input::File(self.inputs.roots().tokenise(file));
                let path = self.facts.compilation.absolute(file);
                self.inputs.digested(input, &path, self.earlier)?;
            } else {
                let bytes = self.inputs.file(file)?;
                // A place that the text itself names is the same in every checkout.
                self.inputs.bind_named_in(&bytes);
                texts.push(bytes);
            }
        }
        let found = scan(&texts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        if found.reads_times {
            return Err("`#pragma GCC dependency` may be used".to_owned());
        }
        if found.mentions_file_name {
            self.bind_named(spelt);
        }
        Ok(())
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

    /// Binds the entry to where `files` are, as far as absolute names say so: what
    /// is made of such a name, its length for one, need not show it.
    fn bind_named(&mut self, files: &BTreeSet<String>) {
        let roots = &self.facts.compilation.roots;
        let maps = PrefixMaps::of_names(self.facts);
        let named = files.iter().filter_map(|file| roots.split(file)).map(|(kind, _)| kind);
        let named: BTreeSet<RootKind> =
            named.filter(|kind| roots.path(*kind).is_some_and(|path| !maps.cover(path))).collect();
        self.inputs.bind(named);
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
        if facts.compresses_debug || facts.lto || facts.coverage {
            self.inputs.bind([RootKind::Workspace, RootKind::Target, RootKind::CargoHome]);
        }
    }
}
