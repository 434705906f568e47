//! A store that is damaged, full, unwritable or somewhere odd costs misses at
//! most, and never a build.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use kache_e2e::cargo::CargoOutcome;
use kache_e2e::events::{Event, Journal, Outcome};
use kache_e2e::filesystem::{self, Filesystem, Kind};
use kache_e2e::oracle::Tree;
use kache_e2e::process::{Finished, output_of, run};
use kache_e2e::project::remove;
use kache_e2e::{HarnessError, Scenario};

use crate::chain::{
    self, CRATES, SENTENCE, assert_blobs_intact, assert_compiled, assert_hits, build, outcomes,
    printed, said, same_as_bare, succeed,
};
use crate::stub::Stub;

/// What is done to one file.
type Damage = fn(&Path) -> io::Result<()>;

/// Returns the files below a directory of the store.
fn files_in(scenario: &Scenario, dir: &str) -> Result<Vec<PathBuf>, HarnessError> {
    let dir = scenario.env.cache_dir().join("v1").join(dir);
    let files = Tree::of(&dir, |_| true)?.files.into_keys();
    Ok(files.map(|name| dir.join(name)).collect())
}

/// Removes the target directory and damages every file of the store below `dir`.
#[track_caller]
fn damage_all(scenario: &Scenario, dir: &str, damage: Damage) -> Result<(), HarnessError> {
    scenario.project.clean()?;
    let files = files_in(scenario, dir)?;
    assert!(!files.is_empty(), "there is nothing in `{dir}` to be damaged");
    // A link leads out of the store, to kache itself for one.
    for file in files.iter().filter(|file| !file.is_symlink()) {
        damage(file).expect("root, or the owner, may write to the store");
    }
    Ok(())
}

/// Builds and runs the program, which must print what it always does.
#[track_caller]
fn build_right(scenario: &Scenario) -> Result<CargoOutcome, HarnessError> {
    let built = build(scenario, &scenario.project)?;
    assert_eq!(printed(scenario, &scenario.project)?, SENTENCE);
    Ok(built)
}

/// Builds again from nothing, which must not need a compiler.
#[track_caller]
fn assert_healed(scenario: &Scenario) -> Result<(), HarnessError> {
    scenario.project.clean()?;
    assert_hits(&build_right(scenario)?, CRATES);
    Ok(())
}

fn truncate(path: &Path) -> io::Result<()> {
    let length = path.metadata()?.len();
    fs::OpenOptions::new().write(true).open(path)?.set_len(length / 2)
}

fn empty(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.set_len(0)
}

fn append(path: &Path) -> io::Result<()> {
    let mut bytes = fs::read(path)?;
    bytes.push(0);
    fs::write(path, bytes)
}

fn flip(path: &Path) -> io::Result<()> {
    let mut bytes = fs::read(path)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(path, bytes)
}

/// As [`flip`], without a trace in size and time: as a disk forgets.
fn rot(path: &Path) -> io::Result<()> {
    let modified = path.metadata()?.modified()?;
    flip(path)?;
    fs::OpenOptions::new().write(true).open(path)?.set_modified(modified)
}

fn replace(path: &Path) -> io::Result<()> {
    let length = path.metadata()?.len();
    let other = path.with_extension("other");
    fs::write(&other, vec![b'x'; usize::try_from(length).unwrap_or(0)])?;
    fs::rename(other, path)
}

fn become_directory(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    fs::create_dir(path)?;
    fs::write(path.join("file"), "in the way")
}

fn become_symlink(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    symlink("/etc/passwd", path)
}

fn become_dangling_symlink(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    symlink("nowhere", path)
}

fn garbage(path: &Path) -> io::Result<()> {
    fs::write(path, [b"\0\xff{\"v\":1,[[[".as_slice(), &[0x80; 3000], b"\n"].concat())
}

/// Makes a JSON file one that a later version has written, with a right seal.
fn from_the_future(path: &Path) -> io::Result<()> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(()) };
    let json = text.lines().next().unwrap_or_default().replacen("\"v\":1", "\"v\":999", 1);
    let is_sealed = text.lines().count() == 2;
    let seal = format!("\n{}\n", blake3::hash(json.as_bytes()).to_hex());
    fs::write(path, if is_sealed { json + &seal } else { json })
}

