//! Probes: what build scripts compile only to find out whether it compiles.
//!
//! Unlike a unit, a probe may take its source from standard input, say what it has
//! to say as plain text, make any kind of output, and fail: that is an answer too.

use super::args::Builder;
use super::flags::Class;
use super::refusal::Refusal;
use super::scan::Scan;
use super::unit::Target;
use crate::components::{self, Component, Components, Context};
use crate::digest::{Digest, UnitId};

/// One run of rustc by a build script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RustcProbe {
    /// The arguments as given, but for a [random](Self::is_random) name.
    pub args: Vec<String>,
    /// The source is read from standard input.
    pub reads_stdin: bool,
    /// The source file, if there is one, as given.
    pub source: String,
    /// The name of the crate, which is that of its outputs.
    pub crate_name: String,
    /// Whether the name is another one in each run: [`args`](Self::args) then have
    /// [`RANDOM_NAME`] in its place.
    pub is_random: bool,
    /// `--out-dir`, as given; `None` for the working directory.
    pub out_dir: Option<String>,
    /// What is made, a file each: the kind as `--emit` spells it, and the name.
    pub outputs: Vec<(&'static str, String)>,
    /// `--target`.
    pub target: Target,
    /// The answer depends on the CPU of this machine.
    pub uses_native_cpu: bool,
}

/// What stands in the arguments for a name that is made up in each run.
pub const RANDOM_NAME: &str = "<random>";

/// What rustc calls a crate that has no name.
const DEFAULT_NAME: &str = "rust_out";

/// Kinds of outputs, with what stands before and after the crate's name. What
/// `link` makes, the crate's type decides.
const KINDS: &[(&str, &str, &str)] = &[
    ("asm", "", ".s"),
    ("dep-info", "", ".d"),
    ("llvm-bc", "", ".bc"),
    ("llvm-ir", "", ".ll"),
    ("metadata", "lib", ".rmeta"),
    ("mir", "", ".mir"),
    ("obj", "", ".o"),
];

impl RustcProbe {
    /// Reads the probe from rustc's arguments, argument files expanded.
    ///
    /// Refused is what a probe has no use for: other crates, which may be macros,
    /// programs, incremental state, and flags that units must not have.
    pub fn of(args: &[String]) -> Result<Self, Refusal> {
        let scan = Scan::of(args)?;
        let mut builder = Builder::default();
        for (position, given) in scan.given.iter().enumerate() {
            match given.flag.name {
                "emit" | "o" => {}
                name if given.flag.class == Class::Query => {
                    return Err(Refusal::not_modelled(format!("--{name}"), "is no compilation"));
                }
                _ => builder.add(position, given)?,
            }
        }
        builder.settle()?;
        let unit = builder.unit;
        let refused = [
            (unit.error_format_is_json, "--error-format", "is for cargo"),
            (unit.incremental.is_some(), "-C incremental", "keeps state"),
            (!unit.extra_filename.is_empty(), "-C extra-filename", "is for cargo"),
            (!unit.externs.is_empty(), "--extern", "may name a macro"),
            (unit.is_test, "--test", "makes a program"),
            (unit.sysroot.is_some(), "--sysroot", "names another library"),
            (unit.codegen_backend.is_some(), "-Z codegen-backend", "loads a library"),
            (matches!(unit.target, Target::SpecFile(_)), "--target", "names a file"),
        ];
        if let Some((_, flag, why)) = refused.into_iter().find(|(is_given, ..)| *is_given) {
            return Err(Refusal::not_modelled(flag, why));
        }
        let source = match scan.inputs.as_slice() {
            [source] => *source,
            [] => return Err(Refusal::NoInput),
            _ => return Err(Refusal::SeveralInputs),
        };
        let crate_name = match unit.crate_name.as_str() {
            "" if source == "-" => DEFAULT_NAME.to_owned(),
            "" => name_after(source),
            given => given.to_owned(),
        };
        let is_random = is_made_up(&crate_name);
        let in_place = |arg: &String| arg.replace(&crate_name, RANDOM_NAME);
        Ok(Self {
            args: if is_random { args.iter().map(in_place).collect() } else { args.to_vec() },
            reads_stdin: source == "-",
            source: source.to_owned(),
            is_random,
            out_dir: Some(unit.out_dir).filter(|dir| !dir.is_empty()),
            outputs: outputs(&scan, &crate_name)?,
            target: unit.target,
            uses_native_cpu: unit.uses_native_cpu,
            crate_name,
        })
    }
}

