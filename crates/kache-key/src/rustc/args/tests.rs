use proptest::prelude::*;

use super::*;

/// What cargo 1.95 passes for a library, one argument a line.
pub(crate) const LIBRARY: &str = "--crate-name|memchr|--edition=2021|/home/u/.cargo/registry/src/i/memchr-2.7/src/lib.rs|\
    --error-format=json|--json=diagnostic-rendered-ansi,artifacts,future-incompat|--crate-type|lib|\
    --emit=dep-info,metadata,link|-C|embed-bitcode=no|-C|debuginfo=2|--cfg|feature=\"std\"|\
    --check-cfg|cfg(docsrs,test)|-C|metadata=233d|-C|extra-filename=-1732|--out-dir|\
    /ws/target/debug/deps|-C|incremental=/ws/target/debug/incremental|-L|\
    dependency=/ws/target/debug/deps|--extern|log=/ws/target/debug/deps/liblog-0da4.rlib|\
    --cap-lints|allow";

pub(crate) fn library(more: &[&str]) -> Vec<String> {
    LIBRARY.split('|').chain(more.iter().copied()).map(str::to_owned).collect()
}

#[track_caller]
pub(crate) fn compiled(args: &[String]) -> RustcUnit {
    match classify(args) {
        Verdict::Compile(unit) => *unit,
        other => panic!("{args:?}: {other:?}"),
    }
}

#[track_caller]
fn unit(more: &[&str]) -> RustcUnit {
    compiled(&library(more))
}

#[track_caller]
fn refused(args: &[String], reason: &str) {
    match classify(args) {
        Verdict::Refuse(refusal) => assert_eq!(refusal.to_string(), reason),
        other => panic!("{args:?}: {other:?}"),
    }
}