#[track_caller]
fn check_blobs(damages: &[(&str, Damage)]) -> Result<(), HarnessError> {
    let scenario = chain::warmed()?;
    for (name, damage) in damages {
        damage_all(&scenario, "blobs", *damage)?;
        let built = build_right(&scenario)?;
        let all_compiled = outcomes(&built).iter().all(|(_, outcome)| *outcome != Outcome::Hit);
        assert!(all_compiled, "{name}: {}", said(&built));
        assert!(built.asked().units.iter().all(|unit| !unit.reason.is_empty()), "{name}");
        assert_blobs_intact(&scenario.env.cache_dir())?;
        assert_healed(&scenario)?;
    }
    assert_eq!(same_as_bare(&scenario, &scenario.project)?, SENTENCE);
    Ok(())
}

#[test]
fn a_damaged_blob_is_a_miss_that_the_same_build_heals() {
    check_blobs(&[
        ("truncated", truncate),
        ("emptied", empty),
        ("extended", append),
        ("flipped", flip),
        ("replaced", replace),
        ("missing", |path| fs::remove_file(path)),
    ])
    .unwrap();
}

#[test]
fn something_else_in_the_place_of_a_blob_is_a_miss_that_the_same_build_heals() {
    check_blobs(&[
        ("directory", become_directory),
        ("symbolic link", become_symlink),
        ("dangling symbolic link", become_dangling_symlink),
    ])
    .unwrap();
}

#[test]
fn what_a_disk_forgot_is_found_where_every_restore_is_verified() {
    let mut scenario = chain::scenario().unwrap();
    // An incremental rlib has other bytes each time, and its dependants other keys.
    scenario.env.set("CARGO_INCREMENTAL", "0");
    scenario.env.set("KACHE_VERIFY_RESTORES", "always");
    build_right(&scenario).unwrap();
    assert_healed(&scenario).unwrap();
    damage_all(&scenario, "blobs", rot).unwrap();
    assert_compiled(&build_right(&scenario).unwrap(), CRATES);
    assert_healed(&scenario).unwrap();
}

#[test]
fn empty_metadata_is_right_for_a_program_and_damage_for_a_library() {
    let scenario = chain::scenario().unwrap();
    let check = || succeed(&scenario.cargo("check").arg("--all-targets")).unwrap();
    let cold = check();
    scenario.project.clean().unwrap();
    let warm = check();
    assert_eq!((warm.tally().hits, warm.spawned()), (cold.tally().total(), 0), "{}", said(&warm));
    let is_metadata = |path: &Path| path.extension() == Some(OsStr::new("rmeta"));
    let deps = scenario.project.target_dir().join("debug/deps");
    let metadata = Tree::of(&deps, is_metadata).unwrap().files;
    assert!(metadata.values().any(|it| it.len == 0), "no program was checked: {metadata:?}");
    let of_library = |path: &Path, len| path.to_string_lossy().starts_with("libbase-") && len > 0;
    let base = metadata.iter().find(|(path, facts)| of_library(path, facts.len));
    let digest = base.unwrap().1.digest.to_hex().to_string();
    scenario.project.clean().unwrap();
    empty(&scenario.env.cache_dir().join("v1/blobs").join(&digest[..1]).join(&digest)).unwrap();
    let healed = check();
    let libraries = |event: &&&Event| event.name == "base" && event.crate_types == ["lib"];
    let base = healed.asked().units.iter().find(libraries).map(|event| event.outcome);
    assert_ne!(base, Some(Outcome::Hit), "{}", said(&healed));
    assert_eq!(healed.tally().hits + 1, cold.tally().total(), "{}", said(&healed));
}

