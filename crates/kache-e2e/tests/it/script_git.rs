//! Build scripts that ask what commit they are built from.

use std::fs;
use std::process::Command;

use kache_e2e::process::output_of;
use kache_e2e::project::Project;

use crate::build_scripts::{MAIN, RUN, script};
use crate::expected::Expected::{Compiled, Hit};
use crate::trial::{MANIFEST, Trial};

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
        let mut git: Command = self.0.scenario.env.command("git");
        git.current_dir(project.dir()).args(["-c", "user.name=a", "-c", "user.email=a@b.c"]);
        output_of(git.args(args)).expect("git succeeds")
    }

    #[track_caller]
    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
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
