//! Which variables a run of a build script depended on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use kache_key::build_script::HOW_TO_RUN;
use kache_key::{Roots, portable};

use crate::compilation::inputs::Inputs;
use crate::compilation::observed::Places;
use crate::compilation::sight::Sight;
use crate::places::variable;

/// Programs that take in every variable when they start. Which of them count
/// cannot be seen; these are the ones by which builds are told what to do.
const TAKE_IN_ALL: &[&str] = &[
    "bash", "cmake", "dash", "gmake", "make", "meson", "ninja", "perl", "python", "python3", "sh",
    "zsh",
];

/// Variables that such programs are told by.
const TELLING: &[&str] = &[
    "AR",
    "ARFLAGS",
    "AS",
    "ASFLAGS",
    "CC",
    "CFLAGS",
    "CMAKE_GENERATOR",
    "CMAKE_PREFIX_PATH",
    "CMAKE_TOOLCHAIN_FILE",
    "CONFIG_SHELL",
    "CONFIG_SITE",
    "CPATH",
    "CPP",
    "CPPFLAGS",
    "CXX",
    "CXXFLAGS",
    "C_INCLUDE_PATH",
    "CPLUS_INCLUDE_PATH",
    "LANG",
    "LC_ALL",
    "LD",
    "LDFLAGS",
    "LIBRARY_PATH",
    "LIBS",
    "NM",
    "OBJCOPY",
    "PATH",
    "PKG_CONFIG",
    "PKG_CONFIG_LIBDIR",
    "PKG_CONFIG_PATH",
    "PYTHON",
    "PYTHONPATH",
    "RANLIB",
    "SHELL",
    "SOURCE_DATE_EPOCH",
    "STRIP",
    "TZ",
    "PERL5LIB",
];

/// Variables that change what a failing program says, and nothing else.
const FOR_PANICS: &[&str] = &["RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "RUST_MIN_STACK"];

/// Lists of directories, which are only there to be searched.
const SEARCH_PATHS: &[&str] = &["LD_LIBRARY_PATH", "LIBRARY_PATH", "PATH", "PKG_CONFIG_PATH"];

/// Adds the variables that were asked for and are not in the key already. `texts`
/// are what was made, with `roots` as names.
pub(crate) fn add(
    sight: &Sight,
    texts: &[&str],
    is_keyed: fn(&str) -> bool,
    roots: &Roots,
    inputs: &mut Inputs<'_>,
) {
    let mut names: BTreeSet<&str> = sight.variables.iter().map(String::as_str).collect();
    let takes_in_all = |program: &PathBuf| {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        TAKE_IN_ALL.iter().any(|known| *known == name || *known == stem)
    };
    if sight.programs.iter().any(takes_in_all) {
        names.extend(TELLING);
    }
    let places = Places::of(names.iter().copied());
    for name in names {
        if HOW_TO_RUN.contains(&name)
            || FOR_PANICS.contains(&name)
            || kache_observe::ours(name.as_ref())
        {
            continue;
        }
        let value = variable(name).unwrap_or_default();
        let is_place = value.starts_with('/');
        let written = portable::write(&portable::tokenise(&value, roots));
        let is_named = || texts.iter().any(|text| text.contains(&written));
        let is_locator = SEARCH_PATHS.contains(&name)
            || is_place && (places.is_sought(&value, sight) || is_named());
        // What is in the key is there with roots as names.
        if !is_keyed(name) || (is_place && !is_locator) {
            inputs.observed_variable(name, is_locator);
        }
    }
}
