//! Questions to rustc that no source decides: `-vV` and most of `--print`.

use super::args::Builder;
use super::flags::Class;
use super::refusal::Refusal;
use super::scan::Scan;
use super::unit::Target;
use crate::RECIPE_VERSION;
use crate::components::Context;
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
        if !PRINTS.contains(&kind) {
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
pub fn query_id(query: &RustcQuery, context: &Context<'_>) -> Digest {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::Roots;
    use crate::rustc::args::{Verdict, classify};

    fn strings(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[track_caller]
    fn query(line: &str) -> RustcQuery {
        match classify(&strings(line)) {
            Verdict::Query(query) => query,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    fn refused(line: &str, reason: &str) {
        match classify(&strings(line)) {
            Verdict::Refuse(refusal) => assert_eq!(refusal.to_string(), reason),
            other => panic!("{line}: {other:?}"),
        }
    }

    const CARGO: &str = "- --crate-name ___ --print=file-names --crate-type bin --crate-type rlib \
        --crate-type dylib --crate-type cdylib --crate-type staticlib --crate-type proc-macro \
        --print=sysroot --print=split-debuginfo --print=crate-name --print=cfg -Wwarnings";

    #[test]
    fn what_cargo_asks_at_its_start_is_a_query() {
        assert!(query(CARGO).reads_stdin);
        for line in ["-vV", "-Vv", "--version --verbose", "-V", "--version"] {
            assert_eq!(query(line), RustcQuery { args: strings(line), ..RustcQuery::default() });
        }
    }

    #[test]
    fn every_pure_kind_of_print_is_a_query() {
        for kind in PRINTS {
            let expected = *kind == "target-cpus";
            assert_eq!(query(&format!("--print={kind}")).uses_native_cpu, expected);
        }
        assert!(query("--print cfg -Ctarget-cpu=native").uses_native_cpu);
        let query = query("--print cfg --target my.json --sysroot /s");
        assert_eq!(query.content_files, ["my.json"]);
        assert_eq!(query.sysroot.as_deref(), Some("/s"));
    }

    #[test]
    fn what_compiles_or_writes_is_no_query() {
        let why = "is not answered without the compiler";
        for kind in ["native-static-libs", "link-args", "crate-root-lint-levels", "cfg=out.txt", ""]
        {
            refused(&format!("- --print={kind}"), &format!("`--print={kind}` {why}"));
        }
        refused("src/lib.rs --print=crate-name", "`--print` asks about a source file");
        refused("--print", "`--print` has no value");
        refused("--print=cfg --frob", "unknown flag `--frob`");
        refused("--print=cfg -o x", "`-o` names an output file");
    }

    #[test]
    fn an_answer_belongs_to_one_compiler_in_one_place() {
        let roots = Roots::of([(RootKind::Sysroot, "/rust".to_owned())]);
        let elsewhere = Roots::of([(RootKind::Sysroot, "/rust2".to_owned())]);
        let context = Context {
            compiler: Digest::of(b"rustc"),
            roots: &roots,
            env: &[],
            salt: "",
            normalise_paths: true,
            facts: &[],
        };
        let id = query_id(&query(CARGO), &context);
        assert_eq!(
            id.to_string(),
            "1ce7c85a254e63a61648b989422366f7c0eb6b31c084b1d1e2b6014c6dc26633"
        );
        let other = Context { compiler: Digest::of(b"other"), ..context };
        assert_ne!(id, query_id(&query(CARGO), &other));
        assert_ne!(id, query_id(&query(CARGO), &Context { roots: &elsewhere, ..context }));
        assert_ne!(id, query_id(&query("-vV"), &context));
        let env = [("RUSTC_BOOTSTRAP".to_owned(), None)];
        assert_ne!(id, query_id(&query(CARGO), &Context { env: &env, ..context }));
    }
}
