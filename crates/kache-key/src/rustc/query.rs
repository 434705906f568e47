//! Questions to rustc that no source decides: `-vV` and most of `--print`.

use super::args::Builder;
use super::flags::Class;
use super::recipe::UnitContext;
use super::refusal::Refusal;
use super::scan::Scan;
use super::unit::Target;
use crate::RECIPE_VERSION;
use crate::digest::Digest;
use crate::fields::FieldHasher;
use crate::roots::RootKind;

/// One run of rustc that only prints what it knows.
///
/// The answer depends on the compiler and where it is, the arguments, the
/// variables of [`super::recipe::RUSTC_ENV`] and, where [`Self::reads_stdin`],
/// standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RustcQuery {
    /// The arguments in the order given: the order of `--print` flags is that of the answers.
    pub args: Vec<String>,
    /// The input is `-`.
    pub reads_stdin: bool,
    /// The answer depends on the CPU of this machine.
    pub uses_native_cpu: bool,
    /// `--target`.
    pub target: Target,
    /// `--sysroot`, as given.
    pub sysroot: Option<String>,
    /// `-Z codegen-backend`, as given.
    pub codegen_backend: Option<String>,
    /// Files named by flags whose bytes can decide the answer, as given, sorted.
    pub content_files: Vec<String>,
}

/// Kinds of `--print` whose answer needs no compilation.
const PRINTS: &[&str] = &[
    "all-target-specs-json",
    "backend-has-mnemonic",
    "backend-has-zstd",
    "calling-conventions",
    "cfg",
    "check-cfg",
    "code-models",
    "crate-name",
    "deployment-target",
    "file-names",
    "host-tuple",
    "relocation-models",
    "split-debuginfo",
    "stack-protector-strategies",
    "supported-crate-types",
    "sysroot",
    "target-cpus",
    "target-features",
    "target-libdir",
    "target-list",
    "target-spec-json",
    "target-spec-json-schema",
    "tls-models",
];

/// Reads the query from a command line with a flag of class [`Class::Query`].
pub(crate) fn of(args: &[String], scan: &Scan<'_>) -> Result<RustcQuery, Refusal> {
    let mut builder = Builder::default();
    for (position, given) in scan.given.iter().enumerate() {
        if given.flag.class != Class::Query {
            builder.add(position, given)?;
        }
    }
    builder.settle()?;
    let mut uses_native_cpu = builder.unit.uses_native_cpu;
    for kind in scan.values("print") {
        let pure = PRINTS.contains(&kind.split(':').next().unwrap_or(kind));
        if !pure {
            let flag = format!("--print={kind}");
            return Err(Refusal::not_modelled(flag, "is not answered without the compiler"));
        }
        // The list of CPUs says which one `native` is here.
        uses_native_cpu |= kind == "target-cpus";
    }
    let reads_stdin = match scan.inputs.as_slice() {
        [] => false,
        ["-"] => true,
        _ => return Err(Refusal::not_modelled("--print", "asks about a source file")),
    };
    let unit = builder.unit;
    Ok(RustcQuery {
        args: args.to_vec(),
        reads_stdin,
        uses_native_cpu,
        target: unit.target,
        sysroot: unit.sysroot,
        codegen_backend: unit.codegen_backend,
        content_files: unit.content_files,
    })
}

/// Returns the digest that names the answer to `query`.
///
/// Answers hold real paths, so the arguments are keyed as given, together
/// with where the sysroot is.
pub fn query_id(query: &RustcQuery, context: &UnitContext<'_>) -> Digest {
    let mut hasher = FieldHasher::new("kache rustc query");
    hasher.text("recipe", &RECIPE_VERSION.to_string());
    hasher.digest("compiler", context.compiler).text("salt", context.salt);
    hasher.option("sysroot", context.roots.path(RootKind::Sysroot).map(str::as_bytes));
    for (name, value) in context.env {
        hasher.text("env", name).option("value", value.as_deref().map(str::as_bytes));
    }
    for (name, digest) in context.facts {
        hasher.text("fact", name).digest("digest", *digest);
    }
    hasher.list("args", query.args.iter().map(String::as_str));
    hasher.finish()
}
