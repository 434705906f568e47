//! A store in a directory of its own, and somebody who publishes and restores.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use kache_key::{BlobId, Digest, EntryKey, Input, InputRecord, PathToken, RecordedInput, UnitId};
use kache_store::{
    Adopted, BlobError, Event, Manifest, Outcome, Output, Phases, Restored, Rules, Sharing, Store,
    Trust, UnitRecords, Wanted, clock, entry, journal,
};

pub(crate) type Fallible<T = ()> = Result<T, Box<dyn Error>>;

/// Rules under which nothing needs to go.
pub(crate) const ROOMY: Rules = Rules {
    limits: kache_store::Limits { max_bytes: u64::MAX },
    disk_is_full: false,
    journal_max_bytes: u64::MAX,
    journal_keep: std::time::Duration::from_hours(24),
};

/// One hour, as file times count.
pub(crate) const HOUR_NS: i64 = 3_600 * 1_000_000_000;

pub(crate) struct World {
    pub(crate) store: Store,
    root: PathBuf,
    _dir: Option<tempfile::TempDir>,
}

impl World {
    pub(crate) fn new() -> Fallible<Self> {
        let dir = tempfile::tempdir()?;
        let root = dir.path().to_owned();
        Ok(Self { store: Store::at(&root.join("cache")), root, _dir: Some(dir) })
    }

    /// A world whose files need not reach a disk, for many small runs.
    pub(crate) fn in_memory() -> Fallible<Self> {
        let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return Self::new() };
        let root = dir.path().to_owned();
        Ok(Self { store: Store::at(&root.join("cache")), root, _dir: Some(dir) })
    }

    /// A world in a directory that somebody else cleans up.
    #[cfg(feature = "faults")]
    pub(crate) fn at(root: &Path) -> Self {
        Self { store: Store::at(&root.join("cache")), root: root.to_owned(), _dir: None }
    }

    /// A world whose store has an odd path.
    pub(crate) fn with_store_at(name: &str) -> Fallible<Self> {
        let world = Self::new()?;
        let store = Store::at(&world.root.join(name));
        Ok(Self { store, ..world })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file as a compiler would.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Fallible<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        drop(fs::remove_file(&path));
        fs::write(&path, bytes)?;
        Ok(path)
    }

    /// Compiles into `target/` and publishes `files` as the result of `unit`.
    pub(crate) fn publish(&self, unit: &str, files: &[(&str, &[u8])]) -> Fallible<EntryKey> {
        self.publish_from("target", unit, files).map(|(key, _)| key)
    }

    /// Compiles into `dir` and publishes `files` as the result of `unit`.
    pub(crate) fn publish_from(
        &self,
        dir: &str,
        unit: &str,
        files: &[(&str, &[u8])],
    ) -> Fallible<(EntryKey, Vec<Adopted>)> {
        let mut paths = Vec::new();
        for (name, bytes) in files {
            paths.push(((*name).to_owned(), self.write(&format!("{dir}/{name}"), bytes)?));
        }
        self.publish_paths(unit, &paths)
    }

    /// Publishes files that are there already.
    pub(crate) fn publish_paths(
        &self,
        unit: &str,
        paths: &[(String, PathBuf)],
    ) -> Fallible<(EntryKey, Vec<Adopted>)> {
        let publisher = self.store.publisher()?;
        let mut outputs = Vec::new();
        let mut adopted = Vec::new();
        for (name, path) in paths {
            let metadata = fs::metadata(path)?;
            let (digest, _) = kache_store::blob::digest_file(path)?;
            let blob = BlobId(digest);
            adopted.push(publisher.adopt(path, blob, &metadata, Sharing::OneFile)?);
            outputs.push(output(name, blob, &metadata));
        }
        let (key, record) = key_of(unit);
        let mut records = UnitRecords::default();
        records.remember(record);
        publisher.finish(key, &manifest(unit, outputs), unit_of(unit), &records)?;
        Ok((key, adopted))
    }

    /// Restores everything of an entry into `dir`; `None` is a miss.
    ///
    /// As for a wrapper, whatever goes wrong is a miss, and a damaged blob
    /// takes its entry away.
    pub(crate) fn restore(&self, key: EntryKey, dir: &str) -> Fallible<Option<Vec<Restored>>> {
        self.restore_with(key, dir, Trust::Tag)
    }

    pub(crate) fn restore_with(
        &self,
        key: EntryKey,
        dir: &str,
        trust: Trust,
    ) -> Fallible<Option<Vec<Restored>>> {
        let Some(manifest) = self.store.manifest(key)? else { return Ok(None) };
        let mut restored = Vec::new();
        for output in &manifest.outputs {
            let target = self.path(&format!("{dir}/{}", output.name));
            let wanted = Wanted {
                blob: output.blob,
                size_bytes: output.size,
                mode: output.mode,
                target: &target,
                sharing: Sharing::OneFile,
            };
            match self.store.restore(&wanted, trust) {
                Ok(how) => restored.push(how),
                Err(BlobError::Missing { .. } | BlobError::Corrupt { .. }) => {
                    entry::remove(self.store.layout(), key)?;
                    return Ok(None);
                }
                Err(_) => return Ok(None),
            }
        }
        Ok(Some(restored))
    }

    /// Makes sure that an entry is served as `files`.
    pub(crate) fn check_hit(&self, key: EntryKey, dir: &str, files: &[(&str, &[u8])]) -> Fallible {
        let restored = self.restore(key, dir)?;
        assert!(restored.is_some(), "a miss");
        for (name, bytes) in files {
            let found = fs::read(self.path(&format!("{dir}/{name}")))?;
            assert!(found == *bytes, "`{name}` has other bytes");
        }
        Ok(())
    }

    pub(crate) fn blob_path(&self, bytes: &[u8]) -> PathBuf {
        self.store.layout().blob(BlobId(Digest::of(bytes)))
    }

    /// Returns the names in one of the store's directories.
    pub(crate) fn names(dir: &Path) -> Fallible<Vec<String>> {
        let Ok(entries) = fs::read_dir(dir) else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    /// Makes sure that nothing is damaged and nothing is there that nobody needs.
    pub(crate) fn check_tidy(&self) -> Fallible {
        let verified = self.store.verify(false)?;
        assert_eq!(verified.damage, [], "damage");
        let inventory = self.store.inventory()?;
        let is_named = |id: &BlobId| inventory.entries.iter().any(|e| e.blobs.contains(id));
        assert_eq!(inventory.blobs.keys().filter(|id| !is_named(id)).count(), 0, "orphans");
        let layout = self.store.layout();
        assert_eq!(Self::names(&layout.staging())?, [""; 0], "staging");
        assert_eq!(Self::names(&layout.quarantine())?, [""; 0], "quarantine");
        let mut locks = Self::names(&layout.locks())?;
        locks.retain(|name| {
            !["housekeeping", "index", "journal", "publish"].contains(&name.as_str())
        });
        assert_eq!(locks, [""; 0], "locks");
        Ok(())
    }
}

