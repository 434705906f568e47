//! The resolved settings: typed, with defaults filled in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::input::ExtraInput;
use crate::pattern::{
    CrateGlob, PathGlob, TextGlob, VariablePattern, VariableRule, crate_identifier,
};

/// Everything that can be configured, after all sources.
///
/// Paths are absolute, without `.`, `..` or a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The cache directory; the store is its `v1` subdirectory.
    pub cache_dir: PathBuf,
    /// How large the store may grow before housekeeping evicts, in bytes.
    pub max_size_bytes: u64,
    /// Text that is part of every key; empty by default.
    pub key_salt: String,
    /// Directories whose location must not matter to a key, in the order given.
    pub base_dirs: Vec<PathBuf>,
    /// Crate sources that are never cached.
    pub exclude: Vec<PathGlob>,
    /// What makes kache run the compiler and nothing else.
    pub bypass: Bypass,
    /// Environment variables that are part of every key.
    pub key_env_vars: Vec<VariablePattern>,
    /// Files that are inputs of every crate.
    pub extra_inputs: Vec<ExtraInput>,
    /// What happens to `-C incremental`.
    pub incremental: Incremental,
    /// Whether what a linker made is cached.
    pub cache_executables: bool,
    /// What happens to build scripts.
    pub build_scripts: BuildScripts,
    /// Which restored files are hashed again.
    pub verify_restores: VerifyRestores,
    /// How paths are treated.
    pub paths: Paths,
    /// What holds for C and C++ alone.
    pub cc: Cc,
    /// Whether kache only runs the compiler.
    pub disabled: bool,
    /// What is written to the log file in the store.
    pub log: LogLevel,
    /// What is done to the store between builds.
    pub housekeeping: Housekeeping,
    /// Settings of single crates, by name with `_` for `-`.
    pub crates: BTreeMap<String, CrateRules>,
    /// The configuration files that were read, in order of precedence.
    pub files: Vec<PathBuf>,
}

/// Rules under which kache passes an invocation through to the compiler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bypass {
    /// Crate names.
    pub crates: Vec<CrateGlob>,
    /// Single compiler arguments.
    pub args: Vec<TextGlob>,
    /// Environment variables, by name or by name and value.
    pub env: Vec<VariableRule>,
}

/// How absolute paths are kept out of outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Whether kache adds its own `--remap-path-prefix` arguments.
    pub normalise: bool,
    /// Whether kache adds its own `-fdebug-prefix-map` arguments.
    pub normalise_cc: bool,
    /// Whether paths of this machine are mapped too.
    pub portable: Portable,
}

/// What holds for C and C++ alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cc {
    /// Whether a unit that is not found by its inputs is looked up by what its
    /// preprocessor makes of it.
    pub preprocess_fallback: bool,
}

/// When and how far the store is tidied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Housekeeping {
    /// The least time between two runs.
    pub interval: Duration,
    /// The size at which the event journal is rotated, and the log, in bytes.
    pub journal_max_bytes: u64,
    /// How long rotated journals and logs are kept.
    pub journal_keep: Duration,
}

/// What happens to `-C incremental`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incremental {
    /// Keep it for crates that are being edited.
    Auto,
    /// Always pass it on.
    Keep,
    /// Never pass it on.
    Strip,
}

/// Which restored files are hashed again before they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyRestores {
    /// Those whose size, time or boot gives reason to.
    Off,
    /// Those, and one in a few.
    Sampled,
    /// All.
    Always,
}

/// What happens when a build script is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildScripts {
    /// Whether what it made and said before is used again.
    pub cache: bool,
    /// Whether the C and C++ compilers that it starts are cached.
    pub wrap_cc: bool,
}

/// Whether outputs are kept free of the paths of this machine, so that
/// another one can use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Portable {
    /// Where a remote cache is configured.
    Auto,
    /// Always: cargo's home and the toolchain's are mapped as well.
    On,
    /// Never: only the checkout and the target directory are mapped.
    Off,
}

/// What is written to the log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// Also what was decided.
    Info,
    /// Also why.
    Debug,
}

