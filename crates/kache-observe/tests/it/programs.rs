//! Programs that start others.

use kache_observe::Act;

use crate::sandbox::{Sandbox, Tried, trace_of};

#[test]
fn a_pipeline_of_a_shell_is_seen_whole() -> Tried {
    let sandbox = Sandbox::new()?;
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "cat file | tr a-z A-Z > upper; cd dir && cat one"]);
    let trace = trace_of(&mut shell)?;
    let seen = sandbox.seen(&trace);
    for expected in ["Read file", "Wrote upper", "Looked dir", "Read dir/one"] {
        assert!(seen.iter().any(|act| act == expected), "{expected}: {seen:?}");
    }
    let started = trace.acts().filter(|act| matches!(act, Act::Started { .. })).count();
    assert_eq!(started, 4, "{:?}", trace.events);
    Ok(())
}
