//! A home, a project, a store and an environment of a test's own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use kache_key::{BlobId, Digest, EntryKey, UnitId};
use kache_store::{Manifest, Output, Sharing, Store, UnitRecords, clock, entry};
use serde_json::{Value, json};

pub(crate) type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// What a run of the command line came to, with the world's directory as `@`.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns standard output as JSON.
    pub(crate) fn json(&self) -> Fallible<Value> {
        Ok(serde_json::from_str(&self.stdout)?)
    }
}

/// A temporary directory with `home/`, `ws/` and `cache/` in it.
pub(crate) struct World {
    dir: tempfile::TempDir,
    variables: BTreeMap<String, OsString>,
    program: PathBuf,
}

impl World {
    pub(crate) fn new() -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        for below in ["home", "ws", "empty"] {
            fs::create_dir(dir.path().join(below))?;
        }
        let variables = BTreeMap::from([
            ("HOME".to_owned(), dir.path().join("home").into()),
            ("PATH".to_owned(), dir.path().join("empty").into()),
            ("TMPDIR".to_owned(), dir.path().into()),
            ("KACHE_CACHE_DIR".to_owned(), dir.path().join("cache").into()),
        ]);
        Ok(Self { dir, variables, program: env!("CARGO_BIN_EXE_kache-cli").into() })
    }

    /// Returns the absolute path of something in the world.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(crate) fn env(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    pub(crate) fn without(&mut self, name: &str) {
        self.variables.remove(name);
    }

    pub(crate) fn write(&self, below: &str, contents: impl AsRef<[u8]>) -> Fallible<()> {
        let path = self.path(below);
        fs::create_dir_all(path.parent().ok_or("a file in the world is in a directory")?)?;
        Ok(fs::write(path, contents)?)
    }

    pub(crate) fn script(&self, below: &str, text: &str) -> Fallible<()> {
        self.write(below, format!("#!/bin/sh\n{text}"))?;
        Ok(fs::set_permissions(self.path(below), fs::Permissions::from_mode(0o755))?)
    }

    /// Uses the program in `bin/`, where nothing is beside it.
    pub(crate) fn install(&mut self) -> Fallible<()> {
        fs::create_dir_all(self.path("bin"))?;
        let copy = self.path("bin/kache-cli");
        // A copy that another test's child still has open cannot be started.
        fs::hard_link(&self.program, &copy)
            .or_else(|_| fs::copy(&self.program, &copy).map(drop))?;
        self.program = copy;
        Ok(())
    }

    /// Returns the command, standing in `ws` with nothing but the world's variables.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.path("ws")).env_clear().envs(&self.variables);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Fallible<Ran> {
        self.ran(&mut self.command(args))
    }

    /// Runs without any right to write to what belongs to others, root or not.
    pub(crate) fn run_as_nobody(&self, args: &[&str]) -> Fallible<Ran> {
        const NOBODY: u32 = 65_534;
        let mut command = self.command(args);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        self.ran(&mut command)
    }

    fn ran(&self, command: &mut Command) -> Fallible<Ran> {
        let output = command.output()?;
        Ok(Ran {
            code: output.status.code(),
            stdout: self.shorten(&String::from_utf8(output.stdout)?),
            stderr: self.shorten(&String::from_utf8(output.stderr)?),
        })
    }

    pub(crate) fn shorten(&self, text: &str) -> String {
        text.replace(&*self.dir.path().to_string_lossy(), "@")
    }

    pub(crate) fn store(&self) -> Store {
        Store::at(&self.path("cache"))
    }

    /// Puts an entry with one output of `size` bytes in the store, made and
    /// last used `age` ago.
    pub(crate) fn publish(&self, name: &str, size: usize, age: Duration) -> Fallible<EntryKey> {
        let output = self.path(&format!("ws/lib{name}.rlib"));
        let bytes: Vec<u8> = name.bytes().cycle().take(size).collect();
        fs::write(&output, &bytes)?;
        let metadata = fs::metadata(&output)?;
        let blob = BlobId(Digest::of(&bytes));
        let unit = UnitId(Digest::of(format!("unit {name}").as_bytes()));
        let key = EntryKey(Digest::of(format!("key {name}").as_bytes()));
        let store = self.store();
        let publisher = store.publisher()?;
        publisher.adopt(&output, blob, &metadata, Sharing::OneFile)?;
        fs::remove_file(&output)?;
        let age_ns = i64::try_from(age.as_nanos())?;
        let manifest = Manifest {
            v: entry::MANIFEST_VERSION,
            unit,
            name: name.to_owned(),
            crate_types: vec!["lib".to_owned()],
            lang: "rust".to_owned(),
            outputs: vec![Output {
                role: "rlib".to_owned(),
                name: format!("lib{name}.rlib"),
                blob,
                size: bytes.len() as u64,
                mode: 0o644,
            }],
            texts: Vec::new(),
            stdout: Vec::new(),
            stderr: Vec::new(),
            exit_code: 0,
            compile_ms: 1500,
            incremental: false,
            created_ns: clock::now_ns() - age_ns,
            boot: clock::boot_id().to_owned(),
        };
        publisher.finish(key, &manifest, unit, &UnitRecords::default())?;
        let file = File::options().write(true).open(store.layout().entry(key))?;
        file.set_modified(SystemTime::now() - age)?;
        Ok(key)
    }

    /// Writes lines to the journal after those that are there.
    pub(crate) fn journal(&self, lines: &[String]) -> Fallible<()> {
        fs::create_dir_all(self.path("cache/v1"))?;
        let path = self.path("cache/v1/events.jsonl");
        let mut file = File::options().append(true).create(true).open(path)?;
        Ok(file.write_all((lines.join("\n") + "\n").as_bytes())?)
    }
}

