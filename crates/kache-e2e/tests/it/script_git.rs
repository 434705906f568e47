//! Build scripts that ask what commit they are built from.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;
use std::time::{Duration, SystemTime};

use kache_e2e::process::{RunError, output_of};
use kache_e2e::project::Project;

use crate::build_scripts::{MAIN, RUN, script};
use crate::expected::Expected::{Compiled, Hit, Unstored};
use crate::files::{make_executable, set_time, text};
use crate::trial::{MANIFEST, Trial, event_of};

/// Reads the commit from the files of the repository, as crates do that want no `git`.
const BY_FILES: &str = "let head = fs::read_to_string(\".git/HEAD\").unwrap(); \
    let commit = match head.trim().strip_prefix(\"ref: \") { \
        Some(branch) => fs::read_to_string(format!(\".git/{branch}\")).unwrap(), \
        None => head.clone() }; \
    format!(\"{} {}\", head.trim(), commit.trim())";

/// Asks `git`.
const BY_GIT: &str = "let said = Command::new(\"git\")\
    .args([\"describe\", \"--always\", \"--dirty\", \"--tags\"]).output().unwrap(); \
    String::from_utf8(said.stdout).unwrap().trim().to_owned()";

/// A repository with a commit, a project in it.
struct Repository(Trial);

impl Repository {
    fn of(body: &str) -> Self {
        let trial = Trial::of(&[
            ("Cargo.toml", MANIFEST),
            ("src/main.rs", MAIN),
            ("build.rs", &script(body)),
            (".gitignore", "/target\n/Cargo.lock\n"),
            ("notes.txt", "one\n"),
        ]);
        let repository = Self(trial);
        repository.git(&["init", "-q", "-b", "main"]);
        repository.commit("first");
        repository
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        self.git_in(self.0.project(), args)
    }

    #[track_caller]
    fn git_in(&self, project: &Project, args: &[&str]) -> String {
        self.try_git_in(project, args).expect("git succeeds")
    }

    fn try_git_in(&self, project: &Project, args: &[&str]) -> Result<String, RunError> {
        let mut git: Command = self.0.scenario.env.command("git");
        git.current_dir(project.dir()).args(["-c", "user.name=a", "-c", "user.email=a@b.c"]);
        output_of(git.args(args))
    }

    #[track_caller]
    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
    }

    /// Clones what was pushed. The index is as old as the files, as it is where that took
    /// less than a second, so that git writes another one as soon as it looks.
    #[track_caller]
    fn clone_to(&self, name: &str) -> Project {
        let dir = self.0.scenario.env.work_dir();
        let (origin, place) = (text(&dir.join("origin.git")), text(&dir.join(name)));
        if !dir.join("origin.git").exists() {
            self.git(&["clone", "-q", "--bare", ".", &origin]);
        }
        self.git(&["clone", "-q", &format!("file://{origin}"), &place]);
        let clone = Project::of_files(&[], &dir.join(name)).expect("it was just made");
        set_time(&clone.path(".git/index"), SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        clone
    }

    /// Builds in a clone in which git has no reason to compare contents, then clones
    /// again. Returns what the program of the first prints, and the second.
    #[track_caller]
    fn first_clone_and_next(&self, between: impl FnOnce()) -> (String, Project) {
        let first = self.clone_to("first/a");
        make_the_index_the_youngest(&first);
        let printed = self.0.check_in(&first, RUN, Compiled);
        assert_eq!(self.0.check_in(&first, RUN, Hit), printed);
        between();
        (printed, self.clone_to("the/second"))
    }

    /// Builds until the script is served: `git` tidies its index when it looks at
    /// files that are as young as that, and what writes is not stored.
    #[track_caller]
    fn settle(&self) -> String {
        crate::files::settle();
        for _ in 0..3 {
            let built = self.0.build();
            if built.event_of(RUN).is_some_and(|event| Hit.is_told_by(event)) {
                break;
            }
        }
        self.0.check(RUN, Hit)
    }

    /// Makes a change; a bare run prints something else exactly if `shows`, and
    /// then the script must run.
    #[track_caller]
    fn check(&self, shows: bool, change: impl FnOnce(&Self)) {
        let before = self.settle();
        change(self);
        let after = self.0.check_all(&[]);
        assert_eq!(before != after, shows, "{before} and {after}");
        assert_eq!(self.settle(), after);
    }
}