#[test]
fn a_compiler_that_leaves_empty_metadata_of_a_library_is_not_believed() {
    let scenario = chain::scenario().unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ "$name" = base ] && {
            "$real" "$@" || exit
            for output in "$out_dir"/libbase-*.rmeta; do rm "$output"; : > "$output"; done
            exit 0
        }"#,
    );
    for _ in 0..2 {
        let run = scenario.cargo("check").args(["-p", "base"]).var("RUSTC", &stub.program);
        let built = succeed(&run).unwrap();
        let base = built.event_of("base").unwrap();
        assert_eq!(base.outcome, Outcome::Miss);
        assert!(base.reason.contains("not stored") && base.reason.contains("empty"), "{base:?}");
        scenario.project.clean().unwrap();
    }
}

/// Whether what is damaged must be compiled again, or is only looked up anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Results,
    Memory,
}

#[track_caller]
fn check_garbage(
    scenario: &Scenario,
    dir: &str,
    loss: Loss,
    damages: &[&(&str, Damage)],
) -> Result<(), HarnessError> {
    for (name, damage) in damages {
        damage_all(scenario, dir, *damage)?;
        let built = build_right(scenario)?;
        let expected = if loss == Loss::Results { 0 } else { CRATES.len() };
        assert_eq!(built.tally().hits, expected, "{dir}, {name}: {}", said(&built));
    }
    assert_healed(scenario)
}

#[test]
fn garbage_in_any_file_of_the_store_is_a_miss_and_never_an_error() {
    let every: &[(&str, Damage)] = &[
        ("garbage", garbage),
        ("empty", empty),
        ("half", truncate),
        ("flipped", flip),
        ("of the future", from_the_future),
        ("directory", become_directory),
    ];
    let scenario = chain::warmed().unwrap();
    let without_flip: Vec<_> = every.iter().filter(|(name, _)| *name != "flipped").collect();
    let few = [&every[0], &every[5]];
    check_garbage(&scenario, "entries", Loss::Results, &every.iter().collect::<Vec<_>>()).unwrap();
    // A bit of a record may be one that only costs a look.
    check_garbage(&scenario, "records", Loss::Results, &without_flip).unwrap();
    check_garbage(&scenario, "toolchains", Loss::Memory, &few).unwrap();
    assert_blobs_intact(&scenario.env.cache_dir()).unwrap();
}

#[test]
fn garbage_in_every_file_of_the_store_at_once_is_survived_and_reported_on() {
    let scenario = chain::warmed().unwrap();
    let cache = scenario.env.cache_dir();
    for name in ["synced", "housekept", "kache.log", "index.redb"] {
        fs::write(cache.join("v1").join(name), "").unwrap();
    }
    for damage in [garbage, truncate] {
        damage_all(&scenario, "", damage).unwrap();
        // What is half a line would swallow the event behind it.
        fs::write(cache.join("v1/events.jsonl"), b"\xff\0 no event\n{\"v\":1\n").unwrap();
        assert_compiled(&build_right(&scenario).unwrap(), CRATES);
        assert_healed(&scenario).unwrap();
        let stats = kache(&scenario, &["stats"]);
        assert!(stats.status.success() && stats.stdout.contains("hit"), "{stats:?}");
        let swept = kache(&scenario, &["gc"]);
        assert!(swept.status.success(), "{swept:?}");
        assert_healed(&scenario).unwrap();
    }
}

/// Runs the command line tool in the scenario's environment.
fn kache(scenario: &Scenario, args: &[&str]) -> Finished {
    let mut command = scenario.env.command(&scenario.kache.cli);
    run(command.args(args).current_dir(scenario.project.dir())).expect("the tool was built")
}

/// Asserts that a store which cannot be used disturbs neither a build that
/// works nor one that fails, and that `kache doctor` says what is wrong.
#[track_caller]
fn check_unusable(scenario: &Scenario, complaint: &str) -> Result<(), HarnessError> {
    let project = &scenario.project;
    for _ in 0..2 {
        project.clean()?;
        let built = build_right(scenario)?;
        assert_eq!(built.stderr.matches("warning").count(), 0, "{}", built.stderr);
    }
    assert_eq!(same_as_bare(scenario, project)?, SENTENCE);
    project.edit("mid/src/lib.rs", "base::word()", "base::words()")?;
    let (ours, theirs) =
        (scenario.cargo("build").run()?, scenario.bare_cargo_in(project, "build").run()?);
    assert_eq!(ours.code, theirs.code);
    let error = |stderr: &str| -> Vec<String> {
        let lines = stderr.lines().map(str::to_owned);
        lines.skip_while(|line| !line.starts_with("error")).take(10).collect()
    };
    assert_eq!(error(&ours.stderr), error(&theirs.stderr));
    project.edit("mid/src/lib.rs", "base::words()", "base::word()")?;
    let doctor = kache(scenario, &["doctor", "--no-probe"]);
    assert!(!doctor.status.success() && doctor.stdout.contains(complaint), "{doctor:?}");
    Ok(())
}

