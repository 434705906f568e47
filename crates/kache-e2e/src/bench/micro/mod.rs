//! Single invocations: what one hit costs, does and leaves.
//!
//! Whole builds hide the wrapper behind cargo and build scripts. Here one
//! recorded call of a small crate is repeated without cargo.

pub mod call;
pub mod store_size;
pub mod syscalls;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::BenchError;
use super::contender::Tools;
use super::measure::Spread;
use super::report::Figure;
use super::workload::Workload;
use crate::cargo::CargoRun;
use crate::env::Env;
use crate::events::{Event, Journal, Outcome};
use crate::project::{Project, remove};
use crate::toolchain::Toolchain;
use call::Call;

/// How often a call is timed; enough for a stable median of a millisecond.
const RUNS: usize = 400;

/// The small crate: a library with two source files and no dependencies.
const CRATE: &str = "sample_text";

/// How many source files it has.
const SOURCE_FILES: f64 = 2.0;

/// How many entries a store holds when it is called small, and large.
const ENTRIES: [usize; 2] = [200, 200_000];

/// What the single invocations showed.
#[derive(Debug, Serialize)]
pub struct MicroReport {
    /// All figures, in the order of their measurement.
    pub figures: Vec<Figure>,
    /// What a figure does not say: what could not be measured, and why; which
    /// files were read that should not be.
    pub notes: Vec<String>,
}

impl MicroReport {
    /// Writes a table.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nsingle invocations\n")?;
        self.figures.iter().try_for_each(|figure| figure.write(out))?;
        self.notes.iter().try_for_each(|note| writeln!(out, "  note: {note}"))
    }
}

/// Measures in directories below `parent`; the store's size with the first of
/// `workloads`.
pub fn measure(
    workloads: &[&'static Workload],
    tools: &Tools,
    parent: &Path,
    log: &mut dyn Write,
) -> Result<MicroReport, BenchError> {
    let mut report = MicroReport { figures: Vec::new(), notes: Vec::new() };
    let bench = Bench::new(tools, parent)?;
    let mut say = |what: &str| drop(writeln!(log, "measuring {what}"));
    say("one hit against the floor");
    report.figures.extend(bench.hit_against_floor()?);
    say("system calls of one hit");
    match syscalls::of_one_hit(&bench.hit, &bench.env)? {
        Some(counts) => {
            report.figures.extend(counts.figures(SOURCE_FILES));
            let read = counts.artifacts_read.iter();
            report.notes.extend(read.map(|path| format!("one hit read from `{path}`")));
        }
        None => report.notes.push("no system calls counted: there is no strace on PATH".to_owned()),
    }
    say("one hit in a large store");
    report.figures.extend(bench.hit_in_a_large_store()?);
    if let Some(workload) = workloads.first() {
        say("the size of the store");
        report.figures.push(store_size::after_two_checkouts(workload, tools, parent)?);
    }
    Ok(report)
}

/// A built sample project and its small crate's call, answered by both.
struct Bench {
    env: Env,
    project: Project,
    wrapper: PathBuf,
    hit: Call,
    floor: Call,
}

impl Bench {
    fn new(tools: &Tools, parent: &Path) -> Result<Self, BenchError> {
        let mut env = Env::within(parent, Toolchain::active()?)?;
        // As cargo compiles packages that are not the user's own.
        env.set("CARGO_INCREMENTAL", "0");
        let project = Project::of_fixture("sample", &env.work_dir().join("sample"))?;
        let records = env.root().join("floor");
        let record = CargoRun::new(&env, project.dir(), "build").wrapper(&tools.floor);
        must_succeed(&record.var("FLOOR_DIR", &records).var("FLOOR_MODE", "record"))?;
        let recorded = Call::recorded(&records, CRATE)?;
        let floor = recorded.answered_by(&tools.floor).with_var("FLOOR_MODE", "replay");
        let wrapper = tools.kache.wrapper.clone();
        let hit = recorded.answered_by(&wrapper);
        let bench = Self { env, project, wrapper, hit, floor };
        bench.fill(&bench.env.cache_dir())?;
        Ok(bench)
    }

    /// Builds the sample with kache and an empty store in `cache_dir`.
    fn fill(&self, cache_dir: &Path) -> Result<(), BenchError> {
        self.project.clean()?;
        let build = CargoRun::new(&self.env, self.project.dir(), "build").wrapper(&self.wrapper);
        must_succeed(&build.var("KACHE_CACHE_DIR", cache_dir))?;
        // Cargo links a member's library to a second name, which a package from
        // a registry does not get; the blob must have no other consumer.
        let second_name = self.project.target_dir().join(format!("debug/lib{CRATE}.rlib"));
        Ok(remove(&second_name)?)
    }

    fn hit_against_floor(&self) -> Result<Vec<Figure>, BenchError> {
        let mut journal = Journal::at_end_of(&self.env.cache_dir());
        let [hit, floor] = in_turns(&self.hit, &self.floor)?;
        expect_hits(&journal.take().map_err(crate::cargo::CargoError::from)?)?;
        let (hit, floor) = (Spread::of_micros(&hit), Spread::of_micros(&floor));
        let ms = |spread: Option<Spread>| Some(spread?.median / 1000.0);
        let over = ms(hit).zip(ms(floor)).map(|(hit, floor)| hit - floor);
        Ok(vec![
            figure("one hit of a small crate, ms", ms(hit), None),
            figure("the same call replayed by the floor, ms", ms(floor), None),
            figure("one hit over the floor, ms", over, Some(0.8)),
        ])
    }

    fn hit_in_a_large_store(&self) -> Result<Vec<Figure>, BenchError> {
        let stores = ["few", "many"].map(|name| self.env.root().join(name));
        let mut calls = Vec::new();
        for (store, count) in stores.iter().zip(ENTRIES) {
            self.fill(store)?;
            populate(store, count)?;
            calls.push(self.hit.clone().with_var("KACHE_CACHE_DIR", store));
        }
        let [few, many] = calls.as_slice() else { return Ok(Vec::new()) };
        let mut journals = stores.map(|store| Journal::at_end_of(&store));
        let [few, many] = in_turns(few, many)?;
        for journal in &mut journals {
            expect_hits(&journal.take().map_err(crate::cargo::CargoError::from)?)?;
        }
        let median = |times: &[Duration]| Some(Spread::of_micros(times)?.median);
        let ratio = median(&many).zip(median(&few)).map(|(many, few)| many / few);
        let [few_entries, many_entries] = ENTRIES;
        let name = format!("one hit among {many_entries} entries against {few_entries}");
        Ok(vec![figure(&name, ratio, Some(1.1))])
    }
}

fn figure(name: &str, value: Option<f64>, at_most: Option<f64>) -> Figure {
    Figure { name: name.to_owned(), value, at_most }
}

/// Times two calls alternately, so that what the machine does meanwhile falls
/// on both.
fn in_turns(a: &Call, b: &Call) -> Result<[Vec<Duration>; 2], BenchError> {
    let (mut times_a, mut times_b) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        times_a.push(a.time()?);
        times_b.push(b.time()?);
    }
    Ok([times_a, times_b])
}

