//! Questions that cargo asks at every start, answered from the store.

use std::io::{self, Write as _};

use kache_config::Config;
use kache_key::rustc::query::{RustcQuery, query_id};
use kache_key::rustc::recipe::RUSTC_ENV;
use kache_key::rustc::unit::Target;
use kache_key::{Context, Digest, Roots};
use kache_store::{Outcome, Store, memo};
use serde::{Deserialize, Serialize};

use super::Invocation;
use super::facts::{check_reporting_variables, compiler_variables, identify_toolchain};
use crate::configuration;
use crate::cpu;
use crate::outer;
use crate::places::variable;
use crate::process;
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};
use crate::streams;

/// What the compiler answered.
#[derive(Serialize, Deserialize)]
struct Answer {
    stdout: String,
    stderr: String,
}

/// Answers `question`: a hit if the same compiler was asked before.
pub(crate) fn serve(
    call: &Invocation,
    question: &RustcQuery,
    config: &Config,
    report: &mut Report,
) -> Result<Served, Passthrough> {
    let store = Store::at(&config.cache_dir);
    let id = identify(call, question, config, &store)?;
    report.lap(Phase::Parse);
    if let Ok(Some(answer)) = memo::read::<Answer>(store.layout(), id) {
        // Cargo has gone if this fails.
        drop(io::stdout().write_all(answer.stdout.as_bytes()));
        drop(io::stderr().write_all(answer.stderr.as_bytes()));
        report.lap(Phase::Lookup);
        return Ok(Served::hit(store));
    }
    let args: Vec<&String> = call.compiler.stands_for.iter().chain(&call.args).collect();
    let ran = process::ask(&call.compiler.program, &args)?;
    drop(io::stdout().write_all(&ran.stdout));
    drop(io::stderr().write_all(&ran.stderr));
    report.lap(Phase::Compile);
    if !ran.status.success() {
        let (outcome, reason) = (Outcome::Error, String::new());
        return Ok(Served { store, outcome, reason, status: ran.status });
    }
    let texts = (String::from_utf8(ran.stdout), String::from_utf8(ran.stderr));
    if let (Ok(stdout), Ok(stderr)) = texts {
        // Forgetting costs the next start one process.
        drop(memo::write(store.layout(), id, &Answer { stdout, stderr }));
    }
    let reason = "first time asked".to_owned();
    Ok(Served { store, outcome: Outcome::Miss, reason, status: ran.status })
}

fn identify(
    call: &Invocation,
    question: &RustcQuery,
    config: &Config,
    store: &Store,
) -> Result<Digest, Passthrough> {
    if question.reads_stdin && !streams::is_null_device(io::stdin()) {
        return Err(Passthrough::because("source on standard input"));
    }
    if question.sysroot.is_some() || !question.content_files.is_empty() {
        return Err(Passthrough::because("a question about other files"));
    }
    if matches!(question.target, Target::SpecFile(_)) || variable("RUST_TARGET_PATH").is_some() {
        return Err(Passthrough::because("a question about a custom target"));
    }
    if question.codegen_backend.is_some() {
        return Err(Passthrough::because("a question about a codegen backend"));
    }
    check_reporting_variables()?;
    let toolchain = identify_toolchain(store, &call.compiler, &question.target)?;
    outer::has_read(call.compiler.program.as_ref());
    outer::has_asked_for(RUSTC_ENV);
    // The answers name where the compiler is.
    let mut facts = vec![
        ("program".to_owned(), Digest::of(call.compiler.program.as_bytes())),
        ("sysroot".to_owned(), Digest::of(toolchain.sysroot.as_bytes())),
    ];
    if question.uses_native_cpu {
        facts.push(("cpu".to_owned(), cpu::identity()?));
    }
    // A script in the place of the compiler may read them.
    facts.extend(configuration::declared_variables(&config.crate_settings("")));
    let env = compiler_variables();
    let context = Context {
        compiler: toolchain.identity,
        roots: &Roots::default(),
        env: &env,
        salt: "",
        normalise_paths: false,
        facts: &facts,
    };
    Ok(query_id(question, &context))
}
