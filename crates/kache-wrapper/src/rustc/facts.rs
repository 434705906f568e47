//! Everything about a compilation that is known before an input is read.

use std::io;
use std::path::{Path, PathBuf};

use kache_config::{Config, CrateSettings, Incremental};
use kache_key::input::missing_digest;
use kache_key::rustc::dep_info::DepInfo;
use kache_key::rustc::outputs::{self, ArtifactRole, ExpectedOutput};
use kache_key::rustc::recipe::{self, LINK_ENV, REPORTING_ENV, RUSTC_ENV};
use kache_key::rustc::unit::{RustcUnit, Target};
use kache_key::{Context, Digest, PathToken, Roots};
use kache_store::{IoFailure, Sharing, Store, TextOutput, blob};

use super::Invocation;
use super::clippy;
use super::declared::Declared;
use super::surroundings::{self, Remaps};
use crate::compilation::{Compilation, Form, Product};
use crate::configuration;
use crate::cpu;
use crate::files;
use crate::linker;
use crate::outer;
use crate::places::{self, variable, variable_of_others};
use crate::served::Passthrough;
use crate::toolchain::{self, Compiler, CompilerEnv, Toolchain};

/// How an entry names crate metadata, `libname.rmeta`.
pub(crate) const METADATA_ROLE: &str = "metadata";

/// How an entry names a Rust library, `libname.rlib`.
pub(crate) const RLIB_ROLE: &str = "rlib";

/// How an entry names an archive with a C interface.
pub(crate) const STATICLIB_ROLE: &str = "staticlib";

/// How an entry names a shared library that the compiler loads.
pub(crate) const PROC_MACRO_ROLE: &str = "proc-macro";

/// How an entry names a program.
pub(crate) const EXECUTABLE_ROLE: &str = "executable";

/// Returns how an entry names a role.
fn role_name(role: ArtifactRole) -> &'static str {
    match role {
        ArtifactRole::DepInfo => "dep-info",
        ArtifactRole::Metadata => METADATA_ROLE,
        ArtifactRole::Rlib => RLIB_ROLE,
        ArtifactRole::Dylib => "dylib",
        ArtifactRole::ProcMacro => PROC_MACRO_ROLE,
        ArtifactRole::Staticlib => STATICLIB_ROLE,
        ArtifactRole::Executable => EXECUTABLE_ROLE,
        _ => "other",
    }
}

/// A compilation by rustc, its identity, and how to run it.
pub(crate) struct Facts<'a> {
    pub(crate) call: &'a Invocation,
    pub(crate) compilation: Compilation<'a>,
    pub(crate) unit: RustcUnit,
    pub(crate) remaps: Remaps,
    /// The output directory, absolute.
    pub(crate) out_dir: PathBuf,
    /// Where the compiler keeps the standard library of this target.
    pub(crate) target_lib_dir: String,
    pub(crate) declared: Declared,
    pub(crate) toolchain: Toolchain,
}

impl Facts<'_> {
    /// Returns the directories in which native libraries are looked for, in order.
    pub(crate) fn native_dirs(&self) -> impl Iterator<Item = PathBuf> {
        let paths = self.unit.search_paths.iter();
        let native = paths.filter(|path| matches!(path.kind.as_str(), "native" | "all"));
        native.map(|path| self.compilation.absolute(&path.path))
    }

    /// Returns the directories in which the linker looks for libraries before
    /// its own, and some in which the driver looks for start objects.
    pub(crate) fn link_dirs(&self) -> Vec<PathBuf> {
        let arguments =
            self.unit.link_arg_dirs().into_iter().map(|dir| self.compilation.absolute(dir));
        let listed = std::env::var_os("LIBRARY_PATH").unwrap_or_default();
        let listed = std::env::split_paths(&listed).filter(|dir| !dir.as_os_str().is_empty());
        let listed = listed.map(|dir| Path::new(&self.call.cwd).join(dir));
        self.native_dirs().chain(arguments).chain(listed).collect()
    }

    /// Returns whether the compiler may load a proc macro: any other crate may
    /// be one or re-export one.
    pub(crate) fn may_run_macros(&self) -> bool {
        loads_crates(&self.unit)
    }
}

fn loads_crates(unit: &RustcUnit) -> bool {
    unit.externs.iter().any(|e| e.path.is_some())
}

