//! Every command line, one argument a line, has one verdict and one identity.

#![no_main]

use kache_key::rustc::recipe::{components, unit_id};
use kache_key::rustc::{RustcProbe, Verdict, classify, probe};
use kache_key::{Context, Digest, RootKind, Roots};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<String> = text.lines().map(str::to_owned).collect();
    let verdict = classify(&args);
    assert_eq!(classify(&args), verdict);
    let roots = Roots::of([(RootKind::Target, "/ws/target".to_owned())]);
    let context = Context {
        compiler: Digest::of(b"compiler"),
        roots: &roots,
        env: &[],
        salt: "",
        normalise_paths: true,
        facts: &[],
    };
    if let Ok(known) = RustcProbe::of(&args) {
        let id = || probe::unit_id(&probe::components(&known, None, "/ws", &context));
        assert_eq!(id(), id());
        assert!(!known.is_random || known.args.iter().all(|arg| !arg.contains(&known.crate_name)));
    }
    let Verdict::Compile(unit) = verdict else { return };
    assert_eq!(unit_id(&components(&unit, &context, true)), unit_id(&components(&unit, &context, true)));
});
