//! `kache config`: every setting, its value and what set it.

use kache_config::{Inspection, Problem};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Finish};
use crate::output::{Human, Output};
use crate::table::{Align, Table};

/// The settings, for people and programs.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    /// Every setting in the order of the defaults file.
    settings: Vec<Setting>,
    /// Everything that is wrong.
    problems: Vec<SettingProblem>,
}

#[derive(Debug, Serialize)]
struct Setting {
    key: String,
    value: String,
    origin: String,
    variable: Option<&'static str>,
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Serialize)]
pub(crate) struct SettingProblem {
    /// Where and what, in a sentence.
    pub(crate) message: String,
    /// Whether builds run uncached because of it.
    pub(crate) is_fatal: bool,
    file: Option<String>,
    line: Option<usize>,
}

impl SettingProblem {
    fn of(problem: &Problem) -> Self {
        let place = problem.place();
        Self {
            message: problem.to_string(),
            is_fatal: matches!(problem, Problem::Invalid(_)),
            file: place.map(|place| place.path.display().to_string()),
            line: place.map(|place| place.line),
        }
    }
}

impl Settings {
    /// Collects what holds in the context.
    pub(crate) fn of(context: &Context) -> Self {
        let Inspection { settings, problems, .. } = &context.inspection;
        let unknown = context.unknown_variables.iter().map(|unknown| SettingProblem {
            message: unknown.to_string(),
            is_fatal: false,
            file: None,
            line: None,
        });
        let setting = |setting: &kache_config::SettingReport| Setting {
            key: setting.key.clone(),
            value: setting.value.clone(),
            origin: setting.origin.to_string(),
            variable: setting.variable,
        };
        Self {
            settings: settings.iter().map(setting).collect(),
            problems: problems.iter().map(SettingProblem::of).chain(unknown).collect(),
        }
    }

    /// Returns what is wrong.
    pub(crate) fn problems(&self) -> &[SettingProblem] {
        &self.problems
    }

    /// Prints the settings as TOML with the origin of each.
    pub(crate) fn print_settings(&self, out: &mut Output, indent: usize) -> Result<(), CliError> {
        let mut table = Table::bare([Align::Left, Align::Left]).indented(indent);
        for Setting { key, value, origin, .. } in &self.settings {
            table.row([format!("{key} = {value}"), format!("# {origin}")]);
        }
        out.table(&table)
    }
}

impl Human for Settings {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        self.print_settings(out, 0)?;
        for problem in &self.problems {
            out.line(format_args!("# problem: {}", problem.message))?;
        }
        Ok(())
    }
}

/// Prints the settings; problems are in the result, and fatal ones in the exit code.
pub(crate) fn run(context: &Context, out: &mut Output) -> Result<Finish, CliError> {
    let settings = Settings::of(context);
    out.result(&settings)?;
    let is_refused = context.inspection.is_refused();
    Ok(if is_refused { Finish::ProblemsFound } else { Finish::Done })
}
