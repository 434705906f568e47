//! Everything about a run that is known before the script reads anything.

use std::fs;
use std::path::{Path, PathBuf};

use kache_config::{Config, CrateSettings};
use kache_key::build_script::{self, ScriptRun};
use kache_key::rustc::unit::Target;
use kache_key::{Digest, RootKind, Roots};
use kache_store::{Store, TextOutput};

use super::{Call, tree};
use crate::compilation::Compilation;
use crate::compilation::inputs::artifact_digest;
use crate::configuration;
use crate::places::{self, variable};
use crate::rustc::identify_toolchain;
use crate::served::Passthrough;
use crate::toolchain::{Compiler, Toolchain};

/// What a run is in the journal, among types of crates.
pub(crate) const KIND: &str = "build-script-run";

/// A run of a build script, its identity, and where everything is.
pub(crate) struct Facts<'a> {
    pub(crate) call: &'a Call,
    pub(crate) compilation: Compilation<'a>,
    pub(crate) out_dir: PathBuf,
    pub(crate) toolchain: Toolchain,
    /// Whether the C compilers that the script starts are to be cached.
    pub(crate) wraps_cc: bool,
}

/// Returns the name of the package whose script it is.
fn package() -> String {
    variable("CARGO_PKG_NAME").unwrap_or_default()
}

/// Names the run for people.
pub(crate) fn name() -> String {
    format!("{} build script", package())
}

/// Returns where the script is to write.
pub(crate) fn out_dir() -> Result<PathBuf, Passthrough> {
    let dir = variable("OUT_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    dir.ok_or_else(|| Passthrough::because("OUT_DIR is not set"))
}

/// Works out which run this is.
pub(crate) fn gather<'a>(
    call: &'a Call,
    config: &'a Config,
    out_dir: &Path,
    target_dir: Option<&Path>,
) -> Result<Facts<'a>, Passthrough> {
    if !call.args.is_empty() {
        return Err(Passthrough::because("a build script with arguments"));
    }
    let package = package();
    let settings = config.crate_settings(&package);
    if settings.bypass {
        return Err(Passthrough::because(format!("bypass.crates: {package}")));
    }
    if !settings.build_scripts.cache {
        return Err(Passthrough::because("build_scripts.cache is off"));
    }
    let store = Store::at(&config.cache_dir);
    let program = variable("RUSTC").ok_or_else(|| Passthrough::because("RUSTC is not set"))?;
    let compiler = Compiler { program, stands_for: None };
    let target = variable("TARGET").map_or(Target::Host, Target::Triple);
    let toolchain = identify_toolchain(&store, &compiler, &target)?;
    let roots =
        places::with_base_dirs(roots(&call.cwd, out_dir, target_dir, &toolchain.sysroot), config);
    let metadata = fs::metadata(&call.program)?;
    let script = artifact_digest(&call.program, &metadata).map_err(Passthrough::because)?;
    let cwd = call.cwd.to_str().ok_or_else(|| Passthrough::because("cwd is not UTF-8"))?;
    let components = build_script::components(&ScriptRun {
        script,
        compiler: toolchain.identity,
        cwd,
        roots: &roots,
        variables: &told_by_cargo()?,
        salt: &config.key_salt,
        facts: &named_digests(&settings, &roots),
    });
    let compilation = Compilation {
        config,
        store,
        id: build_script::unit_id(&components),
        name: name(),
        crate_types: vec![KIND.to_owned()],
        lang: "rust",
        cwd: call.cwd.to_str().unwrap_or_default(),
        roots,
        source: call.program.clone(),
        products: Vec::new(),
        tree: Some(out_dir.to_owned()),
        is_incremental: false,
        render_text: |stored: &TextOutput, roots: &Roots| tree::render(stored, roots),
    };
    Ok(Facts {
        call,
        compilation,
        out_dir: out_dir.to_owned(),
        toolchain,
        wraps_cc: settings.build_scripts.wrap_cc,
    })
}

/// Returns the digests of what the variables say that nobody asks for.
fn named_digests(settings: &CrateSettings<'_>, roots: &Roots) -> Vec<(String, Digest)> {
    let mut digests = configuration::declared_variables(settings);
    let listed = variable("LD_LIBRARY_PATH").unwrap_or_default();
    let is_cargos = |dir: &str| {
        let root = roots.split(dir).map(|(kind, _)| kind);
        // Where cargo builds, it locks.
        let mut above = Path::new(dir).ancestors().take(2);
        matches!(root, Some(RootKind::OutDir | RootKind::Target | RootKind::Sysroot))
            || above.any(|dir| dir.join(".cargo-lock").exists())
    };
    let users = listed.split(':').filter(|dir| !dir.is_empty() && !is_cargos(dir));
    let dirs: Vec<String> = users.map(|dir| roots.tokenise(dir).0).collect();
    if !dirs.is_empty() {
        digests.push(("library path".to_owned(), Digest::of(dirs.join(":").as_bytes())));
    }
    digests
}

/// Returns the variables by which cargo tells the script what to make, sorted.
fn told_by_cargo() -> Result<Vec<(String, String)>, Passthrough> {
    let mut told = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| build_script::is_told_by_cargo(name)) else {
            continue;
        };
        let value = value
            .to_str()
            .ok_or_else(|| Passthrough::because(format!("the value of {name} is not UTF-8")))?;
        told.push((name.to_owned(), value.to_owned()));
    }
    told.sort();
    Ok(told)
}

/// Returns the known directories of a run in `cwd`.
pub(crate) fn roots(cwd: &Path, out_dir: &Path, target_dir: Option<&Path>, sysroot: &str) -> Roots {
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    let known = [
        text(out_dir.to_owned()).map(|path| (RootKind::OutDir, path)),
        target_dir.and_then(|dir| text(dir.to_owned())).map(|path| (RootKind::Target, path)),
        text(workspace(cwd, target_dir)).map(|path| (RootKind::Workspace, path)),
        places::cargo_home().map(|path| (RootKind::CargoHome, path)),
        Some((RootKind::Sysroot, sysroot.to_owned())),
    ];
    Roots::of(known.into_iter().flatten())
}

/// Returns the directory of the project for which a package in `cwd` is built:
/// the one with the target directory, unless that is elsewhere.
fn workspace(cwd: &Path, target_dir: Option<&Path>) -> PathBuf {
    let is_locked = |dir: &Path| dir.join("Cargo.lock").exists();
    let beside_target = target_dir.and_then(Path::parent);
    match beside_target {
        Some(dir) if places::is_fetched(cwd) || cwd.starts_with(dir) && is_locked(dir) => {
            dir.to_owned()
        }
        _ => cwd.ancestors().filter(|dir| is_locked(dir)).last().unwrap_or(cwd).to_owned(),
    }
}
