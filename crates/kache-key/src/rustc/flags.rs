//! What every flag of rustc does to a cached compilation, as a table.
//!
//! A flag in no table is refused, so a newer compiler costs hits and never
//! correctness. `testdata/` holds the flags that real compilers list, and a
//! test proves that each of them is here.

/// Where a flag lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// On the command line itself: `--edition`.
    Top,
    /// After `-C`.
    Codegen,
    /// After `-Z`.
    Unstable,
}

impl Space {
    /// Returns `name` as rustc's help spells it in this space.
    pub fn spell(self, name: &str) -> String {
        match self {
            Self::Top if name.len() == 1 => format!("-{name}"),
            Self::Top => format!("--{name}"),
            Self::Codegen => format!("-C {name}"),
            Self::Unstable => format!("-Z {name}"),
        }
    }
}

/// Which values of a repeated flag count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The last one.
    Last,
    /// All of them, in order.
    All,
}

/// What a flag does to the outputs of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Changes nothing that is cached or replayed.
    Neutral,
    /// Its value is keyed byte for byte.
    Keyed(Repeat),
    /// Its value is keyed with roots written as names.
    Path(Repeat),
    /// It names a file whose bytes are keyed.
    Content(Repeat),
    /// It decides which outputs are written, or where; modelled one by one.
    Output,
    /// It asks for information instead of a compilation.
    Query,
    /// Not cached; the text completes "the flag ...".
    Refuse(&'static str),
}

/// A flag of the command line itself.
#[derive(Clone, Copy, Debug)]
pub struct TopFlag {
    /// The name that identifies it: the long one where there is one.
    pub name: &'static str,
    /// The one-letter spelling.
    pub short: Option<char>,
    /// Whether a value follows.
    pub takes_value: bool,
    /// Whether rustc rejects a second one.
    pub once: bool,
    /// What it does.
    pub class: Class,
}

use Class::{Content, Keyed, Neutral, Output, Path, Query, Refuse};
use Repeat::{All, Last};

const fn many(name: &'static str, short: Option<char>, class: Class) -> TopFlag {
    TopFlag { name, short, takes_value: true, once: false, class }
}

const fn once(name: &'static str, short: Option<char>, class: Class) -> TopFlag {
    TopFlag { name, short, takes_value: true, once: true, class }
}

const fn switch(name: &'static str, short: Option<char>, class: Class) -> TopFlag {
    TopFlag { name, short, takes_value: false, once: false, class }
}

/// The flags of the command line itself. `-C` and `-Z` have tables of their own.
pub const TOP: &[TopFlag] = &[
    switch("help", Some('h'), Refuse("is not a compilation")),
    many("cfg", None, Keyed(All)),
    many("check-cfg", None, Keyed(All)),
    many("L", Some('L'), Path(All)),
    many("l", Some('l'), Path(All)),
    many("crate-type", None, Output),
    once("crate-name", None, Output),
    once("edition", None, Keyed(Last)),
    many("emit", None, Output),
    many("print", None, Query),
    switch("g", Some('g'), Keyed(Last)),
    switch("O", Some('O'), Keyed(Last)),
    once("o", Some('o'), Refuse("names an output file")),
    once("out-dir", None, Output),
    once("explain", None, Refuse("is not a compilation")),
    TopFlag { once: true, ..switch("test", None, Output) },
    once("target", None, Path(Last)),
    many("allow", Some('A'), Keyed(All)),
    many("warn", Some('W'), Keyed(All)),
    many("force-warn", None, Keyed(All)),
    many("deny", Some('D'), Keyed(All)),
    many("forbid", Some('F'), Keyed(All)),
    many("cap-lints", None, Keyed(All)),
    many("codegen", Some('C'), Keyed(All)),
    many("Z", Some('Z'), Keyed(All)),
    switch("version", Some('V'), Query),
    TopFlag { once: true, ..switch("verbose", Some('v'), Keyed(Last)) },
    many("extern", None, Path(All)),
    once("sysroot", None, Path(Last)),
    once("error-format", None, Keyed(Last)),
    many("json", None, Keyed(All)),
    once("color", None, Keyed(Last)),
    once("diagnostic-width", None, Keyed(Last)),
    many("remap-path-prefix", None, Path(All)),
    many("remap-path-scope", None, Keyed(All)),
    many("env-set", None, Keyed(All)),
];