/// Works out what `unit` is. Reads a few small files, starts no process where
/// the compiler and the linker are known already.
pub(crate) fn gather<'a>(
    call: &'a Invocation,
    mut unit: RustcUnit,
    config: &'a Config,
    target_dir: Option<&Path>,
) -> Result<Facts<'a>, Passthrough> {
    let settings = config.crate_settings(&unit.crate_name);
    check_bypass(call, &unit, config, &settings)?;
    let store = Store::at(&config.cache_dir);
    let toolchain = identify_toolchain(&store, &call.compiler, &unit.target)?;
    let outputs = outputs::expected(&unit, &toolchain.host)
        .map_err(|refusal| Passthrough::because(refusal.to_string()))?;
    if settings.incremental == Incremental::Strip {
        unit.incremental = None;
    }
    let roots = surroundings::roots(call, &unit, target_dir, &toolchain);
    let roots = places::with_base_dirs(roots, config);
    let remaps = Remaps::of(&unit, &roots, config, settings.normalise);
    let env = environment(&unit);
    let declared = Declared::gather(&settings, loads_crates(&unit))?;
    let mut facts = named_digests(&unit, &store, &toolchain)?;
    for file in &unit.content_files {
        let digest = content_digest(&Path::new(&call.cwd).join(file))?;
        facts.push((format!("content {}", roots.tokenise(file)), digest));
    }
    facts.extend(configuration::declared_variables(&settings));
    if !declared.is_empty() {
        facts.push(("declared".to_owned(), declared.names_digest(&roots)));
    }
    facts.push(("written".to_owned(), Digest::of(remaps.written(&unit, &roots).as_bytes())));
    if call.compiler.is_clippy() {
        facts.push(("clippy".to_owned(), clippy::surroundings(&roots, Path::new(&call.cwd))));
    }
    outer::has_read(call.compiler.program.as_ref());
    outer::has_asked_for(RUSTC_ENV);
    outer::has_asked_for(LINK_ENV);
    for file in &unit.content_files {
        outer::has_read(&Path::new(&call.cwd).join(file));
    }
    let components = recipe::components(
        &unit,
        &Context {
            compiler: toolchain.identity,
            roots: &roots,
            env: &env,
            salt: &config.key_salt,
            normalise_paths: remaps.normalises,
            facts: &facts,
        },
        remaps.maps_workspace,
    );
    let unit_id = recipe::unit_id(&components);
    let out_dir = Path::new(&call.cwd).join(&unit.out_dir);
    let target_lib_dir = toolchain.target_lib_dir(&unit.target);
    let compilation = Compilation {
        config,
        store,
        id: unit_id,
        name: unit.crate_name.clone(),
        crate_types: super::crate_types(&unit),
        lang: "rust",
        cwd: &call.cwd,
        roots,
        source: Path::new(&call.cwd).join(&unit.source),
        products: products(&outputs, &out_dir),
        tree: None,
        is_incremental: unit.incremental.is_some(),
        render_text: dep_info_here,
    };
    Ok(Facts { call, compilation, unit, remaps, out_dir, target_lib_dir, declared, toolchain })
}

/// Returns what `outputs` are to be in `out_dir`.
///
/// Cargo goes by the newest output of a unit. Where crate metadata is restored
/// with a time of now, the library beside it may be of any age.
fn products(outputs: &[ExpectedOutput], out_dir: &Path) -> Vec<Product> {
    let has_metadata = outputs.iter().any(|output| output.role == ArtifactRole::Metadata);
    let product = |output: &ExpectedOutput| {
        let is_beside_metadata = output.role == ArtifactRole::Rlib && has_metadata;
        let sharing = if is_beside_metadata { Sharing::AnyFile } else { Sharing::OneFile };
        Product {
            role: role_name(output.role),
            name: output.file_name.clone(),
            path: out_dir.join(&output.file_name),
            form: match output.role {
                ArtifactRole::DepInfo => Form::Text,
                _ => Form::Bytes { sharing },
            },
            is_certain: true,
        }
    };
    outputs.iter().map(product).collect()
}

/// Writes dep-info for this checkout: its paths, and its values of variables.
fn dep_info_here(stored: &TextOutput, roots: &Roots) -> Result<String, String> {
    let dep_info = DepInfo::parse(&stored.text).map_err(|error| error.to_string())?;
    let mut is_known = true;
    let dep_info = dep_info.map_paths(|path| {
        let resolved = roots.resolve(&PathToken(path.to_owned()));
        is_known &= resolved.is_some();
        resolved.unwrap_or_default()
    });
    if !is_known {
        return Err(format!("`{}` names an unknown root", stored.name));
    }
    Ok(dep_info.map_env(|name, _| variable(name)).to_string())
}

/// Returns the digest of a file that a flag names.
///
/// It may be absent: a linker script, for example, is also looked for where
/// libraries are, and only the linker can say where it was.
fn content_digest(path: &Path) -> Result<Digest, IoFailure> {
    match blob::digest_file(path) {
        Ok((digest, _)) => Ok(digest),
        Err(failure) if failure.source.kind() == io::ErrorKind::NotFound => Ok(missing_digest()),
        Err(failure) => Err(failure),
    }
}