fn expect_hits(events: &[Event]) -> Result<(), BenchError> {
    let good = |event: &Event| event.outcome == Outcome::Hit && event.processes_spawned == 0;
    match events.iter().find(|event| !good(event)) {
        Some(event) => {
            Err(BenchError::Unusable { what: format!("not a hit: {}", event.describe()) })
        }
        None if events.len() < RUNS => {
            Err(BenchError::Unusable { what: format!("{} events of {RUNS} hits", events.len()) })
        }
        None => Ok(()),
    }
}

fn must_succeed(build: &CargoRun<'_>) -> Result<(), BenchError> {
    let outcome = build.run()?;
    if outcome.success() {
        return Ok(());
    }
    let contender = "a wrapper".to_owned();
    Err(BenchError::Build { workload: "the sample", contender, output: outcome.stderr })
}

/// Adds `count` entries, records and blobs that nobody will ask for, named as
/// real ones are. They are hard links to copies of real ones: what counts is
/// how many names the directories hold.
fn populate(cache_dir: &Path, count: usize) -> Result<(), BenchError> {
    // ext4 allows 65,000 links to a file.
    const LINKS: usize = 60_000;
    for kind in ["entries", "records", "blobs"] {
        let dir = cache_dir.join("v1").join(kind);
        let real = a_file_below(&dir)?;
        let mut copy = PathBuf::new();
        for number in 0..count {
            if number % LINKS == 0 {
                copy = cache_dir.join(format!("copy-{kind}-{number}"));
                let _size = fs::copy(&real, &copy).map_err(BenchError::io("copy", &real))?;
            }
            let name = blake3::hash(format!("{kind} {number}").as_bytes()).to_hex();
            let (shard, _) = name.split_at(2);
            let shard = dir.join(shard);
            let path = shard.join(name.as_str());
            let linked = fs::hard_link(&copy, &path).or_else(|_| {
                fs::create_dir_all(&shard)?;
                fs::hard_link(&copy, &path)
            });
            linked.map_err(BenchError::io("link", &path))?;
        }
    }
    Ok(())
}

fn a_file_below(dir: &Path) -> Result<PathBuf, BenchError> {
    let mut files = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    files.find(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).ok_or_else(
        || BenchError::Unusable { what: format!("the store has nothing in `{}`", dir.display()) },
    )
}
