//! One command line of a C or C++ compiler, run again and again: what kache
//! made of it, and whether the bare compiler would have made the same.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use kache_e2e::env::Env;
use kache_e2e::events::{Event, Journal};
use kache_e2e::kache::Kache;
use kache_e2e::process::run;
use kache_e2e::project::Project;

use crate::expected::{Expected, assert_unstored};

/// Compilers to try everything with. Those that are not installed are passed
/// over with a word, except in CI, which installs them.
pub(crate) const GCC: &str = "gcc";
pub(crate) const CLANG: &str = match option_env!("KACHE_TEST_CLANG") {
    Some(other) => other,
    None => "clang-14",
};
pub(crate) const BOTH: [&str; 2] = [GCC, CLANG];

/// The name of [`CLANG`] for C++.
pub(crate) fn clang_for_cpp() -> String {
    CLANG.replacen("clang", "clang++", 1)
}

/// Returns what follows a hyphen in the names of [`CLANG`]'s own tools.
pub(crate) fn clang_version() -> &'static str {
    CLANG.rsplit_once('-').map_or("", |(_, version)| version)
}

/// Returns whether [`CLANG`] takes the time from `SOURCE_DATE_EPOCH`: from 16 on.
pub(crate) fn clang_obeys_epoch() -> bool {
    clang_version().parse::<u32>().is_ok_and(|version| version >= 16)
}

/// Everything that a run of a compiler shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Every file in the project: path, permissions, bytes.
    tree: BTreeMap<PathBuf, (u32, Vec<u8>)>,
}

/// A folder of sources in an environment of its own.
pub(crate) struct CcTrial {
    pub(crate) env: Env,
    pub(crate) kache: Kache,
    pub(crate) project: Project,
    sources: Vec<(String, String)>,
}

/// Returns kache with a link in `env` as the wrapper: `CC` is split at spaces, and the
/// workspace may be anywhere.
pub(crate) fn kache_for_cc(env: &Env) -> Kache {
    let built = Kache::for_tests().expect("kache builds");
    let wrapper = env.root().join("kache");
    std::os::unix::fs::symlink(built.wrapper, &wrapper).expect("a link can be made");
    Kache { wrapper, ..built }
}

