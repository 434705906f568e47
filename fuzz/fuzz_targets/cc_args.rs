//! Every command line, one argument a line, has one verdict and one identity.

#![no_main]

use kache_cc::recipe::{components, unit_id};
use kache_cc::{Called, DriverLanguage, Family, Verdict, classify, expected_outputs, preprocess};
use kache_key::{Context, Digest, RootKind, Roots};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<String> = text.lines().map(str::to_owned).collect();
    for family in [Family::Gcc, Family::Clang, Family::ClangCl] {
        let called = Called { family, language: DriverLanguage::ByName };
        let verdict = classify(&args, called);
        assert_eq!(classify(&args, called), verdict);
        let Verdict::Compile(units) = verdict else { continue };
        let roots = Roots::of([(RootKind::Target, "/ws/target".to_owned())]);
        let context = Context {
            compiler: Digest::of(b"compiler"),
            roots: &roots,
            env: &[],
            salt: "",
            normalise_paths: true,
            facts: &[],
        };
        for unit in units {
            let id = unit_id(&components(&unit, &context));
            assert!(!expected_outputs(&unit).is_empty());
            assert!(preprocess(&unit, "ours").len() > 2);
            let Verdict::Compile(again) = classify(&unit.args, called) else {
                panic!("a unit's own arguments are refused");
            };
            assert_eq!(again.len(), 1);
            assert_eq!(unit_id(&components(&again[0], &context)), id);
        }
    }
});
