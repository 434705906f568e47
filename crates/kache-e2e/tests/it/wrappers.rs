//! kache together with other programs that stand before the compiler.

use std::fs;

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::events::Outcome;
use kache_e2e::process::{Finished, run};
use kache_e2e::project::Project;
use kache_e2e::{HarnessError, Scenario};

use crate::chain::{
    self, CRATES, SENTENCE, assert_compiled, assert_hits, outcomes, printed, said, same_as_bare,
    succeed,
};
use crate::expected::Expected::{Compiled, Miss, Served};
use crate::files::text;
use crate::stub::Stub;
use crate::trial::{MANIFEST, Trial};

/// Returns the warnings and errors in what cargo printed.
fn diagnostics(outcome: &CargoOutcome) -> Vec<&str> {
    let is_cargos = |line: &&str| {
        let line = line.trim_start();
        let verbs = ["Running", "Compiling", "Checking", "Fresh", "Dirty", "Finished"];
        // This one names the command line, wrapper and target directory.
        line.starts_with("process didn't exit") || verbs.iter().any(|verb| line.starts_with(verb))
    };
    outcome.stderr.lines().filter(|line| !is_cargos(line)).collect()
}

/// Runs clippy with and without kache and asserts that both say the same.
#[track_caller]
fn clippy(
    scenario: &Scenario,
    project: &Project,
    args: &[&str],
) -> Result<CargoOutcome, HarnessError> {
    let bare = scenario.bare_cargo_in(project, "clippy").args(args);
    let with_args = |run: CargoRun<'_>| run.args(args).run();
    let ours = with_args(scenario.cargo_in(project, "clippy"))?;
    // Where nothing is to be done, cargo itself repeats what was said.
    let theirs = bare.run()?;
    assert_eq!(diagnostics(&ours).join("\n"), diagnostics(&theirs).join("\n"), "{args:?}");
    assert_eq!(ours.code, theirs.code);
    Ok(ours)
}

#[test]
fn clippy_is_served_with_its_warnings() {
    let scenario = chain::scenario().unwrap();
    let project = &scenario.project;
    project.edit("base/src/lib.rs", "    \"one\"", "    return \"one\";").unwrap();
    let cold = clippy(&scenario, project, &[]).unwrap();
    if cold.stderr.contains("no such command: `clippy`") {
        kache_e2e::filesystem::skip("clippy is not installed");
        return;
    }
    assert!(cold.stderr.contains("clippy::needless_return"), "{}", cold.stderr);
    assert_compiled(&cold, CRATES);
    project.clean().unwrap();
    let warm = clippy(&scenario, project, &[]).unwrap();
    assert_hits(&warm, CRATES);
    assert!(warm.stderr.contains("clippy::needless_return"), "{}", warm.stderr);
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    assert_hits(&clippy(&scenario, &second, &[]).unwrap(), CRATES);
    // What was lenient once must not be served to whoever is strict.
    project.clean().unwrap();
    let strict = clippy(&scenario, project, &["--", "-D", "warnings"]).unwrap();
    assert!(!strict.success(), "{}", strict.stderr);
    assert_eq!(strict.event_of("base").unwrap().outcome, Outcome::Error, "{}", said(&strict));
    // A build asks the compiler itself, which has not seen these crates.
    let built = succeed(&scenario.cargo("build")).unwrap();
    assert_compiled(&built, CRATES);
    assert_eq!(same_as_bare(&scenario, project).unwrap(), SENTENCE);
}

#[test]
fn a_workspace_wrapper_that_kache_does_not_know_runs_every_time() {
    let scenario = chain::scenario().unwrap();
    let body = r#"note "$name"; exec "$@""#;
    let stub = Stub::before(&scenario, std::path::Path::new("/"), "workspace-wrapper", body);
    let run = || {
        let run = scenario.cargo("build").var("RUSTC_WORKSPACE_WRAPPER", &stub.program);
        succeed(&run).unwrap()
    };
    for _ in 0..2 {
        stub.forget();
        let built = run();
        assert_eq!(built.tally().passthroughs, CRATES.len(), "{}", said(&built));
        assert!(said(&built).contains("workspace wrapper"), "{}", said(&built));
        let mut ran: Vec<String> = stub.notes();
        ran.retain(|name| !name.is_empty());
        ran.sort();
        assert_eq!(ran, CRATES);
        assert_eq!(printed(&scenario, &scenario.project).unwrap(), SENTENCE);
        assert_eq!(run().units(), 0);
        scenario.project.clean().unwrap();
    }
}