impl CcTrial {
    /// Starts from `files`, each a path and a text.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let env = Env::new().expect("a scenario needs a toolchain and room");
        let kache = kache_for_cc(&env);
        let project = Project::of_files(files, &env.work_dir().join("project"))
            .expect("the project can be written");
        let sources = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let trial = Self { env, kache, project, sources: sources.collect() };
        Self::settle();
        trial
    }

    /// Changes or adds a source.
    pub(crate) fn write(&mut self, path: &str, text: &str) {
        self.project.write(path, text).expect("the file can be written");
        self.sources.retain(|(known, _)| known != path);
        self.sources.push((path.to_owned(), text.to_owned()));
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        let link = self.project.path(path);
        std::os::unix::fs::symlink(target, link).expect("a link can be made");
        self.sources.push((path.to_owned(), String::new()));
    }

    /// Keeps what `compiler` makes of `args`, which is called `output`, as a source.
    #[track_caller]
    pub(crate) fn make(&mut self, compiler: &str, args: &[&str], output: &str) {
        let seen = self.bare(compiler, args);
        assert_eq!(seen.code, Some(0), "{}", seen.stderr);
        self.keep(output);
    }

    /// Keeps a file that is there as a source.
    pub(crate) fn keep(&mut self, path: &str) {
        self.sources.push((path.to_owned(), String::new()));
        Self::settle();
    }

    /// Removes a source.
    pub(crate) fn remove(&mut self, path: &str) {
        self.project.remove(path).expect("the file can be removed");
        self.sources.retain(|(known, _)| known != path);
    }

    /// Waits until the times of all files are old enough to be believed.
    fn settle() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    /// Returns the project as it is without anything that a compiler made.
    #[track_caller]
    fn restore(&self, project: &Project) {
        for (path, _) in tree_of(project.dir()) {
            let relative = path.to_string_lossy();
            if !self.sources.iter().any(|(source, _)| *source == relative) {
                fs::remove_file(project.path(&path)).expect("an output can be removed");
            }
        }
    }

    /// Runs `compiler` with `args` without kache, from a clean project. In
    /// arguments, `{dir}` stands for the project.
    #[track_caller]
    pub(crate) fn bare(&self, compiler: &str, args: &[&str]) -> Seen {
        self.bare_in(&self.project, compiler, args)
    }

    /// [`bare`](Self::bare) in another checkout.
    #[track_caller]
    pub(crate) fn bare_in(&self, project: &Project, compiler: &str, args: &[&str]) -> Seen {
        self.see(project, self.env.command(compiler), args)
    }

    /// Runs a script in the project, in which `$CC` stands for the compiler.
    #[track_caller]
    pub(crate) fn script(&self, cc: &str, text: &str) -> Seen {
        let mut shell = self.env.command("bash");
        shell.env("CC", cc);
        self.see(&self.project, shell, &["-c", text])
    }

    /// Runs a script in which `$CC` is `compiler` without kache, and with it
    /// twice: all must show the same. Returns the events.
    #[track_caller]
    pub(crate) fn check_script(&self, compiler: &str, text: &str) -> [Vec<Event>; 2] {
        let bare = self.script(compiler, text);
        let cached = format!("{} {compiler}", self.kache.wrapper.display());
        [(); 2].map(|()| {
            let mut journal = Journal::at_end_of(&self.env.cache_dir());
            assert_same(&self.script(&cached, text), &bare);
            journal.take().expect("the journal is readable")
        })
    }

    /// Puts an executable outside of the project, in a directory `bin` of the
    /// environment; returns its path.
    pub(crate) fn program(&self, name: &str, text: &str) -> String {
        let path = self.env.root().join("bin").join(name);
        fs::create_dir_all(path.parent().expect("it is in a directory")).expect("room");
        fs::write(&path, text).expect("the program can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be marked");
        path.into_os_string().into_string().expect("the path is text")
    }

    /// Runs `compiler` with `args` under kache, from a clean project.
    #[track_caller]
    pub(crate) fn cached(&self, compiler: &str, args: &[&str]) -> (Seen, Vec<Event>) {
        self.cached_in(&self.project, compiler, args)
    }

    /// [`cached`](Self::cached) in another checkout.
    #[track_caller]
    pub(crate) fn cached_in(
        &self,
        project: &Project,
        compiler: &str,
        args: &[&str],
    ) -> (Seen, Vec<Event>) {
        let mut journal = Journal::at_end_of(&self.env.cache_dir());
        let mut command = self.env.command(&self.kache.wrapper);
        command.arg(compiler);
        let seen = self.see(project, command, args);
        (seen, journal.take().expect("the journal is readable"))
    }

    #[track_caller]
    fn see(&self, project: &Project, mut command: Command, args: &[&str]) -> Seen {
        self.restore(project);
        let dir = project.dir().to_str().expect("test paths are UTF-8");
        command.args(args.iter().map(|arg| arg.replace("{dir}", dir)));
        let ran = run(command.current_dir(dir)).expect("the command starts");
        Seen {
            code: ran.status.code(),
            stdout: ran.stdout,
            stderr: ran.stderr,
            tree: tree_of(project.dir()),
        }
    }

    /// Runs the command under kache and without it: kache must do as
    /// `expected`, and what is seen must be the same.
    #[track_caller]
    pub(crate) fn check(&self, compiler: &str, args: &[&str], expected: Expected) -> Seen {
        self.check_in(&self.project, compiler, args, expected)
    }

    /// [`check`](Self::check) in another checkout.
    #[track_caller]
    pub(crate) fn check_in(
        &self,
        project: &Project,
        compiler: &str,
        args: &[&str],
        expected: Expected,
    ) -> Seen {
        let bare = self.bare_in(project, compiler, args);
        let (seen, events) = self.cached_in(project, compiler, args);
        for event in &events {
            expected.assert_told_by(event);
        }
        assert!(!events.is_empty(), "kache wrote no event");
        assert_same(&seen, &bare);
        seen
    }

    /// Compiles and expects the result not to be stored, for a reason in which
    /// `why` occurs. What a clock decides is not compared.
    #[track_caller]
    pub(crate) fn check_unstored(&self, compiler: &str, args: &[&str], why: &str) -> Seen {
        let (seen, events) = self.cached(compiler, args);
        assert_eq!(events.len(), 1, "{events:?}");
        for event in &events {
            assert_unstored(event, why);
        }
        seen
    }

    /// Copies the sources to a directory called `name`.
    pub(crate) fn second(&self, name: &str) -> Project {
        let dir = self.env.work_dir().join(name);
        let second = self.project.second_checkout(&dir).expect("a copy can be made");
        self.restore(&second);
        Self::settle();
        second
    }

    /// Compiles twice and compares with the bare compiler, whatever kache makes
    /// of it; returns the events.
    #[track_caller]
    pub(crate) fn check_twice(&self, compiler: &str, args: &[&str]) -> Vec<Event> {
        let bare = self.bare(compiler, args);
        let mut events = Vec::new();
        for _ in 0..2 {
            let (seen, told) = self.cached(compiler, args);
            assert_same(&seen, &bare);
            events.extend(told);
        }
        events
    }

    /// Compiles twice; the second time must be a hit. The first may be one, of
    /// another command line that means the same.
    #[track_caller]
    pub(crate) fn prove_served(&self, compiler: &str, args: &[&str]) {
        let events = self.check_twice(compiler, args);
        let (first, second) = events.split_at(events.len() / 2);
        for event in first {
            let is_fine = Expected::Compiled.is_told_by(event) || Expected::Hit.is_told_by(event);
            assert!(is_fine, "{args:?}: {}", event.describe());
        }
        for event in second {
            assert!(Expected::Hit.is_told_by(event), "{args:?}: {}", event.describe());
        }
        assert!(!first.is_empty() && first.len() == second.len(), "{args:?}");
    }

    /// Compiles twice; both times kache must leave it to the compiler.
    #[track_caller]
    pub(crate) fn prove_left_alone(&self, compiler: &str, args: &[&str]) {
        let events = self.check_twice(compiler, args);
        assert_eq!(events.len(), 2, "{args:?}");
        for event in &events {
            assert!(Expected::Passthrough.is_told_by(event), "{args:?}: {}", event.describe());
        }
    }

    /// Compiles twice; the second time must be a hit.
    #[track_caller]
    pub(crate) fn prove_hit(&self, compiler: &str, args: &[&str]) {
        self.check(compiler, args, Expected::Compiled);
        self.check(compiler, args, Expected::Hit);
    }
}