#[test]
fn a_store_path_that_is_a_file_stops_no_build() {
    let mut scenario = chain::scenario().unwrap();
    let file = scenario.env.root().join("file");
    fs::write(&file, "a file").unwrap();
    scenario.env.set("KACHE_CACHE_DIR", &file);
    check_unusable(&scenario, "is not a directory").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "a file");
}

#[test]
fn a_store_that_cannot_be_written_stops_no_build_and_serves_what_it_has() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 30)) else { return };
    let mut scenario = chain::scenario().unwrap();
    scenario.env.set("KACHE_CACHE_DIR", memory.path().join("empty"));
    memory.make_read_only().unwrap();
    check_unusable(&scenario, "Read-only").unwrap();
    memory.make_writable().unwrap();
    scenario.env.set("KACHE_CACHE_DIR", memory.path());
    scenario.project.clean().unwrap();
    build_right(&scenario).unwrap();
    assert_healed(&scenario).unwrap();
    memory.make_read_only().unwrap();
    scenario.project.clean().unwrap();
    assert!(build_right(&scenario).unwrap().events.is_empty(), "the journal cannot be written");
    check_unusable(&scenario, "Read-only").unwrap();
    // Nothing was compiled: the dep-info is younger than the compiler's last call.
    memory.make_writable().unwrap();
    scenario.project.touch("mid/src/lib.rs").unwrap();
    assert_hits(&build_right(&scenario).unwrap(), &["app", "mid"]);
}

#[test]
fn a_read_only_store_needs_no_compiler_for_what_it_has() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 30)) else { return };
    let mut scenario = chain::scenario().unwrap();
    scenario.env.set("KACHE_CACHE_DIR", memory.path());
    let stub = Stub::compiler(&scenario, r#"[ -n "$name" ] && note "$name""#);
    scenario.env.set("RUSTC", &stub.program);
    build_right(&scenario).unwrap();
    scenario.project.clean().unwrap();
    build_right(&scenario).unwrap();
    stub.forget();
    memory.make_read_only().unwrap();
    scenario.project.clean().unwrap();
    build_right(&scenario).unwrap();
    assert_eq!(stub.notes(), Vec::<String>::new());
    memory.make_writable().unwrap();
}

/// Builds from nothing without a look at the journal, which may end in the
/// middle of a line.
#[track_caller]
fn build_unwatched(scenario: &Scenario) -> Result<(), HarnessError> {
    scenario.project.clean()?;
    let built = run(&mut scenario.cargo("build").command())?;
    assert!(built.status.success(), "{}", built.stderr);
    assert_eq!(printed(scenario, &scenario.project)?, SENTENCE);
    Ok(())
}