/// Makes the index younger than all files, so that git has no reason to compare any.
fn make_the_index_the_youngest(project: &Project) {
    crate::files::settle();
    set_time(&project.path(".git/index"), SystemTime::now());
}

/// Everything that changes what a commit is called, and what does not.
fn check_repository(body: &str, shows: [bool; 6]) {
    let repository = Repository::of(body);
    let [dirty, clean, commit, tag, branch, unrelated] = shows;
    repository.check(dirty, |it| it.0.write("notes.txt", "two\n"));
    repository.check(clean, |it| it.0.write("notes.txt", "one\n"));
    repository.check(commit, |it| {
        it.0.write("notes.txt", "three\n");
        it.commit("second");
    });
    repository.check(tag, |it| drop(it.git(&["tag", "v1"])));
    repository.check(branch, |it| drop(it.git(&["checkout", "-q", "-b", "other"])));
    repository.check(unrelated, |it| it.0.write("untracked.txt", "nobody knows it\n"));
    repository.check(true, |it| drop(it.git(&["checkout", "-q", "HEAD~1"])));
}

#[test]
fn a_script_that_reads_the_files_of_a_repository_runs_when_they_say_something_else() {
    check_repository(BY_FILES, [false, false, true, false, true, false]);
}

#[test]
fn a_script_that_asks_git_runs_when_it_says_something_else() {
    check_repository(BY_GIT, [true, true, true, true, false, false]);
}

#[test]
fn a_commit_is_another_one_for_who_only_reads_files() {
    let repository = Repository::of(BY_FILES);
    let trial = &repository.0;
    trial.prove_hit(RUN);
    trial.write("notes.txt", "two\n");
    let _printed = trial.check(RUN, Hit);
    repository.commit("second");
    let printed = trial.check(RUN, Compiled);
    let commit = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(printed, format!("ref: refs/heads/main {commit}"));
}

/// A work tree of its own has its own `HEAD`, and shares the rest.
#[test]
fn in_another_work_tree_the_answer_is_that_of_this_tree() {
    let repository = Repository::of(BY_GIT);
    let trial = &repository.0;
    let here = repository.settle();
    let place = trial.scenario.env.work_dir().join("elsewhere/tree");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    repository.git(&["worktree", "add", "-q", place.to_str().unwrap()]);
    let there = Project::of_files(&[], &place).unwrap();
    assert_eq!(trial.check_all_in(&there, &[]), here, "the same commit");
    there.write("notes.txt", "two\n").unwrap();
    assert_eq!(trial.check_all_in(&there, &[]).trim(), format!("{}-dirty", here.trim()));
    assert_eq!(trial.check_all(&[]), here, "here nothing changed");
    repository.git_in(&there, &["commit", "-q", "-a", "-m", "there"]);
    let commit = repository.git_in(&there, &["rev-parse", "--short", "HEAD"]);
    assert_eq!(trial.check_all_in(&there, &[]), commit);
}

/// Every build of a continuous integration is one in a new clone.
#[test]
fn one_clone_serves_the_next() {
    let repository = Repository::of(BY_GIT);
    let trial = &repository.0;
    let [first, second] = ["first/a", "the/second"].map(|name| repository.clone_to(name));
    let index_file = || fs::metadata(first.path(".git/index")).unwrap().ino();
    let before = index_file();
    let printed = trial.check_in(&first, RUN, Compiled);
    assert_ne!(index_file(), before, "git wrote another");
    assert_eq!(trial.check_in(&second, RUN, Hit), printed);
    assert_eq!(trial.check_in(&second, RUN, Compiled), printed, "bare git wrote another here too");
    assert_eq!(trial.check_in(&second, RUN, Hit), printed);
    second.write("notes.txt", "two\n").unwrap();
    assert_eq!(trial.check_all_in(&second, &[]).trim(), format!("{}-dirty", printed.trim()));
    second.write("notes.txt", "one\n").unwrap();
    assert_eq!(trial.check_in(&second, RUN, Unstored), printed, "git looks closer, and notes it");
    make_the_index_the_youngest(&second);
    assert_eq!(trial.check_in(&second, RUN, Hit), printed);
}

