//! Everything about a compilation that is known before an input is read.

use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;

use kache_cc::language::Language;
use kache_cc::recipe::{self, CC_ENV, COLOUR_ENV, REPORTING_ENV};
use kache_cc::unit::{Argument, CcUnit, Colour};
use kache_cc::{DriverLanguage, Family, OutputRole, dep_layout, expected_outputs, portable_text};
use kache_config::Config;
use kache_key::{Context, Digest, Roots};
use kache_store::{Sharing, Store, TextOutput, blob};

use super::compiler::CcCompiler;
use super::{Call, outlets, places};
use crate::compilation::{Compilation, Form, Product};
use crate::configuration;
use crate::cpu;
use crate::outer;
use crate::served::Passthrough;
use crate::terminal;

/// A source up to this size is part of its unit's identity, in bytes: tests of
/// configure scripts and the like all have one name, and each its own record.
const IDENTIFYING_BYTES: u64 = 128 << 10;

/// A compilation by a C or C++ compiler, its identity, and how to run it.
pub(crate) struct Facts<'a> {
    pub(crate) call: &'a Call,
    pub(crate) unit: &'a CcUnit,
    pub(crate) compilation: Compilation<'a>,
    /// Arguments that keep places out of the output.
    pub(crate) prefix_maps: Vec<String>,
    /// What the compiler says goes to a terminal, which makes it say it
    /// otherwise: in colours, with links, in lines that fit. The
    /// [widths](terminal::widths) of now.
    pub(crate) terminal: Option<[u16; 2]>,
}

/// Works out what `unit` is. Reads the source if it is small, and what options name.
pub(crate) fn gather<'a>(
    call: &'a Call,
    unit: &'a CcUnit,
    config: &'a Config,
) -> Result<Facts<'a>, Passthrough> {
    if let Some(name) = REPORTING_ENV.iter().find(|name| std::env::var_os(name).is_some()) {
        return Err(Passthrough::because(format!("{name} is set")));
    }
    let source = Path::new(&call.cwd).join(&unit.source);
    if let Some(glob) = config.excludes(&source) {
        return Err(Passthrough::because(format!("exclude: {glob}")));
    }
    let products = products(unit, Path::new(&call.cwd));
    outlets::check(&source, &products)?;
    let roots = places::roots(&call.cwd, unit, config);
    let prefix_maps = places::prefix_maps(unit, &roots, config);
    let on_terminal = std::io::stderr().is_terminal();
    let mut facts = named_digests(call, unit, &source, &roots)?;
    facts.extend(places::left_by_maps(unit, &roots, &prefix_maps));
    facts.push(("terminal".to_owned(), Digest::of(&[u8::from(on_terminal)])));
    facts.extend(configuration::declared_variables(&config.crate_settings("")));
    tell_outer_watch(call);
    let components = recipe::components(
        unit,
        &Context {
            compiler: call.compiler.identity,
            roots: &roots,
            env: &environment(unit, on_terminal),
            salt: &config.key_salt,
            normalise_paths: config.paths.normalise_cc,
            facts: &facts,
        },
    );
    let compilation = Compilation {
        config,
        store: Store::at(&config.cache_dir),
        id: recipe::unit_id(&components),
        name: unit.source.clone(),
        crate_types: Vec::new(),
        lang: language_name(unit),
        cwd: &call.cwd,
        roots,
        source,
        products,
        tree: None,
        is_incremental: false,
        render_text: match unit.family {
            Family::Gcc => |stored, roots| dep_file_here(stored, roots, Family::Gcc),
            _ => |stored, roots| dep_file_here(stored, roots, Family::Clang),
        },
    };
    let terminal = on_terminal.then(terminal::widths);
    Ok(Facts { call, unit, compilation, prefix_maps, terminal })
}

/// Tells whoever observes this process what the key is made of beside inputs.
fn tell_outer_watch(call: &Call) {
    let CcCompiler { program, watched, absent, .. } = &call.compiler;
    outer::has_read(program);
    // The rest is said of directories: what is in them is named by itself.
    for (path, _) in watched.iter().filter(|(path, _)| path.is_file() && !is_of_loader(path)) {
        outer::has_read(path);
    }
    for path in absent {
        outer::has_missed(path);
    }
    outer::has_asked_for(CC_ENV);
}

