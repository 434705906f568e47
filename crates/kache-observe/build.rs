//! Compiles the preload library and the launcher, where there can be any.
//!
//! Cargo cannot make a library with other flags than the crate that embeds it:
//! `kache` is linked statically, and what is loaded into other programs must not
//! be. So rustc is called here, without any wrapper and without `RUSTFLAGS`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The sources, from the package's directory.
const SOURCES: &[&str] =
    &["launcher", "preload", "src/format.rs", "src/channel.rs", "src/names.rs", "src/told.rs"];

fn main() -> ExitCode {
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    println!("cargo::rustc-check-cfg=cfg(observed)");
    if !supported() {
        return ExitCode::SUCCESS;
    }
    match build_library().and_then(|()| build_launcher()) {
        Ok(()) => {
            println!("cargo::rustc-cfg=observed");
            ExitCode::SUCCESS
        }
        Err(message) => {
            println!("cargo::error={}", message.replace('\n', " | "));
            ExitCode::FAILURE
        }
    }
}

fn supported() -> bool {
    let cfg = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let arch = cfg("ARCH");
    cfg("OS") == "linux"
        && cfg("ENV") == "gnu"
        && cfg("POINTER_WIDTH") == "64"
        && cfg("ENDIAN") == "little"
        && (arch == "x86_64" || arch == "aarch64")
}

fn variable(name: &str) -> Result<OsString, String> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}"))
}

/// Options of both.
const OPTIONS: &[&str] = &[
    "panic=abort",
    "codegen-units=1",
    // What the core library drags in must not be left for the loader to find.
    "lto=fat",
    "strip=symbols",
    "link-arg=-nostartfiles",
];

const LIBRARY_OPTIONS: &[&str] = &[
    "opt-level=3",
    "force-frame-pointers=yes",
    // Exceptions and thread cancellation pass through the hooks.
    "force-unwind-tables=yes",
    "link-arg=-Wl,-z,defs",
    // Fewer segments: each costs every observed process a mapping and a fault.
    "relro-level=off",
    "link-arg=-Wl,-z,now,-z,noseparate-code",
    "link-arg=-Wl,-soname,libkache_observe.so",
];

const LAUNCHER_OPTIONS: &[&str] = &[
    "opt-level=s",
    "relocation-model=static",
    "target-feature=+crt-static",
    "link-arg=-nostdlib",
    "link-arg=-static",
];

fn build_library() -> Result<(), String> {
    let library = PathBuf::from(variable("OUT_DIR")?).join("libkache_observe.so");
    compile("preload", "cdylib", LIBRARY_OPTIONS, &library)?;
    let bytes = fs::read(&library)
        .map_err(|error| format!("failed to read `{}`: {error}", library.display()))?;
    println!("cargo::rustc-env=KACHE_OBSERVE_DIGEST={:016x}", digest(&bytes));
    Ok(())
}

fn build_launcher() -> Result<(), String> {
    let launcher = PathBuf::from(variable("OUT_DIR")?).join("launcher");
    compile("launcher", "bin", LAUNCHER_OPTIONS, &launcher)
}

/// Compiles the `main.rs` in `directory`.
fn compile(
    directory: &str,
    crate_type: &str,
    options: &[&str],
    output: &Path,
) -> Result<(), String> {
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.arg(format!("--crate-name=kache_observe_{directory}")).arg("--edition=2024");
    rustc.arg("--crate-type").arg(crate_type).arg("--emit=link").arg("--cap-lints=allow");
    rustc.arg("--target").arg(variable("TARGET")?).arg("-o").arg(output);
    for option in OPTIONS.iter().chain(options) {
        rustc.arg("-C").arg(option);
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        rustc.arg("-C").arg(option);
    }
    rustc.arg(Path::new(directory).join("main.rs"));
    let output = rustc
        .output()
        .map_err(|error| format!("failed to start {}: {error}", rustc.get_program().display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("failed to compile `{directory}`: {said}"));
    }
    Ok(())
}

/// FNV-1a: tells one build of the library from another in a file's name.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
