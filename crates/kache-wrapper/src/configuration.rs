//! The settings of one call, and what they say before anything is looked at.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kache_config::{Config, CrateSettings, Places};
use kache_key::Digest;
use kache_key::input::env_digest;
use kache_store::Store;

use crate::served::Passthrough;

/// Returns the settings for a call in `cwd` for the project in `workspace`,
/// unless they say to do nothing.
pub(crate) fn load(
    cwd: &Path,
    workspace: Option<&Path>,
    args: &[String],
) -> Result<Config, Passthrough> {
    let places = Places { workspace: workspace.map(Path::to_owned), cwd: cwd.to_owned() };
    let config = kache_config::load(&|name| std::env::var_os(name), &places)?;
    if config.disabled {
        return Err(Passthrough::because("disabled"));
    }
    if let Some(rule) = config.bypass_variable(&|name| std::env::var_os(name)) {
        return Err(Passthrough::because(format!("bypass.env: {}", rule.name)));
    }
    if let Some((arg, _)) = config.bypass_argument(args.iter().map(String::as_str)) {
        return Err(Passthrough::because(format!("bypass.args: {arg}")));
    }
    if let Some(name) = variable_set_twice() {
        let name = name.display();
        return Err(Passthrough::because(format!("{name} is twice in the environment")));
    }
    Ok(config)
}

/// Returns a variable that is in the environment more than once. Programs differ in
/// which one they take, and one that kache starts gets only the last.
fn variable_set_twice() -> Option<OsString> {
    let mut names: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [one, next] if one == next => Some(one.clone()),
        _ => None,
    })
}

/// Returns a store for the event of a call that was not looked at: the
/// configured one, or the default one where the configuration cannot be read.
/// None where nothing says where that would be.
pub(crate) fn any_store(cwd: &Path) -> Option<Store> {
    let places = Places { workspace: None, cwd: cwd.to_owned() };
    let env = |name: &str| std::env::var_os(name);
    let is_fixed = |dir: &PathBuf| dir.is_absolute();
    let cache_dir = kache_config::load(&env, &places)
        .map(|config| config.cache_dir)
        .ok()
        .or_else(|| env("KACHE_CACHE_DIR").map(PathBuf::from).filter(is_fixed))
        .or_else(|| Some(PathBuf::from(env("XDG_CACHE_HOME")?).join("kache")).filter(is_fixed))
        .or_else(|| Some(PathBuf::from(env("HOME")?).join(".cache/kache")).filter(is_fixed));
    cache_dir.map(|dir| Store::at(&dir))
}

/// Returns the digest of each variable that the user declared, and of `LD_PRELOAD`
/// without kache's own library, for which nobody asks.
///
/// As it is, also where it names a directory: nobody can tell whether a macro
/// bakes in the path itself, which would be found in the outputs, or
/// something made of it, which would not.
pub(crate) fn declared_variables(settings: &CrateSettings<'_>) -> Vec<(String, Digest)> {
    let preloaded = kache_observe::preloaded_by_others().filter(|list| !list.is_empty());
    let preloaded =
        preloaded.map(|list| ("preloaded".to_owned(), env_digest(Some(list.as_encoded_bytes()))));
    if settings.key_env_vars.is_empty() {
        return preloaded.into_iter().collect();
    }
    let declared = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| settings.key_env_vars.iter().any(|pattern| pattern.matches(name)))
        .map(|(name, value)| {
            (format!("declared variable {name}"), env_digest(Some(value.as_encoded_bytes())))
        });
    let mut declared: Vec<(String, Digest)> = declared.chain(preloaded).collect();
    declared.sort();
    declared
}