/// Returns a line of a journal: a plain event, changed by `changes`.
pub(crate) fn event(changes: &Value) -> String {
    let mut event = json!({
        "v": 1, "ts": "2026-03-01T10:00:00.000Z", "outcome": "hit", "reason": "",
        "lang": "rust", "name": "serde", "crate_types": ["lib"],
        "unit": "aa", "key": "bb", "session": "100-5", "cwd": "/ws",
        "wall_us": 2000,
        "phases_us": {"parse": 1, "record": 1, "inputs": 1, "lookup": 1, "restore": 1,
                      "compile": 0, "publish": 0},
        "compile_ms": 1000, "bytes_linked": 0, "bytes_cloned": 0, "bytes_copied": 0,
        "processes_spawned": 0,
    });
    change(&mut event, changes);
    event.to_string()
}

/// Gives the fields of `object` that `changes` names the values they have there.
fn change(object: &mut Value, changes: &Value) {
    if let (Some(object), Some(changes)) = (object.as_object_mut(), changes.as_object()) {
        object.extend(changes.clone());
    }
}

/// A build of four units and two questions, and a later one of two units.
pub(crate) fn two_builds() -> Vec<String> {
    let query = json!({"name": "-vV", "crate_types": [], "unit": null, "key": null,
                       "compile_ms": 0});
    let asked = json!({"name": "- --print=cfg", "crate_types": [], "unit": null, "key": null,
                       "compile_ms": 0, "outcome": "miss", "reason": "first time asked"});
    let miss = |name: &str, reason: &str, ms: u64| {
        json!({"outcome": "miss", "name": name, "reason": reason, "compile_ms": ms,
               "ts": "2026-03-01T10:00:08.000Z", "wall_us": ms * 1000})
    };
    let refused = json!({"outcome": "passthrough", "name": "", "crate_types": [], "unit": null,
                         "key": null, "compile_ms": 0, "reason": "unknown flag -Zodd"});
    let later = |changes: Value| {
        let mut later = json!({"session": "200-9", "ts": "2026-03-05T12:00:00.500Z", "cwd": "/b"});
        change(&mut later, &changes);
        event(&later)
    };
    vec![
        event(&query),
        event(&asked),
        event(&json!({"bytes_linked": 4096})),
        event(&miss("app", "file src/main.rs changed", 3000)),
        event(&miss("macros", "first sight of this unit", 500)),
        event(&refused),
        later(json!({"name": "app", "crate_types": ["bin"], "compile_ms": 3000,
                     "bytes_copied": 2_000_000, "wall_us": 500_000})),
        later(json!({"outcome": "error", "name": "broken", "crate_types": ["bin", "test"],
                     "compile_ms": 40})),
    ]
}

/// Returns `text` with the line that tells the store's size, which the file
/// system decides, cut off.
pub(crate) fn without_size(text: &str) -> String {
    let lines =
        text.lines().map(|line| if line.starts_with("store ") { "store ..." } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns whether a path of the world is there.
pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
