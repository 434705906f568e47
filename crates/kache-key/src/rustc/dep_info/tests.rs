use proptest::prelude::*;

use super::*;

/// What rustc 1.95 writes for odd names and values.
const GOLDEN: &str = "a dir/x-1.d: lib.rs m.rs a\\ dir/odd\\ #na$me\\ é.rs back\\slash.rs co:lon.rs

a dir/libx-1.rmeta: lib.rs m.rs a\\ dir/odd\\ #na$me\\ é.rs back\\slash.rs co:lon.rs

lib.rs:
m.rs:
a\\ dir/odd\\ #na$me\\ é.rs:
back\\slash.rs:
co:lon.rs:

# env-dep:SET_X=a\\\\b\\nc\\rd=e f é
# env-dep:UNSET_X
";

/// The same with `-Zchecksum-hash-algorithm=blake3`, without variables.
const CHECKSUMS: &str = "out/x.d: lib.rs a\\ b.rs

lib.rs:
a\\ b.rs:
# checksum:blake3=ef1278790f106fb85cf5aee74da5d401791c3e74f255716a21c184640194d3b2 file_len:249 lib.rs
# checksum:blake3=a976dde63294dccd61d9cec7eaada93c209f408b2e78c3bb20467f270b60fc21 file_len:15 a\\ b.rs
";

#[test]
fn files_and_variables_are_read() {
    let info = DepInfo::parse(GOLDEN).unwrap();
    assert_eq!(info.targets, ["a dir/x-1.d", "a dir/libx-1.rmeta"]);
    let files: Vec<&str> = info.files().collect();
    let expected = ["lib.rs", "m.rs", "a dir/odd #na$me é.rs", "back\\slash.rs", "co:lon.rs"];
    assert_eq!(files, expected);
    let env: Vec<_> = info.env().collect();
    assert_eq!(env, [("SET_X", Some("a\\b\nc\rd=e f é")), ("UNSET_X", None)]);
}

#[test]
fn checksums_are_read() {
    let info = DepInfo::parse(CHECKSUMS).unwrap();
    let read: Vec<_> = info.checksums.iter().map(|sum| (sum.size, sum.path.as_str())).collect();
    assert_eq!(read, [(249, "lib.rs"), (15, "a b.rs")]);
}

#[track_caller]
fn check_round_trip(text: &str) {
    assert_eq!(DepInfo::parse(text).unwrap().to_string(), text);
}

#[test]
fn what_rustc_writes_is_written_again() {
    check_round_trip(GOLDEN);
    check_round_trip(CHECKSUMS);
    check_round_trip(&CHECKSUMS.replace("# checksum:blake3=ef", "\n# env-dep:A=\n# checksum:ef"));
    // The source came from standard input.
    check_round_trip("out/z.d: \n\nout/libz.rmeta: \n\n");
    // Names that a reader of the first rules alone would misread.
    for name in ["trail\\ ", "ends:", "ends\\", "e\\\\ f.rs", "#\\ env-dep:X", "a:\\ b"] {
        check_round_trip(&format!("e: f/y.d: {name} m.rs\n\n{name}:\nm.rs:\n"));
    }
}

#[test]
fn escaped_names_are_read_as_they_are_on_disk() {
    for (written, name) in [("trail\\ ", "trail "), ("ends\\", "ends\\"), ("e\\\\ f", "e\\ f")] {
        let info = DepInfo::parse(&format!("y.d: {written} m\n\n{written}:\nm:\n")).unwrap();
        assert_eq!(info.files().collect::<Vec<_>>(), [name, "m"]);
    }
}

#[test]
fn a_file_that_is_named_twice_is_listed_once() {
    let info = DepInfo::parse("x.d: a b a\n\na:\nb:\na:\n").unwrap();
    assert_eq!(info.files().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn a_text_cut_before_the_variables_is_refused() {
    let complete = [GOLDEN.len(), GOLDEN.find("# env-dep:UNSET").unwrap()];
    // A line that was never begun leaves no trace.
    let unnoticed = GOLDEN.find("\n# env-dep:SET_X").unwrap();
    for (end, _) in GOLDEN.char_indices() {
        if end != unnoticed && !complete.contains(&end) {
            assert!(DepInfo::parse(&GOLDEN[..end]).is_err(), "{:?}", &GOLDEN[..end]);
        }
    }
}

#[test]
fn what_rustc_does_not_write_is_refused() {
    for text in [
        "",
        "\n",
        "a:\n",
        "x.d: a\n\n",
        "x.d: a b\n\na:\n",
        "x.d: a\n\na:\nb:\n",
        "x.d: a\n\ny: b\n\na:\n",
        ": a\n\na:\n",
        "x.d: a\n\na:\n\n",
        "x.d: a\n\na:\n# env-dep:X\n",
        "x.d: a\n\na:\n\n# env-dep:X=\\t\n",
        "x.d: a\n\na:\n\n# other\n",
        "x.d: a\n\na:\n\n# env-dep:X\n\n",
        "x.d: a\n\na:\n# checksum:blake3=1 file_len:x a\n",
        "x.d: line\nbreak.rs\n\nline\nbreak.rs:\n",
        "x.d: \\\n  a\n",
    ] {
        assert!(DepInfo::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn paths_and_values_are_rewritten() {
    let text = "/ws/t/x.d: src/lib.rs /ws/t/gen\\ x.rs\n\nsrc/lib.rs:\n/ws/t/gen\\ x.rs:\n\n\
                # env-dep:OUT_DIR=/ws/t\n# env-dep:V=1\n# checksum:h=1 file_len:2 /ws/t/gen\\ x.rs\n";
    let moved = DepInfo::parse(text)
        .unwrap()
        .map_paths(|path| path.replace("/ws/t", "/other ws"))
        .map_env(|name, value| match name {
            "OUT_DIR" => Some("/other ws".to_owned()),
            _ => value.map(str::to_owned),
        });
    assert_eq!(
        moved.to_string(),
        "/other ws/x.d: src/lib.rs /other\\ ws/gen\\ x.rs\n\nsrc/lib.rs:\n/other\\ ws/gen\\ x.rs:\n\n\
         # env-dep:OUT_DIR=/other ws\n# env-dep:V=1\n\
         # checksum:h=1 file_len:2 /other\\ ws/gen\\ x.rs\n"
    );
}

proptest! {
    #[test]
    fn a_dep_info_survives_its_text(
        targets in proptest::collection::vec("[a-z/ :#\\\\.]{0,8}[a-z]", 1..3),
        prerequisites in proptest::collection::vec("[a-z/ :#$\\\\.é]{1,9}", 0..4),
        variables in proptest::collection::vec(
            ("[A-Z_ \\\\\n]{1,6}", proptest::option::of("(?s).{0,9}")), 0..4),
        sums in proptest::collection::vec(("[a-z0-9=]{1,6}", any::<u64>(), "[a-z /\\\\]{1,8}"), 0..3),
    ) {
        let checksums = sums.into_iter().map(|(hash, size, path)| Checksum { hash, size, path });
        let info = DepInfo { targets, prerequisites, variables, checksums: checksums.collect() };
        prop_assert_eq!(DepInfo::parse(&info.to_string()), Ok(info));
    }

    #[test]
    fn a_text_that_parses_is_written_again(
        text in "[ab]: ([a ]{0,3})\n\n([ab\\\\ ]{0,3}:\n){0,3}(\n?# env-dep:[A=\\\\n]{0,4}\n){0,2}",
    ) {
        if let Ok(info) = DepInfo::parse(&text) {
            prop_assert_eq!(info.to_string(), text);
        }
    }
}