/// Returns what rustc calls a crate after its source file.
fn name_after(source: &str) -> String {
    let file = source.rsplit('/').next().unwrap_or(source);
    file.strip_suffix(".rs").unwrap_or(file).replace('-', "_")
}

/// Returns whether `name` is one that autocfg makes up: its own name, a random number
/// of sixteen digits, and how many came before.
fn is_made_up(name: &str) -> bool {
    let parts: Vec<&str> = name.split('_').collect();
    let is_number = |text: &str, radix| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    matches!(parts.as_slice(), ["autocfg", random, count]
        if random.len() == 16 && is_number(random, 16) && is_number(count, 10))
}

/// Returns the files that are made, below the output directory. With `-o -`, and into
/// the null device, there are none.
fn outputs(scan: &Scan<'_>, crate_name: &str) -> Result<Vec<(&'static str, String)>, Refusal> {
    let kinds: Vec<&str> = scan.values("emit").flat_map(|list| list.split(',')).collect();
    let named = scan.values("o").next();
    let output = |kind: &&str| {
        let known = KINDS.iter().find(|(known, ..)| known == kind);
        let (kind, before, after) = known.ok_or_else(|| Refusal::EmitKind((*kind).to_owned()))?;
        let name = named.map_or_else(|| format!("{before}{crate_name}{after}"), str::to_owned);
        Ok((*kind, name))
    };
    let outputs: Vec<_> = kinds.iter().map(output).collect::<Result<_, _>>()?;
    match named {
        _ if outputs.is_empty() => Err(Refusal::Missing("--emit")),
        // It is a file then, and not what the names of several begin with.
        Some(_) if outputs.len() > 1 || scan.has("out-dir") => {
            Err(Refusal::not_modelled("-o", "is not all that says where outputs are"))
        }
        Some("-" | "/dev/null") => Ok(Vec::new()),
        _ => Ok(outputs),
    }
}

/// Returns everything that identifies a probe, in a canonical order, with paths as
/// tokens. [`unit_id`] makes one digest of it.
///
/// `code` is the digest of what standard input says, where it is read; `cwd` is where
/// the compiler runs.
pub fn components(
    probe: &RustcProbe,
    code: Option<Digest>,
    cwd: &str,
    context: &Context<'_>,
) -> Vec<Component> {
    let mut list = Components::begin(context);
    list.surroundings();
    list.path("cwd", cwd);
    for arg in &probe.args {
        list.text("arg", arg);
    }
    if let Some(code) = code {
        list.add("code", code.to_string());
    }
    list.finish()
}

