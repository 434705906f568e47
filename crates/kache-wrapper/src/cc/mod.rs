//! The C and C++ personality: one call of a compiler driver.

mod asked;
mod collect;
mod compiler;
mod expanded;
mod facts;
mod miss;
mod object;
mod outlets;
mod places;
mod several;
mod sight;
mod unread;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use kache_cc::unit::CcUnit;
use kache_cc::{Verdict, classify, response_file};
use kache_config::Config;
use kache_store::{Outcome, Store};

pub(crate) use self::compiler::find as find_compiler;

use self::compiler::CcCompiler;
use crate::compilation;
use crate::configuration;
use crate::outer;
use crate::process;
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};
use crate::streams;

/// One call of a compiler, as text.
pub(crate) struct Call {
    pub(crate) compiler: CcCompiler,
    /// Where the compiler runs, as it names the place itself.
    pub(crate) cwd: String,
}

/// The hidden verb under which a launcher in the place of a compiler starts `kache`.
pub(crate) const VERB: &str = "run-compiler";

/// Serves one call of `program`: from the store if it can be, else by running
/// the compiler.
pub(crate) fn run(program: &OsStr, args: &[OsString]) -> ExitCode {
    let Some(path) = compiler::find(program, std::env::var_os("PATH").as_deref()) else {
        process::complain(&format!("kache: no compiler `{}` on PATH\n", program.display()));
        return ExitCode::from(127);
    };
    run_at(&path, program, args)
}

/// Serves a call of a launcher: `args` are the compiler in whose place it stands, by
/// what name it was called, and the compiler's arguments.
pub(crate) fn run_replaced(args: &[OsString]) -> ExitCode {
    let [path, called, args @ ..] = args else { return ExitCode::FAILURE };
    let path = Path::new(path);
    // Who calls it by a link of another name wants what that name makes of it. Without
    // the variables that the script was given, those that name the store may be gone too.
    let is_called_so = Path::new(called).file_name() == path.file_name();
    if !is_called_so || !outer::is_observed() {
        return process::become_program_called(path, called, args);
    }
    run_at(path, called, args)
}

/// Serves one call of the compiler at `path`, by the name `program`.
fn run_at(path: &Path, program: &OsStr, args: &[OsString]) -> ExitCode {
    let cwd = places::working_directory();
    let mut report = Report::start(&cwd.to_string_lossy(), "c");
    match units(path, args, &cwd, &mut report) {
        Ok((call, config, units)) => match units.as_slice() {
            [unit] => match serve(&call, &config, unit, &mut report) {
                Ok(served) => finish(report, served),
                Err(passthrough) => become_compiler(path, program, args, passthrough, report),
            },
            _ => serve_each(&call, &config, &units),
        },
        Err(passthrough) => become_compiler(path, program, args, passthrough, report),
    }
}

/// Finds out what is to be compiled: one unit for each source.
fn units(
    path: &Path,
    args: &[OsString],
    cwd: &Path,
    report: &mut Report,
) -> Result<(Call, Config, Vec<CcUnit>), Passthrough> {
    let text = |arg: &OsString| {
        arg.to_str().map(str::to_owned).ok_or_else(|| {
            Passthrough::because(format!("argument is not UTF-8: {}", arg.display()))
        })
    };
    let args = args.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    name_call(&args, report);
    if streams::stderr_was_closed() {
        return Err(Passthrough::because("standard error is closed"));
    }
    let cwd =
        cwd.to_str().ok_or_else(|| Passthrough::because("the working directory is not UTF-8"))?;
    let project = places::project_above(Path::new(cwd));
    let config = configuration::load(Path::new(cwd), project.as_deref(), &args)?;
    report.log_level = config.log;
    let store = Store::at(&config.cache_dir);
    let compiler = compiler::identify(&store, path)?;
    let expanded = response_file::expand(&args, &mut |path| read_response_file(path))?;
    match classify(&expanded, compiler.called) {
        Verdict::Refuse(refusal) => Err(Passthrough::because(refusal.to_string())),
        Verdict::Compile(units) => {
            let call = Call { compiler, cwd: cwd.to_owned() };
            if units.len() > 1 {
                several::check_silent(&store, &call, &expanded, &units)?;
            }
            Ok((call, config, units))
        }
    }
}

