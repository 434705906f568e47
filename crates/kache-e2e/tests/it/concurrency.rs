//! Several processes at once: pipelining, tokens, interruptions, two cargos.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use kache_e2e::events::{Event, Journal, Outcome};
use kache_e2e::oracle::Tree;
use kache_e2e::process::{self, output_of};
use kache_e2e::project::Project;
use kache_e2e::{HarnessError, Scenario};

use crate::chain::{
    self, CRATES, SENTENCE, assert_blobs_intact, assert_compiled, assert_hits, build, printed,
    said, same_as_bare, succeed,
};
use crate::stub::{Stub, signal_job, start_job, stop_job};

/// `base` does not end before `mid` has begun, which only works where `mid`
/// begins as soon as the metadata of `base` is announced.
const WAIT_FOR_THE_DEPENDANT: &str = r#"
case $name in
    base)
        "$real" "$@" || exit
        await mid-began && mark pipelined
        exit 0 ;;
    mid) mark mid-began ;;
esac"#;

#[test]
fn dependants_start_at_the_metadata_message_of_a_miss() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(&scenario, WAIT_FOR_THE_DEPENDANT);
    let run = scenario.cargo("build").args(["-j", "4"]).var("RUSTC", &stub.program);
    assert_compiled(&succeed(&run).unwrap(), CRATES);
    assert!(stub.has("pipelined"), "cargo heard of the metadata after the compiler had ended");
    // Both were stored although one was read while the other published it.
    succeed(&scenario.cargo("clean")).unwrap();
    let again = succeed(&run).unwrap();
    assert_eq!(again.tally().hits, CRATES.len(), "{}", said(&again));
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn dependants_start_at_the_metadata_message_of_a_hit() {
    let scenario = chain::warmed().unwrap();
    let body = format!("{WAIT_FOR_THE_DEPENDANT}\nexec \"$real\" \"$@\"");
    let stub = Stub::before(&scenario, &scenario.kache.wrapper, "wrapper", &body);
    scenario.project.clean().unwrap();
    let run = scenario.cargo("build").args(["-j", "4"]).wrapper(&stub.program);
    assert_hits(&succeed(&run).unwrap(), CRATES);
    assert!(stub.has("pipelined"), "a hit does not announce its metadata");
    assert_eq!(printed(&scenario, &scenario.project).unwrap(), SENTENCE);
}

/// Tokens in the test's own jobserver. Cargo itself brings one more.
const TOKENS: usize = 2;

/// A jobserver as `make -j` offers it: a named pipe with a byte for each token.
struct Jobserver {
    path: PathBuf,
    /// Keeps the tokens in the pipe while nobody else has it open.
    _pipe: fs::File,
}

impl Jobserver {
    fn start(dir: &Path) -> Self {
        let path = dir.join("jobserver");
        output_of(Command::new("mkfifo").arg(&path)).expect("mkfifo is on every Unix");
        let mut pipe = OpenOptions::new().read(true).write(true).open(&path).expect("it exists");
        pipe.write_all(&[b'+'; TOKENS]).expect("the pipe is empty");
        Self { path, _pipe: pipe }
    }

    /// Returns how many tokens are there; they stay.
    fn count(&self) -> usize {
        let script = "dd if=\"$1\" iflag=nonblock bs=100 count=1 2>/dev/null | tee \"$1\" | wc -c";
        let mut shell = Command::new("sh");
        let said = output_of(shell.args(["-c", script, "sh"]).arg(&self.path)).expect("dd works");
        said.trim().parse().expect("wc prints a number")
    }

    fn flags(&self) -> String {
        format!("-j --jobserver-auth=fifo:{}", self.path.display())
    }
}

/// A workspace of crates that do not depend on each other.
fn wide(scenario: &Scenario) -> Result<Project, HarnessError> {
    let project = &scenario.project;
    project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"w*\"]\n")?;
    for name in ["wa", "wb", "wc", "wd", "we", "wf"] {
        let manifest =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        project.write(&format!("{name}/Cargo.toml"), manifest)?;
        project.write(&format!("{name}/src/lib.rs"), "pub fn f() -> u8 {\n    1\n}\n")?;
    }
    Ok(project.clone())
}

