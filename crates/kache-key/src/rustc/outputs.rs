//! The files that rustc writes into its output directory.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::unit::{CrateType, RustcUnit, Target};

/// What an output file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ArtifactRole {
    /// What was read, in makefile syntax (`.d`).
    DepInfo,
    /// Crate metadata (`.rmeta`).
    Metadata,
    /// A Rust library archive.
    Rlib,
    /// A shared library: crate types dylib and cdylib.
    Dylib,
    /// A shared library that the compiler loads.
    ProcMacro,
    /// An archive with a C interface.
    Staticlib,
    /// An executable, test, example or build script.
    Executable,
    /// What a linker needs to link to a DLL.
    ImportLibrary,
}

/// One file that a successful compilation writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpectedOutput {
    /// Its name within the output directory.
    pub file_name: String,
    /// What it is.
    pub role: ArtifactRole,
    /// Whether it has execute permission.
    pub executable: bool,
}

/// How a target names linked files.
struct Naming {
    dll: (&'static str, &'static str),
    staticlib: (&'static str, &'static str),
    exe_suffix: &'static str,
    system: System,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    Elf,
    Apple,
    WindowsGnu,
    WindowsMsvc,
    Wasm,
}

/// Returns the files that `unit` writes, sorted by name.
///
/// `host` is the triple of the compiler, as in the `host:` line of `-vV`.
/// Refuses targets whose names this crate does not know, and settings that
/// write more than the files named here.
pub fn expected(unit: &RustcUnit, host: &str) -> Result<Vec<ExpectedOutput>, Refusal> {
    let naming = naming_of(unit, host)?;
    let stem = format!("{}{}", unit.crate_name, unit.extra_filename);
    let mut outputs = Vec::new();
    let mut add = |file_name: String, role, executable| {
        outputs.push(ExpectedOutput { file_name, role, executable });
    };
    if unit.emit.dep_info {
        add(format!("{stem}.d"), ArtifactRole::DepInfo, false);
    }
    if unit.emit.metadata {
        add(format!("lib{stem}.rmeta"), ArtifactRole::Metadata, false);
    }
    if unit.emit.link {
        let tests = [CrateType::Bin];
        let kinds = if unit.is_test { &tests[..] } else { &unit.crate_types };
        for kind in kinds {
            let (role, (prefix, suffix)) = naming.linked(*kind);
            add(format!("{prefix}{stem}{suffix}"), role, kind.is_linked());
            if let Some((prefix, suffix)) = naming.import_library(*kind) {
                add(format!("{prefix}{stem}{suffix}"), ArtifactRole::ImportLibrary, false);
            }
        }
    }
    outputs.sort();
    outputs.dedup();
    Ok(outputs)
}

impl Naming {
    fn linked(&self, kind: CrateType) -> (ArtifactRole, (&'static str, &'static str)) {
        match kind {
            CrateType::Lib | CrateType::Rlib => (ArtifactRole::Rlib, ("lib", ".rlib")),
            CrateType::Dylib | CrateType::Cdylib => (ArtifactRole::Dylib, self.dll),
            CrateType::ProcMacro => (ArtifactRole::ProcMacro, self.dll),
            CrateType::Staticlib => (ArtifactRole::Staticlib, self.staticlib),
            CrateType::Bin => (ArtifactRole::Executable, ("", self.exe_suffix)),
        }
    }

    fn import_library(&self, kind: CrateType) -> Option<(&'static str, &'static str)> {
        let shared = matches!(kind, CrateType::Dylib | CrateType::Cdylib | CrateType::ProcMacro);
        (shared && self.system == System::WindowsGnu).then_some(("lib", ".dll.a"))
    }
}

fn naming_of(unit: &RustcUnit, host: &str) -> Result<Naming, Refusal> {
    let triple = match &unit.target {
        Target::Host => host,
        Target::Triple(triple) => triple,
        Target::SpecFile(path) => return Err(Refusal::Target(path.clone())),
    };
    let naming = naming(triple).ok_or_else(|| Refusal::Target(triple.to_owned()))?;
    if writes_debug_files(unit, &naming) {
        let flag = "-C split-debuginfo";
        return Err(Refusal::not_modelled(flag, "writes debug files that are not modelled"));
    }
    Ok(naming)
}

/// Returns whether debug information goes into files of its own.
fn writes_debug_files(unit: &RustcUnit, naming: &Naming) -> bool {
    match naming.system {
        System::WindowsMsvc => unit.links(),
        // Objects inside an rlib carry their debug information there.
        System::Apple => unit.links() && unit.split_debuginfo.as_deref() != Some("off"),
        System::Elf | System::WindowsGnu | System::Wasm => {
            !matches!(unit.split_debuginfo.as_deref(), None | Some("off"))
        }
    }
}

/// Returns how the target named `triple` names its files, or `None` if unknown.
fn naming(triple: &str) -> Option<Naming> {
    let parts: Vec<&str> = triple.split('-').collect();
    let has = |wanted: &[&str]| parts.iter().any(|part| wanted.contains(part));
    let unix = Naming {
        dll: ("lib", ".so"),
        staticlib: ("lib", ".a"),
        exe_suffix: "",
        system: System::Elf,
    };
    if triple.starts_with("wasm") {
        let wasi = has(&["unknown", "wasip1", "wasip2", "wasi"]) && !has(&["emscripten"]);
        return wasi.then_some(Naming {
            dll: ("", ".wasm"),
            exe_suffix: ".wasm",
            system: System::Wasm,
            ..unix
        });
    }
    if has(&["apple"]) {
        return Some(Naming { dll: ("lib", ".dylib"), system: System::Apple, ..unix });
    }
    if has(&["windows"]) {
        let dll = ("", ".dll");
        let gnu = Naming { dll, exe_suffix: ".exe", system: System::WindowsGnu, ..unix };
        if has(&["msvc"]) {
            let staticlib = ("", ".lib");
            return Some(Naming { staticlib, system: System::WindowsMsvc, ..gnu });
        }
        return has(&["gnu", "gnullvm"]).then_some(gnu);
    }
    let elf =
        ["linux", "freebsd", "netbsd", "openbsd", "dragonfly", "android", "illumos", "solaris"];
    has(&elf).then_some(unix)
}
