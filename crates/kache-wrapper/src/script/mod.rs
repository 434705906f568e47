//! The run of a build script: what it said and what it made, without running it.
//!
//! Cargo starts a launcher, which stands where the script was compiled to; see
//! [`launcher`]. It becomes `kache`, with the script itself as an argument.

mod facts;
pub(crate) mod launcher;
mod miss;
mod repository;
mod tree;
mod variables;

pub(crate) use self::facts::roots;
pub(crate) use self::tree::render;
pub(crate) use self::variables::add as add_variables;

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use kache_store::Outcome;

use crate::compilation;
use crate::configuration;
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};
use crate::{outer, process};

/// The hidden verb under which a launcher starts `kache`.
pub(crate) const VERB: &str = "run-build-script";

/// One start of a build script.
pub(crate) struct Call {
    /// The script itself.
    pub(crate) program: PathBuf,
    /// What cargo started: the launcher.
    pub(crate) called: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) cwd: PathBuf,
}

impl Call {
    /// Returns the command that runs the script as cargo would.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0(&self.called).args(&self.args);
        command
    }
}

/// Serves one start: `args` are the script, what cargo started, and its arguments.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let [program, called, args @ ..] = args else { return ExitCode::FAILURE };
    let cwd = std::env::current_dir().unwrap_or_default();
    let call = Call {
        program: PathBuf::from(program),
        called: called.clone(),
        args: args.to_vec(),
        cwd: cwd.clone(),
    };
    let mut report = Report::start(&cwd.to_string_lossy(), "rust");
    report.name = facts::name();
    report.crate_types = vec![facts::KIND.to_owned()];
    match serve(&call, &mut report) {
        Ok(Served { store, outcome, reason, status }) => {
            report.finish(&store, outcome, reason);
            process::exit_like(status)
        }
        Err(Passthrough { reason, is_failure }) => {
            report.is_failure = is_failure;
            if let Some(store) = configuration::any_store(&cwd) {
                report.finish(&store, Outcome::Passthrough, reason);
            }
            process::become_command(call.command())
        }
    }
}

fn serve(call: &Call, report: &mut Report) -> Result<Served, Passthrough> {
    if outer::is_observed() {
        return Err(Passthrough::because("inside another build script, which is observed"));
    }
    let out_dir = facts::out_dir()?;
    let target_dir = crate::files::target_dir_above(&out_dir);
    let workspace = target_dir.as_deref().and_then(Path::parent);
    let config = configuration::load(&call.cwd, workspace, &[])?;
    report.log_level = config.log;
    let facts = facts::gather(call, &config, &out_dir, target_dir.as_deref())?;
    report.unit = Some(facts.compilation.id.to_string());
    report.lap(Phase::Parse);
    compilation::serve(&facts.compilation, &facts, report)
}