/// The flags after `-C`, by class.
pub const CODEGEN: &[(Class, &[&str])] = &[
    (
        Keyed(Last),
        &[
            "ar",
            "code-model",
            "codegen-units",
            "collapse-macro-debuginfo",
            "control-flow-guard",
            "debug-assertions",
            "debuginfo",
            "default-linker-libraries",
            "dwarf-version",
            "embed-bitcode",
            "force-frame-pointers",
            "force-unwind-tables",
            "inline-threshold",
            "instrument-coverage",
            "jump-tables",
            "link-dead-code",
            "linker-flavor",
            "lto",
            "no-prepopulate-passes",
            "no-redzone",
            "no-stack-check",
            "no-vectorize-loops",
            "no-vectorize-slp",
            "opt-level",
            "overflow-checks",
            "panic",
            "prefer-dynamic",
            "profile-generate",
            "relocation-model",
            "relro-level",
            "rpath",
            "soft-float",
            "split-debuginfo",
            "strip",
            "symbol-mangling-version",
            "target-cpu",
        ],
    ),
    (
        Keyed(All),
        &[
            "link-self-contained",
            "linker-features",
            "llvm-args",
            "metadata",
            "passes",
            "remark",
            "target-feature",
            "unsafe-allow-abi-mismatch",
        ],
    ),
    (Path(Last), &["linker"]),
    (Path(All), &["link-arg", "link-args"]),
    (Content(Last), &["linker-plugin-lto", "profile-use"]),
    (Output, &["extra-filename", "incremental"]),
    (Refuse("is not a compilation"), &["help"]),
    (Refuse("names a program whose output is not keyed"), &["dlltool"]),
    (Refuse("keeps temporary files"), &["save-temps"]),
];

