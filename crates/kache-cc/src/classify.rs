//! From a compiler's arguments to a verdict: units, or left alone.

use crate::depend::Depend;
use crate::driver::{Called, DriverLanguage, Family};
use crate::language::Language;
use crate::options::{Effect, Part, SearchKind};
use crate::outputs::{self, Naming};
use crate::passed_on;
use crate::refusal::Refusal;
use crate::scan::{self, Given, Item};
use crate::unit::{Argument, CcUnit, Colour, Facts, IncludeDir, SideOutputs, Stage};

/// What to do with one run of a compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Compilations whose outputs can be cached, one for each source, in order.
    Compile(Vec<CcUnit>),
    /// Something to leave to the compiler.
    Refuse(Refusal),
}

/// Decides what `args` ask for: the arguments after the compiler's own path,
/// with response files already [expanded](crate::response_file::expand).
///
/// Cost: one pass over the arguments.
pub fn classify(args: &[String], called: Called) -> Verdict {
    match units(args, called) {
        Ok(units) => Verdict::Compile(units),
        Err(refusal) => Verdict::Refuse(refusal),
    }
}

fn units(args: &[String], called: Called) -> Result<Vec<CcUnit>, Refusal> {
    let called = driver_mode(args, called)?;
    let family = called.family;
    let items = scan::scan(args, family)?;
    let mut builder = Builder::default();
    for item in &items {
        match *item {
            Item::Option(given) => builder.option(family, &given)?,
            Item::Source(position, path) => builder.source(position, path, called)?,
        }
    }
    builder.finish(args, family)
}

/// Returns how the compiler behaves: Clang can be told to act as another driver.
fn driver_mode(args: &[String], called: Called) -> Result<Called, Refusal> {
    const OPTION: &str = "--driver-mode=";
    let mode = args.iter().rev().find_map(|arg| arg.strip_prefix(OPTION));
    let Some(mode) = mode.filter(|_| called.family != Family::Gcc) else { return Ok(called) };
    let (family, language) = match mode {
        "gcc" => (Family::Clang, DriverLanguage::ByName),
        "g++" => (Family::Clang, DriverLanguage::Cpp),
        "cl" => (Family::ClangCl, DriverLanguage::ByName),
        _ => {
            let (option, value) = (OPTION.to_owned(), mode.to_owned());
            return Err(Refusal::UnknownValue { option, value });
        }
    };
    Ok(Called { family, language })
}

/// A source with what decides its language.
struct Source {
    position: usize,
    path: String,
    language: Language,
}

/// What the options say, for every source alike.
#[derive(Default)]
pub(crate) struct Builder {
    compile: bool,
    assemble: bool,
    output: Option<String>,
    language: Option<Language>,
    /// Of all sources, wherever it is said.
    every_language: Option<Language>,
    sources: Vec<Source>,
    pub(crate) depend: Depend,
    include_dirs: Vec<IncludeDir>,
    pub(crate) defines: Vec<String>,
    serialized_diagnostics: Option<String>,
    side: SideOutputs,
    colour: Colour,
    architecture: Option<String>,
    pub(crate) facts: Facts,
    arguments: Vec<Argument>,
}

impl Builder {
    fn source(&mut self, position: usize, path: &str, called: Called) -> Result<(), Refusal> {
        let language = match self.language {
            Some(language) => Some(language),
            None => Language::of_path(path, called.language, called.family),
        };
        let language = language.ok_or_else(|| Refusal::Source(path.to_owned()))?;
        self.sources.push(Source { position, path: path.to_owned(), language });
        Ok(())
    }

    /// Takes one option in.
    fn option(&mut self, family: Family, given: &Given<'_>) -> Result<(), Refusal> {
        let value = given.value.unwrap_or_default();
        match given.found.effect {
            Effect::Neutral => {}
            Effect::Preprocessor | Effect::Code | Effect::Diagnostics | Effect::Link => {
                self.keep(given);
            }
            Effect::Search(kind) => self.search(kind, value)?,
            Effect::Modelled(part) => self.modelled(part, family, given)?,
            // What is never on by itself is not on when it is switched off.
            Effect::Refuse(_) if given.found.negated => self.keep(given),
            Effect::Refuse(why) => {
                return Err(Refusal::not_modelled(given.found.spelling(), why));
            }
        }
        Ok(())
    }

