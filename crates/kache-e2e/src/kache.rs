//! The binaries under test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, io};

use cargo_metadata::Message;

use crate::process::{self, RunError, output_of};
use crate::toolchain::Toolchain;

/// The built programs.
#[derive(Clone, Debug)]
pub struct Kache {
    /// `kache`, the wrapper.
    pub wrapper: PathBuf,
    /// `kache-cli`, the other verbs.
    pub cli: PathBuf,
}

/// Why there are no binaries to test.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinariesError {
    /// A build did not work.
    #[error("failed to build kache:\n{output}")]
    Build {
        /// What cargo or the system said.
        output: String,
    },
    /// A directory or a build lacks a program.
    #[error("there is no `{program}` {place}")]
    Missing {
        /// The program.
        program: &'static str,
        /// Where it should be.
        place: String,
    },
}

impl From<RunError> for BinariesError {
    fn from(error: RunError) -> Self {
        Self::Build { output: error.to_string() }
    }
}

impl Kache {
    /// Returns the programs in the directory `KACHE_E2E_BIN_DIR`; without that
    /// variable, builds them in this program's own profile, or as a
    /// [release](Self::released) where `KACHE_E2E_RELEASED` is set.
    ///
    /// They are built once a process, where the workspace builds everything
    /// else; cargo's own lock keeps several processes apart.
    pub fn for_tests() -> Result<Self, BinariesError> {
        static BUILT: OnceLock<Result<Kache, BinariesError>> = OnceLock::new();
        let build = || match env::var_os("KACHE_E2E_RELEASED") {
            None => build_plain(),
            Some(_) => Self::released(&Toolchain::active()?),
        };
        BUILT.get_or_init(|| Self::given().unwrap_or_else(build)).clone()
    }

    /// Like [`for_tests`](Self::for_tests), but as a release builds them: the
    /// wrapper is static where that is possible, because it starts sooner.
    pub fn released(toolchain: &Toolchain) -> Result<Self, BinariesError> {
        Self::given().unwrap_or_else(|| {
            let cli = build(&["-p", "kache-cli", "--release"], None)?;
            let wrapper = build_wrapper_for_release(toolchain)?;
            Self { wrapper: take(&wrapper, "kache")?, cli: take(&cli, "kache-cli")? }.side_by_side()
        })
    }

    /// Puts both programs into one directory, as they are where they are installed.
    fn side_by_side(self) -> Result<Self, BinariesError> {
        let dir = self.cli.with_file_name("released");
        let put = |program: &Path, name| {
            let path = dir.join(name);
            let staged = dir.join(format!("{name}-{}", std::process::id()));
            // Renamed, because somebody may be running the one that is there.
            let put = fs::copy(program, &staged).and_then(|_| fs::rename(&staged, &path));
            put.map(|()| path)
        };
        let put_both = || {
            fs::create_dir_all(&dir)?;
            Ok(Self { wrapper: put(&self.wrapper, "kache")?, cli: put(&self.cli, "kache-cli")? })
        };
        put_both().map_err(|error: io::Error| BinariesError::Build { output: error.to_string() })
    }

    fn given() -> Option<Result<Self, BinariesError>> {
        let dir = PathBuf::from(env::var_os("KACHE_E2E_BIN_DIR")?);
        let find = |program: &'static str| {
            let path = dir.join(format!("{program}{}", env::consts::EXE_SUFFIX));
            let place = format!("in `{}`, which KACHE_E2E_BIN_DIR names", dir.display());
            if path.is_file() { Ok(path) } else { Err(BinariesError::Missing { program, place }) }
        };
        Some(find("kache").and_then(|wrapper| Ok(Self { wrapper, cli: find("kache-cli")? })))
    }
}

/// Flags that make a program static and let it start without relocations.
const STATIC_FLAGS: &str = "-C target-feature=+crt-static -C relocation-model=static";

