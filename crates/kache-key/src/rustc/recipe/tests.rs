use proptest::prelude::*;

use super::*;
use crate::digest::Digest;
use crate::roots::RootKind;
use crate::rustc::args::tests::{compiled, library};

fn roots_at(checkout: &str, cargo_home: &str, target: &str) -> Roots {
    Roots::of([
        (RootKind::Target, target.to_owned()),
        (RootKind::Workspace, checkout.to_owned()),
        (RootKind::CargoHome, cargo_home.to_owned()),
    ])
}

fn roots() -> Roots {
    roots_at("/ws", "/home/u/.cargo", "/ws/target")
}

fn context(roots: &Roots) -> Context<'_> {
    Context {
        compiler: Digest::of(b"rustc 1.95"),
        roots,
        env: &[],
        salt: "",
        normalise_paths: true,
        facts: &[],
    }
}

fn id_of(args: &[String], roots: &Roots) -> UnitId {
    unit_id(&components(&compiled(args), &context(roots), false))
}

fn id(more: &[&str]) -> UnitId {
    id_of(&library(more), &roots())
}

#[test]
fn what_cargo_adds_to_the_library_path_is_not_keyed_and_the_rest_is() {
    let roots = roots();
    let keyed = |value: &str| {
        let env = [("LD_LIBRARY_PATH".to_owned(), Some(value.to_owned()))];
        components(&compiled(&library(&[])), &Context { env: &env, ..context(&roots) }, false)
    };
    assert_eq!(keyed("/ws/target/debug/build/a/1/out:/lib"), keyed("/ws/target/b:/lib"));
    assert_eq!(keyed("/ws/target:/lib"), keyed("/lib"));
    assert_ne!(keyed("/ws/targets:/lib"), keyed("/lib"));
    assert_ne!(keyed("/lib:/opt"), keyed("/opt:/lib"));
}

#[test]
fn the_recipe_is_pinned() {
    #[track_caller]
    fn check(more: &[&str], expected: &str) {
        assert_eq!(id(more).to_string(), expected);
    }
    check(&[], "9f571c5c326b187ab7e7d94aed1d0d0959bc49ef354630dba4ad608830cda4d2");
    check(
        &["-O", "-Dwarnings", "-lstatic=z", "-L/ws/target/n", "--target=t", "--test"],
        "2437a170054bfe10f336d0ac50542dc54eb587ba9d75febfab7759c77e79b804",
    );
    check(
        &[
            "--crate-type=bin",
            "-Clinker=/ws/ld",
            "-Clink-arg=-Wl,-rpath,/ws/target/x",
            "-Zthreads=2",
        ],
        "fbdd4e86d4624c9c1a75165ddde100f970f37dd70679921acfc9f1c86421564a",
    );
    let roots = roots();
    let env = [("RUSTC_BOOTSTRAP".to_owned(), Some("1".to_owned())), ("SDKROOT".to_owned(), None)];
    let facts = [("linker".to_owned(), Digest::of(b"ld"))];
    let context = Context { env: &env, facts: &facts, salt: "s", ..context(&roots) };
    let unit = compiled(&library(&[]));
    assert_eq!(
        unit_id(&components(&unit, &context, true)).to_string(),
        "a3cc4de0520fb8f6de248b28e3bfd83bbbf2d6c851ed27be766f38f873c7adcf"
    );
}