/// The flags after `-Z`, by class, of the stable and the nightly compiler.
pub const UNSTABLE: &[(Class, &[&str])] = &[
    (
        // Details of dumps that are themselves refused.
        Neutral,
        &[
            "dump-mir-dataflow",
            "dump-mir-dir",
            "dump-mir-exclude-alloc-bytes",
            "dump-mir-exclude-pass-number",
            "dump-mir-graphviz",
            "dump-mono-stats-format",
            "graphviz-dark-mode",
            "graphviz-font",
            "nll-facts-dir",
            "self-profile-counter",
            "self-profile-events",
            "time-passes-format",
        ],
    ),
    (
        // Unstable flags change meaning between releases: all values, in
        // order, whatever the parser does with repeats.
        Keyed(All),
        &[
            "allow-features",
            "allow-partial-mitigations",
            "always-encode-mir",
            "annotate-moves",
            "assume-incomplete-release",
            "assumptions-on-binders",
            "binary-dep-depinfo",
            "box-noalias",
            "branch-protection",
            "cache-proc-macros",
            "cf-protection",
            "check-cfg-all-expected",
            "checksum-hash-algorithm",
            "codegen-source-order",
            "contract-checks",
            "coverage-options",
            "crate-attr",
            "cross-crate-inline-threshold",
            "debug-info-for-profiling",
            "debug-info-type-line-numbers",
            "debuginfo-compression",
            "deduplicate-diagnostics",
            "default-visibility",
            "deny-partial-mitigations",
            "dep-info-omit-d-target",
            "direct-access-external-data",
            "disable-fast-paths",
            "dual-proc-macros",
            "dwarf-version",
            "dylib-lto",
            "eagerly-emit-delayed-bugs",
            "ehcont-guard",
            "embed-source",
            "emit-stack-sizes",
            "emscripten-wasm-eh",
            "enforce-type-length-limit",
            "experimental-default-bounds",
            "export-executable-symbols",
            "external-clangrt",
            "extra-const-ub-checks",
            "fewer-names",
            "fixed-x18",
            "flatten-format-args",
            "fmt-debug",
            "force-unstable-if-unmarked",
            "function-return",
            "function-sections",
            "future-incompat-test",
            "has-thread-local",
            "higher-ranked-assumptions",
            "hint-mostly-unused",
            "human-readable-cgu-names",
            "identify-regions",
            "ignore-directory-in-diagnostics-source-blocks",
            "incremental-ignore-spans",
            "incremental-verify-ich",
            "indirect-branch-cs-prefix",
            "inline-llvm",
            "inline-mir",
            "inline-mir-forwarder-threshold",
            "inline-mir-hint-threshold",
            "inline-mir-preserve-debug",
            "inline-mir-threshold",
            "instrument-mcount",
            "instrument-xray",
            "large-data-threshold",
            "layout-seed",
            "link-directives",
            "link-native-libraries",
            "lint-llvm-ir",
            "lint-mir",
            "llvm-module-flag",
            "llvm-writable",
            "location-detail",
            "macro-backtrace",
            "maximal-hir-to-mir-coverage",
            "merge-functions",
            "min-function-alignment",
            "min-recursion-limit",
            "mir-emit-retag",
            "mir-enable-passes",
            "mir-include-spans",
            "mir-opt-level",
            "mir-preserve-ub",
            "mir-strip-debuginfo",
            "move-size-limit",
            "mutable-noalias",
            "namespaced-crates",
            "next-solver",
            "no-generate-arange-section",
            "no-implied-bounds-compat",
            "no-leak-check",
            "no-parallel-backend",
            "no-profiler-runtime",
            "no-steal-thir",
            "no-trait-vptr",
            "no-unique-section-names",
            "normalize-docs",
            "on-broken-pipe",
            "osx-rpath-install-name",
            "packed-bundled-libs",
            "packed-stack",
            "panic-abort-tests",
            "panic-in-drop",
            "patchable-function-entry",
            "plt",
            "polonius",
            "precise-enum-drop-elaboration",
            "proc-macro-backtrace",
            "proc-macro-execution-strategy",
            "profiler-runtime",
            "query-dep-graph",
            "randomize-layout",
            "reg-struct-return",
            "regparm",
            "relax-elf-relocations",
            "remap-cwd-prefix",
            "retpoline",
            "retpoline-external-thunk",
            "sanitizer",
            "sanitizer-cfi-canonical-jump-tables",
            "sanitizer-cfi-generalize-pointers",
            "sanitizer-cfi-normalize-integers",
            "sanitizer-kcfi-arity",
            "sanitizer-memory-track-origins",
            "sanitizer-recover",
            "saturating-float-casts",
            "share-generics",
            "small-data-threshold",
            "span-debug",
            "span-free-formats",
            "split-dwarf-inlining",
            "split-dwarf-kind",
            "split-lto-unit",
            "src-hash-algorithm",
            "stack-protector",
            "staticlib-allow-rdylib-deps",
            "staticlib-prefer-dynamic",
            "strict-init-checks",
            "teach",
            "terminal-urls",
            "thinlto",
            "threads",
            "tiny-const-eval-limit",
            "tls-model",
            "track-diagnostics",
            "translate-remapped-path-to-local-path",
            "trap-unreachable",
            "treat-err-as-bug",
            "trim-diagnostic-paths",
            "tune-cpu",
            "typing-mode-borrowck",
            "ub-checks",
            "ui-testing",
            "uninit-const-chunk-threshold",
            "unleash-the-miri-inside-of-you",
            "unsound-mir-opts",
            "unstable-options",
            "use-ctors-section",
            "use-sync-unwind",
            "validate-mir",
            "verbose-asm",
            "verbose-internals",
            "verify-llvm-ir",
            "virtual-function-elimination",
            "wasi-exec-model",
            "wasm-c-abi",
        ],
    ),
    (Path(All), &["pre-link-arg", "pre-link-args", "simulate-remapped-rust-src-base", "temps-dir"]),
    (
        Content(All),
        &["codegen-backend", "llvm-plugins", "profile-sample-use", "sanitizer-dataflow-abilist"],
    ),
    (Refuse("is not a compilation"), &["help", "link-only", "ls", "unpretty"]),
    (
        Refuse("stops before all outputs are written"),
        &["no-analysis", "no-codegen", "no-link", "parse-crate-root-only"],
    ),
    (
        Refuse("writes files that are not modelled"),
        &[
            "build-sdylib-interface",
            "dump-dep-graph",
            "dump-mir",
            "dump-mono-stats",
            "llvm-time-trace",
            "metrics-dir",
            "nll-facts",
            "offload",
            "profile-closures",
            "remark-dir",
            "self-profile",
            "split-dwarf-out-dir",
            "write-long-types-to-disk",
        ],
    ),
    (
        Refuse("prints what only a run of the compiler can tell"),
        &[
            "assert-incr-state",
            "incremental-info",
            "input-stats",
            "macro-stats",
            "meta-stats",
            "mir-opt-bisect-limit",
            "print-codegen-stats",
            "print-codegen-stats-json",
            "print-llvm-passes",
            "print-mono-items",
            "print-type-sizes",
            "time-llvm-passes",
            "time-passes",
            "trace-macros",
        ],
    ),
    (Refuse("loads a plugin that is not keyed"), &["autodiff"]),
    (Refuse("splits a library over two files"), &["embed-metadata"]),
    (Refuse("changes how argument files are read"), &["shell-argfiles"]),
];

