//! The unit id: everything known about a compilation before an input is read.
//!
//! A unit becomes a list of labelled components, and the components become
//! one digest. The list is kept for explanations: two of them can be compared
//! line by line. `docs/key-recipe.md` describes every label.

use super::unit::{Argument, Form, RustcUnit, Target};
use crate::RECIPE_VERSION;
use crate::digest::{Digest, UnitId};
use crate::fields::FieldHasher;
use crate::roots::{RootKind, Roots};

/// Variables that change what rustc does, whatever the source says.
///
/// The caller gives the value of each, set or unset, in [`UnitContext::env`].
/// `CLIPPY_ARGS` and the like belong to drivers and are named by the caller.
pub const RUSTC_ENV: &[&str] = &[
    "DEVELOPER_DIR",
    "IPHONEOS_DEPLOYMENT_TARGET",
    "LLVM_OVERRIDE_PRODUCER",
    "MACOSX_DEPLOYMENT_TARGET",
    "POLONIUS_ALGORITHM",
    "RUSTC_BOOTSTRAP",
    "RUSTC_FORCE_RUSTC_VERSION",
    "RUSTC_OVERRIDE_VERSION_STRING",
    "RUST_TARGET_PATH",
    "SDKROOT",
    "TVOS_DEPLOYMENT_TARGET",
    "WATCHOS_DEPLOYMENT_TARGET",
    "XROS_DEPLOYMENT_TARGET",
];

/// Variables that change what a linker, or the compiler driver in front of
/// it, does. For units that [link](RustcUnit::links), after [`RUSTC_ENV`].
///
/// Where programs are found (`PATH`) is part of the linker's identity, and
/// rustc itself sets the language of the linker's messages.
pub const LINK_ENV: &[&str] = &[
    "CCC_OVERRIDE_OPTIONS",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "GNUTARGET",
    "LDEMULATION",
    "LDFLAGS",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LD_RUN_PATH",
    "LIB",
    "LIBPATH",
    "LIBRARY_PATH",
    "LINK",
    "MOLD_PATH",
    "NIX_CFLAGS_LINK",
    "NIX_LDFLAGS",
    "SOURCE_DATE_EPOCH",
    "ZERO_AR_DATE",
    "_LINK_",
];

/// Variables that make the compiler or linker report on itself, or write
/// files beside the outputs; where one is set, nothing is cached.
pub const REPORTING_ENV: &[&str] =
    &["LLD_REPRODUCE", "RUSTC_CTFE_BACKTRACE", "RUSTC_LOG", "RUST_DEP_GRAPH"];

/// What decides a key beside the command line.
#[derive(Clone, Copy, Debug)]
pub struct UnitContext<'a> {
    /// Identity of the compiler that will run.
    pub compiler: Digest,
    /// The known directories of this invocation.
    pub roots: &'a Roots,
    /// Variables that change the compiler or linker, in a fixed order, with
    /// `None` for those that are unset.
    pub env: &'a [(String, Option<String>)],
    /// The user's own separator of caches.
    pub salt: &'a str,
    /// Whether roots are hidden from the outputs by path remapping.
    pub normalise_paths: bool,
    /// Whether the working directory is among the remapped roots.
    pub workspace_mapped: bool,
    /// Named digests of other things: linker, CPU, configuration files, and
    /// the [content files](RustcUnit::content_files).
    pub facts: &'a [(String, Digest)],
}

/// One labelled part of a unit's identity. Labels may repeat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// What it is, such as `crate_name` or `arg -C panic`.
    pub label: String,
    /// Its value, with paths written as tokens.
    pub value: String,
}

/// Returns the digest of `components`, in their order.
pub fn unit_id(components: &[Component]) -> UnitId {
    UnitId(digest_of("kache rustc unit", components))
}

/// Returns the digest of `components`, in their order, in `domain`.
pub fn digest_of(domain: &str, components: &[Component]) -> Digest {
    let mut hasher = FieldHasher::new(domain);
    for component in components {
        hasher.text(&component.label, &component.value);
    }
    hasher.finish()
}

/// Returns everything that decides the unit's identity, in a canonical order.
pub fn components(unit: &RustcUnit, context: &UnitContext<'_>) -> Vec<Component> {
    let mut list = List { components: Vec::new(), roots: context.roots };
    list.context(context);
    list.crate_fields(unit);
    list.dependencies(unit);
    list.settings(unit);
    list.components
}

struct List<'a> {
    components: Vec<Component>,
    roots: &'a Roots,
}