#[test]
fn each_part_of_the_context_is_keyed() {
    let roots = roots();
    let unit = compiled(&library(&[]));
    let of = |context: Context<'_>| unit_id(&components(&unit, &context, false));
    let plain = context(&roots);
    let unset = [("A".to_owned(), None)];
    let empty = [("A".to_owned(), Some(String::new()))];
    let fact = [("A".to_owned(), Digest::of(b""))];
    let ids = [
        of(plain),
        of(Context { compiler: Digest::of(b"other"), ..plain }),
        of(Context { salt: "x", ..plain }),
        of(Context { normalise_paths: false, ..plain }),
        unit_id(&components(&unit, &plain, true)),
        of(Context { env: &unset, ..plain }),
        of(Context { env: &empty, ..plain }),
        of(Context { facts: &fact, ..plain }),
    ];
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn a_changed_flag_changes_the_unit() {
    let changes: &[&[&str]] = &[
        &[],
        &["--test"],
        &["--crate-type=cdylib"],
        &["-O", "-Copt-level=0"],
        &["-Copt-level=0", "-O"],
        &["--cap-lints=warn"],
        &["--check-cfg=cfg(x)"],
        &["-Dunused"],
        &["-Wunused"],
        &["--color=always"],
        &["--json=artifacts"],
        &["--diagnostic-width=80"],
        &["-v"],
        &["-Zthreads=2"],
        &["--sysroot=/s"],
        &["--target=t"],
        &["--target=t.json"],
        &["-Zcodegen-backend=x"],
        &["-la"],
        &["-lb"],
        &["-lstatic=a"],
        &["-lstatic:+whole-archive=a"],
        &["-la:c"],
        &["-La", "-Lb"],
        &["-Lb", "-La"],
        &["-Lnative=a", "-Lb"],
        &["--cfg=a"],
        &["--cfg=a", "--cfg=b"],
        &["--cfg=a --cfg=b"],
        &["--extern=a=/x", "--extern=b=/y"],
        &["--extern=a=/y", "--extern=b=/x"],
        &["--extern=a"],
        &["--extern=priv:a"],
        &["--remap-path-prefix=a=b"],
        &["-Cpanic=abort"],
        &["-Cpanic"],
    ];
    let mut seen = std::collections::BTreeMap::new();
    for more in changes {
        assert_eq!(seen.insert(id(more), more), None, "{more:?}");
    }
    let human: Vec<String> = library(&[]);
    let human = human.iter().map(|arg| arg.replace("error-format=json", "error-format=human"));
    assert_ne!(id_of(&human.collect::<Vec<_>>(), &roots()), id(&[]));
    let edition = library(&[]).iter().map(|arg| arg.replace("=2021", "=2024")).collect::<Vec<_>>();
    assert_ne!(id_of(&edition, &roots()), id(&[]));
}

#[test]
fn cfgs_and_features_in_another_order_are_the_same_unit() {
    assert_eq!(
        id(&["--cfg", "feature=\"a\"", "--cfg", "x"]),
        id(&["--cfg", "x", "--cfg", "feature=\"a\""])
    );
}

#[test]
fn another_checkout_target_directory_or_cargo_home_is_the_same_unit() {
    let more = [
        "-Clink-arg=-Wl,-rpath,/ws/target/x:/ws/lib",
        "-Clink-arg=-L/ws/target/y",
        "-Clinker=/ws/tools/ld",
        "-Lnative=/ws/target/debug/build/z/out",
        "--remap-path-prefix=/ws=/src",
    ];
    let args = library(&more);
    let moved: Vec<String> = args
        .iter()
        .map(|arg| arg.replace("/ws/target", "/other/t"))
        .map(|arg| arg.replace("/ws", "/a/b").replace("/home/u/.cargo", "/cargo"))
        .collect();
    assert_ne!(args, moved);
    assert_eq!(id_of(&args, &roots()), id_of(&moved, &roots_at("/a/b", "/cargo", "/other/t")));
}

#[test]
fn where_outputs_and_incremental_state_go_does_not_matter_but_their_kind_does() {
    let replaced = |from: &str, to: &str| {
        let args = library(&[]).iter().map(|arg| arg.replace(from, to)).collect::<Vec<_>>();
        id_of(&args, &roots())
    };
    assert_eq!(replaced("debug/incremental", "release/i"), id(&[]));
    assert_ne!(replaced("incremental=/ws/target/debug/incremental", "rpath=no"), id(&[]));
    assert_ne!(replaced("-1732", "-1733"), id(&[]));
    assert_ne!(replaced("233d", "233e"), id(&[]));
    assert_ne!(replaced("metadata,link", "metadata"), id(&[]));
}

#[track_caller]
fn tokens(text: &str, expected: &str) {
    assert_eq!(tokenise_within(&roots(), text), expected);
}

#[test]
fn roots_are_found_inside_composite_values() {
    tokens("/ws", "{workspace}");
    tokens("/ws/target/x", "{target}/x");
    tokens("-Wl,-rpath,/ws/target/x,-y", "-Wl,-rpath,{target}/x,-y");
    tokens("-L/ws/x", "-L{workspace}/x");
    tokens("a=/ws:/ws/target", "a={workspace}:{target}");
    tokens("/opt/ws/x /wsx /x/ws", "/opt/ws/x /wsx /x/ws");
    tokens("foo/ws/x -lfoo/ws", "foo/ws/x -lfoo/ws");
    tokens("{target}/x", "{{target}/x");
    tokens("é/ws/é", "é/ws/é");
}

proptest! {
    #[test]
    fn moving_text_between_flags_always_changes_the_unit(text in "[a-z]{2,8}", at in 1_usize..8) {
        let at = at.min(text.len() - 1);
        let (head, tail) = text.split_at(at);
        prop_assume!(head != tail);
        let forms: Vec<Vec<String>> = vec![
            vec![format!("--cfg={text}")],
            vec![format!("--cfg={head}"), format!("--check-cfg={tail}")],
            vec![format!("-l{head}"), format!("-L{tail}")],
            vec![format!("-L{head}"), format!("-l{tail}")],
            vec![format!("-Cmetadata={head}"), format!("-Cpasses={tail}")],
            vec![format!("-Cmetadata={text}")],
            vec![format!("-Clink-arg={head}"), format!("-Clink-arg={tail}")],
            vec![format!("-Clink-arg={text}")],
            vec![format!("-A{head}"), format!("-W{tail}")],
            vec![format!("--extern={head}={tail}")],
        ];
        let mut seen = std::collections::BTreeSet::new();
        for form in &forms {
            let form: Vec<&str> = form.iter().map(String::as_str).collect();
            prop_assert!(seen.insert(id(&form)), "{form:?}");
        }
    }

    #[test]
    fn different_texts_have_different_tokens(
        a in "(/ws|/target|\\{target\\}|\\{|,|-L|x){0,5}",
        b in "(/ws|/target|\\{target\\}|\\{|,|-L|x){0,5}",
    ) {
        let roots = roots();
        prop_assert_eq!(a == b, tokenise_within(&roots, &a) == tokenise_within(&roots, &b));
    }
}
