//! Does it work? A library and a program are compiled twice through the
//! wrapper, in a store of their own: the second time must be a hit.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kache_store::{Event, Layout, Outcome, journal};

use super::{Check, Checks};
use crate::process::{self, Ran};

/// How long one compilation may take.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The sources, by crate name.
const LIBRARY: (&str, &str) = ("kache_probe_lib", "pub fn answer() -> u32 { 42 }\n");
const PROGRAM: (&str, &str) = ("kache_probe_bin", "fn main() {}\n");
/// Variables that say where a toolchain is, and nothing about kache.
const PASSED_ON: [&str; 9] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "LD_LIBRARY_PATH",
    "LIBRARY_PATH",
    "SDKROOT",
];

/// Compiles, stores and restores with `rustc` through `wrapper`.
pub(super) fn check(wrapper: Option<&Path>, rustc: Option<&Path>) -> Vec<Check> {
    let mut checks = Checks::of("probe");
    let (Some(wrapper), Some(rustc)) = (wrapper, rustc) else {
        checks.warn("compile", "not tried", "it needs the wrapper and a compiler");
        return checks.list;
    };
    let probe = match Probe::set_up(wrapper, rustc) {
        Ok(probe) => probe,
        Err(error) => {
            let message = format!("failed to make a project to compile: {error}");
            checks.fail("compile", message, "is the temporary directory writable?");
            return checks.list;
        }
    };
    probe.check_library(&mut checks);
    probe.check_program(&mut checks);
    checks.list
}

/// A project and a store in a temporary directory.
struct Probe {
    dir: tempfile::TempDir,
    wrapper: PathBuf,
    rustc: PathBuf,
}

/// What two compilations of one crate came to.
enum Twice {
    /// The second was a hit with the bytes of the first.
    Hit,
    /// The second was a hit with other bytes: the name of the file that differs.
    Differs(String),
    /// The second was something else.
    NotAHit(Box<Event>),
    /// The wrapper wrote no event for it.
    Silent,
}

impl Probe {
    fn set_up(wrapper: &Path, rustc: &Path) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix("kache-doctor-").tempdir()?;
        let probe = Self { dir, wrapper: std::path::absolute(wrapper)?, rustc: rustc.to_owned() };
        fs::create_dir_all(probe.out_dir())?;
        // Cargo marks its target directory so, and that is how kache finds it.
        fs::write(
            probe.path("target/CACHEDIR.TAG"),
            "Signature: 8a477f597d28d172789f06886806bc55\n",
        )?;
        fs::write(probe.path("config.toml"), "")?;
        for (name, source) in [LIBRARY, PROGRAM] {
            fs::write(probe.path(&format!("{name}.rs")), source)?;
        }
        Ok(probe)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn out_dir(&self) -> PathBuf {
        self.path("target/debug/deps")
    }

    fn check_library(&self, checks: &mut Checks) {
        const NAME: &str = "compile";
        let program = self.wrapper.display();
        match self.twice(LIBRARY.0, "lib") {
            Err(error) => checks.fail(NAME, error.to_string(), "see docs/troubleshooting.md"),
            Ok(Twice::Hit) => {
                checks.ok(NAME, "a library was compiled, stored, and restored byte for byte");
            }
            Ok(Twice::Differs(file)) => checks.fail(
                NAME,
                format!("the restored `{file}` differs from what the compiler wrote"),
                "stop using this cache directory's file system, and report it",
            ),
            Ok(Twice::NotAHit(event)) => {
                let what = describe(&event);
                let message = format!("the second compilation of a library was not a hit: {what}");
                checks.fail(NAME, message, "see docs/troubleshooting.md");
            }
            Ok(Twice::Silent) => {
                let message = format!("`{program}` wrote no event, so it is no kache wrapper");
                let anew =
                    "install it anew from a checkout: cargo install --path crates/kache-wrapper";
                checks.fail(NAME, message, anew);
            }
        }
    }

