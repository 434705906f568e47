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
    let shared = |kind: &CrateType| kind.is_linked() && *kind != CrateType::Bin;
    if naming.system == System::WindowsGnu && unit.crate_types.iter().any(shared) {
        return Err(Refusal::not_modelled("--crate-type", "writes an import library beside a DLL"));
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
        let known = has(&["unknown", "wasip1", "wasip2"]) && !has(&["emscripten"]);
        return known.then_some(Naming {
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
    let bare_metal = has(&["none"]) && !triple.starts_with("avr") && !triple.starts_with("bpf");
    (has(&elf) || bare_metal).then_some(unix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rustc::unit::Emit;

    const HOST: &str = "x86_64-unknown-linux-gnu";

    fn unit(kinds: &[CrateType], target: Target) -> RustcUnit {
        RustcUnit {
            crate_name: "foo".to_owned(),
            extra_filename: "-ab".to_owned(),
            crate_types: kinds.to_vec(),
            emit: Emit { dep_info: true, metadata: false, link: true },
            target,
            ..RustcUnit::default()
        }
    }

    #[track_caller]
    fn check(unit: &RustcUnit, files: &[&str]) {
        let names: Vec<String> = expected(unit, HOST)
            .unwrap()
            .into_iter()
            .map(|out| format!("{}{}", out.file_name, if out.executable { "*" } else { "" }))
            .collect();
        assert_eq!(names, files);
    }

    #[test]
    fn each_crate_type_has_the_name_that_rustc_gives_it() {
        let host = |kind| unit(&[kind], Target::Host);
        check(&host(CrateType::Lib), &["foo-ab.d", "libfoo-ab.rlib"]);
        check(&host(CrateType::Rlib), &["foo-ab.d", "libfoo-ab.rlib"]);
        check(&host(CrateType::Dylib), &["foo-ab.d", "libfoo-ab.so*"]);
        check(&host(CrateType::Cdylib), &["foo-ab.d", "libfoo-ab.so*"]);
        check(&host(CrateType::Staticlib), &["foo-ab.d", "libfoo-ab.a"]);
        check(&host(CrateType::Bin), &["foo-ab*", "foo-ab.d"]);
        check(&host(CrateType::ProcMacro), &["foo-ab.d", "libfoo-ab.so*"]);
    }

    #[test]
    fn every_kind_of_output_that_was_asked_for_is_expected() {
        let types = [CrateType::Lib, CrateType::Rlib, CrateType::Staticlib];
        let mut unit = unit(&types, Target::Host);
        unit.emit.metadata = true;
        check(&unit, &["foo-ab.d", "libfoo-ab.a", "libfoo-ab.rlib", "libfoo-ab.rmeta"]);
        unit.is_test = true;
        check(&unit, &["foo-ab*", "foo-ab.d", "libfoo-ab.rmeta"]);
        unit.emit.link = false;
        check(&unit, &["foo-ab.d", "libfoo-ab.rmeta"]);
    }

    #[test]
    fn targets_name_files_as_the_compiler_says() {
        let table = include_str!("../../testdata/target-file-names.txt");
        let mut known = 0;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> =
                line.split(' ').map(|f| if f == "-" { "" } else { f }).collect();
            if let Some(naming) = naming(fields[0]) {
                known += 1;
                let (dll, staticlib) = (naming.dll, naming.staticlib);
                let named = [dll.0, dll.1, staticlib.0, staticlib.1, naming.exe_suffix];
                assert_eq!(named, fields[1..], "{line}");
            }
        }
        assert!(known > 200, "{known}");
    }

    #[test]
    fn what_writes_more_files_is_refused() {
        #[track_caller]
        fn refused(unit: &RustcUnit, reason: &str) {
            assert_eq!(expected(unit, HOST).unwrap_err().to_string(), reason);
        }
        let triple = |name: &str| Target::Triple(name.to_owned());
        let debug = "`-C split-debuginfo` writes debug files that are not modelled";
        refused(&unit(&[CrateType::Bin], triple("x86_64-pc-windows-msvc")), debug);
        refused(&unit(&[CrateType::Bin], triple("aarch64-apple-darwin")), debug);
        check(
            &unit(&[CrateType::Lib], triple("aarch64-apple-darwin")),
            &["foo-ab.d", "libfoo-ab.rlib"],
        );
        let mut split = unit(&[CrateType::Lib], Target::Host);
        split.split_debuginfo = Some("unpacked".to_owned());
        refused(&split, debug);
        split.split_debuginfo = Some("off".to_owned());
        check(&split, &["foo-ab.d", "libfoo-ab.rlib"]);
        let dll = unit(&[CrateType::Cdylib], triple("x86_64-pc-windows-gnu"));
        refused(&dll, "`--crate-type` writes an import library beside a DLL");
        let spec = unit(&[CrateType::Lib], Target::SpecFile("my.json".to_owned()));
        refused(&spec, "output names for target `my.json` are not modelled");
        let unknown = unit(&[CrateType::Lib], triple("wasm32-unknown-emscripten"));
        refused(&unknown, "output names for target `wasm32-unknown-emscripten` are not modelled");
    }
}
