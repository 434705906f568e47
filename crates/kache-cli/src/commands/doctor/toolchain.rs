//! Which compiler will run?

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Check, Checks};
use crate::context::Context;
use crate::process;

/// How long a compiler may take to say its version; rustup may have to look around first.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Checks the compiler that cargo calls here, and returns it if it answers.
pub(super) fn check(context: &Context) -> (Vec<Check>, Option<PathBuf>) {
    let mut checks = Checks::of("toolchain");
    let path_var = std::env::var_os("PATH");
    let configured = context.cargo.rustc.as_ref().filter(|found| !found.value.is_empty());
    let (named, program) = match configured {
        Some(found) => {
            (format!("`{}` (from {})", found.value, found.origin), found.program(path_var))
        }
        None => ("`rustc`".to_owned(), process::find("rustc", path_var)),
    };
    let Some(program) = program else {
        checks.fail("rustc", format!("there is no {named}"), "install Rust: https://rustup.rs");
        return (checks.list, None);
    };
    let shown = program.display();
    match process::run(Command::new(&program).arg("-vV"), TIMEOUT) {
        Ok(ran) if ran.status.success() && ran.stdout.contains("host: ") => {
            let version = ran.stdout.lines().next().unwrap_or_default();
            checks.ok("rustc", format!("{version}, {shown}"));
            return (checks.list, Some(program));
        }
        Ok(ran) => {
            let said = ran.stderr.lines().next().unwrap_or("nothing on standard error").to_owned();
            let message = format!("`{shown} -vV` failed: {said}");
            checks.fail("rustc", message, "cargo cannot build here either");
        }
        Err(error) => {
            let message = format!("`{shown} -vV`: {error}");
            checks.fail("rustc", message, "cargo cannot build here either");
        }
    }
    (checks.list, None)
}
