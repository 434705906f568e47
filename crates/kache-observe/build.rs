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
    let Some(target) = observed_target() else { return ExitCode::SUCCESS };
    let built = build_library(&target).and_then(|()| build_launcher(&target));
    let Err(message) = built.map_err(|message| message.replace('\n', " | ")) else {
        println!("cargo::rustc-cfg=observed");
        return ExitCode::SUCCESS;
    };
    if is_target_of_kache(&target) {
        println!("cargo::error={message}");
        return ExitCode::FAILURE;
    }
    // Whoever builds for musl need not be able to link for glibc.
    warn(&message);
    ExitCode::SUCCESS
}

fn warn(why: &str) {
    println!("cargo::warning=kache will observe nothing, and not store C: {why}");
}

/// Returns the target of the programs that are observed: they use glibc, whatever
/// `kache` itself is linked with. `None` where there are none or rustc cannot
/// compile for them.
fn observed_target() -> Option<String> {
    let cfg = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let arch = cfg("ARCH");
    let is_supported = cfg("OS") == "linux"
        && cfg("POINTER_WIDTH") == "64"
        && cfg("ENDIAN") == "little"
        && (arch == "x86_64" || arch == "aarch64");
    let target = env::var("TARGET").ok()?;
    match cfg("ENV").as_str() {
        "gnu" if is_supported => Some(target),
        "musl" if is_supported => {
            let gnu = format!("{}gnu", target.strip_suffix("musl")?);
            if !is_installed(&gnu) {
                warn(&format!("rustc has no libraries for {gnu}"));
                return None;
            }
            Some(gnu)
        }
        _ => None,
    }
}

fn is_target_of_kache(target: &str) -> bool {
    env::var("TARGET").is_ok_and(|own| own == target)
}

/// Whether rustc has the libraries of `target`.
fn is_installed(target: &str) -> bool {
    let Ok(rustc) = variable("RUSTC") else { return false };
    let asked = Command::new(rustc).args(["--print=target-libdir", "--target", target]).output();
    asked.is_ok_and(|said| Path::new(String::from_utf8_lossy(&said.stdout).trim()).is_dir())
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

fn build_library(target: &str) -> Result<(), String> {
    let library = PathBuf::from(variable("OUT_DIR")?).join("libkache_observe.so");
    compile("preload", "cdylib", target, LIBRARY_OPTIONS, &library)?;
    let bytes = fs::read(&library)
        .map_err(|error| format!("failed to read `{}`: {error}", library.display()))?;
    println!("cargo::rustc-env=KACHE_OBSERVE_DIGEST={:016x}", digest(&bytes));
    Ok(())
}

fn build_launcher(target: &str) -> Result<(), String> {
    let launcher = PathBuf::from(variable("OUT_DIR")?).join("launcher");
    compile("launcher", "bin", target, LAUNCHER_OPTIONS, &launcher)
}

/// Compiles the `main.rs` in `directory`.
fn compile(
    directory: &str,
    crate_type: &str,
    target: &str,
    options: &[&str],
    output: &Path,
) -> Result<(), String> {
    let mut rustc = Command::new(variable("RUSTC")?);
    rustc.arg(format!("--crate-name=kache_observe_{directory}")).arg("--edition=2024");
    rustc.arg("--crate-type").arg(crate_type).arg("--emit=link").arg("--cap-lints=allow");
    rustc.arg("--target").arg(target).arg("-o").arg(output);
    for option in OPTIONS.iter().chain(options) {
        rustc.arg("-C").arg(option);
    }
    // The linker that cargo names is one for the target of `kache`.
    let linker = if is_target_of_kache(target) {
        env::var_os("RUSTC_LINKER")
    } else {
        let name = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
        println!("cargo::rerun-if-env-changed={name}");
        env::var_os(name)
    };
    if let Some(linker) = linker {
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