    fn check_program(&self, checks: &mut Checks) {
        const NAME: &str = "linker";
        match self.twice(PROGRAM.0, "bin") {
            Ok(Twice::Hit) => {
                checks
                    .ok(NAME, "says what it reads: executables and libraries it makes are cached");
            }
            Ok(Twice::NotAHit(event)) => checks.warn(
                NAME,
                format!("an executable was not served from the cache: {}", describe(&event)),
                "libraries are cached all the same; GNU ld 2.35 or later, lld and mold can say \
                 what they read",
            ),
            Ok(Twice::Differs(file)) => checks.fail(
                NAME,
                format!("the restored `{file}` differs from what the linker wrote"),
                "set cache_executables = false, and report it",
            ),
            Ok(Twice::Silent) => {
                checks.fail(NAME, "the wrapper wrote no event", "see the check above");
            }
            Err(error) => checks.warn(
                NAME,
                error.to_string(),
                "install a C compiler and linker if you build executables",
            ),
        }
    }

    /// Compiles a crate, takes its outputs away, and compiles it again.
    fn twice(&self, name: &str, crate_type: &str) -> io::Result<Twice> {
        self.compile(name, crate_type)?;
        let first = self.take_outputs(name)?;
        self.compile(name, crate_type)?;
        let second = self.take_outputs(name)?;
        let event = match self.last_event(name) {
            None => return Ok(Twice::Silent),
            Some(event) if event.outcome != Outcome::Hit => {
                return Ok(Twice::NotAHit(Box::new(event)));
            }
            Some(event) => event,
        };
        if first.is_empty() {
            return Ok(Twice::NotAHit(Box::new(event)));
        }
        let differs = first.iter().find(|file| !second.contains(file));
        Ok(differs.map_or(Twice::Hit, |(file, _)| Twice::Differs(file.clone())))
    }

    fn compile(&self, name: &str, crate_type: &str) -> io::Result<()> {
        let kept = PASSED_ON.iter().filter_map(|key| Some((key, std::env::var_os(key)?)));
        let mut command = Command::new(&self.wrapper);
        command.arg(&self.rustc).args(["--crate-name", name, "--edition=2021"]);
        command.arg(self.path(&format!("{name}.rs")));
        command.args(["--error-format=json", "--json=artifacts", "--crate-type", crate_type]);
        command.args(["--emit=dep-info,link", "-C", "debuginfo=0", "--out-dir"]);
        command.arg(self.out_dir());
        command.current_dir(self.dir.path()).env_clear().envs(kept);
        command.env("KACHE_CACHE_DIR", self.path("cache"));
        command.env("KACHE_CONFIG", self.path("config.toml"));
        let Ran { status, stderr, .. } = process::run(&mut command, TIMEOUT)?;
        if status.success() {
            return Ok(());
        }
        let said = stderr.lines().next().unwrap_or("nothing on standard error");
        Err(io::Error::other(format!("compiling {name} failed ({status}): {said}")))
    }

    /// Returns the outputs of a crate, each with its bytes, and removes them.
    fn take_outputs(&self, name: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
        let mut outputs = Vec::new();
        for file in fs::read_dir(self.out_dir())? {
            let path = file?.path();
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if file_name.contains(name) {
                outputs.push((file_name, fs::read(&path)?));
                fs::remove_file(&path)?;
            }
        }
        Ok(outputs)
    }

    fn last_event(&self, name: &str) -> Option<Event> {
        let journal = Layout::at(&self.path("cache")).journal();
        let text = fs::read_to_string(journal).ok()?;
        journal::parse(&text).filter(|event| event.name == name).last()
    }
}

fn describe(event: &Event) -> String {
    let outcome = match event.outcome {
        Outcome::Hit => "hit without outputs",
        Outcome::Miss => "miss",
        Outcome::Dup => "dup",
        Outcome::Passthrough => "passthrough",
        Outcome::Error => "error",
    };
    if event.reason.is_empty() {
        outcome.to_owned()
    } else {
        format!("{outcome} ({})", event.reason)
    }
}
