//! Which compiler will run, told apart by what it is and not by where it is.
//!
//! Asking a compiler for its version costs a process, so the answer is kept in
//! the store under the stamps of the files it came from: the program, the
//! driver library that holds the compiler proper, and the directory of the
//! target's standard library.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_key::input::FileStamp;
use kache_key::rustc::unit::Target;
use kache_store::{Store, blob, identity, memo};
use serde::{Deserialize, Serialize};

use crate::files;
use crate::process;

/// The compiler as cargo names it.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    /// rustc or clippy-driver: the program to start.
    pub(crate) program: String,
    /// The rustc that clippy-driver is told to stand for: its first argument.
    pub(crate) stands_for: Option<String>,
}

impl Compiler {
    /// Returns whether this is clippy and not rustc itself.
    pub(crate) fn is_clippy(&self) -> bool {
        Path::new(&self.program).file_stem().is_some_and(|stem| stem == "clippy-driver")
    }
}

/// A compiler's identity and what it says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Toolchain {
    /// Differs between any two compilers that could compile differently.
    pub(crate) identity: Digest,
    /// What `--print sysroot` answers.
    pub(crate) sysroot: String,
    /// The target it compiles for when told nothing.
    pub(crate) host: String,
    /// The minor version: 95 for 1.95.
    pub(crate) minor_version: u32,
    /// The files that the identity was made from.
    watched: Vec<(PathBuf, FileStamp)>,
}

impl Toolchain {
    /// Returns the directory of the standard library for `target`.
    pub(crate) fn target_lib_dir(&self, target: &Target) -> String {
        let triple = match target {
            Target::Triple(triple) => triple,
            Target::Host | Target::SpecFile(_) => &self.host,
        };
        format!("{}/lib/rustlib/{triple}/lib", self.sysroot)
    }

    /// Returns the files and directories that its identity stands for.
    ///
    /// A distribution's compiler has its libraries below `/usr`, beside everything else.
    pub(crate) fn own_places(&self) -> Vec<PathBuf> {
        let sysroot = Path::new(&self.sysroot);
        if sysroot.join("include").exists() {
            let watched = self.watched.iter().map(|(path, _)| path.clone());
            return watched.chain([sysroot.join("lib/rustlib")]).collect();
        }
        vec![sysroot.to_owned()]
    }
}

/// Asks a compiler where its own libraries are.
const SYSROOT: &str = "--print=sysroot";

/// Why a compiler's identity cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolchainError {
    #[error("no compiler `{0}` on PATH")]
    NotFound(String),
    #[error("failed to look at `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{program} {question}` failed")]
    Silent { program: String, question: &'static str },
}

/// What the environment says about where compilers are.
pub(crate) struct CompilerEnv {
    pub(crate) path: Option<OsString>,
    pub(crate) rustup_toolchain: Option<String>,
    pub(crate) rustup_home: Option<String>,
}

/// Returns what `compiler` is when it compiles for `target`.
///
/// Reads one small file and looks at three; asks the compiler itself only
/// where those changed, or where the program is not the compiler but chooses one.
pub(crate) fn identify(
    store: &Store,
    compiler: &Compiler,
    target: Option<&str>,
    places: &CompilerEnv,
) -> Result<Toolchain, ToolchainError> {
    let program = real_program(&compiler.program, places)?;
    let memo_id = memo_id(&program, compiler, target, places);
    if let Ok(Some(known)) = memo::read::<Toolchain>(store.layout(), memo_id)
        && known.watched.iter().all(files::is_unchanged)
        && (is_compiler_of(&program, &known.sysroot)
            || answer(compiler, SYSROOT)?.trim() == known.sysroot)
    {
        return Ok(known);
    }
    let toolchain = ask(compiler, &program, target)?;
    if toolchain.watched.iter().all(|(_, stamp)| stamp.is_settled()) {
        // Forgetting costs the next invocation these questions again.
        drop(memo::write(store.layout(), memo_id, &toolchain));
    }
    Ok(toolchain)
}

/// Returns whether `program` is in the tree of its own libraries. A program
/// elsewhere may start another compiler tomorrow, as rustup's proxies do.
fn is_compiler_of(program: &Path, sysroot: &str) -> bool {
    let bin = Path::new(sysroot).join("bin");
    let real_dir = |path: &Path| fs::canonicalize(path).ok()?.parent().map(Path::to_owned);
    program.parent() == Some(&bin)
        || real_dir(program).is_some_and(|dir| fs::canonicalize(&bin).is_ok_and(|bin| bin == dir))
}

fn memo_id(
    program: &Path,
    compiler: &Compiler,
    target: Option<&str>,
    places: &CompilerEnv,
) -> Digest {
    let mut hasher = FieldHasher::new("kache toolchain memo 1");
    hasher.text("program", &program.to_string_lossy());
    hasher.text("called", &compiler.program);
    hasher.option("stands for", compiler.stands_for.as_deref().map(str::as_bytes));
    hasher.option("target", target.map(str::as_bytes));
    hasher.option("rustup", places.rustup_toolchain.as_deref().map(str::as_bytes));
    hasher.finish()
}

