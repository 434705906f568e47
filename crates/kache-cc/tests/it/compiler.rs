//! The compilers installed here, and a directory to run them in.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::{env, fs};

use kache_cc::{
    Called, CcUnit, Driver, DriverLanguage, Family, Verdict, classify, driver_name,
    family_of_version_text,
};
use tempfile::TempDir;

const PROGRAMS: &[&str] =
    &["gcc", "g++", "clang", "clang++", "clang-14", "clang-19", "clang++-14", "clang++-19"];

/// A compiler that is installed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compiler {
    pub(crate) program: &'static str,
    pub(crate) called: Called,
}

/// Returns the compilers that are installed here.
///
/// With `CI` set, both families must be among them.
pub(crate) fn installed() -> Vec<Compiler> {
    let found: Vec<Compiler> =
        PROGRAMS.iter().filter_map(|program| Compiler::of(program)).collect();
    for family in [Family::Gcc, Family::Clang] {
        if !found.iter().any(|compiler| compiler.called.family == family) {
            let reason = format!("no compiler of the family {} is installed", family.name());
            assert!(env::var_os("CI").is_none(), "{reason}");
            writeln!(io::stderr(), "skipped: {reason}").expect("standard error is open");
        }
    }
    found
}

/// Returns the installed compilers of C alone.
pub(crate) fn for_c() -> Vec<Compiler> {
    let is_c = |it: &Compiler| it.called.language == DriverLanguage::ByName;
    installed().into_iter().filter(is_c).collect()
}

impl Compiler {
    fn of(program: &'static str) -> Option<Self> {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let Driver { language, .. } = driver_name(program)?;
        let family = family_of_version_text(&text)?;
        Some(Self { program, called: Called { family, language } })
    }

    pub(crate) fn family(&self) -> Family {
        self.called.family
    }

    /// Returns the one unit that `args` are for this compiler.
    #[track_caller]
    pub(crate) fn unit(&self, args: &[String]) -> CcUnit {
        match classify(args, self.called) {
            Verdict::Compile(mut units) if units.len() == 1 => units.remove(0),
            other => panic!("{} {args:?}: {other:?}", self.program),
        }
    }
}

/// A directory with sources, which is the working directory of compilers.
pub(crate) struct Dir {
    dir: TempDir,
}

impl Dir {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let this = Self { dir: TempDir::new().unwrap() };
        for (name, text) in files {
            let path = this.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Reads a file and removes it.
    pub(crate) fn take(&self, name: &str) -> Vec<u8> {
        let bytes = self.read(name);
        fs::remove_file(self.path(name)).unwrap();
        bytes
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Returns the files below the directory, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![self.dir.path().to_owned()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(self.dir.path()).unwrap().to_str().unwrap();
                    files.push(name.to_owned());
                }
            }
        }
        files.sort();
        files
    }

    /// Runs a compiler here, in a bare environment and the language of this text.
    pub(crate) fn run(&self, program: &str, args: &[String], env: &[(String, String)]) -> Output {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).args(args).env_clear();
        command.env("PATH", env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
        command.envs(env.iter().map(|(name, value)| (name, value)));
        command.output().unwrap()
    }

    /// Runs a compiler that must succeed, and returns its standard error.
    #[track_caller]
    pub(crate) fn compile(&self, program: &str, args: &[String]) -> String {
        let output = self.run(program, args, &[]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{program} {args:?}: {text}");
        text
    }
}

/// Splits a command line at blanks.
pub(crate) fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}