/// All its times are others, and some commands of git go by them.
#[test]
fn a_copy_of_a_work_tree_is_served_once_git_has_looked_at_it() {
    let repository = Repository::of(BY_GIT);
    let trial = &repository.0;
    let printed = repository.settle();
    let place = trial.scenario.env.work_dir().join("elsewhere/copy");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    trial.tool("cp", &["-r", ".", &text(&place)]);
    let copy = Project::of_files(&[], &place).unwrap();
    assert_eq!(trial.check_in(&copy, RUN, Unstored), printed);
    make_the_index_the_youngest(&copy);
    assert_eq!(trial.check_in(&copy, RUN, Hit), printed);
}

/// What objects and packs hold is told by their names, and they may be large.
#[test]
fn packs_are_not_read_for_a_hit() {
    let repository = Repository::of(BY_GIT);
    let trial = &repository.0;
    let [first, second] = ["first/a", "the/second"].map(|name| repository.clone_to(name));
    trial.check_in(&first, RUN, Compiled);
    let packs = fs::read_dir(second.path(".git/objects/pack")).unwrap();
    let mut broken = 0;
    for pack in packs.map(|entry| entry.unwrap().path()) {
        kache_e2e::project::remove(&pack).unwrap();
        fs::write(&pack, "no pack").unwrap();
        broken += 1;
    }
    assert!(broken > 1, "a pack and its table");
    let built = trial.build_in(&second);
    Hit.assert_told_by(event_of(&built, RUN));
}

/// Makes a change after a hit; the script prints something else, so it must run.
#[track_caller]
fn check_index(body: &str, change: impl FnOnce(&Repository)) {
    let repository = Repository::of(body);
    let before = repository.settle();
    change(&repository);
    assert_ne!(repository.0.check(RUN, Compiled), before);
}

const LISTING: &str = "let said = Command::new(\"git\").args([\"ls-files\", \"-v\", \"-s\"])\
    .output().unwrap(); String::from_utf8(said.stdout).unwrap()";

#[test]
fn all_that_an_index_says_counts() {
    let set = |args: &'static [&str]| {
        check_index(LISTING, |it| drop(it.git(&[&["update-index"], args].concat())));
    };
    set(&["--chmod=+x", "notes.txt"]);
    set(&["--assume-unchanged", "notes.txt"]);
    set(&["--skip-worktree", "notes.txt"]);
    set(&["--force-remove", "notes.txt"]);
    check_index(LISTING, |it| {
        it.0.write("notes.txt", "two\n");
        it.git(&["add", "notes.txt"]);
    });
    check_index(LISTING, |it| {
        it.0.write("new.txt", "");
        it.git(&["add", "--intent-to-add", "new.txt"]);
    });
}

#[test]
fn an_index_that_says_the_same_in_another_format_is_the_same() {
    let repository = Repository::of(BY_GIT);
    let printed = repository.settle();
    repository.git(&["update-index", "--index-version", "4"]);
    assert_eq!(repository.0.check(RUN, Hit), printed);
}

/// Runs git so that it changes more than times.
#[test]
fn a_script_that_changes_what_is_tracked_is_not_stored() {
    for change in ["\"update-index\", \"--assume-unchanged\"", "\"rm\", \"-q\", \"--cached\""] {
        let body = format!(
            "Command::new(\"git\").args([{change}, \"notes.txt\"]).status().unwrap(); String::new()"
        );
        Repository::of(&body).0.check_unstored(RUN, ".git/index");
    }
}

const DIFF_INDEX: &str = "let dirty = Command::new(\"git\")\
    .args([\"diff-index\", \"--quiet\", \"HEAD\"]).status().unwrap(); \
    dirty.code().unwrap().to_string()";

/// `git diff-index` takes a file for changed whose time is another, until somebody asks
/// git to look closer. What it says of that is true at no other time.
#[test]
fn what_git_says_of_times_is_not_kept() {
    let repository = Repository::of(DIFF_INDEX);
    let trial = &repository.0;
    crate::files::settle();
    trial.project().touch("notes.txt").unwrap();
    assert_eq!(trial.check_all(&[]), "1\n");
    repository.git(&["update-index", "--refresh"]);
    assert_eq!(trial.check(RUN, Compiled), "0\n");
    assert_eq!(trial.check(RUN, Hit), "0\n");
}