pub(crate) fn unit_of(name: &str) -> UnitId {
    UnitId(Digest::of(name.as_bytes()))
}

/// Returns the key of the entry that the unit called `name` has, and its record.
pub(crate) fn key_of(name: &str) -> (EntryKey, InputRecord) {
    let input = RecordedInput {
        input: Input::File(PathToken("src/lib.rs".to_owned())),
        digest: Digest::of(name.as_bytes()),
        stamp: None,
    };
    let record = InputRecord::of(vec![input]);
    (record.entry_key(unit_of(name)), record)
}

fn output(name: &str, blob: BlobId, metadata: &fs::Metadata) -> Output {
    use std::os::unix::fs::MetadataExt as _;

    Output {
        role: "link".to_owned(),
        name: name.to_owned(),
        blob,
        size: metadata.len(),
        mode: metadata.mode() & 0o777,
    }
}

pub(crate) fn manifest(unit: &str, outputs: Vec<Output>) -> Manifest {
    Manifest {
        v: entry::MANIFEST_VERSION,
        unit: unit_of(unit),
        name: unit.to_owned(),
        crate_types: vec!["lib".to_owned()],
        lang: "rust".to_owned(),
        outputs,
        texts: Vec::new(),
        stdout: Vec::new(),
        stderr: Vec::new(),
        exit_code: 0,
        compile_ms: 1,
        incremental: false,
        created_ns: clock::now_ns(),
        boot: clock::boot_id().to_owned(),
    }
}

pub(crate) fn event(name: &str, outcome: Outcome) -> Event {
    Event {
        v: journal::EVENT_VERSION,
        ts: clock::rfc3339(clock::now_ns()),
        outcome,
        reason: String::new(),
        lang: "rust".to_owned(),
        name: name.to_owned(),
        crate_types: vec!["lib".to_owned()],
        unit: None,
        key: None,
        session: "1-1".to_owned(),
        cwd: "/w".to_owned(),
        wall_us: 2_000,
        phases_us: Phases::default(),
        compile_ms: 50,
        bytes_linked: 10,
        bytes_cloned: 0,
        bytes_copied: 0,
        processes_spawned: 0,
    }
}

/// Sets a file's mtime so many nanoseconds into the past; negative is the future.
pub(crate) fn age(path: &Path, age_ns: i64) -> Fallible {
    let at = clock::now_ns() - age_ns;
    let since_epoch = std::time::Duration::from_nanos(u64::try_from(at)?);
    let time = std::time::UNIX_EPOCH + since_epoch;
    fs::File::open(path)?.set_times(fs::FileTimes::new().set_modified(time))?;
    Ok(())
}