/// Asserts that both runs show the same, and says briefly where they do not.
#[track_caller]
pub(crate) fn assert_same(seen: &Seen, bare: &Seen) {
    assert_eq!(
        (seen.code, &seen.stdout, &seen.stderr),
        (bare.code, &bare.stdout, &bare.stderr),
        "kache's run on the left, the bare compiler's on the right"
    );
    let names = |seen: &Seen| seen.tree.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(seen), names(bare), "kache's files on the left");
    for (path, facts) in &seen.tree {
        assert!(bare.tree.get(path) == Some(facts), "`{}` differs", path.display());
    }
}

impl Seen {
    /// Returns the bytes of an output.
    #[track_caller]
    pub(crate) fn bytes(&self, path: &str) -> &[u8] {
        let found = self.tree.get(Path::new(path));
        assert!(found.is_some(), "there is no `{path}`");
        found.map_or(&[], |(_, bytes)| bytes)
    }

    /// Returns the exit code, unless a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }

    /// Returns what was printed as a result.
    pub(crate) fn stdout(&self) -> &str {
        &self.stdout
    }

    /// Returns what the compiler printed as a warning or an error.
    pub(crate) fn stderr(&self) -> &str {
        &self.stderr
    }
}

/// Returns whether `compiler` is there; where it is not, says so, and fails in CI.
pub(crate) fn is_installed(compiler: &str) -> bool {
    let found = Command::new(compiler).arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "CI installs `{compiler}`");
    if !found {
        drop(writeln!(io::stderr(), "skipped: `{compiler}` is not installed"));
    }
    found
}

/// Runs `test` with every compiler of [`BOTH`] that is there.
pub(crate) fn with_each(test: impl Fn(&str)) {
    BOTH.into_iter().filter(|compiler| is_installed(compiler)).for_each(test);
}

fn tree_of(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut tree = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).expect("a directory can be read").flatten() {
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).expect("a file can be looked at");
            if metadata.is_dir() {
                pending.push(path);
            } else {
                let relative = path.strip_prefix(dir).expect("it is below").to_owned();
                let bytes = fs::read(&path).unwrap_or_default();
                tree.insert(relative, (metadata.permissions().mode(), bytes));
            }
        }
    }
    tree
}
