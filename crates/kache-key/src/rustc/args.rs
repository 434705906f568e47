//! From rustc's arguments to a verdict: a unit, a query, or left alone.

use super::flags::{self, Class, Repeat, Space};
use super::link_args;
use super::query::{self, RustcQuery};
use super::refusal::Refusal;
use super::scan::{Given, Scan};
use super::unit::{
    Argument, CrateType, Emit, Extern, Form, Lint, NativeLib, RustcUnit, SearchPath, Target,
};

/// What to do with one run of rustc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A compilation whose outputs can be cached.
    Compile(Box<RustcUnit>),
    /// A question whose answer can be cached.
    Query(RustcQuery),
    /// Something to leave to the compiler.
    Refuse(Refusal),
}

/// Decides what `args` ask for: rustc's arguments after the compiler's own
/// path, with argument files already expanded.
///
/// Cost: one pass over the arguments and a few small sorts.
pub fn classify(args: &[String]) -> Verdict {
    let verdict = Scan::of(args).and_then(|scan| {
        if scan.given.iter().any(|given| given.flag.class == Class::Query) {
            query::of(args, &scan).map(Verdict::Query)
        } else {
            unit_of(&scan).map(|unit| Verdict::Compile(Box::new(unit)))
        }
    });
    verdict.unwrap_or_else(Verdict::Refuse)
}

/// Reads the unit from a command line that asks no question.
fn unit_of(scan: &Scan<'_>) -> Result<RustcUnit, Refusal> {
    let mut builder = Builder::default();
    for (position, given) in scan.given.iter().enumerate() {
        builder.add(position, given)?;
    }
    builder.finish(&scan.inputs)
}

/// What the flags say about the compiler's settings, whether it compiles or answers.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) unit: RustcUnit,
    /// Position of the last `-O` and `-g`, and of the last flag that overrides each.
    optimise: LastOf,
    debug: LastOf,
    pre_link_args: Vec<String>,
}

/// Which of two spellings of one setting comes last.
#[derive(Default)]
struct LastOf {
    short: Option<usize>,
    long: Option<usize>,
}

impl LastOf {
    fn is_short(&self) -> bool {
        self.short > self.long
    }
}

impl Builder {
    /// Takes one flag in.
    pub(crate) fn add(&mut self, position: usize, given: &Given<'_>) -> Result<(), Refusal> {
        let value = given.value.unwrap_or_default();
        match given.flag.name {
            "codegen" => return self.codegen(position, value),
            "Z" => return self.unstable(value),
            "O" => self.optimise.short = Some(position),
            "g" => self.debug.short = Some(position),
            "cfg" => self.cfg(value),
            "check-cfg" => self.unit.check_cfgs.push(value.to_owned()),
            "allow" | "warn" | "force-warn" | "deny" | "forbid" => {
                self.lint(given.flag.name, value)?;
            }
            "L" => self.unit.search_paths.push(search_path(value)),
            "l" => self.unit.native_libs.push(native_lib(value)),
            "extern" => self.unit.externs.push(extern_of(value)),
            "crate-name" => value.clone_into(&mut self.unit.crate_name),
            "crate-type" => self.crate_types(value)?,
            "emit" => self.emit(value)?,
            "out-dir" => value.clone_into(&mut self.unit.out_dir),
            "test" => self.unit.is_test = true,
            "target" => self.target(value),
            "sysroot" => self.unit.sysroot = Some(value.to_owned()),
            "remap-path-prefix" => self.remap(value)?,
            "error-format" => {
                self.unit.error_format_is_json = value == "json";
                self.keep(Space::Top, "error-format", given.value, Class::Keyed(Repeat::Last));
            }
            name => match given.flag.class {
                Class::Refuse(why) => {
                    return Err(Refusal::not_modelled(Space::Top.spell(name), why));
                }
                class => self.keep(Space::Top, name, given.value, class),
            },
        }
        Ok(())
    }

    /// Checks that the flags make a compilation, and returns it in canonical order.
    fn finish(mut self, inputs: &[&str]) -> Result<RustcUnit, Refusal> {
        match inputs {
            [] => return Err(Refusal::NoInput),
            ["-"] => return Err(Refusal::StandardInput),
            [source] => (*source).clone_into(&mut self.unit.source),
            _ => return Err(Refusal::SeveralInputs),
        }
        self.default_crate_type();
        self.settle()?;
        let unit = self.unit;
        let required = [
            (unit.source.is_empty(), "input file"),
            (unit.crate_name.is_empty(), "--crate-name"),
            (unit.out_dir.is_empty(), "--out-dir"),
            (!unit.emit.dep_info, "dep-info in --emit"),
            (!unit.emit.metadata && !unit.emit.link, "metadata or link in --emit"),
        ];
        match required.into_iter().find(|(missing, _)| *missing) {
            Some((_, what)) => Err(Refusal::Missing(what)),
            None => Ok(unit),
        }
    }