impl List<'_> {
    fn add(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.components.push(Component { label: label.into(), value: value.into() });
    }

    fn path(&mut self, label: impl Into<String>, path: &str) {
        let token = self.roots.tokenise(path).0;
        self.add(label, token);
    }

    fn context(&mut self, context: &UnitContext<'_>) {
        self.add("recipe", RECIPE_VERSION.to_string());
        self.add("compiler", context.compiler.to_string());
        self.add("salt", context.salt);
        self.add("normalise_paths", yes_no(context.normalise_paths));
        self.add("workspace_mapped", yes_no(context.workspace_mapped));
        for (name, value) in context.env {
            match value {
                Some(value) if name == "LD_LIBRARY_PATH" => {
                    let value = outside_target(self.roots, value);
                    self.add(format!("env {name}"), tokenise_within(self.roots, &value));
                }
                Some(value) => self.add(format!("env {name}"), tokenise_within(self.roots, value)),
                None => self.add(format!("env unset {name}"), ""),
            }
        }
        for (name, digest) in context.facts {
            self.add(format!("fact {name}"), digest.to_string());
        }
    }

    fn crate_fields(&mut self, unit: &RustcUnit) {
        self.add("crate_name", &unit.crate_name);
        for kind in &unit.crate_types {
            self.add("crate_type", kind.name());
        }
        self.add("test", yes_no(unit.is_test));
        self.path("source", &unit.source);
        let kinds = [
            ("dep-info", unit.emit.dep_info),
            ("metadata", unit.emit.metadata),
            ("link", unit.emit.link),
        ];
        for (kind, _) in kinds.into_iter().filter(|(_, asked)| *asked) {
            self.add("emit", kind);
        }
        self.add("extra_filename", &unit.extra_filename);
        self.add("incremental", yes_no(unit.incremental.is_some()));
        match &unit.target {
            Target::Host => self.add("target host", ""),
            Target::Triple(triple) => self.add("target", triple),
            Target::SpecFile(path) => self.path("target spec", path),
        }
        if let Some(sysroot) = &unit.sysroot {
            self.path("sysroot", sysroot);
        }
    }

    fn dependencies(&mut self, unit: &RustcUnit) {
        for item in &unit.externs {
            self.add("extern", &item.name);
            self.add("extern options", &item.options);
            match &item.path {
                Some(path) => self.path("extern path", path),
                None => self.add("extern searched", ""),
            }
        }
        for search in &unit.search_paths {
            self.path(format!("search {}", search.kind), &search.path);
        }
        for lib in &unit.native_libs {
            let kind = lib.kind.as_deref().unwrap_or("unspecified");
            self.add(format!("native {kind}"), tokenise_within(self.roots, &lib.name));
            self.add("native modifiers", &lib.modifiers);
            if let Some(rename) = &lib.rename {
                self.add("native rename", rename);
            }
        }
        for arg in &unit.link_args {
            self.add("link_arg", tokenise_within(self.roots, arg));
        }
    }

    fn settings(&mut self, unit: &RustcUnit) {
        for cfg in &unit.cfgs {
            self.add("cfg", cfg);
        }
        for cfg in &unit.check_cfgs {
            self.add("check_cfg", cfg);
        }
        for lint in &unit.lints {
            self.add(format!("lint {}", lint.level), &lint.name);
        }
        for (from, to) in &unit.user_remaps {
            self.path("remap from", from);
            self.add("remap to", to);
        }
        for argument in &unit.arguments {
            self.argument(argument);
        }
    }

    fn argument(&mut self, argument: &Argument) {
        let flag = &argument.flag;
        match (&argument.value, argument.form) {
            (None, _) => self.add(format!("flag {flag}"), ""),
            (Some(value), Form::Text) => self.add(format!("arg {flag}"), value),
            (Some(value), Form::Paths) => {
                self.add(format!("arg {flag}"), tokenise_within(self.roots, value));
            }
        }
    }
}

/// Returns a list of directories without those in the target directory.
///
/// Cargo puts them there: in the layout with a directory for each unit, the one
/// of whichever unit it prepared last. What a linker reads in them is an input
/// by its content.
fn outside_target(roots: &Roots, list: &str) -> String {
    let is_outside = |dir: &&str| !matches!(roots.split(dir), Some((RootKind::Target, _)));
    list.split(':').filter(is_outside).collect::<Vec<_>>().join(":")
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// Returns `text` with every root in it written as its name.
///
/// A root counts where a path can begin (at the start, after a separator, or
/// behind a one-letter flag such as `-L`) and where it ends at a path
/// boundary. Braces of the text itself are doubled, so that different texts
/// stay different.
pub fn tokenise_within(roots: &Roots, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let done = text.len() - rest.len();
        let before = text.get(..done).unwrap_or_default();
        let root = if next == '/' && begins_path(before) { root_at(roots, rest) } else { None };
        if let Some((name, after)) = root {
            out.push('{');
            out.push_str(&name);
            out.push('}');
            rest = after;
            continue;
        }
        out.push(next);
        if next == '{' {
            out.push('{');
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    out
}

const SEPARATORS: &[char] = &['=', ',', ':', ';', '@', '"', '\'', ' '];

/// Returns whether a path can begin after `before`.
fn begins_path(before: &str) -> bool {
    let word = before.rsplit(SEPARATORS).next().unwrap_or(before);
    let mut letters = word.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (None, ..) => true,
        (Some('-'), Some(letter), None) => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

/// Returns the longest root at the beginning of `text`, and the text after it.
fn root_at<'t>(roots: &Roots, text: &'t str) -> Option<(String, &'t str)> {
    roots.iter().find_map(|(kind, path)| {
        let after = text.strip_prefix(path)?;
        let boundary = after.is_empty() || after.starts_with('/') || after.starts_with(SEPARATORS);
        boundary.then(|| (kind.name(), after))
    })
}

#[cfg(test)]
mod tests;
