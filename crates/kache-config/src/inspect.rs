//! The settings as people ask for them: each with its source, and every problem.

use std::fmt;
use std::path::PathBuf;

use crate::config::Config;
use crate::problem::{Problem, UnknownVariable};
use crate::resolve::{Environment, Places, Resolution, resolve};
use crate::settings::{CRATE_SETTINGS, SETTINGS};

/// Which source set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// None: it is the default.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => path.display().fmt(f),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One setting as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingReport {
    /// The key with its sections.
    pub key: String,
    /// The variable that can set it; settings of crates have none.
    pub variable: Option<&'static str>,
    /// The value in force, as TOML.
    pub value: String,
    /// What set it.
    pub origin: Origin,
}

/// Everything there is to say about a configuration.
#[derive(Debug)]
pub struct Inspection {
    /// The settings; where a value is invalid, as if it were not there.
    pub config: Config,
    /// Every setting in the order of `default.toml`, then those of crates by name.
    pub settings: Vec<SettingReport>,
    /// Everything that is wrong, in order of precedence and of lines.
    pub problems: Vec<Problem>,
}

impl Inspection {
    /// Returns whether builds run uncached because of a problem.
    pub fn is_refused(&self) -> bool {
        self.problems.iter().any(|problem| matches!(problem, Problem::Invalid(_)))
    }
}

/// Returns every setting with its source, and all problems rather than the first.
///
/// Costs what [`load`](crate::load) costs.
pub fn inspect(env: Environment<'_>, places: &Places) -> Inspection {
    let Resolution { config, origins, crate_origins, mut problems } = resolve(env, places);
    let mut settings: Vec<_> = SETTINGS
        .iter()
        .zip(origins)
        .map(|(setting, origin)| SettingReport {
            key: setting.key.to_owned(),
            variable: setting.variables.first().copied(),
            value: (setting.show)(&config),
            origin,
        })
        .collect();
    for (name, rules) in &config.crates {
        for setting in &CRATE_SETTINGS {
            let origin =
                crate_origins.iter().find(|(of, key, _)| of == name && *key == setting.key);
            if let (Some(value), Some((_, _, origin))) = ((setting.show)(rules), origin) {
                let key = format!("crates.{name}.{}", setting.key);
                settings.push(SettingReport { key, variable: None, value, origin: origin.clone() });
            }
        }
    }
    for problem in &mut problems {
        if let Problem::UnknownKey(unknown) = problem {
            unknown.suggestion = nearest_key(&unknown.key);
        }
    }
    Inspection { config, settings, problems }
}

/// Returns the variables among `names` that are named like kache's and mean nothing.
///
/// `names` are those of the whole environment, as a program has it.
pub fn unknown_variables<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<UnknownVariable> {
    let known = || SETTINGS.iter().flat_map(|s| s.variables).copied().chain(["KACHE_CONFIG"]);
    // The prefix that all share must not count as likeness.
    let stem = |name: &'static str| name.trim_start_matches("KACHE_");
    names
        .into_iter()
        .filter(|name| known().all(|variable| variable != *name))
        .filter_map(|name| {
            let meant = nearest(name.strip_prefix("KACHE_")?, known().map(stem));
            let suggestion = known().find(|variable| Some(stem(variable)) == meant);
            Some(UnknownVariable { name: name.to_owned(), suggestion })
        })
        .collect()
}

/// Returns the key that was probably meant by `key`, in the same section if it is a crate's.
fn nearest_key(key: &str) -> Option<String> {
    if let Some((section, last)) = key.rsplit_once('.').filter(|_| key.starts_with("crates.")) {
        let found = nearest(last, CRATE_SETTINGS.iter().map(|setting| setting.key))?;
        return Some(format!("{section}.{found}"));
    }
    let last = |key: &'static str| key.rsplit('.').next().unwrap_or(key);
    let keys = || SETTINGS.iter().map(|setting| setting.key);
    // A key that is right but in the wrong section is nearer than its spelling says.
    let moved = keys().find(|known| last(known) == key.rsplit('.').next().unwrap_or(key));
    moved.or_else(|| nearest(key, keys())).map(str::to_owned)
}

/// Returns the candidate within a third of its letters of `name`, if there is one.
fn nearest(name: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    candidates
        .map(|candidate| (edits(name, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= candidate.len().div_ceil(3))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Returns how many letters have to be put in, taken out or changed (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in to.chars().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(a != b)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