    /// Takes a crate without a type for a program, as cargo's tests without a harness are.
    ///
    /// The source may say otherwise; then other files are written than a
    /// program's and nothing is stored. An explicit type overrules the source,
    /// so the two are different units.
    fn default_crate_type(&mut self) {
        if self.unit.crate_types.is_empty() && !self.unit.is_test {
            self.unit.crate_types.push(CrateType::Bin);
            let by_source = Class::Keyed(Repeat::Last);
            self.keep(Space::Top, "crate-type", Some("by source"), by_source);
        }
    }

    /// Brings what order does not matter for into canonical order, and
    /// derives what several flags decide together.
    pub(crate) fn settle(&mut self) -> Result<(), Refusal> {
        let last = Class::Keyed(Repeat::Last);
        if self.optimise.is_short() {
            self.keep(Space::Codegen, "opt-level", Some("3"), last);
        }
        if self.debug.is_short() {
            self.keep(Space::Codegen, "debuginfo", Some("2"), last);
        }
        let unit = &mut self.unit;
        self.pre_link_args.append(&mut unit.link_args);
        unit.link_args = std::mem::take(&mut self.pre_link_args);
        let facts = link_args::inspect(&unit.link_args)?;
        unit.content_files.extend(facts.content_files);
        unit.compresses_debug |= facts.compresses_debug;
        unit.arguments.sort_by(|a, b| a.flag.cmp(&b.flag));
        sort_set(&mut unit.content_files);
        sort_set(&mut unit.crate_types);
        sort_set(&mut unit.externs);
        sort_set(&mut unit.cfgs);
        sort_set(&mut unit.check_cfgs);
        for (flag, name) in
            [("--crate-name", &unit.crate_name), ("-C extra-filename", &unit.extra_filename)]
        {
            if name.contains(['/', '\\']) {
                return Err(Refusal::NameWithSeparator {
                    flag: flag.to_owned(),
                    value: name.clone(),
                });
            }
        }
        Ok(())
    }

    fn codegen(&mut self, position: usize, text: &str) -> Result<(), Refusal> {
        let (spelled, value) = split_value(text);
        let name = spelled.replace('_', "-");
        let class = known(Space::Codegen, &name)?;
        // rustc compares positions only for this exact spelling of each name.
        match spelled {
            "opt-level" => self.optimise.long = Some(position),
            "debuginfo" => self.debug.long = Some(position),
            _ => {}
        }
        let text = value.unwrap_or_default();
        let unit = &mut self.unit;
        match name.as_str() {
            "extra-filename" => text.clone_into(&mut unit.extra_filename),
            "incremental" => unit.incremental = Some(text.to_owned()),
            "linker" => unit.linker = Some(text.to_owned()),
            "link-arg" => unit.link_args.push(text.to_owned()),
            "link-args" => unit.link_args.extend(text.split_whitespace().map(str::to_owned)),
            "instrument-coverage" => unit.coverage = !is_off(value),
            "split-debuginfo" => unit.split_debuginfo = Some(text.to_owned()),
            "target-cpu" => unit.uses_native_cpu |= text == "native",
            "linker-plugin-lto" => unit.bitcode_only = !is_off(value),
            "llvm-args" => {
                unit.compresses_debug |= link_args::compresses(text);
                if text.contains(['/', '\\']) {
                    return Err(Refusal::not_modelled("-C llvm-args", "names a path"));
                }
            }
            _ => {}
        }
        match (name.as_str(), class) {
            ("extra-filename" | "incremental" | "link-arg" | "link-args", _) => {}
            ("linker-plugin-lto", _) if is_switch(value) => {
                self.keep(Space::Codegen, &name, value, Class::Keyed(Repeat::Last));
            }
            _ => self.keep(Space::Codegen, &name, value, class),
        }
        Ok(())
    }

    fn unstable(&mut self, text: &str) -> Result<(), Refusal> {
        let (spelled, value) = split_value(text);
        let name = spelled.replace('_', "-");
        let class = known(Space::Unstable, &name)?;
        let text = value.unwrap_or_default();
        match name.as_str() {
            "pre-link-arg" => self.pre_link_args.push(text.to_owned()),
            "pre-link-args" => {
                self.pre_link_args.extend(text.split_whitespace().map(str::to_owned));
            }
            "tune-cpu" => self.unit.uses_native_cpu |= text == "native",
            "debuginfo-compression" => self.unit.compresses_debug |= text != "none",
            "codegen-backend" => self.unit.codegen_backend = Some(text.to_owned()),
            _ => {}
        }
        match name.as_str() {
            "pre-link-arg" | "pre-link-args" => {}
            // rustc loads a file exactly when the name has a dot.
            "codegen-backend" if !text.contains('.') => {
                self.keep(Space::Unstable, &name, value, Class::Keyed(Repeat::All));
            }
            _ => self.keep(Space::Unstable, &name, value, class),
        }
        Ok(())
    }

