//! Several sources in one command.
//!
//! Each is a unit of its own and compiled alone. What the driver says of its
//! arguments it would say anew each time, and of some only because the source
//! that they are for is not among them.

use std::path::Path;
use std::process::{Command, Stdio};

use kache_cc::recipe::CC_ENV;
use kache_cc::unit::CcUnit;
use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_store::{Store, memo};

use super::Call;
use crate::process;
use crate::served::Passthrough;

/// What a driver calls what it says.
const KINDS: [&str; 4] = ["warning: ", "error: ", "note: ", "remark: "];

/// Makes sure that all sources are there, and that the driver has nothing to say
/// of `args`, which are for all of `units`, nor of each unit's own.
///
/// Asks the compiler where it was never asked of such arguments.
pub(crate) fn check_silent(
    store: &Store,
    call: &Call,
    args: &[String],
    units: &[CcUnit],
) -> Result<(), Passthrough> {
    let is_there = |unit: &&CcUnit| Path::new(&call.cwd).join(&unit.source).is_file();
    if let Some(unit) = units.iter().find(|unit| !is_there(unit)) {
        return Err(Passthrough::because(format!("`{}` is not there", unit.source)));
    }
    let memo_id = memo_id(call, args);
    if memo::read(store.layout(), memo_id).is_ok_and(|known| known == Some(true)) {
        return Ok(());
    }
    let mut asked = std::iter::once(args).chain(units.iter().map(|unit| unit.args.as_slice()));
    if !asked.all(|args| is_silent(call, args)) {
        return Err(Passthrough::because("the driver has something to say of several sources"));
    }
    // Forgetting costs the next call these questions again.
    drop(memo::write(store.layout(), memo_id, &true));
    Ok(())
}

fn memo_id(call: &Call, args: &[String]) -> Digest {
    let mut hasher = FieldHasher::new("kache cc several sources");
    hasher.digest("compiler", call.compiler.identity);
    hasher.text("cwd", &call.cwd);
    hasher.list("args", args.iter().map(String::as_str));
    for name in CC_ENV {
        let value = std::env::var_os(name);
        hasher.option(name, value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    hasher.finish()
}

/// Returns whether the driver says nothing when it is asked to show what it would
/// run; a macro that looks like a message counts as one.
fn is_silent(call: &Call, args: &[String]) -> bool {
    process::count_spawned();
    let ran = Command::new(&call.compiler.program)
        .arg("-###")
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output();
    ran.is_ok_and(|ran| {
        let said = String::from_utf8_lossy(&ran.stderr);
        ran.status.success() && !KINDS.iter().any(|kind| said.contains(kind))
    })
}
