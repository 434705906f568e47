use proptest::prelude::*;

use super::*;

const FAMILIES: [Family; 3] = [Family::Gcc, Family::Clang, Family::ClangCl];

#[test]
fn names_are_sorted_and_in_one_group_only() {
    for family in FAMILIES {
        let mut seen = std::collections::BTreeMap::new();
        for group in tables(family).into_iter().flatten() {
            assert!(group.names.is_sorted(), "{:?}", group.names);
            for name in group.names {
                let spelling = format!("{}{name}", group.prefix);
                let takes_value = group.arity != Arity::Flag;
                let before = seen.insert((spelling.clone(), takes_value), group.effect);
                assert_eq!(before, None, "{family:?} {spelling}");
            }
        }
    }
}

#[track_caller]
fn check(family: Family, argument: &str, spelling: Option<&str>, attached: &str) {
    let found = lookup(family, argument);
    assert_eq!(found.map(|found| found.spelling()).as_deref(), spelling, "{argument}");
    assert_eq!(found.map_or("", |found| found.attached), attached, "{argument}");
}

#[test]
fn the_longest_name_wins() {
    let gcc = Family::Gcc;
    check(gcc, "-c", Some("-c"), "");
    check(gcc, "-Idir", Some("-I"), "dir");
    check(gcc, "-isystemdir", Some("-isystem"), "dir");
    check(gcc, "-std=c11", Some("-std="), "c11");
    check(gcc, "-O", Some("-O"), "");
    check(gcc, "-O2", Some("-O"), "2");
    check(gcc, "-Wall", Some("-W"), "all");
    check(gcc, "-Wp,-MD,x", Some("-Wp,"), "-MD,x");
    check(gcc, "-fno-common", Some("-fno-common"), "");
    check(gcc, "-fpic", Some("-fpic"), "");
    check(gcc, "-cx", None, "");
    check(gcc, "-fno-such-thing", None, "");
    check(gcc, "", None, "");
}

proptest! {
    #[test]
    fn a_prefix_search_finds_the_longest_name(
        names in proptest::collection::btree_set("[ab]{1,4}", 0..8), text in "[ab]{0,6}",
    ) {
        let leaked: Vec<&'static str> =
            names.iter().map(|name| &*Box::leak(name.clone().into_boxed_str())).collect();
        let slow = leaked.iter().filter(|name| text.starts_with(**name)).max_by_key(|n| n.len());
        prop_assert_eq!(longest_prefix(&leaked, &text), slow.copied());
    }
}

#[track_caller]
fn check_listing(family: Family, listing: &str) {
    let names: Vec<&str> = listing.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(names.len() > 900, "the listing is complete: {}", names.len());
    let missing: Vec<&&str> = names.iter().filter(|name| lookup(family, name).is_none()).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}

#[test]
fn every_option_that_a_compiler_lists_is_classified() {
    check_listing(Family::Gcc, include_str!("../../testdata/gcc-12-options.txt"));
    check_listing(Family::Clang, include_str!("../../testdata/clang-14-options.txt"));
    check_listing(Family::Clang, include_str!("../../testdata/clang-19-options.txt"));
}