/// Returns the target of programs that start fast, for [`STATIC_FLAGS`]; `None`
/// where none is known to be better than the host's own.
///
/// With glibc a program first asks the processor for its kinds of caches, which
/// in a virtual machine takes longer than all else that a start takes. So musl,
/// where rustc has the libraries for it.
fn static_target(toolchain: &Toolchain) -> Option<String> {
    let host = &toolchain.host;
    if !host.contains("-linux-") {
        return None;
    }
    let musl = host.strip_suffix("-gnu").map(|platform| format!("{platform}-musl"));
    let is_installed = |target: &String| {
        let mut rustc = Command::new(&toolchain.rustc);
        let libraries = output_of(rustc.args(["--print=target-libdir", "--target", target]));
        // What rustc does not know it does not have.
        libraries.is_ok_and(|path| Path::new(path.trim_end()).is_dir())
    };
    Some(musl.filter(is_installed).unwrap_or_else(|| host.clone()))
}

/// Returns the workspace that this crate belongs to.
pub fn workspace_dir() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn build_plain() -> Result<Kache, BinariesError> {
    let mut args = vec!["-p", "kache-wrapper", "-p", "kache-cli"];
    if !cfg!(debug_assertions) {
        args.push("--release");
    }
    let built = build(&args, None)?;
    Ok(Kache { wrapper: take(&built, "kache")?, cli: take(&built, "kache-cli")? })
}

fn build_wrapper_for_release(
    toolchain: &Toolchain,
) -> Result<BTreeMap<String, PathBuf>, BinariesError> {
    let mut args = vec!["-p", "kache-wrapper", "--release"];
    let Some(target) = static_target(toolchain) else { return build(&args, None) };
    // Without --target the flags would reach proc macros, which cannot be static.
    args.extend(["--target", &target]);
    build(&args, Some(&target))
}

/// Builds in the workspace, static for `static_target` if there is one, and
/// returns the executables by name.
fn build(
    args: &[&str],
    static_target: Option<&str>,
) -> Result<BTreeMap<String, PathBuf>, BinariesError> {
    let mut cargo = workspace_cargo();
    cargo.args(["build", "--message-format=json-render-diagnostics"]).args(args);
    if let Some(target) = static_target {
        cargo.env("RUSTFLAGS", STATIC_FLAGS);
        // For BLAKE3's assembler sources any compiler does, where the `cc` crate would
        // look for one that is made for musl.
        let compiler = format!("CC_{}", target.replace('-', "_"));
        if env::var_os(&compiler).is_none() {
            cargo.env(compiler, "cc");
        }
    }
    let finished = process::run(&mut cargo)?;
    if !finished.status.success() {
        return Err(BinariesError::Build { output: finished.stderr });
    }
    let messages = Message::parse_stream(finished.stdout.as_bytes()).filter_map(Result::ok);
    Ok(messages
        .filter_map(|message| match message {
            Message::CompilerArtifact(artifact) => {
                Some((artifact.target.name, artifact.executable?.into_std_path_buf()))
            }
            _ => None,
        })
        .collect())
}

/// Returns cargo in the workspace, without the variables that `cargo test` and
/// `cargo run` add: build scripts would see them change and run again.
fn workspace_cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace_dir());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let added =
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "LD_LIBRARY_PATH"];
        if added.iter().any(|prefix| text.starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn take(
    built: &BTreeMap<String, PathBuf>,
    program: &'static str,
) -> Result<PathBuf, BinariesError> {
    let place = || "among what cargo built".to_owned();
    built.get(program).cloned().ok_or_else(|| BinariesError::Missing { program, place: place() })
}

/// Compiles the one-file program `source` of this crate as a release would
/// build it, into `dir`, and returns where it is.
///
/// Calls rustc directly: the program needs none of this crate's dependencies,
/// which cargo would build a second time for a static target.
pub fn compile_static(
    toolchain: &Toolchain,
    source: &str,
    dir: &Path,
) -> Result<PathBuf, BinariesError> {
    let program = dir.join(Path::new(source).file_stem().unwrap_or_default());
    let mut rustc = Command::new(&toolchain.rustc);
    rustc.args([
        "--edition=2024",
        "-Copt-level=3",
        "-Cpanic=abort",
        "-Ccodegen-units=1",
        "-Cstrip=debuginfo",
    ]);
    if let Some(target) = static_target(toolchain) {
        rustc.args(STATIC_FLAGS.split(' ')).args(["--target", &target]);
    }
    rustc.arg("-o").arg(&program).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(source));
    drop(output_of(&mut rustc)?);
    Ok(program)
}
