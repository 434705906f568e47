//! Every setting: its key, its variables, how it is read and how it is shown.
//!
//! The table is the only list of settings in the code; loading, inspection
//! and the tests of `default.toml` and of the documentation all walk it.

use std::path::Path;

use crate::config::{Config, CrateRules, Incremental, LogLevel, Portable, VerifyRestores};
use crate::pattern::{CrateGlob, TextGlob, VariablePattern, VariableRule};
use crate::problem::BadValue;
use crate::quantity::{format_duration, format_size};
use crate::value::{Given, Site};

/// One setting of the whole configuration.
pub(crate) struct Setting {
    /// The key with its section.
    pub(crate) key: &'static str,
    /// The variables that set it; the first one that is set counts.
    pub(crate) variables: &'static [&'static str],
    /// Reads a value into the configuration.
    pub(crate) assign: fn(&mut Config, Given<'_>, &Site<'_>) -> Result<(), BadValue>,
    /// Writes the value as TOML.
    pub(crate) show: fn(&Config) -> String,
}

/// One setting in `[crates.<name>]`.
pub(crate) struct CrateSetting {
    /// The key within the section.
    pub(crate) key: &'static str,
    /// Reads a value into the crate's rules.
    pub(crate) assign: fn(&mut CrateRules, Given<'_>, &Site<'_>) -> Result<(), BadValue>,
    /// Writes the value as TOML, if there is one.
    pub(crate) show: fn(&CrateRules) -> Option<String>,
}

/// Words for the `incremental` policies.
const INCREMENTAL: [(&str, Incremental); 3] =
    [("auto", Incremental::Auto), ("keep", Incremental::Keep), ("strip", Incremental::Strip)];

/// Words for `verify_restores`.
const VERIFY_RESTORES: [(&str, VerifyRestores); 3] = [
    ("off", VerifyRestores::Off),
    ("sampled", VerifyRestores::Sampled),
    ("always", VerifyRestores::Always),
];

/// Words for `paths.portable`.
const PORTABLE: [(&str, Portable); 3] =
    [("auto", Portable::Auto), ("on", Portable::On), ("off", Portable::Off)];

/// Words for `log`.
const LOG: [(&str, LogLevel); 4] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