/// With `core.untrackedCache` git looks at the times of directories and lists none.
#[test]
fn a_file_that_git_does_not_track_is_seen_where_git_lists_no_directory() {
    let body = "let said = Command::new(\"git\").args([\"status\", \"--porcelain\"]).output().unwrap(); \
        String::from_utf8(said.stdout).unwrap()";
    let repository = Repository::of(body);
    let trial = &repository.0;
    trial.write("dir/tracked.txt", "");
    repository.commit("a directory");
    repository.git(&["config", "core.untrackedCache", "true"]);
    repository.git(&["update-index", "--untracked-cache"]);
    for _ in 0..2 {
        crate::files::settle();
        repository.git(&["status"]);
    }
    repository.settle();
    trial.write("dir/new.txt", "");
    assert!(trial.check(RUN, Compiled).contains("dir/new.txt"));
}

#[test]
fn what_git_says_of_times_is_not_served_where_times_are_others() {
    let repository = Repository::of(DIFF_INDEX);
    let trial = &repository.0;
    let [first, second] = ["first/a", "the/second"].map(|name| repository.clone_to(name));
    assert_eq!(trial.check_in(&first, RUN, Compiled), "0\n");
    assert_eq!(trial.check_in(&second, RUN, Hit), "0\n");
    second.touch("notes.txt").unwrap();
    assert_eq!(trial.check_all_in(&second, &[]), "1\n");
}

/// Where git has no reason to compare contents, nobody sees it ask how that is done.
#[test]
fn how_git_compares_contents_counts_in_a_clone_where_it_does() {
    let repository = Repository::of(BY_GIT);
    repository.0.write("dos.txt", "one\r\n");
    repository.commit("another end of line");
    let (printed, clone) = repository.first_clone_and_next(|| ());
    clone.write(".git/info/attributes", "*.txt text\n").unwrap();
    let there = repository.0.check_all_in(&clone, &[]);
    assert_eq!(there.trim(), format!("{}-dirty", printed.trim()));
}

#[test]
fn what_a_filter_makes_of_a_file_counts_in_a_clone_where_git_runs_it() {
    let repository = Repository::of(BY_GIT);
    let filter = repository.0.scenario.env.work_dir().join("filter");
    let filters_by = |command: &str| {
        fs::write(&filter, format!("#!/bin/sh\n{command}\n")).unwrap();
        make_executable(&filter);
    };
    filters_by("cat");
    repository.0.write(".gitattributes", "*.txt filter=upper\n");
    repository.git(&["config", "--global", "filter.upper.clean", &text(&filter)]);
    repository.commit("a filter that does nothing");
    let (printed, clone) = repository.first_clone_and_next(|| filters_by("tr a-z A-Z"));
    let there = repository.0.check_all_in(&clone, &[]);
    assert_eq!(there.trim(), format!("{}-dirty", printed.trim()));
}

#[test]
fn who_reads_the_bytes_of_an_index_depends_on_them() {
    let body = "let said = Command::new(\"sha1sum\").arg(\".git/index\").output().unwrap(); \
        String::from_utf8(said.stdout).unwrap()";
    let repository = Repository::of(body);
    let here = repository.settle();
    let clone = repository.clone_to("the/clone");
    assert_ne!(repository.0.check_in(&clone, RUN, Compiled), here);
}

/// As `vergen` does, from a package that is not at the top of the repository.
#[test]
fn an_index_that_is_declared_to_cargo_counts_by_what_it_says() {
    let body = format!("println!(\"cargo:rerun-if-changed=src/../.git/index\"); {BY_GIT}");
    let repository = Repository::of(&body);
    let [first, second] = ["first/a", "the/second"].map(|name| repository.clone_to(name));
    let printed = repository.0.check_in(&first, RUN, Compiled);
    assert_eq!(repository.0.check_in(&second, RUN, Hit), printed);
}

/// The index goes on telling of them.
#[test]
fn an_index_that_tells_of_conflicts_of_before_is_understood() {
    let repository = Repository::of(BY_GIT);
    repository.git(&["checkout", "-q", "-b", "other"]);
    repository.0.write("notes.txt", "other\n");
    repository.commit("other");
    repository.git(&["checkout", "-q", "main"]);
    repository.0.write("notes.txt", "main\n");
    repository.commit("main");
    let merged = repository.try_git_in(repository.0.project(), &["merge", "-q", "other"]);
    assert!(merged.is_err(), "there is a conflict");
    repository.0.write("notes.txt", "both\n");
    repository.commit("merged");
    assert!(crate::files::contains(&repository.0.path(".git/index"), "REUC"));
    let printed = repository.settle();
    repository.git(&["update-index", "--index-version", "4"]);
    assert_eq!(repository.0.check(RUN, Hit), printed);
}