/// Returns the digest of `components`, in their order.
pub fn unit_id(components: &[Component]) -> UnitId {
    components::unit_id("kache rustc probe", components)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::{RootKind, Roots};

    fn of(line: &str) -> Result<RustcProbe, Refusal> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        RustcProbe::of(&args)
    }

    #[track_caller]
    fn makes(line: &str, outputs: &[&str]) {
        let probe = of(line).unwrap();
        let names: Vec<&str> = probe.outputs.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, outputs, "{line}");
    }

    #[track_caller]
    fn refused(line: &str, reason: &str) {
        assert_eq!(of(line).unwrap_err().to_string(), reason);
    }

    const AUTOCFG: &str = "--crate-name autocfg_0123456789abcdef_7 --crate-type=lib \
        --out-dir /ws/target/out --emit=llvm-ir --target x86_64-unknown-linux-gnu -";
    const RUSTIX: &str = "--crate-type=rlib --emit=metadata --target x -o - -";
    const ANYHOW: &str = "--edition=2018 --crate-name=anyhow --crate-type=lib --cap-lints=allow \
        --emit=dep-info,metadata --out-dir out src/nightly.rs";

    #[test]
    fn what_build_scripts_compile_is_a_probe() {
        makes(AUTOCFG, &["autocfg_0123456789abcdef_7.ll"]);
        makes(RUSTIX, &[]);
        makes(ANYHOW, &["anyhow.d", "libanyhow.rmeta"]);
        makes("--emit=metadata -o /dev/null -", &[]);
        makes("--emit=metadata -o out/x -", &["out/x"]);
        makes("--emit obj -", &["rust_out.o"]);
        makes("--emit asm src/my-probe.rs", &["my_probe.s"]);
        assert!(of(AUTOCFG).unwrap().reads_stdin);
        assert!(!of(ANYHOW).unwrap().reads_stdin);
        assert_eq!(of(ANYHOW).unwrap().out_dir.as_deref(), Some("out"));
        assert_eq!(of(RUSTIX).unwrap().out_dir, None);
    }

    #[test]
    fn what_a_probe_has_no_use_for_is_refused() {
        refused("--emit=metadata --error-format=json -", "`--error-format` is for cargo");
        refused("--emit=metadata --extern a=liba.so -", "`--extern` may name a macro");
        refused("--emit=metadata -C incremental=x -", "`-C incremental` keeps state");
        let where_from = "`-o` is not all that says where outputs are";
        refused("--emit=metadata,dep-info -o x -", where_from);
        refused("--emit=metadata -o x --out-dir y -", where_from);
        refused("--emit=link -o - -", "`--emit=link` is not modelled");
        refused("--emit=link -", "`--emit=link` is not modelled");
        refused("--crate-type=lib -", "no --emit");
        refused("--emit=metadata", "no input file");
        refused("--emit=metadata a.rs b.rs", "several input files");
        refused("--emit=metadata --print=cfg -", "`--print` is no compilation");
        refused("--emit=metadata --unknown -", "unknown flag `--unknown`");
        refused("--emit=metadata -C save-temps -", "`-C save-temps` keeps temporary files");
        refused("--emit=metadata --target my.json -", "`--target` names a file");
    }

    fn id(line: &str, project: &str, code: &[u8]) -> UnitId {
        let roots = Roots::of([(RootKind::Workspace, project.to_owned())]);
        let context = Context {
            compiler: Digest::of(b"rustc"),
            roots: &roots,
            env: &[("RUSTC_BOOTSTRAP".to_owned(), None)],
            salt: "",
            normalise_paths: false,
            facts: &[],
        };
        unit_id(&components(&of(line).unwrap(), Some(Digest::of(code)), project, &context))
    }

    #[test]
    fn a_made_up_name_does_not_count_and_any_other_does() {
        let other = AUTOCFG.replace("0123456789abcdef_7", "fedcba9876543210_7");
        assert_eq!(id(AUTOCFG, "/ws", b"x"), id(&other, "/ws", b"x"));
        for name in ["autocfg_0123456789abcde_7", "autocfg_0123456789abcdef_x", "probe"] {
            let other = AUTOCFG.replace("autocfg_0123456789abcdef_7", name);
            assert_ne!(id(AUTOCFG, "/ws", b"x"), id(&other, "/ws", b"x"), "{name}");
        }
    }

    #[test]
    fn the_code_counts_and_the_checkout_does_not() {
        assert_ne!(id(AUTOCFG, "/ws", b"x"), id(AUTOCFG, "/ws", b"y"));
        let elsewhere = AUTOCFG.replace("/ws/", "/elsewhere/");
        assert_eq!(id(AUTOCFG, "/ws", b"x"), id(&elsewhere, "/elsewhere", b"x"));
    }

    #[test]
    fn the_recipe_is_pinned() {
        assert_eq!(
            id(AUTOCFG, "/ws", b"pub use std::fmt;").to_string(),
            "b6f7ce04d435509e1729a5fb216a67dcba19a600b851a6bb11ca5cef0b60989f"
        );
    }
}
