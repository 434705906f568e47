//! The unit id: everything known about a compilation before an input is read.
//!
//! `docs/key-recipe.md` describes every label.

use super::unit::{Argument, Form, RustcUnit, Target};
use crate::components::{self, Component, Components, Context, yes_no};
use crate::digest::UnitId;
use crate::roots::Roots;

/// Variables that change what rustc does, whatever the source says.
///
/// The caller gives the value of each, set or unset, in [`Context::env`].
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

/// Returns the digest of `components`, in their order.
pub fn unit_id(components: &[Component]) -> UnitId {
    components::unit_id("kache rustc unit", components)
}

/// Returns everything that decides the unit's identity, in a canonical order.
/// `workspace_mapped` says whether the working directory is among the remapped roots.
pub fn components(
    unit: &RustcUnit,
    context: &Context<'_>,
    workspace_mapped: bool,
) -> Vec<Component> {
    let mut list = Components::begin(context);
    list.add("workspace_mapped", yes_no(workspace_mapped));
    list.surroundings();
    add_crate(&mut list, unit);
    add_dependencies(&mut list, unit);
    add_settings(&mut list, unit);
    list.finish()
}

fn add_crate(list: &mut Components<'_>, unit: &RustcUnit) {
    list.add("crate_name", &unit.crate_name);
    for kind in &unit.crate_types {
        list.add("crate_type", kind.name());
    }
    list.add("test", yes_no(unit.is_test));
    list.path("source", &unit.source);
    let kinds = [
        ("dep-info", unit.emit.dep_info),
        ("metadata", unit.emit.metadata),
        ("link", unit.emit.link),
    ];
    for (kind, _) in kinds.into_iter().filter(|(_, asked)| *asked) {
        list.add("emit", kind);
    }
    list.add("extra_filename", &unit.extra_filename);
    list.add("incremental", yes_no(unit.incremental.is_some()));
    match &unit.target {
        Target::Host => list.add("target host", ""),
        Target::Triple(triple) => list.add("target", triple),
        Target::SpecFile(path) => list.path("target spec", path),
    }
    if let Some(sysroot) = &unit.sysroot {
        list.path("sysroot", sysroot);
    }
}

fn add_dependencies(list: &mut Components<'_>, unit: &RustcUnit) {
    for item in &unit.externs {
        list.add("extern", &item.name);
        list.add("extern options", &item.options);
        match &item.path {
            Some(path) => list.path("extern path", path),
            None => list.add("extern searched", ""),
        }
    }
    for search in &unit.search_paths {
        list.path(format!("search {}", search.kind), &search.path);
    }
    for lib in &unit.native_libs {
        let kind = lib.kind.as_deref().unwrap_or("unspecified");
        list.text(format!("native {kind}"), &lib.name);
        list.add("native modifiers", &lib.modifiers);
        if let Some(rename) = &lib.rename {
            list.add("native rename", rename);
        }
    }
    for arg in &unit.link_args {
        list.text("link_arg", arg);
    }
}

fn add_settings(list: &mut Components<'_>, unit: &RustcUnit) {
    for cfg in &unit.cfgs {
        list.add("cfg", cfg);
    }
    for cfg in &unit.check_cfgs {
        list.add("check_cfg", cfg);
    }
    for lint in &unit.lints {
        list.add(format!("lint {}", lint.level), &lint.name);
    }
    for (from, to) in &unit.user_remaps {
        list.path("remap from", from);
        list.add("remap to", to);
    }
    for argument in &unit.arguments {
        add_argument(list, argument);
    }
}

fn add_argument(list: &mut Components<'_>, argument: &Argument) {
    let flag = &argument.flag;
    match (&argument.value, argument.form) {
        (None, _) => list.add(format!("flag {flag}"), ""),
        (Some(value), Form::Text) => list.add(format!("arg {flag}"), value),
        (Some(value), Form::Paths) => {
            list.text(format!("arg {flag}"), value);
        }
    }
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