    fn search(&mut self, kind: SearchKind, value: &str) -> Result<(), Refusal> {
        if value == "-" {
            return Err(Refusal::not_modelled("-I-", "splits the list of include directories"));
        }
        self.include_dirs.push(IncludeDir { kind, path: value.to_owned() });
        Ok(())
    }

    fn modelled(&mut self, part: Part, family: Family, given: &Given<'_>) -> Result<(), Refusal> {
        let value = given.value.unwrap_or_default();
        match part {
            Part::Output => self.output(value)?,
            Part::Compile => self.compile = true,
            Part::Assemble => self.assemble = true,
            Part::Language => self.language(value)?,
            Part::LanguageC => self.every_language = Some(Language::C),
            Part::LanguageCpp => self.every_language = Some(Language::Cpp),
            Part::PreprocessorList => passed_on::preprocessor_list(self, family, value)?,
            Part::PreprocessorOne => {
                passed_on::preprocessor(self, family, "-Xpreprocessor", value)?;
            }
            Part::AssemblerList => passed_on::assembler_list(self, value)?,
            Part::AssemblerOne => passed_on::assembler_one(self, value)?,
            Part::CompilerOne => passed_on::compiler(self, value)?,
            Part::BackendOne => passed_on::backend(self, value)?,
            Part::SerializedDiagnostics => {
                let path = output_path("--serialize-diagnostics", value)?;
                self.serialized_diagnostics = Some(path);
            }
            Part::DependAll
            | Part::DependUser
            | Part::DependFile
            | Part::DependTarget
            | Part::DependTargetQuoted
            | Part::DependPhony => self.depend.option(part, given.found.name, value)?,
            part => return self.keyed_part(part, given),
        }
        Ok(())
    }

    fn output(&mut self, path: &str) -> Result<(), Refusal> {
        // GCC derives one dependency file from each, and takes only one.
        if self.output.is_some() {
            return Err(Refusal::not_modelled("-o", "is given twice"));
        }
        self.output = Some(output_path("-o", path)?);
        Ok(())
    }

    /// Takes an option in that is keyed, and also a fact.
    fn keyed_part(&mut self, part: Part, given: &Given<'_>) -> Result<(), Refusal> {
        let value = given.value.unwrap_or_default();
        let on = !given.found.negated;
        match part {
            Part::Define => self.defines.push(value.to_owned()),
            Part::Foreign => self.facts.foreign = true,
            Part::Debug => self.facts.debug_info = !matches!(given.found.name, "0" | "gdb0"),
            Part::CompressDebug => self.facts.compresses_debug = value != "none",
            Part::SplitDebug => self.split_debug(on && value != "single"),
            Part::Cpu => self.facts.uses_native_cpu |= value.starts_with("native"),
            Part::CoverageNotes => self.side.coverage_notes = on,
            Part::ProfileCounts => self.facts.coverage |= on,
            Part::Coverage => {
                self.side.coverage_notes = true;
                self.facts.coverage = true;
            }
            Part::ProfileUse => self.facts.reads_counts |= on,
            Part::StackUsage => self.side.stack_usage = on,
            Part::CallGraph => self.side.call_graph = true,
            Part::Lto => self.facts.lto |= on,
            Part::Colour => self.colour(on, value)?,
            Part::DiagnosticsFormat => diagnostics_format(given)?,
            Part::Architecture => self.architecture(value)?,
            _ => {}
        }
        self.keep(given);
        Ok(())
    }

    /// Keys an argument for one of the tools behind the driver.
    pub(crate) fn keep_passed_on(&mut self, option: &str, argument: &str) {
        let (option, value) = (option.to_owned(), Some(argument.to_owned()));
        self.arguments.push(Argument { option, value });
    }

    /// Keys an option in its place.
    fn keep(&mut self, given: &Given<'_>) {
        self.arguments.push(Argument {
            option: given.found.spelling(),
            value: given.value.map(str::to_owned),
        });
    }

    fn split_debug(&mut self, on: bool) {
        self.side.split_debug = on;
        // For GCC it also asks for debug information.
        self.facts.debug_info |= on;
    }

