//! The rustc and clippy-driver personality: one call of a compiler by cargo.

mod clippy;
mod collect;
mod declared;
mod facts;
mod miss;
mod probe;
mod query;
mod surroundings;

pub(crate) use self::declared::Declared;
pub(crate) use self::facts::identify_toolchain;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kache_config::Config;
use kache_key::rustc::argfile;
use kache_key::rustc::args::{Verdict, classify};
use kache_key::rustc::unit::{CrateType, RustcUnit};
use kache_store::Outcome;

use crate::compilation;
use crate::configuration;
use crate::files;
use crate::places::variable;
use crate::process;
use crate::report::{Phase, Report};
use crate::script::launcher;
use crate::served::{Passthrough, Served};
use crate::toolchain::Compiler;

/// One call of a compiler, as text.
pub(crate) struct Invocation {
    pub(crate) compiler: Compiler,
    /// The arguments as cargo gave them, argument files not expanded.
    pub(crate) args: Vec<String>,
    pub(crate) cwd: String,
}

/// Serves one call: from the store if it can be, else by running the compiler.
pub(crate) fn run(raw_args: &[OsString]) -> ExitCode {
    let cwd = std::env::current_dir().unwrap_or_default();
    let mut report = Report::start(&cwd.to_string_lossy(), "rust");
    let served = invocation(raw_args, &cwd).and_then(|call| serve(&call, &mut report));
    match served {
        Ok(Served { store, outcome, reason, status }) => {
            report.finish(&store, outcome, reason);
            process::exit_like(status)
        }
        Err(Passthrough { reason, is_failure }) => {
            let (program, args) = raw_args.split_first().expect("a call names its compiler");
            if report.name.is_empty() {
                name_unread_call(args, &mut report);
            }
            report.is_failure = is_failure;
            if let Some(store) = configuration::any_store(&cwd) {
                report.finish(&store, Outcome::Passthrough, reason);
            }
            process::become_program(program, args)
        }
    }
}

fn serve(call: &Invocation, report: &mut Report) -> Result<Served, Passthrough> {
    let expanded = argfile::expand(&call.args, &mut |path| fs::read_to_string(path))?;
    if let Some(probe) = probe::of(&expanded) {
        return probe::serve(call, &probe, report);
    }
    match classify(&expanded) {
        Verdict::Refuse(refusal) => {
            report.name = name_of(&expanded);
            Err(Passthrough::because(refusal.to_string()))
        }
        Verdict::Query(question) => {
            report.name = question.args.join(" ");
            let config = configure(call, None)?;
            report.log_level = config.log;
            query::serve(call, &question, &config, report)
        }
        Verdict::Compile(unit) => {
            report.name.clone_from(&unit.crate_name);
            report.crate_types = crate_types(&unit);
            let target_dir = files::target_dir_above(&Path::new(&call.cwd).join(&unit.out_dir));
            let config = configure(call, target_dir.as_deref())?;
            report.log_level = config.log;
            let facts = facts::gather(call, *unit, &config, target_dir.as_deref())?;
            report.unit = Some(facts.compilation.id.to_string());
            report.lap(Phase::Parse);
            let script = script_place(&facts);
            if let Some(place) = &script {
                launcher::forget(place);
            }
            let served = compilation::serve(&facts.compilation, &facts, report)?;
            if let Some(place) = script.filter(|_| served.status.success()) {
                // Without a launcher the script runs as it always did.
                drop(launcher::install(&place));
            }
            Ok(served)
        }
    }
}

/// Returns where a build script is compiled to whose runs are to be cached.
fn script_place(facts: &facts::Facts<'_>) -> Option<PathBuf> {
    let unit = &facts.unit;
    let package = variable("CARGO_PKG_NAME")?;
    // Cargo names programs and examples by a variable, whatever they are called.
    let is_script = unit.crate_name.starts_with("build_script_")
        && variable("CARGO_BIN_NAME").is_none()
        && unit.crate_types == [CrateType::Bin]
        && !unit.is_test
        && unit.emit.link;
    let settings = facts.compilation.config.crate_settings(&package);
    let mut products = facts.compilation.products.iter();
    let program = products.find(|product| product.role == facts::EXECUTABLE_ROLE)?;
    (is_script && settings.build_scripts.cache).then(|| program.path.clone())
}

/// Reads the command line as text and finds the compiler in it.
fn invocation(raw_args: &[OsString], cwd: &Path) -> Result<Invocation, Passthrough> {
    let text = |arg: &OsString| {
        arg.to_str().map(str::to_owned).ok_or_else(|| {
            Passthrough::because(format!("argument is not UTF-8: {}", arg.display()))
        })
    };
    let mut args = raw_args.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let program = args.remove(0);
    let cwd = cwd
        .to_str()
        .map(str::to_owned)
        .ok_or_else(|| Passthrough::because("working directory is not UTF-8"))?;
    let stem = |path: &str| Path::new(path).file_stem().map(|s| s.to_string_lossy().into_owned());
    let next_is_rustc = args
        .first()
        .is_some_and(|next| !next.starts_with('-') && stem(next).as_deref() == Some("rustc"));
    let stands_for = match stem(&program).as_deref() {
        Some("clippy-driver") if next_is_rustc => Some(args.remove(0)),
        Some("rustc") => None,
        _ if next_is_rustc => {
            return Err(Passthrough::because(format!(
                "workspace wrapper `{program}` is not modelled"
            )));
        }
        _ => None,
    };
    Ok(Invocation { compiler: Compiler { program, stands_for }, args, cwd })
}

/// Returns the settings for this call.
fn configure(call: &Invocation, target_dir: Option<&Path>) -> Result<Config, Passthrough> {
    configuration::load(Path::new(&call.cwd), target_dir.and_then(Path::parent), &call.args)
}

/// Fills in, for the event, what a call was about that nobody has classified.
fn name_unread_call(args: &[OsString], report: &mut Report) {
    let args: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    report.name = name_of(&args);
    let flags = args.iter().zip(args.iter().skip(1)).filter(|(flag, _)| *flag == "--crate-type");
    // Only questions give several, and those are not about a crate.
    if let [(_, kind)] = flags.collect::<Vec<_>>().as_slice() {
        report.crate_types.push((*kind).clone());
    }
}

/// Returns the crate's name, or for want of one its source file, for people.
fn name_of(args: &[String]) -> String {
    let after_flag = args.windows(2).find_map(|pair| match pair {
        [flag, name] if flag == "--crate-name" => Some(name),
        _ => None,
    });
    let is_source = |arg: &&String| Path::new(arg).extension().is_some_and(|ext| ext == "rs");
    let source = args.iter().find(|arg| is_source(arg) || *arg == "-");
    after_flag.or(source).cloned().unwrap_or_else(|| args.join(" "))
}

fn crate_types(unit: &RustcUnit) -> Vec<String> {
    let mut types: Vec<String> = unit.crate_types.iter().map(|t| t.name().to_owned()).collect();
    if unit.is_test {
        types.push("test".to_owned());
    }
    types
}
