use kache_key::explain::diff_components;

use super::*;
use crate::classify::{Verdict, classify};
use crate::driver::{Called, DriverLanguage, Family};

fn unit(line: &str, family: Family) -> CcUnit {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    match classify(&args, Called { family, language: DriverLanguage::ByName }) {
        Verdict::Compile(mut units) => units.remove(0),
        Verdict::Refuse(refusal) => panic!("{line}: {refusal}"),
    }
}

fn roots() -> Roots {
    Roots::of([(RootKind::Workspace, "/ws".to_owned()), (RootKind::Target, "/ws/build".to_owned())])
}

fn context(roots: &Roots) -> Context<'_> {
    Context {
        compiler: Digest::of(b"compiler"),
        roots,
        env: &[],
        salt: "",
        normalise_paths: true,
        facts: &[],
    }
}

fn components_of(line: &str) -> Vec<Component> {
    components(&unit(line, Family::Gcc), &context(&roots()))
}

const BASE: &str = "-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2";

#[track_caller]
fn check(line: &str, same: bool) {
    let (base, other) = (components_of(BASE), components_of(line));
    let differences = diff_components(&base, &other);
    assert_eq!(unit_id(&base) == unit_id(&other), same, "{line}: {differences:?}");
}

#[test]
fn what_changes_the_output_changes_the_identity() {
    check("-c /ws/b.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2", false);
    check("-c -x c++ /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2", false);
    check("-S /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc2 -DX=1 -O2", false);
    check("-c /ws/a.c -o /ws/build/a.o -isystem /ws/inc -DX=1 -O2", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=2 -O2", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2 -UX", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2 -Wall", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O3", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2 -MD", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2 -ffile-prefix-map=/ws=.", false);
    check("-c /ws/a.c -o /ws/build/a.o -I/ws/inc -DX=1 -O2 -Wp,-DX=1", false);
}

#[test]
fn where_the_output_goes_and_how_options_are_spelt_does_not() {
    check("-c /ws/a.c -o /ws/build/b.o -I/ws/inc -DX=1 -O2", true);
    check("-o /ws/build/a.o -O2 -I /ws/inc -D X=1 -pipe -c /ws/a.c", false);
    check("-o /ws/build/a.o -I /ws/inc -D X=1 -O2 -pipe -c /ws/a.c", true);
}

#[track_caller]
fn output_is_keyed(options: &str, is_keyed: bool) {
    let line = |output: &str| format!("-c a.c -o {output} {options}");
    let ids = ["x.o", "y.o"].map(|output| unit_id(&components_of(&line(output))));
    assert_eq!(ids[0] != ids[1], is_keyed, "{options}");
}

#[test]
fn the_output_is_keyed_where_its_name_is_in_it() {
    output_is_keyed("", false);
    output_is_keyed("-g", false);
    output_is_keyed("-MD -MF d -MT t", false);
    output_is_keyed("-MD", true);
    output_is_keyed("-g -gsplit-dwarf", true);
    output_is_keyed("--coverage", true);
    output_is_keyed("-fprofile-arcs", true);
    output_is_keyed("-fstack-usage", true);
}

#[test]
fn two_checkouts_have_one_identity() {
    let other = Roots::of([
        (RootKind::Workspace, "/home/me/there".to_owned()),
        (RootKind::Target, "/home/me/there/build".to_owned()),
    ]);
    let line = format!("{BASE} -MD -fdebug-prefix-map=/ws=. -DDIR=\"/ws/x\"");
    let here = components_of(&line);
    let moved = unit(&line.replace("/ws", "/home/me/there"), Family::Gcc);
    assert_eq!(here, components(&moved, &context(&other)));
    assert_eq!(roots_in_defines(&moved, &other), [RootKind::Workspace]);
    assert_eq!(roots_in_defines(&unit(BASE, Family::Gcc), &roots()), []);
}

#[test]
fn the_context_is_part_of_the_identity() {
    let (unit, roots) = (unit(BASE, Family::Gcc), roots());
    let base = context(&roots);
    let id = |context: &Context<'_>| unit_id(&components(&unit, context));
    let env = |value: Option<&str>| [("CPATH".to_owned(), value.map(str::to_owned))];
    let (unset, empty, set) = (env(None), env(Some("")), env(Some("/x")));
    let facts = [("cpu".to_owned(), Digest::of(b"1"))];
    let contexts = [
        base,
        Context { compiler: Digest::of(b"other"), ..base },
        Context { salt: "s", ..base },
        Context { normalise_paths: false, ..base },
        Context { env: &unset, ..base },
        Context { env: &empty, ..base },
        Context { env: &set, ..base },
        Context { facts: &facts, ..base },
    ];
    let ids: std::collections::BTreeSet<UnitId> = contexts.iter().map(id).collect();
    assert_eq!(ids.len(), contexts.len());
}

#[test]
fn variables_are_named_once_and_in_order() {
    for names in [CC_ENV, COLOUR_ENV, REPORTING_ENV, WITHOUT_INFLUENCE] {
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
    assert!(COLOUR_ENV.iter().all(|name| CC_ENV.contains(name)));
    assert!(REPORTING_ENV.iter().all(|name| !CC_ENV.contains(name)));
}

#[track_caller]
fn golden(line: &str, family: Family, expected: &str) {
    let env = [("CPATH".to_owned(), None), ("LANG".to_owned(), Some("C".to_owned()))];
    let facts = [("cpu".to_owned(), Digest::of(b"cpu"))];
    let roots = roots();
    let context = Context { env: &env, facts: &facts, salt: "salt", ..context(&roots) };
    let id = unit_id(&components(&unit(line, family), &context));
    assert_eq!(id.to_string(), expected, "{line}");
}

#[test]
fn the_recipe_is_pinned() {
    golden(
        "-c /ws/a.c",
        Family::Gcc,
        "324431bc66d997d62ffc4a0c928cfd60789c8129cce9f04df29c7e7ec2a6ae3c",
    );
    golden(
        "-c -MMD -MP -MT t -MQ q -x c++ a.c -o /ws/build/a.o -g -gsplit-dwarf -I/ws/inc -isystem s \
         -DX=/ws -Wp,-DY -Wa,--noexecstack -include p.h --sysroot=/ws/r -fno-common",
        Family::Gcc,
        "47f6b849c0ed14f6504451b1ecd18696ed21439b8fdaff1d1960156976c1f106",
    );
    golden(
        "-S a.cc --serialize-diagnostics d -flto=thin",
        Family::Clang,
        "40a025a02312fd25182375ed2d7440d03b0935730172d02a93a7365b4a6b14b5",
    );
    assert_eq!(
        expanded_id(UnitId(Digest::of(b"unit")), Digest::of(b"expansion")).to_string(),
        "32982a27e68053f1b99e6df3465fd7d0ffbf128749070d3f9590e64b315b2b66"
    );
}
