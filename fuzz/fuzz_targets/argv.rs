//! Every command line, one argument a line, has one verdict and one identity.

#![no_main]

use kache_key::rustc::recipe::{components, unit_id};
use kache_key::rustc::{Verdict, classify};
use kache_key::{Context, Digest, RootKind, Roots};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<String> = text.lines().map(str::to_owned).collect();
    let verdict = classify(&args);
    assert_eq!(classify(&args), verdict);
    let Verdict::Compile(unit) = verdict else { return };
    let roots = Roots::of([(RootKind::Target, "/ws/target".to_owned())]);
    let context = Context {
        compiler: Digest::of(b"compiler"),
        roots: &roots,
        env: &[],
        salt: "",
        normalise_paths: true,
        facts: &[],
    };
    assert_eq!(unit_id(&components(&unit, &context, true)), unit_id(&components(&unit, &context, true)));
});