/// Returns whether `path` is the list of libraries by which the loader finds them. A run
/// that is seen does not show it, and what was found counts by itself.
fn is_of_loader(path: &Path) -> bool {
    path == Path::new("/etc/ld.so.cache")
}

/// Returns the language by the name it has in the journal.
pub(crate) fn language_name(unit: &CcUnit) -> &'static str {
    match unit.language {
        Language::Cpp | Language::CppPreprocessed => "c++",
        _ => "c",
    }
}

/// Returns the digests of what decides the output beside arguments and inputs.
fn named_digests(
    call: &Call,
    unit: &CcUnit,
    source: &Path,
    roots: &Roots,
) -> Result<Vec<(String, Digest)>, Passthrough> {
    let place = roots.tokenise(&call.cwd);
    // What warns of C that is taken for C++ may be the same program as what does not.
    let prefers_cpp = call.compiler.called.language == DriverLanguage::Cpp;
    let mut facts = vec![
        ("cwd".to_owned(), Digest::of(place.0.as_bytes())),
        ("driver for c++".to_owned(), Digest::of(&[u8::from(prefers_cpp)])),
    ];
    if unit.facts.may_use_native_cpu() {
        facts.push(("cpu".to_owned(), cpu::identity()?));
    }
    if unit.facts.reads_counts {
        // Files of counts are named after it.
        facts.push(("counted in".to_owned(), Digest::of(call.cwd.as_bytes())));
    }
    if fs::metadata(source).is_ok_and(|found| found.len() <= IDENTIFYING_BYTES) {
        facts.push(("source".to_owned(), blob::digest_file(source)?.0));
    }
    Ok(facts)
}

/// Returns the variables that change the compiler, in a fixed order; those
/// that only decide about colours count as unset where there are none.
fn environment(unit: &CcUnit, on_terminal: bool) -> Vec<(String, Option<String>)> {
    let shows_links = |argument: &Argument| {
        argument.option == "-fdiagnostics-urls=" && argument.value.as_deref() != Some("never")
    };
    let colours = on_terminal
        || unit.facts.foreign
        || matches!(unit.colour, Colour::Always)
        || unit.arguments.iter().any(shows_links);
    let value = |name: &str| {
        let value = std::env::var_os(name).filter(|_| colours || !COLOUR_ENV.contains(&name));
        value.map(|value| value.to_string_lossy().into_owned())
    };
    CC_ENV.iter().map(|name| ((*name).to_owned(), value(name))).collect()
}

/// Returns what `unit` makes. Objects are never linked to the store: builds
/// like to change them in place.
fn products(unit: &CcUnit, cwd: &Path) -> Vec<Product> {
    let outputs = expected_outputs(unit);
    let product = |output: kache_cc::ExpectedOutput| {
        let role = role_name(output.role);
        Product {
            role,
            name: role.to_owned(),
            path: cwd.join(&output.path),
            form: match output.role {
                OutputRole::DepFile => Form::Text,
                _ => Form::Bytes { sharing: Sharing::Never },
            },
            is_certain: output.is_certain,
        }
    };
    outputs.into_iter().map(product).collect()
}

fn role_name(role: OutputRole) -> &'static str {
    match role {
        OutputRole::Object => "object",
        OutputRole::Assembly => "assembly",
        OutputRole::DepFile => "dependencies",
        OutputRole::SplitDebug => "split-debug",
        OutputRole::CoverageNotes => "coverage-notes",
        OutputRole::StackUsage => "stack-usage",
        OutputRole::CallGraph => "call-graph",
        OutputRole::Diagnostics => "diagnostics",
        _ => "other",
    }
}

/// Writes a dependency file for this checkout, in lines as the compiler would.
fn dep_file_here(stored: &TextOutput, roots: &Roots, family: Family) -> Result<String, String> {
    let text = portable_text::render(&stored.text, roots)
        .ok_or_else(|| format!("`{}` names an unknown root", stored.name))?;
    Ok(dep_layout::lay_out(&text, family))
}
