use super::*;
use crate::classify::{Verdict, classify};
use crate::driver::{Called, DriverLanguage, Family};

fn unit(line: &str, family: Family) -> CcUnit {
    let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let called = Called { family, language: DriverLanguage::ByName };
    match classify(&args, called) {
        Verdict::Compile(mut units) => units.remove(0),
        Verdict::Refuse(refusal) => panic!("{line}: {refusal}"),
    }
}

#[track_caller]
fn check(line: &str, args: &str) {
    assert_eq!(preprocess(&unit(line, Family::Clang), "ours").join(" "), args, "{line}");
}

#[test]
fn the_preprocessor_writes_the_users_dependency_file_to_kaches_place() {
    check("-g -O2 -DX -c a.c -o x.o -fstack-usage", "-E -dD -g -O2 -DX a.c");
    check("-S -MD -MP -MT t -MQ q -MF x.d a.c", "-E -dD -MD -MF ours -MT t -MQ q -MP a.c");
    check(
        "-S -Wp,-MMD,x.d a.c -Wp,-DX --coverage -fstack-usage",
        "-E -dD -MMD -MF ours -MQ a.o a.c -Wp,-DX",
    );
    check("-c -MMD a.c -Ii", "-E -dD -MMD -MF ours -MQ a.o a.c -Ii");
}