/// Returns what the flag `name` (with `-` between words) after `-C` or `-Z`
/// does, or `None` if the table lacks it.
pub fn class_of(space: Space, name: &str) -> Option<Class> {
    let table = match space {
        Space::Top => return top(name).map(|flag| flag.class),
        Space::Codegen => CODEGEN,
        Space::Unstable => UNSTABLE,
    };
    table.iter().find(|(_, names)| names.contains(&name)).map(|(class, _)| *class)
}

/// Returns the flag of the command line itself that is identified by `name`.
pub fn top(name: &str) -> Option<&'static TopFlag> {
    TOP.iter().find(|flag| flag.name == name)
}

/// Returns every flag of every table.
pub fn all() -> impl Iterator<Item = (Space, &'static str, Class)> {
    let nested = |space, table: &'static [(Class, &'static [&'static str])]| {
        table
            .iter()
            .flat_map(move |(class, names)| names.iter().map(move |name| (space, *name, *class)))
    };
    TOP.iter()
        .map(|flag| (Space::Top, flag.name, flag.class))
        .chain(nested(Space::Codegen, CODEGEN))
        .chain(nested(Space::Unstable, UNSTABLE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[track_caller]
    fn check(listing: &str) {
        let mut count = 0;
        for line in listing.lines().filter(|line| !line.starts_with('#')) {
            count += 1;
            let (first, second) = line.split_once(' ').unwrap_or((line, ""));
            let class = match first {
                "-C" if !second.is_empty() => class_of(Space::Codegen, second),
                "-Z" if !second.is_empty() => class_of(Space::Unstable, second),
                _ => class_of(Space::Top, first.trim_start_matches('-')),
            };
            assert!(class.is_some(), "`{line}` is in no table");
        }
        assert!(count > 290, "the listing is complete: {count}");
    }

    #[test]
    fn every_flag_of_the_stable_compiler_is_classified() {
        check(include_str!("../../testdata/rustc-1.95-flags.txt"));
    }

    #[test]
    fn every_flag_of_the_nightly_compiler_is_classified() {
        check(include_str!("../../testdata/rustc-1.97-nightly-flags.txt"));
    }

    #[test]
    fn every_one_letter_spelling_of_the_compiler_is_known() {
        let listing = include_str!("../../testdata/rustc-1.95-flags.txt");
        let pairs = listing.lines().filter_map(|line| line.strip_prefix("--")?.split_once(" -"));
        for (name, letter) in pairs {
            assert_eq!(
                top(name).unwrap().short.map(String::from).as_deref(),
                Some(letter),
                "{name}"
            );
        }
    }

    #[test]
    fn no_flag_is_in_two_classes() {
        let mut seen = BTreeSet::new();
        for (space, name, _) in all() {
            assert!(seen.insert((space, name)), "{}", space.spell(name));
        }
    }
}
