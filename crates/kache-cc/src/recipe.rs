//! The unit id of a C or C++ compilation: everything known before an input is read.
//!
//! `docs/key-recipe.md` describes every label.

use kache_key::components::{self, Component, Components, Context, yes_no};
use kache_key::fields::FieldHasher;
use kache_key::{Digest, RootKind, Roots, UnitId};

use crate::unit::{CcUnit, DepStyle};

/// Variables that change what a compiler does, whatever the source says.
///
/// The caller gives the value of each, set or unset, in [`Context::env`].
/// `PWD` is not among them: both compilers take the name of the working
/// directory from it where it is right, so it belongs to the roots.
pub const CC_ENV: &[&str] = &[
    "CLANG_NO_DEFAULT_CONFIG",
    "COLORTERM",
    "COLUMNS",
    "COMPILER_PATH",
    "CPATH",
    "CPLUS_INCLUDE_PATH",
    "C_INCLUDE_PATH",
    "DRIVERKIT_DEPLOYMENT_TARGET",
    "GCC_COLORS",
    "GCC_EXEC_PREFIX",
    "GCC_ROOT",
    "GCC_URLS",
    "INCLUDE",
    "IPHONEOS_DEPLOYMENT_TARGET",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "MACOSX_DEPLOYMENT_TARGET",
    "NO_COLOR",
    "OBJCPLUS_INCLUDE_PATH",
    "OBJC_INCLUDE_PATH",
    "RC_DEBUG_PREFIX_MAP",
    "SDKROOT",
    "SOURCE_DATE_EPOCH",
    "TERM",
    "TERM_URLS",
    "TVOS_DEPLOYMENT_TARGET",
    "WATCHOS_DEPLOYMENT_TARGET",
    "XROS_DEPLOYMENT_TARGET",
];

/// Variables of [`CC_ENV`] that change only colours, links and line widths in
/// what the compiler says. They matter where it colours its diagnostics.
pub const COLOUR_ENV: &[&str] =
    &["COLORTERM", "COLUMNS", "GCC_COLORS", "GCC_URLS", "NO_COLOR", "TERM", "TERM_URLS"];

/// Variables that make the compiler report on itself, write files beside the
/// outputs, or take other options than those of its command line; where one
/// is set, nothing is cached.
pub const REPORTING_ENV: &[&str] = &[
    "CCC_ADD_ARGS",
    "CCC_OVERRIDE_OPTIONS",
    "CC_LOG_DIAGNOSTICS",
    "CC_LOG_DIAGNOSTICS_FILE",
    "CC_PRINT_HEADERS",
    "CC_PRINT_HEADERS_FILE",
    "CC_PRINT_HEADERS_FILTERING",
    "CC_PRINT_HEADERS_FORMAT",
    "CC_PRINT_INTERNAL_STAT",
    "CC_PRINT_INTERNAL_STAT_FILE",
    "CC_PRINT_OPTIONS",
    "CC_PRINT_OPTIONS_FILE",
    "CC_PRINT_PROC_STAT",
    "CC_PRINT_PROC_STAT_FILE",
    "CL",
    "DEPENDENCIES_OUTPUT",
    "FORCE_CLANG_DIAGNOSTICS_CRASH",
    "GCC_COMPARE_DEBUG",
    "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
    "QA_OVERRIDE_GCC3_OPTIONS",
    "RC_DEBUG_OPTIONS",
    "SUNPRO_DEPENDENCIES",
    "_CL_",
];

/// Variables that a compiler, or what it starts, may ask for and that decide
/// nothing about the result: where temporary files are, what a terminal looks
/// like, who called, and where programs are, each of which is known by itself.
pub const WITHOUT_INFLUENCE: &[&str] = &[
    "COLLECT_GCC",
    "COLLECT_GCC_OPTIONS",
    "COLLECT_LTO_WRAPPER",
    "COLLECT_NO_DEMANGLE",
    "LS_COLORS",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "OLDPWD",
    "PATH",
    "PWD",
    "SHLVL",
    "TEMP",
    "TEMPDIR",
    "TMP",
    "TMPDIR",
    "_",
];

/// Returns the digest of `components`, in their order.
pub fn unit_id(components: &[Component]) -> UnitId {
    components::unit_id("kache cc unit", components)
}

/// Returns the unit under which a result of `unit` is filed a second time, by
/// the [digest](crate::expansion::digest) of what its preprocessor makes of it.
pub fn expanded_id(unit: UnitId, expansion: Digest) -> UnitId {
    let mut hasher = FieldHasher::new("kache cc expanded unit");
    hasher.digest("unit", unit.0).digest("expansion", expansion);
    UnitId(hasher.finish())
}

/// Returns everything that decides the unit's identity, in a canonical order.
pub fn components(unit: &CcUnit, context: &Context<'_>) -> Vec<Component> {
    let mut list = Components::begin(context);
    list.surroundings();
    add_source(&mut list, unit);
    add_dep_file(&mut list, unit);
    add_options(&mut list, unit);
    list.finish()
}

/// Returns the roots that the value of a `-D` option names.
///
/// Such a value can decide the output without being in it, for instance by its
/// length: the entry is bound to these roots whatever a search of the outputs finds.
pub fn roots_in_defines(unit: &CcUnit, roots: &Roots) -> Vec<RootKind> {
    let named = |root: &(RootKind, &str)| unit.defines.iter().any(|text| text.contains(root.1));
    roots.iter().filter(named).map(|(kind, _)| kind).collect()
}

fn add_source(list: &mut Components<'_>, unit: &CcUnit) {
    list.add("family", unit.family.name());
    list.add("language", unit.language.name());
    list.add("stage", unit.stage.option());
    list.path("source", &unit.source);
    if unit.facts.output_is_keyed {
        list.path("output", &unit.output);
    }
    if unit.serialized_diagnostics.is_some() {
        list.add("serialized diagnostics", "");
    }
}

fn add_dep_file(list: &mut Components<'_>, unit: &CcUnit) {
    let Some(dep_file) = &unit.dep_file else { return };
    let style = match dep_file.style {
        DepStyle::All => "all",
        DepStyle::UserOnly => "user",
    };
    list.add("dep_file", style);
    list.add("dep_file phony", yes_no(dep_file.phony));
    for target in &dep_file.targets {
        let label = if target.escaped { "dep_file target" } else { "dep_file plain target" };
        list.text(label, &target.name);
    }
}

fn add_options(list: &mut Components<'_>, unit: &CcUnit) {
    for dir in &unit.include_dirs {
        list.path(format!("search {}", dir.kind.name()), &dir.path);
    }
    for argument in &unit.arguments {
        match &argument.value {
            None => list.add(format!("flag {}", argument.option), ""),
            Some(value) => list.text(format!("arg {}", argument.option), value),
        }
    }
}

#[cfg(test)]
mod tests;
