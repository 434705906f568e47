//! Who may read, write and execute a restored file.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kache_e2e::oracle::{Tree, is_artifact};
use kache_e2e::project::Project;
use kache_e2e::{HarnessError, Scenario};

use crate::chain::{self, CRATES, assert_hits, succeed};
use crate::stub::Stub;

/// Runs what follows with the umask of the test, in a program's place.
const WITH_UMASK: &str = r#"umask "$UMASK_WANTED"; exec "$real" "$@""#;

/// The workspace, and programs that run kache and the compiler with a given umask.
struct Masked {
    scenario: Scenario,
    kache: Stub,
    rustc: Stub,
}

/// Permission bits by path below a target directory.
type Modes = BTreeMap<PathBuf, u32>;

impl Masked {
    fn new() -> Result<Self, HarnessError> {
        let scenario = chain::scenario()?;
        let kache = Stub::before(&scenario, &scenario.kache.wrapper, "wrapper", WITH_UMASK);
        let rustc = Stub::compiler(&scenario, WITH_UMASK);
        Ok(Self { scenario, kache, rustc })
    }

    /// Builds from nothing under kache; everything must be served if `hits`.
    #[track_caller]
    fn build(&self, project: &Project, umask: &str, hits: bool) -> Result<Modes, HarnessError> {
        project.clean()?;
        let run = self.scenario.cargo_in(project, "build").wrapper(&self.kache.program);
        let built = succeed(&run.var("UMASK_WANTED", umask))?;
        if hits {
            assert_hits(&built, CRATES);
        }
        modes(&project.target_dir())
    }

    /// Builds from nothing without kache.
    fn build_bare(&self, project: &Project, umask: &str) -> Result<Modes, HarnessError> {
        let target = self.scenario.bare_target_dir(project);
        kache_e2e::project::remove(&target)?;
        let run = self.scenario.bare_cargo_in(project, "build").var("RUSTC", &self.rustc.program);
        drop(succeed(&run.var("UMASK_WANTED", umask))?);
        modes(&target)
    }
}

/// Returns the permissions of everything that the compiler wrote.
fn modes(target: &Path) -> Result<Modes, HarnessError> {
    let is_dep_info = |path: &Path| {
        path.starts_with("debug/deps") && path.extension().is_some_and(|ext| ext == "d")
    };
    let files = Tree::of(target, |path| is_artifact(path) || is_dep_info(path))?.files;
    let mode = |path: &PathBuf| {
        let metadata = fs::metadata(target.join(path)).expect("it was just read");
        metadata.permissions().mode() & 0o777
    };
    Ok(files.into_keys().map(|path| (path.clone(), mode(&path))).collect())
}

#[test]
fn restored_files_have_the_permissions_that_the_compiler_would_give_them() {
    for (first, second) in [("077", "022"), ("022", "077"), ("022", "002")] {
        let masked = Masked::new().unwrap();
        let one = masked.scenario.project.clone();
        let two = masked.scenario.second_checkout("elsewhere/two").unwrap();
        let [bare_first, bare_second] =
            [first, second].map(|umask| masked.build_bare(&one, umask).unwrap());
        assert_ne!(bare_first, bare_second);
        assert_eq!(masked.build(&one, first, false).unwrap(), bare_first);
        // What the store shares with the first checkout is not changed in it.
        let of_two = masked.build(&two, second, true).unwrap();
        assert_eq!(of_two, bare_second, "umask {first}, then {second} elsewhere");
        assert_eq!(
            modes(&one.target_dir()).unwrap(),
            bare_first,
            "umask {first}, then {second} elsewhere"
        );
        two.clean().unwrap();
        assert_eq!(
            masked.build(&one, second, true).unwrap(),
            bare_second,
            "umask {first}, then {second}"
        );
    }
}
