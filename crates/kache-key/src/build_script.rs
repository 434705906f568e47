//! The identity of one run of a build script.
//!
//! `docs/key-recipe.md` describes every label.

use crate::RECIPE_VERSION;
use crate::components::{self, Component};
use crate::digest::{Digest, UnitId};
use crate::roots::Roots;
use crate::rustc::recipe::tokenise_within;

/// Variables that cargo sets for a build script and that say nothing about
/// what it is to make: how many jobs may run, and how to start one.
///
/// Source: "Environment variables Cargo sets for build scripts" in the Cargo book.
pub const HOW_TO_RUN: &[&str] =
    &["CARGO_BUILD_JOBS", "CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS", "NUM_JOBS"];

/// Variables that cargo sets for a build script, by name.
const NAMES: &[&str] = &[
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_MANIFEST_PATH",
    "DEBUG",
    "HOST",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "RUSTC_LINKER",
    "TARGET",
];

/// Variables that cargo sets for a build script, by the beginning of the name.
const PREFIXES: &[&str] = &["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PKG_", "DEP_"];

/// Returns whether cargo sets the variable `name` to tell a build script what to make.
pub fn is_told_by_cargo(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What is known of a run before the script has read anything.
#[derive(Clone, Copy, Debug)]
pub struct ScriptRun<'a> {
    /// The script's own bytes.
    pub script: Digest,
    /// Identity of the compiler that cargo names to it.
    pub compiler: Digest,
    /// Its working directory.
    pub cwd: &'a str,
    /// The known directories.
    pub roots: &'a Roots,
    /// The [variables that cargo sets](is_told_by_cargo), sorted.
    pub variables: &'a [(String, String)],
    /// The user's own separator of caches.
    pub salt: &'a str,
    /// Named digests of other things: variables that the user declared.
    pub facts: &'a [(String, Digest)],
}

/// Returns everything that identifies a run, in a canonical order, with paths
/// as tokens. [`unit_id`] makes one digest of it.
pub fn components(run: &ScriptRun<'_>) -> Vec<Component> {
    let mut list = Vec::new();
    let mut add = |label: String, value: String| list.push(Component { label, value });
    add("recipe".to_owned(), RECIPE_VERSION.to_string());
    add("script".to_owned(), run.script.to_string());
    add("compiler".to_owned(), run.compiler.to_string());
    add("salt".to_owned(), run.salt.to_owned());
    add("cwd".to_owned(), run.roots.tokenise(run.cwd).0);
    for (name, value) in run.variables {
        add(format!("env {name}"), tokenise_within(run.roots, value));
    }
    for (name, digest) in run.facts {
        add(format!("fact {name}"), digest.to_string());
    }
    list
}

/// Returns the digest of `components`, in their order.
pub fn unit_id(components: &[Component]) -> UnitId {
    components::unit_id("kache build script", components)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::RootKind;

    fn id(project: &str, variables: &[(&str, &str)]) -> UnitId {
        let roots = Roots::of([(RootKind::Workspace, project.to_owned())]);
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let run = ScriptRun {
            script: Digest::of(b"script"),
            compiler: Digest::of(b"rustc"),
            cwd: project,
            roots: &roots,
            variables: &variables,
            salt: "",
            facts: &[],
        };
        unit_id(&components(&run))
    }

    #[test]
    fn a_run_is_the_same_in_another_checkout_and_another_with_other_variables() {
        let here = id("/a", &[("DEP_Z_ROOT", "/a/target/z"), ("TARGET", "x")]);
        assert_eq!(here, id("/b", &[("DEP_Z_ROOT", "/b/target/z"), ("TARGET", "x")]));
        assert_ne!(here, id("/b", &[("DEP_Z_ROOT", "/a/target/z"), ("TARGET", "x")]));
        assert_ne!(here, id("/a", &[("DEP_Z_ROOT", "/a/target/z"), ("TARGET", "y")]));
    }

    #[test]
    fn what_cargo_tells_is_told_from_how_it_runs() {
        for name in ["TARGET", "CARGO_PKG_NAME", "DEP_SSL_VERSION", "CARGO_FEATURE_STD"] {
            assert!(is_told_by_cargo(name), "{name}");
        }
        for name in ["NUM_JOBS", "CARGO_MAKEFLAGS", "CARGO_TERM_COLOR", "PATH", "CARGO"] {
            assert!(!is_told_by_cargo(name), "{name}");
        }
    }

    #[test]
    fn the_recipe_is_pinned() {
        let id = id("/a", &[("OUT_DIR", "/a/out"), ("TARGET", "x86_64-unknown-linux-gnu")]);
        assert_eq!(
            id.to_string(),
            "3de8a147f9c4677d194e75034f92891ebba0e2a92a3bac4a06d780247152cca3"
        );
    }
}