/// Finds the compiler behind rustup's proxies, which are one program under many names.
fn real_program(program: &str, places: &CompilerEnv) -> Result<PathBuf, ToolchainError> {
    let found = files::find_program(program, places.path.clone())
        .ok_or_else(|| ToolchainError::NotFound(program.to_owned()))?;
    let is_proxy = found.parent().is_some_and(|dir| dir.join("rustup").exists());
    if let (true, Some(toolchain), Some(name)) =
        (is_proxy, &places.rustup_toolchain, found.file_name())
    {
        let root = match &places.rustup_home {
            Some(home) if !toolchain.starts_with('/') => {
                Path::new(home).join("toolchains").join(toolchain)
            }
            _ => PathBuf::from(toolchain),
        };
        let real = root.join("bin").join(name);
        if real.exists() {
            return Ok(real);
        }
    }
    Ok(found)
}

/// Asks the compiler itself and reads the files that make it up.
fn ask(
    compiler: &Compiler,
    program: &Path,
    target: Option<&str>,
) -> Result<Toolchain, ToolchainError> {
    let version = answer(compiler, "-vV")?;
    let sysroot = answer(compiler, SYSROOT)?.trim().to_owned();
    let host = field(&version, "host: ").unwrap_or_default().to_owned();
    let mut hasher = FieldHasher::new("kache toolchain 1");
    hasher.text("version", &version);
    if compiler.is_clippy() {
        hasher.text("driver version", &answer(compiler, "--version")?);
    }
    let mut watched = Vec::new();
    watch_file(program, true, &mut hasher, &mut watched)?;
    let started = Path::new(&sysroot).join("bin").join(program.file_name().unwrap_or_default());
    if !is_compiler_of(program, &sysroot) && started.is_file() {
        watch_file(&started, true, &mut hasher, &mut watched)?;
    }
    let lib = Path::new(&sysroot).join("lib");
    // A release build is told apart by its commit; others may share one.
    let is_release = field(&version, "commit-hash: ").is_some_and(|hash| hash != "unknown")
        && !field(&version, "release: ").unwrap_or_default().contains("-dev");
    for driver in names_in(&lib).into_iter().filter(|name| name.starts_with("librustc_driver")) {
        hasher.text("driver", &driver);
        watch_file(&lib.join(driver), !is_release, &mut hasher, &mut watched)?;
    }
    watch_target_libraries(&lib, target.unwrap_or(&host), &mut hasher, &mut watched);
    let minor_version = field(&version, "release: ")
        .and_then(|release| release.split('.').nth(1)?.parse().ok())
        .unwrap_or(0);
    Ok(Toolchain { identity: hasher.finish(), sysroot, host, minor_version, watched })
}

fn answer(compiler: &Compiler, question: &'static str) -> Result<String, ToolchainError> {
    let args: Vec<&str> =
        compiler.stands_for.iter().map(String::as_str).chain([question]).collect();
    match process::ask(&compiler.program, &args) {
        Ok(ran) if ran.status.success() => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
        _ => Err(ToolchainError::Silent { program: compiler.program.clone(), question }),
    }
}

/// Adds a file to the identity: its size, and its bytes where `by_content`.
fn watch_file(
    path: &Path,
    by_content: bool,
    hasher: &mut FieldHasher,
    watched: &mut Vec<(PathBuf, FileStamp)>,
) -> Result<(), ToolchainError> {
    let unreadable = |source| ToolchainError::Unreadable { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    watched.push((path.to_owned(), identity::stamp_of(&metadata)));
    hasher.bytes("size", &metadata.len().to_le_bytes());
    if by_content {
        let (digest, _) = blob::digest_file(path).map_err(|failure| unreadable(failure.source))?;
        hasher.digest("content", digest);
    }
    Ok(())
}

/// Adds the names and sizes of the target's own libraries.
fn watch_target_libraries(
    lib: &Path,
    target: &str,
    hasher: &mut FieldHasher,
    watched: &mut Vec<(PathBuf, FileStamp)>,
) {
    let dir = lib.join("rustlib").join(target).join("lib");
    let Ok(metadata) = fs::metadata(&dir) else {
        // They may be added, which changes the deepest directory that there is.
        let above = dir.ancestors().find_map(|above| Some((above, fs::metadata(above).ok()?)));
        let above = above.map(|(above, found)| (above.to_owned(), identity::stamp_of(&found)));
        watched.extend(above);
        return;
    };
    watched.push((dir.clone(), identity::stamp_of(&metadata)));
    for name in names_in(&dir) {
        let size = fs::metadata(dir.join(&name)).map_or(0, |metadata| metadata.len());
        hasher.text("library", &name).bytes("size", &size.to_le_bytes());
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn field<'a>(version: &'a str, name: &str) -> Option<&'a str> {
    version.lines().find_map(|line| line.strip_prefix(name))
}
