//! Is kache called at all, and with settings that can be used?

use std::collections::BTreeMap;
use std::path::Path;

use super::{Check, Checks};
use crate::cargo::Found;
use crate::commands::config::Settings;
use crate::context::Context;
use crate::wrapper::{self, Named};

/// Checks who cargo calls and what the configuration says.
pub(super) fn check(context: &Context, own: Option<&Path>, settings: &Settings) -> Vec<Check> {
    let mut checks = Checks::of("setup");
    match own {
        Some(path) => checks.ok("wrapper", path.display().to_string()),
        None => checks.fail(
            "wrapper",
            "the program `kache` is neither beside kache-cli nor on PATH",
            "install it from a checkout: cargo install --path crates/kache-wrapper",
        ),
    }
    for problem in &context.cargo.problems {
        checks.fail("cargo configuration", problem, "cargo does not start with this file");
    }
    check_rustc_wrapper(&mut checks, context.cargo.rustc_wrapper.as_ref(), own);
    check_workspace_wrapper(&mut checks, context.cargo.rustc_workspace_wrapper.as_ref());
    check_incremental(&mut checks, context.cargo.incremental.as_ref());
    if let Some(own) = own {
        check_shims(&mut checks, wrapper::compilers(std::env::var_os("PATH").as_deref(), own));
    }
    check_settings(&mut checks, context, settings);
    checks.list
}

fn check_rustc_wrapper(checks: &mut Checks, found: Option<&Found>, own: Option<&Path>) {
    const NAME: &str = "rustc wrapper";
    const SET_UP: &str = "export RUSTC_WRAPPER=kache, or put `rustc-wrapper = \"kache\"` under [build] in \
         ~/.cargo/config.toml";
    let Some(found) = found.filter(|found| !found.value.is_empty()) else {
        let message = match found {
            Some(empty) => format!("{} is empty, so cargo calls rustc itself", empty.origin),
            None => "cargo calls rustc itself".to_owned(),
        };
        return checks.fail(NAME, message, SET_UP);
    };
    let Found { value, origin, .. } = found;
    let stem = Path::new(value).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if stem == "sccache" {
        let message = format!("{origin} is `{value}`: sccache is called and kache is not");
        return checks.fail(NAME, message, format!("one of them can wrap rustc; {SET_UP}"));
    }
    let Some(program) = found.program(std::env::var_os("PATH")) else {
        let message = format!("{origin} is `{value}`, which is not a program that can be found");
        return checks.fail(NAME, message, SET_UP);
    };
    if stem != wrapper::NAME {
        let message = format!("{origin} is `{value}`, which is not kache");
        return checks.fail(NAME, message, SET_UP);
    }
    if own.is_some_and(|own| wrapper::is_same_file(own, &program)) {
        checks.ok(NAME, format!("{} (from {origin})", program.display()));
    } else {
        checks.warn(
            NAME,
            format!("{origin} is another kache: {}", program.display()),
            "builds and this command line may differ in version",
        );
    }
}

fn check_workspace_wrapper(checks: &mut Checks, found: Option<&Found>) {
    let Some(Found { value, origin, .. }) = found.filter(|found| !found.value.is_empty()) else {
        return;
    };
    let stem = Path::new(value).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if stem == "clippy-driver" {
        checks.ok("workspace wrapper", format!("{value} (from {origin})"));
    } else {
        checks.warn(
            "workspace wrapper",
            format!("{origin} is `{value}`, which kache does not know"),
            "members of the workspace are compiled without the cache",
        );
    }
}

fn check_incremental(checks: &mut Checks, found: Option<&Found>) {
    const NAME: &str = "incremental compilation";
    match found {
        Some(Found { value, origin, .. }) if matches!(value.as_str(), "0" | "false") => checks
            .warn(
                NAME,
                format!("{origin} is {value}: every edit compiles a whole crate"),
                "kache works with incremental compilation; unset it unless something else needs it",
            ),
        Some(Found { value, origin, .. }) => checks.ok(NAME, format!("{origin} is {value}")),
        None => checks.ok(NAME, "as cargo's profiles say"),
    }
}

/// Says which C and C++ compilers are called through links to kache, and which
/// such links nobody gets to.
fn check_shims(checks: &mut Checks, compilers: BTreeMap<String, Vec<Named>>) {
    const NAME: &str = "shims";
    let mut cached = Vec::new();
    let mut is_sound = true;
    for (name, named) in compilers {
        let Some(shim) = named.iter().find_map(|it| match it {
            Named::Shim(path) => Some(path),
            Named::Compiler(_) => None,
        }) else {
            continue;
        };
        let compiler = named.iter().find_map(|it| match it {
            Named::Compiler(path) => Some(path),
            Named::Shim(_) => None,
        });
        match (compiler, named.first()) {
            (None, _) => {
                let message = format!("{} has no compiler behind it on PATH", shim.display());
                checks.warn(NAME, message, "remove it: whoever calls it gets an error");
            }
            (Some(_), Some(Named::Shim(_))) => {
                cached.push(name);
                continue;
            }
            (Some(compiler), _) => {
                let (compiler, shim) = (compiler.display(), shim.display());
                let message =
                    format!("{compiler} comes before {shim} on PATH, so `{name}` is not kache");
                checks.warn(NAME, message, "put the directory of the shims first on PATH");
            }
        }
        is_sound = false;
    }
    match (is_sound, cached.is_empty()) {
        (true, true) => checks.ok(NAME, "none on PATH; C and C++ are cached with CC=\"kache cc\""),
        (true, false) => {
            checks.ok(NAME, format!("{} lead to kache before the compilers", cached.join(", ")));
        }
        (false, _) => {}
    }
}

fn check_settings(checks: &mut Checks, context: &Context, settings: &Settings) {
    const NAME: &str = "configuration";
    let config = &context.inspection.config;
    for problem in settings.problems() {
        if problem.is_fatal {
            checks.fail(NAME, &problem.message, "builds run uncached until it is corrected");
        } else {
            checks.warn(NAME, &problem.message, "builds pass over it");
        }
    }
    if settings.problems().is_empty() {
        let files: Vec<String> =
            config.files.iter().map(|path| path.display().to_string()).collect();
        let read = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
        checks.ok(NAME, format!("{read}, no problem"));
    }
    if config.disabled {
        let origin = context.origin("disabled");
        let message = format!("kache is disabled by {origin}");
        checks.warn("disabled", message, "every call goes straight to the compiler");
    }
    if let Some(rule) = config.bypass_variable(&|name| std::env::var_os(name)) {
        let message = format!("{} is set, and bypass.env names it", rule.name);
        checks.warn("bypass", message, "every call goes straight to the compiler");
    }
}