    /// Records a flag that is keyed by its class.
    fn keep(&mut self, space: Space, name: &str, value: Option<&str>, class: Class) {
        let (form, repeat) = match class {
            Class::Keyed(repeat) => (Form::Text, repeat),
            Class::Path(repeat) => (Form::Paths, repeat),
            Class::Content(repeat) => {
                self.unit.content_files.extend(files_of(name, value.unwrap_or_default()));
                (Form::Paths, repeat)
            }
            Class::Neutral | Class::Output | Class::Query | Class::Refuse(_) => return,
        };
        let flag = space.spell(name);
        let arguments = &mut self.unit.arguments;
        if repeat == Repeat::Last {
            arguments.retain(|argument| argument.flag != flag);
        }
        arguments.push(Argument { flag, value: value.map(str::to_owned), form });
    }

    fn cfg(&mut self, value: &str) {
        self.unit.trybuild |= value == "trybuild";
        self.unit.cfgs.push(value.to_owned());
    }

    fn lint(&mut self, level: &'static str, name: &str) -> Result<(), Refusal> {
        if name == "help" {
            return Err(Refusal::not_modelled(format!("--{level} help"), "is not a compilation"));
        }
        self.unit.lints.push(Lint { level, name: name.replace('-', "_") });
        Ok(())
    }

    fn crate_types(&mut self, list: &str) -> Result<(), Refusal> {
        for name in list.split(',') {
            let kind = CrateType::of(name).ok_or_else(|| Refusal::UnknownValue {
                flag: "--crate-type".to_owned(),
                value: name.to_owned(),
            })?;
            self.unit.crate_types.push(kind);
        }
        Ok(())
    }

    fn emit(&mut self, list: &str) -> Result<(), Refusal> {
        let Emit { dep_info, metadata, link } = &mut self.unit.emit;
        for kind in list.split(',') {
            match kind {
                "dep-info" => *dep_info = true,
                "metadata" => *metadata = true,
                "link" => *link = true,
                _ => match kind.split_once('=') {
                    Some((kind, _)) => return Err(Refusal::EmitPath(kind.to_owned())),
                    None => return Err(Refusal::EmitKind(kind.to_owned())),
                },
            }
        }
        Ok(())
    }

    fn target(&mut self, value: &str) {
        self.unit.target = if value.strip_suffix(".json").is_some() {
            self.unit.content_files.push(value.to_owned());
            Target::SpecFile(value.to_owned())
        } else {
            Target::Triple(value.to_owned())
        };
    }

    fn remap(&mut self, value: &str) -> Result<(), Refusal> {
        let (from, to) = value.rsplit_once('=').ok_or_else(|| Refusal::UnknownValue {
            flag: "--remap-path-prefix".to_owned(),
            value: value.to_owned(),
        })?;
        self.unit.user_remaps.push((from.to_owned(), to.to_owned()));
        Ok(())
    }
}

fn known(space: Space, name: &str) -> Result<Class, Refusal> {
    match flags::class_of(space, name) {
        Some(Class::Refuse(why)) => Err(Refusal::not_modelled(space.spell(name), why)),
        Some(class) => Ok(class),
        None => Err(Refusal::UnknownFlag(space.spell(name))),
    }
}

fn split_value(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    }
}

/// Returns the files in the value of a content flag; two flags hold lists.
fn files_of<'a>(name: &str, value: &'a str) -> impl Iterator<Item = String> + use<'a> {
    let separator = match name {
        "llvm-plugins" => ' ',
        "sanitizer-dataflow-abilist" => ',',
        _ => '\0',
    };
    value.split(separator).filter(|file| !file.is_empty()).map(str::to_owned)
}

fn is_off(value: Option<&str>) -> bool {
    matches!(value, Some("n" | "no" | "off" | "false" | "0"))
}

fn is_switch(value: Option<&str>) -> bool {
    is_off(value) || matches!(value, None | Some("y" | "yes" | "on" | "true"))
}

fn sort_set<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}

fn search_path(value: &str) -> SearchPath {
    let kinds = ["dependency", "crate", "native", "framework", "all"];
    let (kind, path) = match value.split_once('=') {
        Some((kind, path)) if kinds.contains(&kind) => (kind, path),
        _ => ("all", value),
    };
    SearchPath { kind: kind.to_owned(), path: path.to_owned() }
}

fn native_lib(value: &str) -> NativeLib {
    let (kind, name) = match value.split_once('=') {
        Some((kind, name)) => (Some(kind), name),
        None => (None, value),
    };
    let (kind, modifiers) = match kind.and_then(|kind| kind.split_once(':')) {
        Some((kind, modifiers)) => (Some(kind), modifiers),
        None => (kind, ""),
    };
    let (name, rename) = match name.split_once(':') {
        Some((name, rename)) => (name, Some(rename)),
        None => (name, None),
    };
    NativeLib {
        kind: kind.map(str::to_owned),
        modifiers: modifiers.to_owned(),
        name: name.to_owned(),
        rename: rename.map(str::to_owned),
    }
}

fn extern_of(value: &str) -> Extern {
    let (name, path) = split_value(value);
    let (options, name) = match name.split_once(':') {
        Some((options, rest)) if !rest.starts_with(':') => (options, rest),
        _ => ("", name),
    };
    Extern { name: name.to_owned(), path: path.map(str::to_owned), options: options.to_owned() }
}

#[cfg(test)]
pub(super) mod tests;
