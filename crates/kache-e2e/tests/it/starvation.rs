//! What the system refuses kache and not the compiler: open files, and locks.
//! No build may notice.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::{fs, io};

use kache_e2e::cargo::{CargoOutcome, CargoRun};
use kache_e2e::filesystem::skip;
use kache_e2e::process::output_of;
use kache_e2e::project::remove;
use kache_e2e::{HarnessError, Scenario};

use crate::chain::{
    self, CRATES, SENTENCE, assert_compiled, assert_hits, build, printed, same_as_bare, succeed,
};
use crate::files::{settle, text};
use crate::stub::Stub;

/// A compiler that may open as many files as the system allows, however few
/// its caller may.
const UNSTARVED: &str = r#"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int count, char **args) {
    struct rlimit files;
    char **more = calloc(count + 3, sizeof *more);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    memcpy(more, args, count * sizeof *more);
    more[count] = "--sysroot";
    more[count + 1] = SYSROOT;
    execv(REAL, more);
    return 127;
}
"#;

/// Makes [`UNSTARVED`] the compiler, in a tree of its own as a toolchain is.
fn install_unstarved(scenario: &mut Scenario) -> io::Result<()> {
    let tree = scenario.env.root().join("toolchain");
    let (source, program) = (tree.join("unstarved.c"), tree.join("bin/rustc"));
    fs::create_dir_all(tree.join("bin"))?;
    fs::write(&source, UNSTARVED)?;
    let real = &scenario.env.toolchain().rustc;
    let sysroot = output_of(scenario.env.command(real).arg("--print=sysroot"));
    let sysroot = sysroot.map_err(io::Error::other)?;
    symlink(Path::new(sysroot.trim()).join("lib"), tree.join("lib"))?;
    let define = |name: &str, path: &Path| format!("-D{name}=\"{}\"", text(path));
    let mut cc = scenario.env.command("cc");
    cc.args([define("REAL", real), define("SYSROOT", &tree)]);
    drop(output_of(cc.arg("-o").arg(&program).arg(&source)).map_err(io::Error::other)?);
    scenario.env.set("RUSTC", program);
    Ok(())
}

/// Builds from nothing under kache with no more than `limit` open files.
#[track_caller]
fn build_starved(scenario: &Scenario, limit: usize) -> Result<CargoOutcome, HarnessError> {
    let body = format!("ulimit -S -n {limit}; exec \"$real\" \"$@\"");
    let name = format!("kache-{limit}");
    let starved = Stub::before(scenario, &scenario.kache.wrapper, &name, &body);
    scenario.project.clean()?;
    let cargo = CargoRun::new(&scenario.env, scenario.project.dir(), "build");
    let built = succeed(&cargo.wrapper(&starved.program))?;
    assert!(!built.stderr.contains("warning"), "with {limit} files: {}", built.stderr);
    assert_eq!(printed(scenario, &scenario.project)?, SENTENCE, "with {limit} files");
    Ok(built)
}

/// Whether every crate was served.
fn is_served(built: &CargoOutcome) -> bool {
    built.tally().hits == CRATES.len()
}

#[test]
fn a_lack_of_open_files_stops_no_build_and_spoils_no_entry() {
    let mut scenario = chain::scenario().unwrap();
    install_unstarved(&mut scenario).unwrap();
    settle();
    // What the compiler is stays known; asking would take more files.
    build(&scenario, &scenario.project).unwrap();
    let store = scenario.env.cache_dir().join("v1");
    // With three, no program that needs a shared library starts at all.
    for limit in [4, 5, 6, 7, 8, 9, 10, 16] {
        for kind in ["entries", "records", "blobs"] {
            remove(&store.join(kind)).unwrap();
        }
        build_starved(&scenario, limit).unwrap();
        let is_stored = is_served(&build_starved(&scenario, limit).unwrap());
        assert!(is_stored || limit < 16, "16 files are plenty");
        assert!(!is_stored || limit > 4, "4 files are no lack");
        scenario.project.clean().unwrap();
        build(&scenario, &scenario.project).unwrap();
        assert!(is_served(&build_starved(&scenario, limit).unwrap()), "with {limit} files");
    }
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn a_system_without_locks_is_served_all_the_same() {
    let mut scenario = chain::scenario().unwrap();
    if output_of(scenario.env.command("strace").arg("-V")).is_err() {
        skip("no strace to refuse locks with");
        return;
    }
    let refusing = "exec strace -qq -o /dev/null -e inject=flock:error=ENOLCK \"$real\" \"$@\"";
    let lockless = Stub::before(&scenario, &scenario.kache.wrapper, "lockless", refusing);
    scenario.kache.wrapper = lockless.program;
    assert_compiled(&build(&scenario, &scenario.project).unwrap(), CRATES);
    scenario.project.clean().unwrap();
    assert_hits(&build(&scenario, &scenario.project).unwrap(), CRATES);
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}