fn without(text: &str) -> Vec<String> {
    let kept = LIBRARY.replace(text, "");
    kept.split('|').filter(|arg| !arg.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_library_of_cargo_is_read_field_by_field() {
    let unit = unit(&[]);
    assert_eq!(unit.crate_name, "memchr");
    assert_eq!(unit.crate_types, [CrateType::Lib]);
    assert_eq!(unit.source, "/home/u/.cargo/registry/src/i/memchr-2.7/src/lib.rs");
    assert_eq!(unit.emit, Emit { dep_info: true, metadata: true, link: true });
    assert_eq!(unit.out_dir, "/ws/target/debug/deps");
    assert_eq!(unit.extra_filename, "-1732");
    assert_eq!(unit.externs, [extern_of("log=/ws/target/debug/deps/liblog-0da4.rlib")]);
    assert_eq!(unit.incremental.as_deref(), Some("/ws/target/debug/incremental"));
    assert_eq!(unit.search_paths, [search_path("dependency=/ws/target/debug/deps")]);
    assert_eq!(unit.cfgs, ["feature=\"std\""]);
    assert_eq!(unit.check_cfgs, ["cfg(docsrs,test)"]);
    assert_eq!(unit.argument("-C debuginfo"), Some("2"));
    assert_eq!(unit.argument("--edition"), Some("2021"));
    assert!(unit.error_format_is_json && unit.is_lib_like() && !unit.links() && !unit.is_test);
}

#[test]
fn what_links_is_an_executable_or_a_shared_library() {
    for kind in ["bin", "dylib", "cdylib", "proc-macro"] {
        assert!(unit(&["--crate-type", kind]).links(), "{kind}");
    }
    assert!(!unit(&["--crate-type=staticlib,rlib"]).links());
    let test = unit(&["--test"]);
    assert!(test.is_test && test.links() && !test.is_lib_like());
    let check = LIBRARY.replace("metadata,link", "metadata");
    let check: Vec<String> = check.split('|').chain(["--test"]).map(str::to_owned).collect();
    assert!(!compiled(&check).links());
}

#[test]
fn every_spelling_of_a_flag_is_the_same_flag() {
    #[track_caller]
    fn same(a: &[&str], b: &[&str]) {
        assert_eq!(unit(a), unit(b));
    }
    same(&["-C", "panic=abort"], &["-Cpanic=abort"]);
    same(&["-C", "panic=abort"], &["--codegen=panic=abort"]);
    same(&["-C", "panic=abort"], &["--codegen", "panic=abort"]);
    same(&["-C", "target_cpu=x"], &["-Ctarget-cpu=x"]);
    same(&["-Zno_parallel_backend"], &["-Z", "no-parallel-backend"]);
    same(&["-O"], &["-Copt-level=3"]);
    same(&["-g"], &["-Cdebuginfo=2"]);
    same(&["-L", "native=/x"], &["-Lnative=/x"]);
    same(&["-L", "all=/x"], &["-L/x"]);
    same(&["-l", "static=x"], &["-lstatic=x"]);
    same(&["-Dwarnings"], &["--deny", "warnings"]);
    same(&["-A", "dead-code"], &["--allow=dead_code"]);
    same(&["--cfg", "x"], &["--cfg=x"]);
    same(&["--extern", "x=/x"], &["--extern=x=/x"]);
    same(&["-v"], &["--verbose"]);
}

#[test]
fn optimisation_and_debug_information_follow_positions() {
    #[track_caller]
    fn check(args: &[&str], flag: &str, value: &str) {
        assert_eq!(unit(args).argument(flag), Some(value), "{args:?}");
    }
    let level = "-C opt-level";
    check(&["-O", "-Copt-level=0"], level, "0");
    check(&["-Copt-level=0", "-O"], level, "3");
    check(&["-Copt-level=0", "-Copt-level=1"], level, "1");
    // rustc does not see this spelling when it compares positions.
    check(&["-O", "-Copt_level=0"], level, "3");
    check(&["-Copt_level=0"], level, "0");
    let debug = "-C debuginfo";
    check(&["-g", "-Cdebuginfo=0"], debug, "0");
    check(&["-Cdebuginfo=0", "-g"], debug, "2");
}

#[test]
fn the_last_value_of_a_single_flag_and_all_values_of_a_list_count() {
    assert_eq!(unit(&["-Cpanic=unwind", "-Cpanic=abort"]), unit(&["-Cpanic=abort"]));
    assert_ne!(
        unit(&["-Ctarget-feature=+a"]),
        unit(&["-Ctarget-feature=+b", "-Ctarget-feature=+a"])
    );
    assert_ne!(unit(&["-Cmetadata=a", "-Cmetadata=b"]), unit(&["-Cmetadata=b"]));
    let args = ["-Clink-arg=a b", "-Clink-args=c d", "-Zpre-link-args=e f", "-Zpre-link-arg=g"];
    assert_eq!(unit(&args).link_args, ["e", "f", "g", "a b", "c", "d"]);
}

#[test]
fn order_matters_exactly_where_it_does_in_rustc() {
    let both = |a: &str, b: &str| (unit(&[a, b]), unit(&[b, a]));
    for (a, b) in [
        ("--cfg=a", "--cfg=b"),
        ("--check-cfg=cfg(a)", "--check-cfg=cfg(b)"),
        ("--crate-type=rlib", "--crate-type=dylib"),
        ("--extern=a=/a", "--extern=b=/b"),
        ("-Cpanic=abort", "-Clto=fat"),
    ] {
        let (forward, backward) = both(a, b);
        assert_eq!(forward, backward, "{a} {b}");
    }
    for (a, b) in [
        ("-L/a", "-L/b"),
        ("-la", "-lb"),
        ("-Aunused", "-Dunused"),
        ("-Clink-arg=a", "-Clink-args=b"),
        ("--remap-path-prefix=a=b", "--remap-path-prefix=a=c"),
        ("-O", "-Copt-level=0"),
        ("--cap-lints=deny", "--cap-lints=allow"),
    ] {
        let (forward, backward) = both(a, b);
        assert_ne!(forward, backward, "{a} {b}");
    }
}

#[test]
fn composite_values_are_taken_apart_as_rustc_does() {
    let lib = native_lib("static:+whole-archive,-bundle=foo:bar");
    assert_eq!(lib.kind.as_deref(), Some("static"));
    assert_eq!(lib.modifiers, "+whole-archive,-bundle");
    assert_eq!((lib.name.as_str(), lib.rename.as_deref()), ("foo", Some("bar")));
    let item = extern_of("priv,noprelude:foo=/x=y.rlib");
    assert_eq!((item.options.as_str(), item.name.as_str()), ("priv,noprelude", "foo"));
    assert_eq!(item.path.as_deref(), Some("/x=y.rlib"));
    assert_eq!(extern_of("proc_macro").path, None);
    assert_eq!(search_path("odd=/x").path, "odd=/x");
    let remap = unit(&["--remap-path-prefix=/a=b=/c"]);
    assert_eq!(remap.user_remaps, [("/a=b".to_owned(), "/c".to_owned())]);
}

#[test]
fn facts_that_change_how_a_unit_is_cached_are_noticed() {
    assert!(unit(&["-Ctarget-cpu=native"]).uses_native_cpu);
    assert!(unit(&["-Ztune-cpu=native"]).uses_native_cpu);
    assert!(unit(&["-Cinstrument-coverage"]).coverage);
    assert!(unit(&["-Cinstrument-coverage=all"]).coverage);
    assert!(!unit(&["-Cinstrument-coverage=off"]).coverage);
    assert!(unit(&["--cfg", "trybuild"]).trybuild);
    assert!(unit(&["-Clinker-plugin-lto"]).bitcode_only);
    assert!(!unit(&["-Clinker-plugin-lto=no"]).bitcode_only);
    assert!(unit(&["-Clink-arg=-Wl,--compress-debug-sections=zstd"]).compresses_debug);
    assert!(unit(&["-Zdebuginfo-compression=zlib"]).compresses_debug);
    assert!(!unit(&[]).compresses_debug);
    assert_eq!(unit(&["-Clinker=/usr/bin/cc"]).linker.as_deref(), Some("/usr/bin/cc"));
    assert_eq!(
        unit(&["-Zcodegen-backend=cranelift"]).codegen_backend.as_deref(),
        Some("cranelift")
    );
    assert_eq!(unit(&["-Csplit-debuginfo=off"]).split_debuginfo.as_deref(), Some("off"));
    assert_eq!(unit(&["--target", "t.json"]).target, Target::SpecFile("t.json".to_owned()));
    assert_eq!(unit(&["--target=t"]).target, Target::Triple("t".to_owned()));
}

#[test]
fn files_that_are_keyed_by_content_are_listed() {
    #[track_caller]
    fn check(arg: &str, files: &[&str]) {
        assert_eq!(unit(&[arg]).content_files, files, "{arg}");
    }
    check("-Cprofile-use=/p/a b.profdata", &["/p/a b.profdata"]);
    check("-Zprofile-sample-use=/p/a.prof", &["/p/a.prof"]);
    check("-Zcodegen-backend=/b/lib.so", &["/b/lib.so"]);
    check("-Zcodegen-backend=cranelift", &[]);
    check("-Zllvm-plugins=/a.so /b.so", &["/a.so", "/b.so"]);
    check("-Zsanitizer-dataflow-abilist=b.txt,a.txt", &["a.txt", "b.txt"]);
    check("-Clinker-plugin-lto=/plugin.so", &["/plugin.so"]);
    check("-Clinker-plugin-lto=yes", &[]);
    check("--target=/specs/t.json", &["/specs/t.json"]);
    check("-Clink-arg=-Wl,--version-script=/v.map", &["/v.map"]);
}

#[test]
fn what_is_not_a_plain_compilation_is_refused_by_name() {
    #[track_caller]
    fn check(more: &[&str], reason: &str) {
        refused(&library(more), reason);
    }
    check(&["--frob"], "unknown flag `--frob`");
    check(&["-X"], "unknown flag `-X`");
    check(&["-gO"], "unknown flag `-gO`");
    check(&["-Cfrob=1"], "unknown flag `-C frob`");
    check(&["-C=panic=abort"], "unknown flag `-C `");
    check(&["-Zunpretty=hir"], "`-Z unpretty` is not a compilation");
    check(&["--pretty"], "unknown flag `--pretty`");
    check(&["-Csave-temps"], "`-C save-temps` keeps temporary files");
    check(&["--explain", "E0001"], "`--explain` is not a compilation");
    check(&["-Whelp"], "`--warn help` is not a compilation");
    check(&["-o", "x"], "`-o` names an output file");
    check(&["-C"], "`-C` has no value");
    check(&["--test=yes"], "`--test` takes no value");
    check(&["--edition=2018"], "`--edition` is given twice");
    check(&["--emit=asm"], "`--emit=asm` is not modelled");
    check(&["--emit=link=x"], "explicit --emit path for `link`");
    check(&["--crate-type=exe"], "`--crate-type` has the unknown value `exe`");
    check(&["-Cextra-filename=/../x"], "`-C extra-filename` names another directory: `/../x`");
    check(&["-Cllvm-args=-x=/y"], "`-C llvm-args` names a path");
    check(&["-Clink-arg=-Wl,-Map=x"], "`-C link-arg=-Map=x` writes what is not modelled");
    check(&["--remap-path-prefix=x"], "`--remap-path-prefix` has the unknown value `x`");
    check(&["b.rs"], "several input files");
    check(&["--", "--cfg"], "several input files");
    refused(&without("/home/u/.cargo/registry/src/i/memchr-2.7/src/lib.rs"), "no input file");
    refused(&without("--crate-name|memchr"), "no --crate-name");
    refused(&without("--out-dir|/ws/target/debug/deps"), "no --out-dir");
    refused(&without("--emit=dep-info,metadata,link"), "no dep-info in --emit");
    refused(&without(",metadata,link"), "no metadata or link in --emit");
    let stdin = LIBRARY.replace("/home/u/.cargo/registry/src/i/memchr-2.7/src/lib.rs", "-");
    let stdin: Vec<String> = stdin.split('|').map(str::to_owned).collect();
    refused(&stdin, "source on standard input");
}

#[test]
fn a_crate_without_a_type_is_a_program_but_not_the_same_unit_as_one_with() {
    let by_source = compiled(&without("--crate-type|lib"));
    assert_eq!(by_source.crate_types, [CrateType::Bin]);
    assert!(by_source.links());
    let explicit =
        compiled(&[without("--crate-type|lib"), vec!["--crate-type=bin".into()]].concat());
    assert_ne!(by_source, explicit);
}

/// A value that the flag accepts in this position.
fn spelled(space: Space, name: &str, value: Option<&str>) -> String {
    let glued = match space {
        Space::Top if name.len() == 1 => format!("-{name}"),
        Space::Top => format!("--{name}"),
        Space::Codegen => format!("-C{name}"),
        Space::Unstable => format!("-Z{name}"),
    };
    match value {
        Some(value) if space == Space::Top && name.len() == 1 => format!("{glued}{value}"),
        Some(value) => format!("{glued}={value}"),
        None => glued,
    }
}

#[test]
fn every_flag_of_the_tables_does_what_its_class_says() {
    let plain = unit(&[]);
    for (space, name, class) in flags::all() {
        // Given in the base arguments, or read by tests of their own.
        let given = ["g", "edition", "error-format", "out-dir", "crate-name", "codegen", "Z"];
        if space == Space::Top && given.contains(&name) {
            continue;
        }
        let takes_value = space != Space::Top || flags::top(name).unwrap().takes_value;
        let value = match name {
            "crate-type" => "bin",
            "emit" => "link",
            "remap-path-prefix" => "a=b",
            _ => "kv",
        };
        let arg = spelled(space, name, takes_value.then_some(value));
        let verdict = classify(&library(&[&arg]));
        match (class, verdict) {
            (Class::Refuse(why), Verdict::Refuse(refusal)) => {
                assert!(refusal.to_string().ends_with(why), "{arg}: {refusal}");
            }
            // A question about a source file.
            (Class::Query, Verdict::Refuse(_)) => {}
            (Class::Neutral, Verdict::Compile(unit)) => assert_eq!(*unit, plain, "{arg}"),
            (Class::Content(_), Verdict::Compile(unit)) => {
                let file = ["kv".to_owned()];
                assert!(name == "codegen-backend" || unit.content_files == file, "{arg}");
                assert_ne!(unit.arguments, plain.arguments, "{arg}");
            }
            (Class::Output, Verdict::Compile(unit)) => {
                assert!(name == "emit" || *unit != plain, "{arg}");
            }
            (Class::Keyed(_) | Class::Path(_), Verdict::Compile(unit)) => {
                assert_ne!(*unit, plain, "{arg}");
            }
            (class, verdict) => panic!("{arg}: {class:?} gave {verdict:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_arguments_have_a_verdict(args in proptest::collection::vec(
        "(-|--|-C|-Z|-L|-l|@|--emit|--extern|--cfg|--print|-Clink-arg=|--remap-path-prefix)?[=a-z:,/é{-]{0,6}|\\PC{0,6}", 0..8,
    )) {
        let _verdict = classify(&args);
        let _with_base = classify(&library(&args.iter().map(String::as_str).collect::<Vec<_>>()));
    }

    #[test]
    fn the_order_of_cfgs_never_matters(
        mut cfgs in proptest::collection::vec("--cfg=[a-c]{1,2}", 0..6),
    ) {
        let given: Vec<&str> = cfgs.iter().map(String::as_str).collect();
        let forward = unit(&given);
        cfgs.sort();
        cfgs.reverse();
        let given: Vec<&str> = cfgs.iter().map(String::as_str).collect();
        prop_assert_eq!(forward, unit(&given));
    }
}
