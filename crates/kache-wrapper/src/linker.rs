//! Which linker will run, and whether it can say what it reads.
//!
//! rustc links through a C compiler driver, which starts the linker proper.
//! Both are told apart by their bytes. The linker must know
//! `--dependency-file` (GNU ld, gold, lld, mold): what it read is then exact.

mod search;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_key::input::FileStamp;
use kache_key::rustc::unit::{RustcUnit, Target};
use kache_store::{Store, blob, identity, memo};
use serde::{Deserialize, Serialize};

pub(crate) use self::search::search_dirs;
use crate::cc;
use crate::files;
use crate::process;
use crate::toolchain::Toolchain;

/// A linker's identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Linker {
    /// Differs between any two linkers that could link differently.
    pub(crate) identity: Digest,
    /// What the driver answers when asked for the linker: a path, or a name to
    /// be found on `PATH`.
    answer: String,
    /// The linker itself.
    program: PathBuf,
    watched: Vec<(PathBuf, FileStamp)>,
}

/// Why a link cannot be cached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkerError {
    #[error("the linker for target {0} is not known")]
    UnknownDefault(String),
    #[error("linker `{0}` is not a C compiler driver")]
    NotADriver(String),
    #[error("no linker `{0}` on PATH")]
    NotFound(String),
    #[error("linker `{}` cannot say what it reads", .0.display())]
    NoDependencyFile(PathBuf),
    #[error("linker driver `{}` does not say where it looks for libraries", .0.display())]
    NoSearchDirs(PathBuf),
    #[error("failed to look at linker `{}`", .0.display())]
    Unreadable(PathBuf),
}

/// How the linker proper is chosen: the driver, and the arguments that matter to it.
struct Choice {
    driver: PathBuf,
    /// `ld`, `ld.lld`, or a path.
    linker_name: String,
    /// `-B` directories, searched first.
    prefixes: Vec<String>,
}

/// Returns the linker that linking `unit` will run.
///
/// Reads one small file and looks at two or three; asks the driver only where
/// those changed.
pub(crate) fn identify(
    store: &Store,
    unit: &RustcUnit,
    toolchain: &Toolchain,
    path_var: Option<OsString>,
) -> Result<Linker, LinkerError> {
    let choice = choose(unit, toolchain, path_var.as_deref())?;
    let mut hasher = FieldHasher::new("kache linker memo 2");
    hasher.text("driver", &choice.driver.to_string_lossy());
    hasher.text("linker", &choice.linker_name);
    hasher.list("prefixes", choice.prefixes.iter().map(String::as_str));
    hasher.option("path", path_var.as_ref().map(|p| p.as_encoded_bytes()));
    let memo_id = hasher.finish();
    if let Ok(Some(known)) = memo::read::<Linker>(store.layout(), memo_id)
        && known.watched.iter().all(files::is_unchanged)
        // One that was installed since may come first on the path.
        && find_linker(&choice, &known.answer, path_var.clone()) == Some(known.program.clone())
    {
        return Ok(known);
    }
    let linker = ask(&choice, path_var)?;
    if linker.watched.iter().all(|(_, stamp)| stamp.is_settled()) {
        // Forgetting costs the next link these questions again.
        drop(memo::write(store.layout(), memo_id, &linker));
    }
    Ok(linker)
}

fn choose(
    unit: &RustcUnit,
    toolchain: &Toolchain,
    path_var: Option<&OsStr>,
) -> Result<Choice, LinkerError> {
    let target = target_name(unit, toolchain)?;
    let driver = match unit.linker.as_deref() {
        Some(linker) => linker,
        None if target.contains("-linux-") => "cc",
        None => return Err(LinkerError::UnknownDefault(target.to_owned())),
    };
    let file_name = driver.rsplit('/').next().unwrap_or(driver);
    if !is_driver_name(file_name) {
        return Err(LinkerError::NotADriver(driver.to_owned()));
    }
    let driver = cc::find_compiler(OsStr::new(driver), path_var)
        .ok_or_else(|| LinkerError::NotFound(driver.to_owned()))?;
    let mut choice = Choice { driver, linker_name: "ld".to_owned(), prefixes: Vec::new() };
    if uses_bundled_lld(unit, toolchain, target) {
        choice.prefixes.push(bundled_lld_dir(toolchain));
        "ld.lld".clone_into(&mut choice.linker_name);
    }
    for arg in &unit.link_args {
        if let Some(name) = arg.strip_prefix("-fuse-ld=") {
            choice.linker_name =
                if name.contains('/') { name.to_owned() } else { format!("ld.{name}") };
        } else if let Some(path) = arg.strip_prefix("--ld-path=") {
            path.clone_into(&mut choice.linker_name);
        }
    }
    choice.prefixes.extend(unit.driver_prefixes().into_iter().map(str::to_owned));
    Ok(choice)
}