/// Settings of one crate, as `[crates.<name>]` gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrateRules {
    /// Environment variables that are part of this crate's keys.
    pub key_env_vars: Option<Vec<VariablePattern>>,
    /// Files that are inputs of this crate, relative to its package.
    pub extra_inputs: Option<Vec<ExtraInput>>,
    /// Whether this crate is never cached; `false` overrides `bypass.crates`.
    pub bypass: Option<bool>,
    /// What happens to this crate's `-C incremental`.
    pub incremental: Option<Incremental>,
    /// Whether this crate is compiled with kache's own `--remap-path-prefix` arguments.
    pub normalise: Option<bool>,
    /// Whether runs of this package's build script are cached.
    pub cache_build_script: Option<bool>,
    /// Whether the C and C++ compilers that this package's build script starts are cached.
    pub wrap_cc: Option<bool>,
}

/// What holds for one crate: its own settings over the global ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrateSettings<'a> {
    /// Environment variables that are part of the crate's keys: the global
    /// list, then its own.
    pub key_env_vars: Vec<&'a VariablePattern>,
    /// Files that are inputs of the crate: the global list, then its own.
    pub extra_inputs: Vec<&'a ExtraInput>,
    /// Whether the crate is never cached.
    pub bypass: bool,
    /// What happens to `-C incremental`.
    pub incremental: Incremental,
    /// Whether kache adds its own `--remap-path-prefix` arguments.
    pub normalise: bool,
    /// What happens when the package's build script is to run.
    pub build_scripts: BuildScripts,
}

impl Config {
    /// Returns the defaults around a cache directory.
    pub fn with_cache_dir(cache_dir: PathBuf) -> Self {
        Self {
            cache_dir,
            max_size_bytes: 50 << 30,
            key_salt: String::new(),
            base_dirs: Vec::new(),
            exclude: Vec::new(),
            bypass: Bypass::default(),
            key_env_vars: Vec::new(),
            extra_inputs: Vec::new(),
            incremental: Incremental::Auto,
            cache_executables: true,
            build_scripts: BuildScripts { cache: true, wrap_cc: true },
            verify_restores: VerifyRestores::Off,
            paths: Paths { normalise: true, normalise_cc: true, portable: Portable::Auto },
            cc: Cc { preprocess_fallback: false },
            disabled: false,
            log: LogLevel::Error,
            housekeeping: Housekeeping {
                interval: Duration::from_hours(1),
                journal_max_bytes: 64 << 20,
                journal_keep: Duration::from_hours(30 * 24),
            },
            crates: BTreeMap::new(),
            files: Vec::new(),
        }
    }

    /// Returns what holds for the crate called `name`, with `-` or `_`.
    pub fn crate_settings(&self, name: &str) -> CrateSettings<'_> {
        let name = crate_identifier(name);
        let own = self.crates.get(name.as_str());
        let own_vars = own.and_then(|rules| rules.key_env_vars.as_ref());
        let own_inputs = own.and_then(|rules| rules.extra_inputs.as_ref());
        CrateSettings {
            key_env_vars: self.key_env_vars.iter().chain(own_vars.into_iter().flatten()).collect(),
            extra_inputs: self
                .extra_inputs
                .iter()
                .chain(own_inputs.into_iter().flatten())
                .collect(),
            bypass: own
                .and_then(|rules| rules.bypass)
                .unwrap_or_else(|| self.bypass.crates.iter().any(|glob| glob.matches(&name))),
            incremental: own.and_then(|rules| rules.incremental).unwrap_or(self.incremental),
            normalise: own.and_then(|rules| rules.normalise).unwrap_or(self.paths.normalise),
            build_scripts: BuildScripts {
                cache: own
                    .and_then(|rules| rules.cache_build_script)
                    .unwrap_or(self.build_scripts.cache),
                wrap_cc: own.and_then(|rules| rules.wrap_cc).unwrap_or(self.build_scripts.wrap_cc),
            },
        }
    }

    /// Returns the first bypassing argument of `args` with the pattern that it matches.
    pub fn bypass_argument<'a>(
        &self,
        args: impl IntoIterator<Item = &'a str>,
    ) -> Option<(&'a str, &TextGlob)> {
        let globs = &self.bypass.args;
        if globs.is_empty() {
            return None;
        }
        args.into_iter().find_map(|arg| Some((arg, globs.iter().find(|glob| glob.matches(arg))?)))
    }

    /// Returns the first rule on the environment that `env` meets.
    pub fn bypass_variable(&self, env: crate::Environment<'_>) -> Option<&VariableRule> {
        self.bypass.env.iter().find(|rule| rule.is_met(env))
    }

    /// Returns the pattern that excludes the source file at the absolute `path`.
    pub fn excludes(&self, path: &std::path::Path) -> Option<&PathGlob> {
        self.exclude.iter().find(|glob| glob.matches(path))
    }
}