/// Reads a response file. Only a plain file can be read a second time, by the
/// compiler.
fn read_response_file(path: &str) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    fs::read_to_string(path)
}

/// Serves one unit.
fn serve(
    call: &Call,
    config: &Config,
    unit: &CcUnit,
    report: &mut Report,
) -> Result<Served, Passthrough> {
    report.name.clone_from(&unit.source);
    report.lang = facts::language_name(unit);
    let facts = facts::gather(call, unit, config)?;
    report.unit = Some(facts.compilation.id.to_string());
    report.lap(Phase::Parse);
    compilation::serve(&facts.compilation, &facts, report)
}

/// Serves several units one after the other, as the compiler would, each with
/// an event of its own. Ends as the first that failed did.
fn serve_each(call: &Call, config: &Config, units: &[CcUnit]) -> ExitCode {
    let mut failed = None;
    for unit in units {
        let mut report = Report::start(&call.cwd, "c");
        report.log_level = config.log;
        let served = serve(call, config, unit, &mut report).or_else(|passthrough| {
            report.is_failure = passthrough.is_failure;
            compile_alone(call, config, unit, passthrough)
        });
        let status = match served {
            Ok(served) => {
                let status = served.status;
                report.finish(&served.store, served.outcome, served.reason);
                status
            }
            Err(exit) => return exit,
        };
        if !status.success() {
            failed = failed.or(Some(status));
        }
    }
    failed.map_or(ExitCode::SUCCESS, process::exit_like)
}

/// Runs the compiler for one of several units and does nothing else.
fn compile_alone(
    call: &Call,
    config: &Config,
    unit: &CcUnit,
    passthrough: Passthrough,
) -> Result<Served, ExitCode> {
    let status: ExitStatus = Command::new(&call.compiler.program)
        .args(&unit.args)
        .status()
        .map_err(|error| process::cannot_run(&call.compiler.program, &error))?;
    let store = Store::at(&config.cache_dir);
    Ok(Served { store, outcome: Outcome::Passthrough, reason: passthrough.reason, status })
}

fn finish(report: Report, served: Served) -> ExitCode {
    let Served { store, outcome, reason, status } = served;
    report.finish(&store, outcome, reason);
    process::exit_like(status)
}

fn become_compiler(
    path: &Path,
    called: &OsStr,
    args: &[OsString],
    passthrough: Passthrough,
    mut report: Report,
) -> ExitCode {
    report.is_failure = passthrough.is_failure;
    if let Some(store) = configuration::any_store(Path::new(&report.cwd)) {
        report.finish(&store, Outcome::Passthrough, passthrough.reason);
    }
    process::become_program_called(path, compiler::name_for(called, path), args)
}

/// Names the call for its event, as long as nobody has classified it: by its
/// source, or for want of one by its arguments.
fn name_call(args: &[String], report: &mut Report) {
    const LANGUAGES: [(&str, &[&str]); 2] =
        [("c", &["c", "i", "s", "S"]), ("c++", &["cc", "cpp", "cxx", "C", "ii", "c++"])];
    let extension = |arg: &String| PathBuf::from(arg).extension()?.to_str().map(str::to_owned);
    let source = args.iter().find_map(|arg| {
        let extension = extension(arg).filter(|_| !arg.starts_with('-'))?;
        let known = LANGUAGES.iter().find(|(_, known)| known.contains(&extension.as_str()))?;
        Some((arg, known.0))
    });
    match source {
        Some((source, lang)) => {
            report.name.clone_from(source);
            report.lang = lang;
        }
        None => report.name = args.join(" "),
    }
}
