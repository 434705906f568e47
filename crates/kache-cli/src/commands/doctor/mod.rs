//! `kache doctor`: is everything as it must be, and what to do where it is not.

mod file_system;
mod probe;
mod setup;
mod store;
mod toolchain;

use serde::Serialize;

use super::config::Settings;
use crate::context::Context;
use crate::error::{CliError, Finish};
use crate::output::{Human, Output};
use crate::wrapper;

/// The version of the JSON form.
const DOCTOR_VERSION: u32 = 1;

/// Check the setup, the store, the file system and the toolchain
#[derive(clap::Args, Debug)]
pub(crate) struct DoctorArgs {
    /// Do not compile anything
    #[arg(long)]
    no_probe: bool,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

impl Status {
    fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One check.
#[derive(Debug, Serialize)]
struct Check {
    group: &'static str,
    name: &'static str,
    status: Status,
    message: String,
    /// What to do about it.
    hint: Option<String>,
}

/// Collects the checks of one group.
struct Checks {
    group: &'static str,
    list: Vec<Check>,
}

impl Checks {
    fn of(group: &'static str) -> Self {
        Self { group, list: Vec::new() }
    }

    fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Status::Ok, message.into(), None);
    }

    fn warn(&mut self, name: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(name, Status::Warn, message.into(), Some(hint.into()));
    }

    fn fail(&mut self, name: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.add(name, Status::Fail, message.into(), Some(hint.into()));
    }

    fn add(&mut self, name: &'static str, status: Status, message: String, hint: Option<String>) {
        self.list.push(Check { group: self.group, name, status, message, hint });
    }
}

/// The result.
#[derive(Debug, Serialize)]
struct Diagnosis {
    v: u32,
    healthy: bool,
    checks: Vec<Check>,
    #[serde(flatten)]
    settings: Settings,
}

/// Runs all checks; none stops the next.
pub(crate) fn run(
    context: &Context,
    out: &mut Output,
    args: &DoctorArgs,
) -> Result<Finish, CliError> {
    let settings = Settings::of(context);
    let wrapper = wrapper::find();
    let mut checks = setup::check(context, wrapper.as_deref(), &settings);
    checks.extend(store::check(context));
    checks.extend(file_system::check(context));
    let (toolchain_checks, rustc) = toolchain::check(context);
    checks.extend(toolchain_checks);
    if !args.no_probe {
        checks.extend(probe::check(wrapper.as_deref(), rustc.as_deref()));
    }
    let healthy = checks.iter().all(|check| check.status != Status::Fail);
    out.result(&Diagnosis { v: DOCTOR_VERSION, healthy, checks, settings })?;
    Ok(if healthy { Finish::Done } else { Finish::ProblemsFound })
}

impl Human for Diagnosis {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        let mut group = "";
        for check in &self.checks {
            if check.group != group {
                group = check.group;
                out.line(group)?;
            }
            let (label, name) = (check.status.label(), check.name);
            out.line(format_args!("  {label:<4}  {name}: {}", check.message))?;
            if let Some(hint) = &check.hint {
                out.line(format_args!("        {hint}"))?;
            }
        }
        out.line("settings")?;
        self.settings.print_settings(out, 2)?;
        let with = |status| self.checks.iter().filter(|check| check.status == status).count();
        out.line(format_args!("{} failed, {} warnings", with(Status::Fail), with(Status::Warn)))
    }
}