fn target_name<'a>(unit: &'a RustcUnit, toolchain: &'a Toolchain) -> Result<&'a str, LinkerError> {
    match &unit.target {
        Target::Host => Ok(&toolchain.host),
        Target::Triple(triple) => Ok(triple),
        Target::SpecFile(path) => Err(LinkerError::UnknownDefault(path.clone())),
    }
}

/// Returns whether a program of this name takes a C compiler driver's arguments.
fn is_driver_name(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    ["cc", "gcc", "g++", "c++", "clang", "clang++"]
        .iter()
        .any(|driver| stem == *driver || stem.ends_with(&format!("-{driver}")))
}

/// Returns whether rustc itself asks the driver for the lld it ships.
///
/// It does on x86-64 GNU/Linux since 1.90, unless told otherwise.
fn uses_bundled_lld(unit: &RustcUnit, toolchain: &Toolchain, target: &str) -> bool {
    target == "x86_64-unknown-linux-gnu"
        && toolchain.minor_version >= 90
        && unit.argument("-C linker-features").is_none_or(|features| !features.contains("-lld"))
        && unit.argument("-C link-self-contained").is_none_or(|value| {
            !matches!(value, "n" | "no" | "off" | "false") && !value.contains("-linker")
        })
        && unit.argument("-C linker-flavor").is_none_or(|flavor| flavor.contains("lld"))
        && Path::new(&bundled_lld_dir(toolchain)).is_dir()
}

fn bundled_lld_dir(toolchain: &Toolchain) -> String {
    format!("{}/lib/rustlib/{}/bin/gcc-ld", toolchain.sysroot, toolchain.host)
}

fn ask(choice: &Choice, path_var: Option<OsString>) -> Result<Linker, LinkerError> {
    let answer = ask_driver(choice)?;
    let linker = find_linker(choice, &answer, path_var)
        .ok_or_else(|| LinkerError::NotFound(answer.clone()))?;
    let help =
        process::ask(&linker, &["--help"]).map_err(|_| LinkerError::Unreadable(linker.clone()))?;
    if !String::from_utf8_lossy(&help.stdout).contains("--dependency-file") {
        return Err(LinkerError::NoDependencyFile(linker));
    }
    let mut hasher = FieldHasher::new("kache linker 1");
    let mut watched = Vec::new();
    let mut parts = vec![choice.driver.clone(), linker.clone()];
    if linker.parent().is_some_and(|dir| dir.ends_with("gcc-ld")) {
        // rustc's ld.lld only starts the rust-lld above it.
        parts.extend(linker.parent().and_then(Path::parent).map(|dir| dir.join("rust-lld")));
    }
    for part in parts {
        let metadata = fs::metadata(&part).map_err(|_| LinkerError::Unreadable(part.clone()))?;
        let (digest, _) =
            blob::digest_file(&part).map_err(|_| LinkerError::Unreadable(part.clone()))?;
        hasher.digest("part", digest);
        watched.push((part, identity::stamp_of(&metadata)));
    }
    Ok(Linker { identity: hasher.finish(), answer, program: linker, watched })
}

/// Asks the driver which program it would start under the chosen name.
fn ask_driver(choice: &Choice) -> Result<String, LinkerError> {
    let name = choice.linker_name.as_str();
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let answer = process::ask(&choice.driver, &[format!("-print-prog-name={name}")])
        .map_err(|_| LinkerError::Unreadable(choice.driver.clone()))?;
    Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
}

/// Finds the linker that the driver starts: in the `-B` directories, then by
/// the driver's own `answer`, which is a path or a name on `PATH`.
fn find_linker(choice: &Choice, answer: &str, path_var: Option<OsString>) -> Option<PathBuf> {
    let name = choice.linker_name.as_str();
    let in_prefix = choice.prefixes.iter().map(|dir| Path::new(dir).join(name));
    let found = in_prefix.into_iter().find(|path| !name.contains('/') && path.is_file());
    found.or_else(|| files::find_program(answer, path_var))
}
