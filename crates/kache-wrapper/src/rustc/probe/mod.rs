//! Probes: code that a build script compiles to find out whether it compiles.
//!
//! All that the compiler reads is observed, which tells what even a compilation that
//! failed depended on. So the answer "no" is remembered like the answer "yes".

mod miss;
mod source;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use kache_key::rustc::probe::{self, RustcProbe};
use kache_key::rustc::recipe::RUSTC_ENV;
use kache_key::{Context, Digest};
use kache_store::{Sharing, Store, TextOutput};

use self::source::Source;
use super::facts::{check_reporting_variables, compiler_variables, identify_toolchain};
use super::{Invocation, configure};
use crate::compilation::{self, Compilation, Form, Product};
use crate::places::{variable, with_base_dirs};
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};
use crate::toolchain::Toolchain;
use crate::{configuration, cpu, files, outer, script, streams};

/// What a probe is in the journal, among types of crates.
const KIND: &str = "probe";

/// How an entry names the file that lists what was read.
const DEP_INFO: &str = "dep-info";

/// A probe, its identity, and how to run it.
struct Facts<'a> {
    call: &'a Invocation,
    compilation: Compilation<'a>,
    probe: &'a RustcProbe,
    source: Source,
    toolchain: Toolchain,
    /// Whether what is said on standard output goes nowhere.
    is_unheard: bool,
}

/// Returns the probe that a call with these arguments is, if a build script makes it.
pub(super) fn of(args: &[String]) -> Option<RustcProbe> {
    // Cargo sets both for build scripts, and not both for compilers.
    let is_by_script = ["NUM_JOBS", "OUT_DIR"].iter().all(|name| std::env::var_os(name).is_some());
    RustcProbe::of(args).ok().filter(|_| is_by_script)
}

/// Serves a probe: from the store if it was made before, else by running the compiler.
pub(super) fn serve(
    call: &Invocation,
    probe: &RustcProbe,
    report: &mut Report,
) -> Result<Served, Passthrough> {
    report.name = format!("{} probe", variable("CARGO_PKG_NAME").unwrap_or_default());
    report.crate_types = vec![KIND.to_owned()];
    let out_dir = PathBuf::from(variable("OUT_DIR").unwrap_or_default());
    let target_dir = files::target_dir_above(&out_dir);
    let config = configure(call, target_dir.as_deref())?;
    report.log_level = config.log;
    if io::stderr().is_terminal() {
        return Err(Passthrough::because("a probe on a terminal"));
    }
    check_reporting_variables()?;
    let store = Store::at(&config.cache_dir);
    let toolchain = identify_toolchain(&store, &call.compiler, &probe.target)?;
    let cwd = Path::new(&call.cwd);
    let roots = script::roots(cwd, &out_dir, target_dir.as_deref(), &toolchain.sysroot);
    let roots = with_base_dirs(roots, &config);
    let settings = config.crate_settings(&probe.crate_name);
    let mut facts = configuration::declared_variables(&settings);
    if probe.uses_native_cpu {
        facts.push(("cpu".to_owned(), cpu::identity()?));
    }
    let is_unheard = streams::is_null_device(io::stdout());
    if is_unheard {
        facts.push(("unheard".to_owned(), Digest::of(b"stdout")));
    }
    let source = Source::of(probe)?;
    let env = compiler_variables();
    let components = probe::components(
        probe,
        source.digest(),
        &call.cwd,
        &Context {
            compiler: toolchain.identity,
            roots: &roots,
            env: &env,
            salt: &config.key_salt,
            normalise_paths: false,
            facts: &facts,
        },
    );
    outer::has_read(call.compiler.program.as_ref());
    outer::has_asked_for(RUSTC_ENV);
    let made_in = cwd.join(probe.out_dir.as_deref().unwrap_or_default());
    let compilation = Compilation {
        config: &config,
        store,
        id: probe::unit_id(&components),
        name: report.name.clone(),
        crate_types: report.crate_types.clone(),
        lang: "rust",
        cwd: &call.cwd,
        roots,
        source: cwd.join(&probe.source),
        products: probe.outputs.iter().map(|output| product(output, &made_in)).collect(),
        tree: None,
        is_incremental: false,
        render_text: |stored: &TextOutput, roots| script::render(stored, roots),
    };
    let facts = Facts { call, compilation, probe, source, toolchain, is_unheard };
    report.unit = Some(facts.compilation.id.to_string());
    report.lap(Phase::Parse);
    compilation::serve(&facts.compilation, &facts, report)
}

/// An entry names an output by what it is: the crate may have another name each time.
fn product((kind, name): &(&'static str, String), dir: &Path) -> Product {
    let sharing = Sharing::OneFile;
    Product {
        role: kind,
        name: (*kind).to_owned(),
        path: dir.join(name),
        form: if *kind == DEP_INFO { Form::Text } else { Form::Bytes { sharing } },
        is_certain: false,
    }
}