#[test]
fn a_wrapper_in_front_of_kache_changes_nothing() {
    let scenario = chain::warmed().unwrap();
    let body = r#"note "$name"; "$real" "$@""#;
    let stub = Stub::before(&scenario, &scenario.kache.wrapper, "outer", body);
    let run = |verb| succeed(&scenario.cargo(verb).wrapper(&stub.program)).unwrap();
    assert_eq!(run("build").units(), 0, "who wraps is nothing that cargo rebuilds for");
    scenario.project.clean().unwrap();
    assert_hits(&run("build"), CRATES);
    assert_eq!(stub.notes().iter().filter(|name| !name.is_empty()).count(), CRATES.len());
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn a_compiler_behind_kache_may_be_a_wrapper_and_counts_by_its_content() {
    let scenario = chain::warmed().unwrap();
    let real = scenario.env.toolchain().rustc.clone();
    let build = |stub: &Stub| {
        scenario.project.clean().unwrap();
        succeed(&scenario.cargo("build").var("RUSTC", &stub.program)).unwrap()
    };
    // Such as a distribution's launcher, or another cache used as a fallback.
    let stub = Stub::before(&scenario, &real, "launcher", r#"note "$name"; exec "$real" "$@""#);
    assert_compiled(&build(&stub), CRATES);
    stub.forget();
    let hits = build(&stub);
    assert_eq!(hits.tally().hits, CRATES.len(), "{}", said(&hits));
    assert!(stub.notes().iter().all(String::is_empty), "{:?}", stub.notes());
    let changed = r#"note "$name"; note ""; exec "$real" "$@""#;
    let stub = Stub::before(&scenario, &real, "launcher", changed);
    let other = build(&stub);
    assert!(outcomes(&other).iter().all(|(_, it)| *it != Outcome::Hit), "{}", said(&other));
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}

/// Runs the wrapper where there is no command line tool.
#[track_caller]
fn alone(args: &[&str]) -> Finished {
    let scenario = chain::scenario().expect("a scenario can be made");
    let alone = scenario.env.root().join("kache");
    let wrapper = &scenario.kache.wrapper;
    // A copy that another test's child still has open cannot be started.
    let linked = fs::hard_link(wrapper, &alone);
    linked.or_else(|_| fs::copy(wrapper, &alone).map(drop)).expect("there is room");
    run(scenario.env.command(&alone).args(args).env("PATH", "/nowhere")).expect("it starts")
}

#[test]
fn who_only_says_kache_is_told_what_it_stands_before() {
    for (args, code) in [(&[][..], 2), (&["--help"], 0), (&["-h"], 0), (&["help"], 0)] {
        let ran = alone(args);
        assert_eq!(ran.status.code(), Some(code), "{ran:?}");
        let (said, silent) =
            if code == 0 { (&ran.stdout, &ran.stderr) } else { (&ran.stderr, &ran.stdout) };
        for way in ["RUSTC_WRAPPER=kache", "CC='kache cc'", "ln -s kache gcc", "kache <verb>"] {
            assert!(said.contains(way), "{ran:?}");
        }
        assert_eq!(silent, "");
    }
    // With the tool beside it, that speaks, and names the same ways.
    let scenario = chain::scenario().unwrap();
    let own =
        |args: &[&str]| run(scenario.env.command(&scenario.kache.wrapper).args(args)).unwrap();
    for (ran, code) in [(own(&[]), 2), (own(&["--help"]), 0)] {
        assert_eq!(ran.status.code(), Some(code), "{ran:?}");
        let said = if code == 0 { ran.stdout } else { ran.stderr };
        assert!(said.contains("  doctor  ") && said.contains("RUSTC_WRAPPER=kache"), "{said}");
    }
}

#[test]
fn a_wrapper_without_the_command_line_tool_says_how_to_get_it() {
    let ran = alone(&["stats"]);
    assert_eq!(ran.status.code(), Some(127), "{ran:?}");
    let way = "`cargo install --path crates/kache-cli`";
    assert!(ran.stderr.contains(way), "{ran:?}");
    assert!(include_str!("../../../../README.md").contains(way), "the README knows another way");
}

#[test]
fn a_declared_variable_is_an_input_of_a_script_in_the_place_of_the_compiler() {
    let script = "fn main() { let set = std::env::var(\"CARGO_CFG_TARGET_FEATURE\").unwrap(); \
                  println!(\"cargo:rustc-env=FEATURES={set}\"); }\n";
    let mut trial = Trial::of(&[
        ("Cargo.toml", MANIFEST),
        (".kache.toml", "key_env_vars = [\"EXTRA_FLAG\"]\n"),
        ("build.rs", script),
        ("src/main.rs", "fn main() { println!(\"{} {}\", env!(\"FEATURES\"), cfg!(extra)); }\n"),
    ]);
    let stub = Stub::compiler(&trial.scenario, r#"exec "$real" "$@" $EXTRA_FLAG"#);
    trial.set("RUSTC", text(&stub.program));
    // Cargo itself would not ask such a script again.
    trial.set("CARGO_CACHE_RUSTC_INFO", "0");
    trial.check("app", Compiled);
    trial.check("app", Served);
    trial.set("EXTRA_FLAG", "--cfg=extra");
    assert!(trial.check("app", Miss).ends_with(" true\n"));
    trial.set("EXTRA_FLAG", "-Ctarget-feature=+sse3");
    assert!(trial.check("app", Miss).contains("sse3"));
    trial.unset("EXTRA_FLAG");
    trial.check("app", Served);
}

#[test]
fn a_passed_on_compile_error_reads_and_exits_as_the_compilers_own() {
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    project.edit("mid/src/lib.rs", "base::word()", "base::words()").unwrap();
    for _ in 0..2 {
        let ours = scenario.cargo("build").run().unwrap();
        let theirs = scenario.bare_cargo_in(project, "build").run().unwrap();
        assert_eq!(ours.code, theirs.code);
        assert_eq!(diagnostics(&ours), diagnostics(&theirs));
        assert!(ours.stderr.contains("E0425"), "{}", ours.stderr);
        assert_eq!(ours.event_of("mid").unwrap().outcome, Outcome::Error, "{}", said(&ours));
    }
}
