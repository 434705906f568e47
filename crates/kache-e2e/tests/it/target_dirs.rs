//! Wherever cargo puts what is built, and however it arranges it, a repeat is
//! served and another checkout shares it.

use std::os::unix::fs::symlink;

use kache_e2e::cargo::CargoRun;
use kache_e2e::events::Outcome;
use kache_e2e::project::Project;
use kache_e2e::{HarnessError, Scenario};

use crate::chain::{
    self, CRATES, SENTENCE, assert_compiled, assert_hits, printed_by, same_as_bare, succeed,
};

/// One way to arrange target directories.
struct Case<'a> {
    scenario: &'a Scenario,
    /// Arguments for cargo; `{place}` is a directory beside the checkout.
    args: &'a [&'a str],
    /// Variables for cargo, likewise.
    vars: &'a [(&'a str, &'a str)],
    /// The program, below the checkout or, with `{place}`, beside it.
    program: &'a str,
}

impl Case<'_> {
    fn expand(project: &Project, text: &str) -> String {
        let place = project.dir().with_extension("place");
        text.replace("{place}", &place.to_string_lossy())
    }

    fn cargo(&self, project: &Project, verb: &str) -> CargoRun<'_> {
        let mut run = self.scenario.cargo_in(project, verb);
        for (name, value) in self.vars {
            run = run.var(name, Self::expand(project, value));
        }
        run.args(self.args.iter().map(|arg| Self::expand(project, arg)))
    }

    fn printed(&self, project: &Project) -> Result<String, HarnessError> {
        printed_by(self.scenario, &project.path(Self::expand(project, self.program)))
    }

    /// Cold, warm, nothing to do, edited; then the same in a second checkout,
    /// which needs no compiler until it is edited.
    #[track_caller]
    fn check(&self) -> Result<(), HarnessError> {
        let first = &self.scenario.project;
        assert_compiled(&succeed(&self.cargo(first, "build"))?, CRATES);
        succeed(&self.cargo(first, "clean"))?;
        self.check_restored(first)?;
        let second = self.scenario.second_checkout("elsewhere/two")?;
        self.check_restored(&second)?;
        assert_eq!(succeed(&self.cargo(first, "build"))?.units(), 0);
        second.edit("base/src/lib.rs", "one", "two")?;
        assert_compiled(&succeed(&self.cargo(&second, "build"))?, &["app", "base", "mid"]);
        assert_eq!(self.printed(&second)?, SENTENCE.replace("one", "two"));
        Ok(())
    }

    #[track_caller]
    fn check_restored(&self, project: &Project) -> Result<(), HarnessError> {
        assert_hits(&succeed(&self.cargo(project, "build"))?, CRATES);
        assert_eq!(self.printed(project)?, SENTENCE);
        let again = succeed(&self.cargo(project, "build"))?;
        assert_eq!(again.units(), 0, "{}", again.stderr);
        Ok(())
    }
}

