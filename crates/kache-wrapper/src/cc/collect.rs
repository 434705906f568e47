//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kache_cc::first_include::{FirstIncludes, first_includes, may_be_predefined};
use kache_cc::has_include::Asked;
use kache_cc::source_scan::{self, SourceFacts, Text};
use kache_cc::{
    Family, HeadersFrom, dep_layout, depfile, has_include, line_directives, portable_text, recipe,
};
use kache_key::input::{absent_digest, missing_digest, terminal_digest};
use kache_key::rustc::messages;
use kache_key::{Input, RecordedInput, RootKind};
use kache_store::{TextOutput, identity};

use super::facts::Facts;
use super::object;
use super::places::PrefixMaps;
use super::profile;
use super::search::{PRECOMPILED, SearchPath};
use crate::compilation::inputs::{Inputs, Start, changed, latest_change_ns};
use crate::compilation::products::{Made, Product};
use crate::compilation::publish::Collected;
use crate::compilation::{Form, absences};
use crate::process::{self, Ran};
use crate::terminal;

/// Gathers inputs and outputs; an error is why the result must not be stored.
pub(crate) fn collect(
    facts: &Facts<'_>,
    start: Start,
    headers_from: &HeadersFrom,
    own_file: &Path,
    ran: &Ran,
) -> Result<Collected, String> {
    let inputs = Inputs::new(&facts.compilation, start)?;
    let mut collector = Collector { facts, inputs };
    let files = collector.files_read(headers_from, own_file)?;
    collector.check_unexpected(own_file)?;
    let (outputs, texts) = collector.outputs()?;
    let path = SearchPath::of(facts)?;
    let mentioned = collector.read(&files, &path)?;
    collector.check_shown_lines(&mentioned, ran)?;
    if facts.unit.has_headers() {
        collector.absences(&files, &mentioned, &path)?;
    }
    collector.bind_unseen();
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
/// compiler would write and that run wrote to `own_file`; an error is why the
/// result of an equal expansion must not be taken.
pub(crate) fn collect_expanded(
    facts: &Facts<'_>,
    start: Start,
    headers_from: &HeadersFrom,
    own_file: &Path,
) -> Result<(Vec<RecordedInput>, Vec<TextOutput>), String> {
    let inputs = Inputs::new(&facts.compilation, start)?;
    let mut collector = Collector { facts, inputs };
    let products = facts.compilation.products.iter().filter(|product| product.form == Form::Text);
    let texts = products.map(|product| collector.dep_text(product, own_file));
    let texts = texts.collect::<Result<_, _>>()?;
    let files = collector.files_read(headers_from, own_file)?;
    let path = SearchPath::of(facts)?;
    let mentioned = collector.read(&files, &path)?;
    collector.absences(&files, &mentioned, &path)?;
    collector.bind_unseen();
    Ok((collector.inputs.finish(), texts))
}

/// Headers that files name, wherever they are.
#[derive(Default)]
struct Mentioned {
    /// Asked for without being included.
    looked_for: Vec<String>,
    /// Those of which one may be the first of all.
    first: FirstIncludes,
    /// Some file says that its lines come from another.
    has_line_directives: bool,
}

struct Collector<'a> {
    facts: &'a Facts<'a>,
    inputs: Inputs<'a>,
}