#[test]
fn a_full_disk_stops_no_build() {
    let Some(memory) = Filesystem::mount_or_skip(Kind::Tmpfs(1 << 20)) else { return };
    let mut scenario = chain::scenario().unwrap();
    scenario.env.set("KACHE_CACHE_DIR", memory.path());
    build_unwatched(&scenario).unwrap();
    let journal = fs::read(memory.path().join("v1/events.jsonl")).unwrap();
    let log = fs::read(memory.path().join("v1/kache.log")).unwrap_or_default();
    let written = [journal, log].concat();
    let text = String::from_utf8_lossy(&written);
    assert!(text.contains("No space left"), "{text}");
    build_unwatched(&scenario).unwrap();
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
    assert_blobs_intact(&memory.path()).unwrap();
    // Not even a line of the journal fits any more.
    let filler = memory.path().join("filler");
    assert!(fs::write(&filler, vec![0; 2 << 20]).is_err());
    build_unwatched(&scenario).unwrap();
    scenario.project.edit("mid/src/lib.rs", "base::word()", "base::words()").unwrap();
    let failed = run(&mut scenario.cargo("build").command()).unwrap();
    assert_eq!(failed.status.code(), Some(101), "{}", failed.stderr);
    assert!(failed.stderr.contains("E0425"), "{}", failed.stderr);
    scenario.project.edit("mid/src/lib.rs", "base::words()", "base::word()").unwrap();
    // With room again, what is small enough is stored again.
    remove(&filler).unwrap();
    remove(&memory.path().join("v1")).unwrap();
    scenario.project.clean().unwrap();
    let base = || succeed(&scenario.cargo("build").args(["-p", "base"])).unwrap();
    assert_compiled(&base(), &["base"]);
    scenario.project.clean().unwrap();
    assert_hits(&base(), &["base"]);
}

#[test]
fn a_configuration_of_nonsense_stops_no_build_and_is_reported_by_name_and_line() {
    let nonsense: &[(&str, &str)] = &[
        ("disabled = [\n", ".kache.toml:"),
        ("max_size = \"many\"\n", "max_size"),
        ("\0\0\0", ".kache.toml"),
    ];
    for (text, complaint) in nonsense {
        let scenario = chain::scenario().unwrap();
        scenario.project.write(".kache.toml", text).unwrap();
        let built = build_right(&scenario).unwrap();
        assert_eq!(built.tally().passthroughs, CRATES.len(), "{text:?}: {}", said(&built));
        assert!(said(&built).contains(complaint), "{text:?}: {}", said(&built));
        let config = kache(&scenario, &["config"]);
        assert!(!config.status.success(), "{config:?}");
        assert!(format!("{}{}", config.stdout, config.stderr).contains(complaint), "{config:?}");
    }
    let mut scenario = chain::scenario().unwrap();
    scenario.env.set("KACHE_MAX_SIZE", "many");
    let built = build_right(&scenario).unwrap();
    assert!(said(&built).contains("KACHE_MAX_SIZE"), "{}", said(&built));
    assert_eq!(built.tally().hits, 0);
}

#[test]
fn a_store_without_hard_links_attributes_and_permissions_works() {
    let Some(disk) = Filesystem::mount_or_skip(Kind::Exfat) else { return };
    let mut scenario = chain::scenario().unwrap();
    scenario.env.set("KACHE_CACHE_DIR", disk.path());
    build_right(&scenario).unwrap();
    assert_healed(&scenario).unwrap();
    let bare = {
        assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
        Tree::of_artifacts(&scenario.bare_target_dir(&scenario.project)).unwrap()
    };
    let ours = Tree::of_artifacts(&scenario.project.target_dir()).unwrap();
    for (path, facts) in &ours.files {
        let executable = bare.files.get(path).map(|bare| bare.executable);
        assert_eq!(executable, Some(facts.executable), "{}", path.display());
    }
    damage_all(&scenario, "blobs", flip).unwrap();
    assert_compiled(&build_right(&scenario).unwrap(), CRATES);
    assert_healed(&scenario).unwrap();
}

#[test]
fn a_checkout_without_hard_links_attributes_and_fine_times_is_built_right() {
    let Some(disk) = Filesystem::mount_or_skip(Kind::Exfat) else { return };
    let scenario = chain::scenario_below(&disk.path()).unwrap();
    let project = &scenario.project;
    // Times are rounded down there, so that what was written may look as if it
    // had not been; how much is stored is chance, and what is served is right.
    for word in ["one", "other", "one"] {
        build(&scenario, project).unwrap();
        assert_eq!(printed(&scenario, project).unwrap(), SENTENCE.replace("one", word));
        assert_eq!(build(&scenario, project).unwrap().units(), 0);
        let (from, to) = if word == "one" { ("one", "other") } else { ("other", "one") };
        project.edit("base/src/lib.rs", from, to).unwrap();
        project.clean().unwrap();
    }
}

