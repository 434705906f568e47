//! The least that any `RUSTC_WRAPPER` cache must do: replaying recorded
//! outputs of an identical command line, with no key to compute.
//!
//! With `FLOOR_MODE=record` it runs the compiler and keeps its outputs below
//! `FLOOR_DIR`, by a plain hash of the command line. With `FLOOR_MODE=replay`
//! it puts them back by hard link. No cache answers for a compiler that
//! failed, so a call that failed when it was recorded goes to the compiler
//! again, as a probe on standard input does; each adds a byte to the file
//! `compilers` in `FLOOR_DIR`. What was never recorded fails, so that a
//! measurement cannot include a compiler by accident. It uses nothing but the
//! standard library and is built as the wrapper's release is.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    match serve(&args) {
        Ok(code) => code,
        Err(error) => {
            drop(writeln!(io::stderr(), "replay_floor: {error}: {args:?}"));
            ExitCode::from(125)
        }
    }
}

fn serve(args: &[OsString]) -> io::Result<ExitCode> {
    let compiler =
        args.first().ok_or_else(|| io::Error::other("usage: replay_floor RUSTC ARGS..."))?;
    let floor = env::var_os("FLOOR_DIR").ok_or_else(|| io::Error::other("FLOOR_DIR is not set"))?;
    let floor = Path::new(&floor);
    let dir = floor.join(format!("{:016x}", hash(args)));
    let records = env::var_os("FLOOR_MODE").is_some_and(|mode| mode == "record");
    if is_probe(args) || (!records && dir.join(FAILED).exists()) {
        return Err(become_compiler(compiler, args, floor));
    }
    if records { record(compiler, args, &dir) } else { replay(args, &dir) }
}

/// Marks a call that failed when it was recorded.
const FAILED: &str = "failed";

/// Adds a byte to the count of compilers and becomes one; returns why not.
fn become_compiler(compiler: &OsStr, args: &[OsString], floor: &Path) -> io::Error {
    let counted = fs::create_dir_all(floor)
        .and_then(|()| File::options().create(true).append(true).open(floor.join("compilers")))
        .and_then(|mut count| count.write_all(b"."));
    match counted {
        Ok(()) => Command::new(compiler).args(args.iter().skip(1)).exec(),
        Err(error) => error,
    }
}

/// Source on standard input without `--print` is a build script's probe.
fn is_probe(args: &[OsString]) -> bool {
    args.iter().any(|arg| arg == "-")
        && !args.iter().any(|arg| arg.as_bytes().starts_with(b"--print"))
}

/// FNV-1a over the arguments, each ended by a byte that no argument holds.
fn hash(args: &[OsString]) -> u64 {
    let bytes = args.iter().flat_map(|arg| arg.as_bytes().iter().copied().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn replay(args: &[OsString], dir: &Path) -> io::Result<ExitCode> {
    io::stdout().write_all(&fs::read(dir.join("stdout"))?)?;
    if let Some(out_dir) = value_of(args, "--out-dir") {
        for file in fs::read_dir(dir.join("files"))? {
            let file = file?;
            let target = Path::new(out_dir).join(file.file_name());
            if fs::hard_link(file.path(), &target).is_err() {
                fs::remove_file(&target)?;
                fs::hard_link(file.path(), &target)?;
            }
        }
    }
    io::stderr().write_all(&fs::read(dir.join("stderr"))?)?;
    Ok(ExitCode::SUCCESS)
}

fn record(compiler: &OsStr, args: &[OsString], dir: &Path) -> io::Result<ExitCode> {
    let ran = Command::new(compiler).args(args.iter().skip(1)).output()?;
    io::stdout().write_all(&ran.stdout)?;
    io::stderr().write_all(&ran.stderr)?;
    drop(fs::remove_dir_all(dir));
    fs::create_dir_all(dir.join("files"))?;
    if !ran.status.success() {
        fs::write(dir.join(FAILED), "")?;
        return Ok(ran.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into());
    }
    for output in outputs(args)? {
        let name = output.file_name().unwrap_or_default();
        let _size = fs::copy(&output, dir.join("files").join(name))?;
    }
    fs::write(dir.join("stdout"), ran.stdout)?;
    fs::write(dir.join("stderr"), ran.stderr)?;
    write_call(args, dir)?;
    Ok(ExitCode::SUCCESS)
}

/// Keeps the call itself, so that one call can be repeated without cargo:
/// arguments, variables and working directory, each ended by a zero byte.
fn write_call(args: &[OsString], dir: &Path) -> io::Result<()> {
    let mut file = File::create(dir.join("args"))?;
    for arg in args {
        file.write_all(arg.as_bytes())?;
        file.write_all(b"\0")?;
    }
    let mut file = File::create(dir.join("vars"))?;
    for (name, value) in env::vars_os() {
        file.write_all(name.as_bytes())?;
        file.write_all(b"=")?;
        file.write_all(value.as_bytes())?;
        file.write_all(b"\0")?;
    }
    fs::write(dir.join("cwd"), env::current_dir()?.as_os_str().as_bytes())
}

/// The files in the output directory that carry the crate's name, with or
/// without `lib` before it.
fn outputs(args: &[OsString]) -> io::Result<Vec<PathBuf>> {
    let (Some(dir), Some(name)) = (value_of(args, "--out-dir"), value_of(args, "--crate-name"))
    else {
        return Ok(Vec::new());
    };
    let mut stem = name.as_bytes().to_vec();
    for arg in args {
        stem.extend(arg.as_bytes().strip_prefix(b"extra-filename=").unwrap_or_default());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_bytes();
        let after = [name.strip_prefix(b"lib").unwrap_or(name), name]
            .into_iter()
            .find_map(|name| name.strip_prefix(stem.as_slice()));
        if after.is_some_and(|rest| rest.is_empty() || rest.starts_with(b".")) && path.is_file() {
            found.push(path);
        }
    }
    Ok(found)
}

fn value_of<'a>(args: &'a [OsString], flag: &str) -> Option<&'a OsStr> {
    let at = args.iter().position(|arg| arg == flag)?;
    args.get(at + 1).map(OsString::as_os_str)
}