/// Returns the identity of the compiler in this environment.
pub(crate) fn identify_toolchain(
    store: &Store,
    compiler: &Compiler,
    target: &Target,
) -> Result<Toolchain, Passthrough> {
    let places = CompilerEnv {
        path: std::env::var_os("PATH"),
        rustup_toolchain: variable("RUSTUP_TOOLCHAIN"),
        rustup_home: variable("RUSTUP_HOME")
            .or_else(|| variable("HOME").map(|home| format!("{home}/.rustup"))),
    };
    let triple = match target {
        Target::Triple(triple) => Some(triple.as_str()),
        Target::Host | Target::SpecFile(_) => None,
    };
    Ok(toolchain::identify(store, compiler, triple, &places)?)
}

fn check_bypass(
    call: &Invocation,
    unit: &RustcUnit,
    config: &Config,
    settings: &CrateSettings<'_>,
) -> Result<(), Passthrough> {
    if settings.bypass {
        return Err(Passthrough::because(format!("bypass.crates: {}", unit.crate_name)));
    }
    if let Some(glob) = config.excludes(&Path::new(&call.cwd).join(&unit.source)) {
        return Err(Passthrough::because(format!("exclude: {glob}")));
    }
    if unit.links() && !config.cache_executables {
        return Err(Passthrough::because("cache_executables is off"));
    }
    if unit.sysroot.is_some() {
        return Err(Passthrough::because("--sysroot is not modelled"));
    }
    if !unit.error_format_is_json {
        return Err(Passthrough::because("diagnostics are not JSON"));
    }
    if unit.codegen_backend.is_some() {
        return Err(Passthrough::because("codegen backends are not modelled"));
    }
    if unit.links() && looks_past_links(call, unit) {
        return Err(Passthrough::because("what is linked is named by `..` past a symbolic link"));
    }
    check_reporting_variables()
}

/// Returns whether a path for the linker has a `..` that cannot be folded away with what
/// stands before it. lld does that in what it says it read. Asked at each call, also before
/// a hit, since a directory may become a link.
fn looks_past_links(call: &Invocation, unit: &RustcUnit) -> bool {
    let searched = unit.search_paths.iter().map(|path| path.path.as_str());
    let named = searched.chain(unit.link_arg_paths()).map(PathBuf::from);
    let listed = std::env::var_os("LIBRARY_PATH").unwrap_or_default();
    let mut paths = named.chain(std::env::split_paths(&listed));
    !paths.all(|path| files::is_same_when_folded(&Path::new(&call.cwd).join(path)))
}

/// Makes sure that the compiler will not print or write reports of its own.
pub(crate) fn check_reporting_variables() -> Result<(), Passthrough> {
    match REPORTING_ENV.iter().find(|name| std::env::var_os(name).is_some()) {
        Some(name) => Err(Passthrough::because(format!("{name} is set"))),
        None => Ok(()),
    }
}

/// Returns the variables that change the compiler, for a call that links nothing, in
/// a fixed order.
pub(crate) fn compiler_variables() -> Vec<(String, Option<String>)> {
    RUSTC_ENV.iter().map(|name| ((*name).to_owned(), variable(name))).collect()
}

/// Returns the variables that change the compiler or linker, in a fixed order.
fn environment(unit: &RustcUnit) -> Vec<(String, Option<String>)> {
    let linking: &[&str] = if unit.links() { LINK_ENV } else { &[] };
    let text = |name: &&str| {
        let value = variable_of_others(name).map(|value| value.to_string_lossy().into_owned());
        ((*name).to_owned(), value)
    };
    RUSTC_ENV.iter().chain(linking).map(text).collect()
}

/// Returns the digests of what decides the output beside arguments and inputs.
fn named_digests(
    unit: &RustcUnit,
    store: &Store,
    toolchain: &Toolchain,
) -> Result<Vec<(String, Digest)>, Passthrough> {
    let mut facts = Vec::new();
    if let Target::Triple(triple) = &unit.target
        && let Some(spec) = custom_target_spec(triple)
    {
        facts.push(("target spec".to_owned(), blob::digest_file(&spec)?.0));
    }
    if unit.uses_native_cpu {
        facts.push(("cpu".to_owned(), cpu::identity()?));
    }
    if unit.links() {
        let linker = linker::identify(store, unit, toolchain, std::env::var_os("PATH"))?;
        facts.push(("linker".to_owned(), linker.identity));
    }
    Ok(facts)
}

/// Finds the file that defines a target which is not built into the compiler.
fn custom_target_spec(triple: &str) -> Option<PathBuf> {
    let dirs = std::env::var_os("RUST_TARGET_PATH")?;
    std::env::split_paths(&dirs)
        .map(|dir| dir.join(format!("{triple}.json")))
        .find(|path| path.is_file())
}