impl Collector<'_> {
    /// Adds the width of the terminal that something was said on.
    fn terminal(&mut self) -> Result<(), String> {
        let Some(before) = self.facts.terminal else { return Ok(()) };
        if terminal::widths() != before {
            return Err("the terminal's width changed while the compiler ran".to_owned());
        }
        self.inputs.add(Input::TerminalWidth, terminal_digest(before), None);
        Ok(())
    }

    /// Returns the source and every header, each once, as the compiler spelt them.
    fn files_read(
        &self,
        headers_from: &HeadersFrom,
        own_file: &Path,
    ) -> Result<Vec<String>, String> {
        let compilation = &self.facts.compilation;
        let listed = |path: &Path| {
            let text = fs::read_to_string(path).map_err(|error| {
                format!("the compiler did not say what it read: `{}`: {error}", path.display())
            })?;
            depfile::parse(&text).map_err(|error| error.to_string())
        };
        let mut files = match headers_from {
            HeadersFrom::Source => Vec::new(),
            HeadersFrom::UserDepFile(path) => listed(&compilation.absolute(path))?,
            HeadersFrom::OurDepFile => listed(own_file)?,
            HeadersFrom::OtherRun(args) => {
                self.ask(args)?;
                listed(own_file)?
            }
        };
        files.push(self.facts.unit.source.clone());
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Runs the compiler once more, only for its list of headers.
    fn ask(&self, args: &[String]) -> Result<(), String> {
        process::count_spawned();
        let status = Command::new(&self.facts.call.compiler.program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            _ => Err("the compiler does not say which headers it reads".to_owned()),
        }
    }

    /// Adds every file that was read; returns the headers that they name
    /// without saying where they are.
    fn read(&mut self, files: &[String], path: &SearchPath) -> Result<Mentioned, String> {
        let text =
            if self.facts.unit.language.is_assembler() { Text::Assembler } else { Text::Code };
        let mut found = SourceFacts::default();
        for define in &self.facts.unit.defines {
            found.merge(&source_scan::scan(define.as_bytes(), text));
        }
        let mut mentioned = Mentioned::default();
        let mut asked = Asked::default();
        for define in &self.facts.unit.defines {
            let text = format!("#define {}\n", define.replacen('=', " ", 1));
            asked.merge(has_include::asked(text.as_bytes()).map_err(|error| error.to_string())?);
        }
        for file in files {
            if PRECOMPILED.iter().any(|ending| file.ends_with(ending)) {
                return Err(format!("`{file}` is a precompiled header"));
            }
            let bytes = self.inputs.file(file)?;
            if path.is_own(file) {
                found.merge(&source_scan::scan_system_header(&bytes));
            } else {
                found.merge(&source_scan::scan(&bytes, text));
                mentioned.has_line_directives |= line_directives::names_other_files(&bytes);
                // A place that the text itself names is the same in every checkout.
                self.inputs.bind_named_in(&bytes);
            }
            asked.merge(has_include::asked(&bytes).map_err(|error| error.to_string())?);
            if *file == self.facts.unit.source {
                mentioned.first = first_includes(&bytes, &|name| self.may_be_defined(name));
            }
        }
        self.check_scan(&found)?;
        self.ask_through_aliases(files, &mut asked)?;
        mentioned.looked_for = asked.names;
        if found.mentions_file_name() {
            self.bind_named(files);
        }
        // They are keyed as they were before the compiler started.
        let mut content_files = self.facts.unit.content_files.iter();
        content_files.try_for_each(|file| self.inputs.file(file).map(drop))?;
        let mut profiles = profile::files(self.facts.unit, self.facts.compilation.cwd).into_iter();
        profiles.try_for_each(|file| self.inputs.file(&file).map(drop))?;
        Ok(mentioned)
    }

    /// Returns whether a macro can be defined before the source begins.
    fn may_be_defined(&self, name: &str) -> bool {
        let unit = self.facts.unit;
        may_be_predefined(name)
            || !unit.prefix_headers.is_empty()
            || unit.args.iter().any(|arg| arg.contains(name))
    }

    /// Makes sure that no lines were shown of files that are not known: GCC shows
    /// those that a directive names, with its messages and in annotated assembler text.
    fn check_shown_lines(&self, mentioned: &Mentioned, ran: &Ran) -> Result<(), String> {
        let unit = self.facts.unit;
        let shows_lines =
            !ran.stderr.is_empty() || unit.args.iter().any(|arg| arg == "-fverbose-asm");
        if unit.family == Family::Gcc && mentioned.has_line_directives && shows_lines {
            return Err("messages may show lines of the files that `#line` names".to_owned());
        }
        Ok(())
    }

    /// Looks for uses of other names of `__has_include`, which hardly any source has.
    fn ask_through_aliases(&self, files: &[String], asked: &mut Asked) -> Result<(), String> {
        for alias in &asked.aliases {
            for file in files {
                let path = self.facts.compilation.absolute(file);
                let (bytes, _) = self.inputs.read_unchanged(&path)?;
                let names = has_include::asked_through(alias, &bytes);
                asked.names.extend(names.map_err(|error| error.to_string())?);
            }
        }
        Ok(())
    }

    /// Binds the entry to where `files` are, as far as absolute names say so: what
    /// is made of such a name, its length for one, need not show it.
    fn bind_named(&mut self, files: &[String]) {
        let roots = &self.facts.compilation.roots;
        let maps = PrefixMaps::of_names(self.facts);
        let named = files.iter().filter_map(|file| roots.split(file)).map(|(kind, _)| kind);
        let named: BTreeSet<RootKind> =
            named.filter(|kind| roots.path(*kind).is_some_and(|path| !maps.cover(path))).collect();
        self.inputs.bind(named);
    }

    fn check_scan(&self, found: &SourceFacts) -> Result<(), String> {
        let refuse = |why: &str| Err(why.to_owned());
        // Clang 14 and others do not know the variable.
        let has_fixed_time = self.facts.unit.family == Family::Gcc
            && std::env::var_os("SOURCE_DATE_EPOCH").is_some();
        if found.may_embed() {
            return refuse("the assembler may read a file that nobody tells of");
        }
        if found.mentions_timestamp() {
            return refuse("`__TIMESTAMP__` may be used");
        }
        if !has_fixed_time && (found.mentions_date() || found.mentions_time()) {
            return refuse("`__DATE__` or `__TIME__` may be used");
        }
        if found.reads_times() {
            return refuse("`#pragma GCC dependency` may be used");
        }
        Ok(())
    }

    /// Notes where another header of the same name, or a precompiled one,
    /// would have been found first.
    fn absences(
        &mut self,
        files: &[String],
        mentioned: &Mentioned,
        path: &SearchPath,
    ) -> Result<(), String> {
        let facts = self.facts;
        let Mentioned { looked_for, first, .. } = mentioned;
        let family = facts.unit.family;
        if first.is_computed && family == Family::Gcc {
            return Err("the first header has a name that a macro makes".to_owned());
        }
        let mut candidates = path.rivals(files);
        candidates.extend(path.precompiled(family, &first.names, files));
        let cwd = Path::new(facts.compilation.cwd);
        for place in looked_for.iter().flat_map(|name| path.places_of(name, files)) {
            if cwd.join(&place).is_file() {
                drop(self.inputs.file(&place)?);
            } else {
                candidates.insert(place);
            }
        }
        let looked = absences::look_for(cwd, &candidates);
        if let Some(link) = looked.leading_nowhere.first() {
            return Err(format!("`{link}` is a link that leads nowhere"));
        }
        for candidate in looked.present {
            if files.binary_search_by(|file| file.as_str().cmp(candidate)).is_err() {
                self.check_passed_over(cwd, candidate)?;
            }
        }
        for (dir, names) in looked.absent {
            self.absent_names(cwd, dir, names);
        }
        Ok(())
    }

    /// Makes sure that a file which is there, and was not used, was there before
    /// the compiler looked, and is no precompiled header.
    ///
    /// What is no plain file is an input: one that takes its place is found.
    fn check_passed_over(&mut self, cwd: &Path, candidate: &str) -> Result<(), String> {
        let Ok(found) = fs::metadata(cwd.join(candidate)) else { return Ok(()) };
        // Also a directory of them.
        if PRECOMPILED.iter().any(|ending| candidate.ends_with(ending)) {
            return Err(format!("`{candidate}` is a precompiled header"));
        }
        if !found.is_file() {
            let token = self.facts.compilation.roots.tokenise(candidate);
            self.inputs.add(Input::File(token), missing_digest(), None);
        } else if latest_change_ns(&identity::stamp_of(&found)) > self.inputs.start.wall_clock_ns {
            return Err(changed(Path::new(candidate)));
        }
        Ok(())
    }

    /// Adds names that are not in `dir`. One that has appeared since the
    /// compiler looked was not there for it either.
    fn absent_names(&mut self, cwd: &Path, dir: &str, names: BTreeSet<&str>) {
        let place = cwd.join(dir);
        let stamp = fs::metadata(&place).ok().map(|found| identity::stamp_of(&found));
        let is_quiet = stamp
            .as_ref()
            .is_some_and(|stamp| latest_change_ns(stamp) <= self.inputs.start.wall_clock_ns);
        let is_absent = |name: &&str| is_quiet || !place.join(name).exists();
        let names = names.into_iter().filter(is_absent).map(str::to_owned).collect();
        let dir = if dir.is_empty() { "." } else { dir };
        let dir = self.facts.compilation.roots.tokenise(dir);
        self.inputs.add(Input::Absences { dir, names }, absent_digest(false), stamp);
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

    /// Makes sure that the compiler wrote no file, named after what it compiled,
    /// beside those that are known.
    fn check_unexpected(&self, own_file: &Path) -> Result<(), String> {
        let compilation = &self.facts.compilation;
        let expected: BTreeSet<&Path> =
            compilation.products.iter().map(|product| product.path.as_path()).collect();
        let output = compilation.absolute(&self.facts.unit.output);
        let stems = [&output, &compilation.source].map(|path| {
            path.file_stem().map(|stem| format!("{}.", stem.to_string_lossy())).unwrap_or_default()
        });
        let dirs: BTreeSet<PathBuf> = [output.parent(), Some(Path::new(compilation.cwd))]
            .into_iter()
            .flatten()
            .map(Path::to_owned)
            .collect();
        for entry in dirs.iter().flat_map(fs::read_dir).flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let path = entry.path();
            let is_named_so = stems.iter().any(|stem| name.starts_with(stem.as_str()));
            if is_named_so
                && !expected.contains(path.as_path())
                && path != own_file
                && path != compilation.source
                && self.inputs.check_written(&path).is_ok()
            {
                return Err(format!("unexpected output `{}`", path.display()));
            }
        }
        Ok(())
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