/// Returns how many compilers ran at once, by the notes of their starts and ends.
fn most_at_once(notes: &[String]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for note in notes {
        if note.starts_with('+') {
            now += 1;
        } else {
            now = now.saturating_sub(1);
        }
        most = most.max(now);
    }
    most
}

#[test]
fn tokens_of_a_jobserver_are_neither_lost_nor_multiplied() {
    let scenario = chain::scenario().unwrap();
    let project = wide(&scenario).unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ -n "$name" ] && {
            note "+ $name $CARGO_MAKEFLAGS"; "$real" "$@"; code=$?; sleep 0.3; note "- $name"; exit $code
        }"#,
    );
    let server = Jobserver::start(scenario.env.root());
    assert_eq!(server.count(), TOKENS);
    let run = || {
        let run = scenario.cargo("build").var("MAKEFLAGS", server.flags());
        run.var("RUSTC", &stub.program).run().unwrap()
    };
    let cold = run();
    assert!(cold.success() && !cold.stderr.contains("jobserver"), "{}", cold.stderr);
    assert_eq!(most_at_once(&stub.notes()), TOKENS + 1, "{:?}", stub.notes());
    let fifo = server.path.to_string_lossy();
    let told = stub.notes().iter().filter(|note| note.contains(&*fifo)).count();
    assert_eq!(told, 6, "the compiler does not hear of the jobserver: {:?}", stub.notes());
    assert_eq!(server.count(), TOKENS, "after a cold build");
    project.clean().unwrap();
    assert_eq!(run().tally().hits, 6);
    assert_eq!(server.count(), TOKENS, "after a warm build");
    project.edit("wc/src/lib.rs", "1", "broken").unwrap();
    assert!(!run().success());
    assert_eq!(server.count(), TOKENS, "after a failed build");
}

#[test]
fn the_compiler_inherits_the_pipe_of_cargos_own_jobserver() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ -n "$name" ] && {
            fd=${CARGO_MAKEFLAGS##*--jobserver-auth=}; fd=${fd%%,*}
            note "$name $(readlink "/proc/self/fd/$fd")"
        }"#,
    );
    let cold = succeed(&scenario.cargo("build").var("RUSTC", &stub.program)).unwrap();
    assert!(!cold.stderr.contains("jobserver"), "{}", cold.stderr);
    let notes = stub.notes();
    assert_eq!(notes.len(), CRATES.len(), "{notes:?}");
    assert!(notes.iter().all(|note| note.contains(" pipe:")), "{notes:?}");
}

/// Holds `base` where `$marks/hold` is named: before the compiler, between its
/// last write and its end, and with an output that is only half there.
const HOLD: &str = r#"
[ "$name" = base ] && {
    [ -e "$marks/before" ] && { mark reached; await go; }
    "$real" "$@" || exit
    [ -e "$marks/half" ] && for output in "$out_dir"/libbase-*; do
        # Replaced, not truncated: rustc's incremental state is linked to it.
        head -c 100 "$output" > "$output.half" && mv "$output.half" "$output"
    done
    { [ -e "$marks/half" ] || [ -e "$marks/after" ]; } && { mark reached; await go; }
    exit 0
}"#;

#[test]
fn a_build_stopped_while_the_compiler_runs_leaves_nothing_wrong() {
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    let stub = Stub::compiler(&scenario, HOLD);
    let mut word = "one".to_owned();
    for phase in ["before", "half", "after"] {
        for signal in ["INT", "KILL"] {
            let next = format!("{phase} {signal}");
            project.edit("base/src/lib.rs", &word, &next).unwrap();
            word = next;
            stub.forget();
            stub.mark(phase);
            let job = start_job(scenario.cargo("build").var("RUSTC", &stub.program).command());
            stub.wait_for("reached");
            assert!(stop_job(job, signal));
            let built = build(&scenario, project).unwrap();
            assert_eq!(built.event_of("base").unwrap().outcome, Outcome::Miss, "{word}");
            let expected = SENTENCE.replace("one", &word);
            assert_eq!(printed(&scenario, project).unwrap(), expected);
            project.clean().unwrap();
            assert_hits(&build(&scenario, project).unwrap(), CRATES);
            assert_eq!(printed(&scenario, project).unwrap(), expected);
        }
    }
    assert_blobs_intact(&scenario.env.cache_dir()).unwrap();
}