#[test]
fn the_present_layout_is_served() {
    let scenario = &chain::scenario().unwrap();
    let case = Case { scenario, args: &[], vars: &[], program: "target/debug/app" };
    case.check().unwrap();
    assert_eq!(same_as_bare(scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn the_coming_layout_with_a_directory_for_each_unit_is_served() {
    let scenario = &chain::scenario().unwrap();
    let case = Case {
        scenario,
        args: &["-Zbuild-dir-new-layout"],
        vars: &[("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly")],
        program: "target/debug/app",
    };
    case.check().unwrap();
    let units = scenario.project.target_dir().join("debug/build/base");
    assert!(units.is_dir(), "this cargo does not know the coming layout");
    assert_eq!(same_as_bare(scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn the_coming_layout_in_a_build_directory_of_its_own_is_served() {
    let scenario = &chain::scenario().unwrap();
    let case = Case {
        scenario,
        args: &["-Zbuild-dir-new-layout"],
        vars: &[
            ("__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS", "nightly"),
            ("CARGO_BUILD_BUILD_DIR", "{place}"),
        ],
        program: "target/debug/app",
    };
    case.check().unwrap();
}

#[test]
fn a_target_directory_elsewhere_is_served() {
    let scenario = &chain::scenario().unwrap();
    let vars = &[("CARGO_TARGET_DIR", "{place}")];
    let case = Case { scenario, args: &[], vars, program: "{place}/debug/app" };
    case.check().unwrap();
}

/// lld says by other names what it read there than cargo.
#[test]
fn a_target_directory_beside_the_working_directory_is_served() {
    for linker in ["", "-Clink-arg=-fuse-ld=bfd"] {
        let scenario = &chain::scenario().unwrap();
        let vars = &[("CARGO_TARGET_DIR", "../beside"), ("RUSTFLAGS", linker)];
        Case { scenario, args: &[], vars, program: "../beside/debug/app" }.check().unwrap();
    }
}

/// There lld names directories that it did not look into.
#[test]
fn nothing_is_linked_from_the_cache_where_a_link_stands_before_a_parent() {
    let scenario = &chain::scenario().unwrap();
    let project = &scenario.project;
    std::fs::create_dir(project.path("deep")).unwrap();
    symlink(project.path("base"), project.path("deep/link")).unwrap();
    for outcome in [Outcome::Miss, Outcome::Hit] {
        let cargo = scenario.cargo("build").var("CARGO_TARGET_DIR", "deep/link/../target");
        let built = succeed(&cargo).unwrap();
        let of = |name| built.event_of(name).unwrap();
        assert_eq!(of("base").outcome, outcome);
        assert_eq!(of("app").outcome, Outcome::Passthrough, "{}", of("app").describe());
        assert_eq!(printed_by(scenario, &project.program("app")).unwrap(), SENTENCE);
        project.clean().unwrap();
    }
}

#[test]
fn a_target_directory_with_odd_characters_is_served() {
    let scenario = &chain::scenario().unwrap();
    let vars = &[("CARGO_TARGET_DIR", "{place} with space, äöü and 'quotes'")];
    let program = "{place} with space, äöü and 'quotes'/debug/app";
    Case { scenario, args: &[], vars, program }.check().unwrap();
}

#[test]
fn a_build_directory_beside_the_target_directory_is_served() {
    let scenario = &chain::scenario().unwrap();
    let vars = &[("CARGO_BUILD_BUILD_DIR", "{place}")];
    Case { scenario, args: &[], vars, program: "target/debug/app" }.check().unwrap();
    let first = &scenario.project;
    assert!(first.dir().with_extension("place").join("debug/deps").is_dir());
    assert!(!first.target_dir().join("debug/deps").exists());
}

#[test]
fn a_target_named_as_the_host_is_served() {
    let scenario = &chain::scenario().unwrap();
    let host = scenario.env.toolchain().host.as_str();
    let program = format!("target/{host}/debug/app");
    Case { scenario, args: &["--target", host], vars: &[], program: &program }.check().unwrap();
}

#[test]
fn a_target_directory_behind_a_symbolic_link_is_served() {
    let scenario = &chain::scenario().unwrap();
    let project = &scenario.project;
    let real = scenario.env.root().join("real target");
    std::fs::create_dir(&real).unwrap();
    symlink(&real, project.target_dir()).unwrap();
    let build = || succeed(&scenario.cargo("build")).unwrap();
    assert_compiled(&build(), CRATES);
    std::fs::remove_dir_all(real.join("debug")).unwrap();
    assert_hits(&build(), CRATES);
    assert_eq!(build().units(), 0);
    assert_eq!(same_as_bare(scenario, project).unwrap(), SENTENCE);
    project.edit("base/src/lib.rs", "one", "two").unwrap();
    assert_compiled(&build(), &["app", "base", "mid"]);
    assert_eq!(same_as_bare(scenario, project).unwrap(), SENTENCE.replace("one", "two"));
}

#[test]
fn one_layout_shares_with_another() {
    let scenario = &chain::warmed().unwrap();
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    let target = scenario.env.root().join("another place");
    let elsewhere = scenario.cargo_in(&second, "build").var("CARGO_TARGET_DIR", &target);
    assert_hits(&succeed(&elsewhere).unwrap(), CRATES);
    assert_eq!(printed_by(scenario, &target.join("debug/app")).unwrap(), SENTENCE);
    let build_dir = scenario.env.root().join("build directory");
    let split = scenario.cargo_in(&second, "build").var("CARGO_BUILD_BUILD_DIR", &build_dir);
    assert_hits(&succeed(&split).unwrap(), CRATES);
    assert_eq!(printed_by(scenario, &second.program("app")).unwrap(), SENTENCE);
}