#[test]
fn a_source_saved_during_the_compilation_is_noticed_where_times_are_coarse() {
    let Some(disk) = Filesystem::mount_or_skip(Kind::Exfat) else { return };
    let scenario = chain::scenario().unwrap();
    let project = scenario.project.second_checkout(&disk.path().join("checkout")).unwrap();
    let stub = Stub::compiler(
        &scenario,
        r#"[ "$name" = base ] && [ ! -e "$marks/edited" ] && {
            "$real" "$@" || exit
            sed 's/one/two/' base/src/lib.rs > "$marks/new" && cat "$marks/new" > base/src/lib.rs
            mark edited
            exit 0
        }"#,
    );
    let target = scenario.env.root().join("target");
    let base = || {
        let run = scenario.cargo_in(&project, "build").var("RUSTC", &stub.program);
        succeed(&run.var("CARGO_TARGET_DIR", &target)).unwrap()
    };
    base();
    assert!(project.read("base/src/lib.rs").unwrap().contains("two"));
    remove(&target).unwrap();
    let after = base();
    let printed = chain::printed_by(&scenario, &target.join("debug/app")).unwrap();
    assert_eq!(printed, SENTENCE.replace("one", "two"), "{}", said(&after));
}

#[test]
fn a_store_at_an_odd_path_works() {
    for name in ["with space", "äöü ☃ 'quoted' \"twice\"", &"long".repeat(60), "-dash", "%s$HOME"]
    {
        let mut scenario = chain::scenario().unwrap();
        let dir = scenario.env.root().join(name);
        scenario.env.set("KACHE_CACHE_DIR", &dir);
        build_right(&scenario).unwrap();
        assert_healed(&scenario).unwrap();
        assert_blobs_intact(&dir).unwrap();
    }
}

#[test]
fn a_store_behind_a_symbolic_link_works() {
    let mut scenario = chain::scenario().unwrap();
    let link = scenario.env.root().join("link");
    symlink(scenario.env.cache_dir(), &link).unwrap();
    scenario.env.set("KACHE_CACHE_DIR", &link);
    build_right(&scenario).unwrap();
    assert_healed(&scenario).unwrap();
}

#[test]
fn a_store_whose_path_is_too_long_stops_no_build() {
    let mut scenario = chain::scenario().unwrap();
    let mut dir = scenario.env.root().join("deep");
    while dir.as_os_str().len() < 4010 {
        dir.push("d".repeat(200.min(4090 - dir.as_os_str().len())));
    }
    scenario.env.set("KACHE_CACHE_DIR", &dir);
    build_right(&scenario).unwrap();
    scenario.project.clean().unwrap();
    assert_eq!(build_right(&scenario).unwrap().tally().hits, 0);
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}

#[test]
fn a_file_or_a_directory_where_the_store_has_the_other_stops_no_build() {
    let scenario = chain::warmed().unwrap();
    let base = scenario.env.cache_dir().join("v1");
    let directories = ["blobs", "entries", "records", "toolchains", "locks", "staging"];
    for name in directories.iter().chain(&["quarantine", "events.jsonl", "kache.log", "synced"]) {
        let path = base.join(name);
        let aside = scenario.env.root().join("aside");
        let was_there = fs::rename(&path, &aside).is_ok();
        if directories.contains(name) || *name == "quarantine" {
            fs::write(&path, "in the way").unwrap();
        } else {
            fs::create_dir(&path).unwrap();
        }
        scenario.project.clean().unwrap();
        let unread = scenario.cargo("build").command();
        let built = run(&mut { unread }).unwrap();
        assert!(built.status.success(), "{name}: {}", built.stderr);
        assert_eq!(printed(&scenario, &scenario.project).unwrap(), SENTENCE, "{name}");
        remove(&path).unwrap();
        if was_there {
            fs::rename(&aside, &path).unwrap();
        }
        if *name == "blobs" {
            // Entries whose blobs are not there have been removed.
            scenario.project.clean().unwrap();
            build_right(&scenario).unwrap();
        }
        assert_healed(&scenario).unwrap();
    }
    assert_eq!(same_as_bare(&scenario, &scenario.project).unwrap(), SENTENCE);
}