/// Returns the files below a directory of the store.
fn files_in(scenario: &Scenario, dir: &str) -> Vec<PathBuf> {
    let dir = scenario.env.cache_dir().join("v1").join(dir);
    let files = Tree::of(&dir, |_| true).unwrap_or_default().files.into_keys();
    files.map(|name| dir.join(name)).collect()
}

/// Kills `count` builds at moments spread over `whole`, which is about how long
/// one takes; each time the next build must print what `prepare` returned.
#[track_caller]
fn kill_at_moments(
    scenario: &Scenario,
    mut whole: Duration,
    count: u32,
    prepare: &mut dyn FnMut() -> Result<String, HarnessError>,
) -> Result<(), HarnessError> {
    let project = &scenario.project;
    let mut killed = 0;
    while killed < count {
        let expected = prepare()?;
        let moment = whole * (killed + 1) / (count + 1);
        let job = start_job(scenario.cargo("build").command());
        thread::sleep(moment);
        if stop_job(job, "KILL") {
            killed += 1;
        } else {
            // The machine has less to do by now: a build takes no longer than this.
            whole = moment;
        }
        build(scenario, project)?;
        assert_eq!(printed(scenario, project)?, expected, "{killed} of {count} were killed");
        assert_eq!(build(scenario, project)?.units(), 0);
    }
    assert_blobs_intact(&scenario.env.cache_dir()).map(drop)
}

#[test]
fn builds_killed_at_any_moment_are_followed_by_right_ones_and_leave_no_heap_of_litter() {
    let scenario = chain::scenario().unwrap();
    let project = &scenario.project;
    let timed = || {
        project.clean().unwrap();
        let start = Instant::now();
        build(&scenario, project).unwrap();
        start.elapsed()
    };
    let (cold, warm) = (timed(), timed());
    let mut word = "one".to_owned();
    let mut with_new_word = || {
        let next = format!("{word}-");
        project.edit("base/src/lib.rs", &word, &next)?;
        word = next;
        project.clean()?;
        Ok(SENTENCE.replace("one", &word))
    };
    kill_at_moments(&scenario, cold, 6, &mut with_new_word).unwrap();
    let expected = SENTENCE.replace("one", &word);
    let mut cleaned = || project.clean().map(|()| expected.clone()).map_err(Into::into);
    kill_at_moments(&scenario, warm, 5, &mut cleaned).unwrap();
    assert_eq!(same_as_bare(&scenario, project).unwrap(), expected);
    // At most two processes at a time were killed, each with one file under way;
    // housekeeping takes those an hour later.
    let staged = files_in(&scenario, "staging");
    assert!(staged.len() <= 11 * 2, "{staged:?}");
    output_of(scenario.env.command(&scenario.kache.cli).arg("gc")).unwrap();
    let is_of_unit = |path: &PathBuf| path.file_name().is_some_and(|name| name.len() == 64);
    let locks = files_in(&scenario, "locks").into_iter().filter(is_of_unit).count();
    assert_eq!(locks, 0, "locks of units that nobody builds");
    scenario.project.clean().unwrap();
    assert_hits(&build(&scenario, project).unwrap(), CRATES);
}

