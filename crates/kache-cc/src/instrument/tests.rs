use super::*;
use crate::classify::{Verdict, classify};
use crate::driver::{Called, DriverLanguage};

fn unit(line: &str, family: Family) -> CcUnit {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let called = Called { family, language: DriverLanguage::ByName };
    match classify(&args, called) {
        Verdict::Compile(mut units) => units.remove(0),
        Verdict::Refuse(refusal) => panic!("{line}: {refusal}"),
    }
}

#[track_caller]
fn check(line: &str, args: &str, headers_from: &HeadersFrom) {
    let instrumented = instrument(&unit(line, Family::Gcc), "ours");
    assert_eq!(instrumented.args.join(" "), args, "{line}");
    assert_eq!(&instrumented.headers_from, headers_from, "{line}");
}

#[test]
fn the_users_request_decides_how_headers_are_learned() {
    check("-c a.c", "-MD -MF ours -MQ kache", &HeadersFrom::OurDepFile);
    check("-c a.s", "", &HeadersFrom::Source);
    check("-c a.i", "", &HeadersFrom::Source);
    check("-c a.c -MD", "", &HeadersFrom::UserDepFile("a.d".to_owned()));
    check("-c a.c -MMD -MF x.d", "", &HeadersFrom::UserDepFile("x.d".to_owned()));
    check("-c a.c -o o/x.o -Wp,-MD,d", "", &HeadersFrom::UserDepFile("d".to_owned()));
}

#[track_caller]
fn check_preprocess(line: &str, args: &str) {
    assert_eq!(preprocess(&unit(line, Family::Clang), "ours").join(" "), args, "{line}");
}

#[test]
fn the_preprocessor_writes_the_users_dependency_file_to_kaches_place() {
    check_preprocess(
        "-g -O2 -DX -c a.c -o x.o --serialize-diagnostics x.dia",
        "-E -dD -MD -MF ours -MQ kache -g -O2 -DX a.c",
    );
    check_preprocess(
        "-S -MD -MP -MT t -MQ q -MF x.d a.c",
        "-E -dD -MD -MF ours -MT t -MQ q -MP a.c",
    );
    check_preprocess(
        "-S -Wp,-MMD,x.d a.c -Wp,-DX --coverage -fstack-usage",
        "-E -dD -MMD -MF ours -MQ a.o a.c -Wp,-DX",
    );
    check_preprocess("-c -MMD a.c -Ii", "-E -dD -MMD -MF ours -MQ a.o a.c -Ii");
}

#[test]
fn clang_as_the_microsoft_compiler_is_told_in_its_own_way() {
    let instrumented = instrument(&unit("/c a.c", Family::ClangCl), "ours");
    assert_eq!(instrumented.args, ["/clang:-MD", "/clang:-MFours", "/clang:-MQkache"]);
    assert_eq!(instrumented.headers_from, HeadersFrom::OurDepFile);
}