    fn language(&mut self, name: &str) -> Result<(), Refusal> {
        // Behind the last source it draws a warning, and each unit has one source.
        if !self.sources.is_empty() {
            return Err(Refusal::not_modelled("-x", "stands behind a source"));
        }
        self.language = match name {
            "none" => None,
            _ => Some(Language::of_name(name).ok_or_else(|| Refusal::UnknownValue {
                option: "-x".to_owned(),
                value: name.to_owned(),
            })?),
        };
        Ok(())
    }

    fn colour(&mut self, on: bool, value: &str) -> Result<(), Refusal> {
        self.colour = match (on, value) {
            (false, _) | (true, "never") => Colour::Never,
            (true, "" | "always") => Colour::Always,
            (true, "auto") => Colour::Auto,
            _ => {
                return Err(Refusal::UnknownValue {
                    option: "-fdiagnostics-color=".to_owned(),
                    value: value.to_owned(),
                });
            }
        };
        Ok(())
    }

    fn architecture(&mut self, name: &str) -> Result<(), Refusal> {
        if self.architecture.as_deref().is_some_and(|before| before != name) {
            return Err(Refusal::not_modelled("-arch", "asks for several architectures"));
        }
        self.architecture = Some(name.to_owned());
        Ok(())
    }

    fn finish(mut self, args: &[String], family: Family) -> Result<Vec<CcUnit>, Refusal> {
        let stage = match (self.assemble, self.compile) {
            (true, _) => Stage::Assembly,
            (false, true) => Stage::Object,
            (false, false) => return Err(Refusal::Link),
        };
        let sources = std::mem::take(&mut self.sources);
        if sources.is_empty() {
            return Err(Refusal::NoInput);
        }
        if sources.len() > 1 && self.output.is_some() {
            return Err(Refusal::SeveralSources);
        }
        self.depend.check()?;
        let positions: Vec<usize> = sources.iter().map(|source| source.position).collect();
        let unit = |source: Source| {
            let own = source.position;
            let is_other = |at: &usize| *at != own && positions.contains(at);
            let kept = args.iter().enumerate().filter(|(at, _)| !is_other(at));
            let args = kept.map(|(_, arg)| arg.clone()).collect();
            self.unit(family, stage, source, args)
        };
        sources.into_iter().map(unit).collect()
    }

    fn unit(
        &self,
        family: Family,
        stage: Stage,
        source: Source,
        args: Vec<String>,
    ) -> Result<CcUnit, Refusal> {
        let language = self.every_language.unwrap_or(source.language);
        let naming = Naming::of(family, stage, &source.path, self.output.as_deref())?;
        let mut arguments = self.arguments.clone();
        let dep_file = match self.depend.style {
            Some(style) if language.is_preprocessed_first() => {
                Some(outputs::dep_file(&naming, &self.depend, style))
            }
            Some(_) => {
                // No file is written, but the driver may name what is unused.
                arguments.extend(self.depend.ignored());
                None
            }
            None => None,
        };
        let mut facts = self.facts;
        facts.coverage |= self.side.coverage_notes;
        facts.output_is_keyed =
            facts.coverage || facts.reads_counts || self.side != SideOutputs::default();
        Ok(CcUnit {
            family,
            language,
            source: source.path,
            stage,
            output: naming.output,
            dep_file,
            include_dirs: self.include_dirs.clone(),
            defines: self.defines.clone(),
            serialized_diagnostics: self.serialized_diagnostics.clone(),
            side: self.side,
            colour: self.colour,
            facts,
            arguments,
            args,
        })
    }
}

/// Returns `path` if a file can be written there and found again.
pub(crate) fn output_path(option: &'static str, path: &str) -> Result<String, Refusal> {
    let is_odd = path.is_empty() || path == "-" || path.starts_with("/dev/") || path.ends_with('/');
    if is_odd {
        return Err(Refusal::Output { option, path: path.to_owned() });
    }
    Ok(path.to_owned())
}

fn diagnostics_format(given: &Given<'_>) -> Result<(), Refusal> {
    let value = given.value.unwrap_or_default();
    if value.ends_with("-file") {
        return Err(Refusal::not_modelled(
            format!("{}{value}", given.found.spelling()),
            "writes diagnostics into a file",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