/// The settings, in the order of `default.toml`.
pub(crate) static SETTINGS: [Setting; 24] = [
    Setting {
        key: "disabled",
        variables: &["KACHE_DISABLED"],
        assign: |config, given, _| set(&mut config.disabled, given.boolean()),
        show: |config| config.disabled.to_string(),
    },
    Setting {
        key: "cache_dir",
        variables: &["KACHE_CACHE_DIR"],
        assign: |config, given, site| set(&mut config.cache_dir, given.fixed_path(site)),
        show: |config| quoted_path(&config.cache_dir),
    },
    Setting {
        key: "max_size",
        variables: &["KACHE_MAX_SIZE"],
        assign: |config, given, _| set(&mut config.max_size_bytes, given.size()),
        show: |config| quoted(&format_size(config.max_size_bytes)),
    },
    Setting {
        key: "key_salt",
        variables: &["KACHE_KEY_SALT"],
        assign: |config, given, _| set(&mut config.key_salt, given.text("a string")),
        show: |config| quoted(&config.key_salt),
    },
    Setting {
        key: "key_env_vars",
        variables: &["KACHE_KEY_ENV_VARS"],
        assign: |config, given, _| set(&mut config.key_env_vars, variable_patterns(given)),
        show: |config| shown_list(&config.key_env_vars, ToString::to_string),
    },
    Setting {
        key: "extra_inputs",
        variables: &["KACHE_EXTRA_INPUTS"],
        assign: |config, given, site| {
            set(&mut config.extra_inputs, given.list(',', |text| site.input(text)))
        },
        show: |config| shown_list(&config.extra_inputs, ToString::to_string),
    },
    Setting {
        key: "base_dirs",
        variables: &["KACHE_BASE_DIRS", "KACHE_BASE_DIR"],
        assign: |config, given, site| {
            set(&mut config.base_dirs, given.list(':', |text| Given::Text(text).path(site)))
        },
        show: |config| shown_list(&config.base_dirs, |path| path.display().to_string()),
    },
    Setting {
        key: "exclude",
        variables: &["KACHE_EXCLUDE"],
        assign: |config, given, site| {
            set(&mut config.exclude, given.list(',', |text| site.path_glob(text)))
        },
        show: |config| shown_list(&config.exclude, ToString::to_string),
    },
    Setting {
        key: "incremental",
        variables: &["KACHE_INCREMENTAL"],
        assign: |config, given, _| set(&mut config.incremental, given.choice(&INCREMENTAL)),
        show: |config| shown_word(config.incremental, &INCREMENTAL),
    },
    Setting {
        key: "cache_executables",
        variables: &["KACHE_CACHE_EXECUTABLES"],
        assign: |config, given, _| set(&mut config.cache_executables, given.boolean()),
        show: |config| config.cache_executables.to_string(),
    },
    Setting {
        key: "verify_restores",
        variables: &["KACHE_VERIFY_RESTORES"],
        assign: |config, given, _| set(&mut config.verify_restores, given.choice(&VERIFY_RESTORES)),
        show: |config| shown_word(config.verify_restores, &VERIFY_RESTORES),
    },
    Setting {
        key: "log",
        variables: &["KACHE_LOG"],
        assign: |config, given, _| set(&mut config.log, given.choice(&LOG)),
        show: |config| shown_word(config.log, &LOG),
    },
    Setting {
        key: "bypass.crates",
        variables: &["KACHE_BYPASS_CRATES"],
        assign: |config, given, _| {
            let globs = given.list(',', |text| CrateGlob::of(text).map_err(BadValue::of));
            set(&mut config.bypass.crates, globs)
        },
        show: |config| shown_list(&config.bypass.crates, |glob| glob.as_str().to_owned()),
    },
    Setting {
        key: "bypass.args",
        variables: &["KACHE_BYPASS_ARGS"],
        assign: |config, given, _| {
            let globs = given.list(',', |text| TextGlob::of(text).map_err(BadValue::of));
            set(&mut config.bypass.args, globs)
        },
        show: |config| shown_list(&config.bypass.args, |glob| glob.as_str().to_owned()),
    },
    Setting {
        key: "bypass.env",
        variables: &["KACHE_BYPASS_ENV"],
        assign: |config, given, _| set(&mut config.bypass.env, variable_rules(given)),
        show: |config| shown_list(&config.bypass.env, ToString::to_string),
    },
    Setting {
        key: "build_scripts.cache",
        variables: &["KACHE_BUILD_SCRIPTS_CACHE"],
        assign: |config, given, _| set(&mut config.build_scripts.cache, given.boolean()),
        show: |config| config.build_scripts.cache.to_string(),
    },
    Setting {
        key: "build_scripts.wrap_cc",
        variables: &["KACHE_BUILD_SCRIPTS_WRAP_CC"],
        assign: |config, given, _| set(&mut config.build_scripts.wrap_cc, given.boolean()),
        show: |config| config.build_scripts.wrap_cc.to_string(),
    },
    Setting {
        key: "paths.normalise",
        variables: &["KACHE_RUSTC_PATH_NORMALIZE"],
        assign: |config, given, _| set(&mut config.paths.normalise, given.boolean()),
        show: |config| config.paths.normalise.to_string(),
    },
    Setting {
        key: "paths.normalise_cc",
        variables: &["KACHE_CC_PATH_NORMALIZE"],
        assign: |config, given, _| set(&mut config.paths.normalise_cc, given.boolean()),
        show: |config| config.paths.normalise_cc.to_string(),
    },
    Setting {
        key: "paths.portable",
        variables: &["KACHE_PATHS_PORTABLE"],
        assign: |config, given, _| set(&mut config.paths.portable, given.choice(&PORTABLE)),
        show: |config| shown_word(config.paths.portable, &PORTABLE),
    },
    Setting {
        key: "cc.preprocess_fallback",
        variables: &["KACHE_CC_PREPROCESS_FALLBACK"],
        assign: |config, given, _| set(&mut config.cc.preprocess_fallback, given.boolean()),
        show: |config| config.cc.preprocess_fallback.to_string(),
    },
    Setting {
        key: "housekeeping.interval",
        variables: &["KACHE_HOUSEKEEPING_INTERVAL"],
        assign: |config, given, _| set(&mut config.housekeeping.interval, given.duration()),
        show: |config| quoted(&format_duration(config.housekeeping.interval)),
    },
    Setting {
        key: "housekeeping.journal_max",
        variables: &["KACHE_JOURNAL_MAX"],
        assign: |config, given, _| set(&mut config.housekeeping.journal_max_bytes, given.size()),
        show: |config| quoted(&format_size(config.housekeeping.journal_max_bytes)),
    },
    Setting {
        key: "housekeeping.journal_keep",
        variables: &["KACHE_JOURNAL_KEEP"],
        assign: |config, given, _| set(&mut config.housekeeping.journal_keep, given.duration()),
        show: |config| quoted(&format_duration(config.housekeeping.journal_keep)),
    },
];

