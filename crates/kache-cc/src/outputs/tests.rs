use super::*;

#[track_caller]
fn check(path: &str, extension: &str, expected: &str) {
    assert_eq!(with_extension(path, extension), expected);
}

#[test]
fn the_last_extension_of_the_file_name_is_replaced() {
    check("a.c", "o", "a.o");
    check("a.b.c", "d", "a.b.d");
    check("dir.x/a", "d", "dir.x/a.d");
    check("dir.x/a.o", "dwo", "dir.x/a.dwo");
    check("/é/a.ö.c", "o", "/é/a.ö.o");
}

#[test]
fn a_name_without_a_stem_or_an_extension_after_its_dot_is_odd() {
    for name in ["", ".o", "a."] {
        assert!(is_odd(name), "{name}");
    }
    for name in ["a", "a.o", "a.b.o"] {
        assert!(!is_odd(name), "{name}");
    }
}

fn naming(family: Family, output: Option<&str>) -> Naming {
    Naming::of(family, Stage::Object, "src/a.c", output).unwrap()
}

#[track_caller]
fn target(family: Family, output: Option<&str>, unseen_by_driver: bool, expected: &str) {
    let mut depend = Depend::default();
    depend.unseen_by_driver = unseen_by_driver;
    let dep_file = dep_file(&naming(family, output), &depend, DepStyle::All);
    assert_eq!(dep_file.targets, [DepTarget { name: expected.to_owned(), escaped: true }]);
}

#[test]
fn the_target_is_the_output_where_the_driver_knows_of_the_dependency_file() {
    target(Family::Gcc, None, false, "a.o");
    target(Family::Gcc, Some("o/x.o"), false, "o/x.o");
    target(Family::Gcc, Some("o/x.o"), true, "a.o");
    target(Family::Clang, Some("o/x.o"), true, "o/x.o");
}