#[test]
fn two_cargos_that_need_the_same_units_run_one_compiler_for_each() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ -n "$name" ] && { note "$name"; [ "$name" = base ] && { mark began; await go; }; }"#,
    );
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    let trees = [&scenario.project, &second];
    let mut journal = Journal::at_end_of(&scenario.env.cache_dir());
    let finished = thread::scope(|scope| {
        let builds = trees.map(|tree| {
            let run = scenario.cargo_in(tree, "build").var("RUSTC", &stub.program);
            scope.spawn(move || process::run(&mut run.command()).unwrap())
        });
        stub.wait_for("began");
        // Whoever comes second has long been waiting when the first goes on.
        thread::sleep(Duration::from_millis(500));
        stub.mark("go");
        builds.map(|build| build.join().unwrap())
    });
    for build in &finished {
        assert!(build.status.success(), "{}", build.stderr);
    }
    let mut compiled = stub.notes();
    compiled.sort();
    assert_eq!(compiled, CRATES, "each unit is compiled once");
    let events: Vec<_> = journal.take().unwrap().into_iter().filter(Event::is_unit).collect();
    let hits = events.iter().filter(|event| event.outcome == Outcome::Hit).count();
    assert_eq!((events.len(), hits), (2 * CRATES.len(), CRATES.len()));
    let is_waiter = |event: &&Event| event.name == "base" && event.outcome == Outcome::Hit;
    let phases = &events.iter().find(is_waiter).unwrap().phases_us;
    assert!(phases["lookup"] > 100_000 && phases["compile"] == 0, "{phases:?}");
    for tree in trees {
        assert_eq!(same_as_bare(&scenario, tree).unwrap(), SENTENCE);
        let again = succeed(&scenario.cargo_in(tree, "build").var("RUSTC", &stub.program)).unwrap();
        assert_eq!(again.units(), 0, "{}", again.stderr);
    }
}

#[test]
fn a_cargo_with_other_sources_does_not_wait() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ "$name" = base ] && [ ! -e "$marks/began" ] && { mark began; await never; }"#,
    );
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    second.append("base/src/lib.rs", "// other\n").unwrap();
    let job = start_job(scenario.cargo("build").var("RUSTC", &stub.program).command());
    stub.wait_for("began");
    let began = Instant::now();
    let built = scenario.cargo_in(&second, "build").var("RUSTC", &stub.program).run().unwrap();
    assert!(stop_job(job, "KILL"));
    assert!(built.success(), "{}", built.stderr);
    assert!(began.elapsed() < Duration::from_secs(50), "it waited for the lock");
}

#[test]
fn a_cargo_does_not_wait_for_one_that_is_stopped() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ "$name" = base ] && [ ! -e "$marks/began" ] && { mark began; await go; }"#,
    );
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    let mut job = start_job(scenario.cargo("build").var("RUSTC", &stub.program).command());
    stub.wait_for("began");
    signal_job(&job, "STOP");
    let began = Instant::now();
    let build = |project| succeed(&scenario.cargo_in(project, "build").var("RUSTC", &stub.program));
    assert_compiled(&build(&second).unwrap(), CRATES);
    assert!(began.elapsed() < Duration::from_secs(50), "it waited for the lock");
    assert_eq!(same_as_bare(&scenario, &second).unwrap(), SENTENCE);
    // Continued, it finds that it is late and is none the worse for it.
    stub.mark("go");
    signal_job(&job, "CONT");
    assert!(job.wait().unwrap().success());
    assert_eq!(build(&scenario.project).unwrap().units(), 0);
    assert_eq!(printed(&scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn a_cargo_that_waits_for_another_goes_on_when_that_is_killed() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ "$name" = base ] && [ ! -e "$marks/began" ] && { mark began; await never; }"#,
    );
    let second = scenario.second_checkout("elsewhere/two").unwrap();
    let job = start_job(scenario.cargo("build").var("RUSTC", &stub.program).command());
    stub.wait_for("began");
    let built = thread::scope(|scope| {
        let run = scenario.cargo_in(&second, "build").var("RUSTC", &stub.program);
        let waiting = scope.spawn(move || process::run(&mut run.command()).unwrap());
        thread::sleep(Duration::from_millis(700));
        assert!(!waiting.is_finished(), "the second cargo did not wait for the first");
        assert!(stop_job(job, "KILL"));
        waiting.join().unwrap()
    });
    assert!(built.status.success(), "{}", built.stderr);
    assert_eq!(same_as_bare(&scenario, &second).unwrap(), SENTENCE);
    let rest = succeed(&scenario.cargo("build").var("RUSTC", &stub.program)).unwrap();
    // A crate that was complete when its cargo was killed is not asked for again.
    assert_eq!(rest.tally().hits, rest.unit_events().count(), "{}", said(&rest));
    assert!(rest.event_of("base").is_some(), "{}", said(&rest));
    assert_eq!(printed(&scenario, &scenario.project).unwrap(), SENTENCE);
}