/// Gives every file below `dir` the time that `touch` understands.
fn date_all(dir: &Path, date: &str) {
    let mut find = Command::new("find");
    find.arg(dir).args(["-type", "f", "-exec", "touch", "-d", date, "{}", "+"]);
    output_of(&mut find).expect("find and touch are on every Unix");
}

#[test]
fn times_in_the_future_and_in_the_past_are_no_reason_to_compile_or_to_trust() {
    let scenario = chain::warmed().unwrap();
    let project = &scenario.project;
    for date in ["2037-01-01", "1971-01-01"] {
        date_all(&scenario.env.cache_dir(), date);
        assert_healed(&scenario).unwrap();
        date_all(project.dir(), date);
        assert_healed(&scenario).unwrap();
        // The same size and the same time, but other words.
        project.edit("base/src/lib.rs", "one", "two").unwrap();
        date_all(project.dir(), date);
        project.clean().unwrap();
        let built = build(&scenario, project).unwrap();
        assert_ne!(built.event_of("base").unwrap().outcome, Outcome::Hit, "{}", said(&built));
        assert_eq!(printed(&scenario, project).unwrap(), SENTENCE.replace("one", "two"));
        project.edit("base/src/lib.rs", "two", "one").unwrap();
        damage_all(&scenario, "blobs", flip).unwrap();
        date_all(&scenario.env.cache_dir(), date);
        assert_compiled(&build_right(&scenario).unwrap(), CRATES);
        // What the second round compiles must be new to the store.
        remove(&scenario.env.cache_dir().join("v1")).unwrap();
        project.clean().unwrap();
        build_right(&scenario).unwrap();
    }
}

#[test]
fn another_time_zone_is_no_reason_to_compile() {
    let mut scenario = chain::warmed().unwrap();
    for zone in ["Pacific/Kiritimati", "UTC+12", "nonsense"] {
        scenario.env.set("TZ", zone);
        assert_healed(&scenario).unwrap();
    }
}

/// Builds as if the machine had been started again; returns how many units
/// were hits, or `None` where this process may not pretend that.
fn hits_after_reboot(scenario: &Scenario, boot: &str) -> Result<Option<usize>, HarnessError> {
    let id = scenario.env.root().join("boot_id");
    fs::write(&id, format!("{boot}\n")).expect("the environment can be written");
    let script = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id && shift && exec \"$@\"";
    let inside = |program: &OsStr| {
        let mut command = scenario.env.command("unshare");
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(&id).arg(program);
        command
    };
    if let Err(error) = output_of(&mut inside(OsStr::new("true"))) {
        filesystem::skip(&format!("only root can pretend a reboot: {error}"));
        return Ok(None);
    }
    let cargo = scenario.cargo("build").command();
    let mut command = inside(cargo.get_program());
    command.args(cargo.get_args()).current_dir(scenario.project.dir());
    command.env("RUSTC_WRAPPER", &scenario.kache.wrapper);
    let mut journal = Journal::at_end_of(&scenario.env.cache_dir());
    output_of(&mut command)?;
    assert_eq!(printed(scenario, &scenario.project)?, SENTENCE);
    let events = journal.take().map_err(kache_e2e::cargo::CargoError::from)?;
    let is_hit = |event: &&Event| event.is_unit() && event.outcome == Outcome::Hit;
    Ok(Some(events.iter().filter(is_hit).count()))
}

#[test]
fn after_a_reboot_blobs_are_read_again_before_they_are_trusted() {
    let scenario = chain::warmed().unwrap();
    scenario.project.clean().unwrap();
    let Some(sound) = hits_after_reboot(&scenario, "first").unwrap() else { return };
    assert_eq!(sound, CRATES.len());
    // Entries that were found sound are of the new boot.
    scenario.project.clean().unwrap();
    assert_eq!(hits_after_reboot(&scenario, "first").unwrap(), Some(CRATES.len()));
    damage_all(&scenario, "blobs", rot).unwrap();
    assert_eq!(hits_after_reboot(&scenario, "second").unwrap(), Some(0));
    scenario.project.clean().unwrap();
    assert_eq!(hits_after_reboot(&scenario, "second").unwrap(), Some(CRATES.len()));
}