/// The settings of one crate.
pub(crate) static CRATE_SETTINGS: [CrateSetting; 7] = [
    CrateSetting {
        key: "key_env_vars",
        assign: |rules, given, _| set_some(&mut rules.key_env_vars, variable_patterns(given)),
        show: |rules| rules.key_env_vars.as_ref().map(|list| shown_list(list, ToString::to_string)),
    },
    CrateSetting {
        key: "extra_inputs",
        assign: |rules, given, site| {
            let inputs = given.list(',', |text| site.package_input(text));
            set_some(&mut rules.extra_inputs, inputs)
        },
        show: |rules| rules.extra_inputs.as_ref().map(|list| shown_list(list, ToString::to_string)),
    },
    CrateSetting {
        key: "bypass",
        assign: |rules, given, _| set_some(&mut rules.bypass, given.boolean()),
        show: |rules| rules.bypass.map(|bypass| bypass.to_string()),
    },
    CrateSetting {
        key: "incremental",
        assign: |rules, given, _| set_some(&mut rules.incremental, given.choice(&INCREMENTAL)),
        show: |rules| rules.incremental.map(|policy| shown_word(policy, &INCREMENTAL)),
    },
    CrateSetting {
        key: "normalise",
        assign: |rules, given, _| set_some(&mut rules.normalise, given.boolean()),
        show: |rules| rules.normalise.map(|normalise| normalise.to_string()),
    },
    CrateSetting {
        key: "cache_build_script",
        assign: |rules, given, _| set_some(&mut rules.cache_build_script, given.boolean()),
        show: |rules| rules.cache_build_script.map(|cache| cache.to_string()),
    },
    CrateSetting {
        key: "wrap_cc",
        assign: |rules, given, _| set_some(&mut rules.wrap_cc, given.boolean()),
        show: |rules| rules.wrap_cc.map(|wrap| wrap.to_string()),
    },
];

fn set<T>(field: &mut T, value: Result<T, BadValue>) -> Result<(), BadValue> {
    *field = value?;
    Ok(())
}

fn set_some<T>(field: &mut Option<T>, value: Result<T, BadValue>) -> Result<(), BadValue> {
    *field = Some(value?);
    Ok(())
}

fn variable_patterns(given: Given<'_>) -> Result<Vec<VariablePattern>, BadValue> {
    given.list(',', |text| {
        VariablePattern::of(text).ok_or_else(|| {
            BadValue::of(format!("expected a variable's name or `PREFIX*`, found `{text}`"))
        })
    })
}

fn variable_rules(given: Given<'_>) -> Result<Vec<VariableRule>, BadValue> {
    given.list(',', |text| {
        VariableRule::of(text)
            .ok_or_else(|| BadValue::of(format!("expected `NAME` or `NAME=value`, found `{text}`")))
    })
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// Returns `text` as a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.extend([r"\u", &format!("{:04X}", u32::from(c))]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn shown_list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(&text(item))).collect();
    format!("[{}]", items.join(", "))
}

fn shown_word<T: Copy + PartialEq>(value: T, words: &[(&str, T)]) -> String {
    let (word, _) = words
        .iter()
        .find(|(_, candidate)| *candidate == value)
        .expect("every value has a word, or it could not be configured");
    quoted(word)
}
