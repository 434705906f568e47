//! After a compilation: what it made, and everything that it read.
//!
//! Each step can find that the result must not be stored, and says why.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kache_cc::source_scan::{self, SourceFacts, Text};
use kache_cc::{Family, HeadersFrom, depfile, has_include, portable_text, recipe};
use kache_key::input::absent_digest;
use kache_key::rustc::messages;
use kache_key::{Input, RootKind};
use kache_store::{TextOutput, identity};

use super::facts::Facts;
use super::object;
use super::search::{self, SearchPath};
use crate::compilation::Form;
use crate::compilation::inputs::{Inputs, Start, changed, latest_change_ns};
use crate::compilation::products::{Made, Product};
use crate::compilation::publish::Collected;
use crate::process::{self, Ran};

/// How precompiled headers end, which compilers take instead of a header.
const PRECOMPILED: [&str; 2] = [".gch", ".pch"];

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
    let path = SearchPath::of(facts.call, facts.unit, &facts.compilation.store)?;
    let looked_for = collector.read(&files, &path)?;
    if facts.unit.has_headers() {
        collector.absences(&files, &looked_for, &path)?;
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
    Ok(Collected { inputs: collector.inputs.finish(), outputs, texts, stdout, stderr })
}

struct Collector<'a> {
    facts: &'a Facts<'a>,
    inputs: Inputs<'a>,
}

impl Collector<'_> {
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

    /// Adds every file that was read; returns the headers that were asked for
    /// without being included.
    fn read(&mut self, files: &[String], path: &SearchPath) -> Result<Vec<String>, String> {
        let text =
            if self.facts.unit.language.is_assembler() { Text::Assembler } else { Text::Code };
        let mut found = SourceFacts::default();
        for define in &self.facts.unit.defines {
            found.merge(&source_scan::scan(define.as_bytes(), text));
        }
        let mut looked_for = Vec::new();
        for file in files {
            if PRECOMPILED.iter().any(|ending| file.ends_with(ending)) {
                return Err(format!("`{file}` is a precompiled header"));
            }
            let bytes = self.inputs.file(file)?;
            let in_file = source_scan::scan(&bytes, text);
            found.merge(&if path.is_own(file) { in_file.without_pieces() } else { in_file });
            looked_for.extend(has_include::names(&bytes).map_err(|error| error.to_string())?);
        }
        self.check_scan(&found)?;
        Ok(looked_for)
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
        looked_for: &[String],
        path: &SearchPath,
    ) -> Result<(), String> {
        let facts = self.facts;
        let mut candidates = path.rivals(files);
        for file in files.iter().filter(|file| !path.is_own(file)) {
            candidates.extend(PRECOMPILED.map(|ending| PathBuf::from(format!("{file}{ending}"))));
        }
        let cwd = Path::new(facts.compilation.cwd);
        self.check_settled(cwd, &candidates, files)?;
        for place in looked_for.iter().flat_map(|name| path.places_of(name, files)) {
            if cwd.join(&place).is_file() {
                drop(self.inputs.file(&place.to_string_lossy())?);
            } else {
                candidates.insert(place);
            }
        }
        let absent = search::absent_names(cwd, &candidates);
        for (dir, names) in absent {
            self.absent_names(cwd, &dir, names);
        }
        Ok(())
    }

    /// Makes sure that a file which is where nothing was used appeared before
    /// the compiler looked, and that none is a precompiled header.
    fn check_settled(
        &self,
        cwd: &Path,
        candidates: &BTreeSet<PathBuf>,
        files: &[String],
    ) -> Result<(), String> {
        let read: BTreeSet<&Path> = files.iter().map(Path::new).collect();
        for candidate in candidates.iter().filter(|candidate| !read.contains(candidate.as_path())) {
            let Ok(found) = fs::metadata(cwd.join(candidate)) else { continue };
            let stamp = identity::stamp_of(&found);
            if found.is_file() && latest_change_ns(&stamp) > self.inputs.start.wall_clock_ns {
                return Err(changed(candidate));
            }
            let name = candidate.to_string_lossy();
            if PRECOMPILED.iter().any(|ending| name.ends_with(ending)) {
                return Err(format!("`{name}` is a precompiled header"));
            }
        }
        Ok(())
    }

    fn absent_names(&mut self, cwd: &Path, dir: &Path, names: BTreeSet<String>) {
        let place = cwd.join(dir);
        let stamp = fs::metadata(&place).ok().map(|found| identity::stamp_of(&found));
        // One that has appeared since was not there for the compiler either.
        let names: Vec<String> =
            names.into_iter().filter(|name| !place.join(name).exists()).collect();
        let spelt = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let dir = self.facts.compilation.roots.tokenise(&spelt.to_string_lossy());
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
        let text = fs::read_to_string(&product.path)
            .map_err(|error| format!("`{}`: {error}", product.path.display()))?;
        let text = portable_text::tokenise(&text, &self.facts.compilation.roots);
        self.inputs.bind_text(&text);
        Ok(TextOutput { role: product.role.to_owned(), name: product.name.clone(), text })
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
