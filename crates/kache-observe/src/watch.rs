//! Observing a program from outside.

use std::collections::BTreeSet;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use crate::act::{Act, Event};
use crate::error::{NotObserved, WatchError};
use crate::format::{HOSTED, RECORDS_AT};
use crate::library::STEM;
use crate::lives;
use crate::mapping::{self, Mapping};
use crate::names::{
    HOST_VARIABLE, PARTICIPANT_VARIABLE, PRELOAD_VARIABLE, SANITIZER_VARIABLE, TRACE_VARIABLE,
};
use crate::records;
use crate::trace::Trace;

/// A trace that programs can join. Its file is removed when this value goes.
#[derive(Debug)]
pub struct Watch {
    name: TraceFile,
    mapping: Mapping,
    /// Locked as long as somebody watches.
    _lock: File,
}

const PREFIX: &str = "kache-trace-";
const PAGE_BYTES: usize = 4096;

/// A name that is probably free. Containers may share the directory, and have the same
/// process ids.
fn free_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{PREFIX}{}-{number}-{:x}", process::id(), since.subsec_nanos())
}

/// Removes traces in the directories of [`Watch::start`] whose watches are gone without
/// having done so, because they were killed.
///
/// Costs a listing of each directory.
pub fn sweep() {
    for directory in mapping::directories() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            let ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes());
            let Some(file) = ours.then(|| File::open(entry.path()).ok()).flatten() else {
                continue;
            };
            // Locked until it is gone: whoever is just making it notices.
            if file.try_lock().is_ok() {
                // Somebody else may have swept it away.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}

/// A file that is removed with this value.
#[derive(Debug)]
struct TraceFile(PathBuf);

impl Drop for TraceFile {
    fn drop(&mut self) {
        // A file that somebody else removed is removed.
        drop(fs::remove_file(&self.0));
    }
}

impl Watch {
    /// How large a trace may grow. It takes as much memory as is written to it.
    pub const CAPACITY_BYTES: usize = 256 << 20;

    /// Makes a trace in memory, or with other temporary files where that fails.
    ///
    /// Costs a handful of system calls.
    pub fn start() -> Result<Self, WatchError> {
        let [memory, temporary] = mapping::directories();
        Self::start_in(&memory, Self::CAPACITY_BYTES)
            .or_else(|_| Self::start_in(&temporary, Self::CAPACITY_BYTES))
    }

    /// Makes a trace of at most this size in a directory. The first 384 KiB are not for
    /// records.
    pub fn start_in(directory: &Path, capacity_bytes: usize) -> Result<Self, WatchError> {
        const TRIES: u32 = 8;

        let allowed = usize::try_from(mapping::largest_file_bytes()).unwrap_or(usize::MAX);
        let bytes = capacity_bytes.max(1).next_multiple_of(PAGE_BYTES);
        let bytes = bytes.min(allowed / PAGE_BYTES * PAGE_BYTES);
        if bytes <= RECORDS_AT {
            return Err(WatchError::Room { directory: directory.to_owned() });
        }
        for _ in 0..TRIES {
            let path = directory.join(free_name());
            let mut options = OpenOptions::new();
            options.read(true).write(true).create_new(true).mode(0o600);
            let file = match options.open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(WatchError::io("create", &path))?,
            };
            // Whoever sweeps may have been faster. Where there are no locks, nobody sweeps.
            let is_taken = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
            let is_gone = || file.metadata().is_ok_and(|found| found.nlink() == 0);
            if is_taken || is_gone() {
                continue;
            }
            let name = TraceFile(path);
            let mapping = Mapping::create(&file, &name.0, bytes)?;
            return Ok(Self { name, mapping, _lock: file });
        }
        Err(WatchError::Names { directory: directory.to_owned() })
    }

    /// The variables with which a program joins the trace.
    ///
    /// They replace those of an outer trace. `library` is the path of the unpacked
    /// library, absolute. Programs below one of the directories `hosts` are hosts,
    /// each up to the first in a line of processes: only what is done by libraries
    /// from elsewhere, which they load while they run, counts.
    pub fn variables(
        &self,
        library: &Path,
        hosts: &[&Path],
    ) -> Result<Vec<(&'static str, OsString)>, WatchError> {
        check_path(library, b" :")?;
        hosts.iter().try_for_each(|host| check_path(host, b":"))?;
        if !hosts.is_empty() {
            self.mapping.header().flags.fetch_or(HOSTED, Ordering::Relaxed);
        }
        let mut preload = library.as_os_str().to_owned();
        for other in others(&env::var_os(PRELOAD_VARIABLE).unwrap_or_default()) {
            preload.push(":");
            preload.push(other);
        }
        Ok(vec![
            (PRELOAD_VARIABLE, preload),
            (SANITIZER_VARIABLE, sanitizer_options()),
            (TRACE_VARIABLE, self.name.0.clone().into_os_string()),
            (HOST_VARIABLE, prefixes(hosts)),
            (PARTICIPANT_VARIABLE, env::current_exe().unwrap_or_default().into()),
        ])
    }

    /// Reads the trace. `root` is the process id of the program that was started to
    /// be observed, which has ended.
    ///
    /// Costs a pass over the trace, and a look at each process that is still there.
    pub fn finish(self, root: u32) -> Result<Trace, NotObserved> {
        let entries = records::read(&self.mapping)?;
        let events = lives::follow(entries, root)?;
        let left_behind = self.left_behind(&events);
        Ok(Trace { events, left_behind })
    }

    fn left_behind(&self, events: &[Event]) -> Vec<u32> {
        let began = |event: &&Event| {
            event.counts && matches!(event.act, Act::Started { .. } | Act::Forked { .. })
        };
        let pids: BTreeSet<u32> = events.iter().filter(began).map(|event| event.pid).collect();
        let name = self.name.0.file_name().unwrap_or_default().as_encoded_bytes();
        let has_trace = |pid: &u32| {
            let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
            *pid != process::id() && maps.windows(name.len()).any(|window| window == name)
        };
        pids.into_iter().filter(has_trace).collect()
    }
}

fn check_path(path: &Path, separators: &[u8]) -> Result<(), WatchError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if path.is_relative() || bytes.iter().any(|byte| separators.contains(byte)) {
        return Err(WatchError::Path { path: path.to_owned() });
    }
    Ok(())
}

/// What is on a list for the loader besides this library in any version: two of them
/// would say everything twice.
fn others(list: &OsStr) -> impl Iterator<Item = &OsStr> {
    let names = list.as_bytes().split(|byte| b" :".contains(byte)).map(OsStr::from_bytes);
    names.filter(|name| {
        let file = Path::new(name).file_name().unwrap_or_default();
        !file.is_empty() && !file.as_bytes().starts_with(STEM.as_bytes())
    })
}

/// The address sanitizer refuses to run behind another library, unless it is told
/// that this is intended.
fn sanitizer_options() -> OsString {
    const OPTION: &str = "verify_asan_link_order=0";
    match env::var_os(SANITIZER_VARIABLE).filter(|options| !options.is_empty()) {
        None => OPTION.into(),
        Some(options) if options.to_string_lossy().contains(OPTION) => options,
        Some(mut options) => {
            options.push(":");
            options.push(OPTION);
            options
        }
    }
}

/// A list of directories, each as it was given and as the kernel names what is in it.
fn prefixes(hosts: &[&Path]) -> OsString {
    let mut list = OsString::new();
    for host in hosts {
        let resolved = fs::canonicalize(host).unwrap_or_else(|_| (*host).to_owned());
        for path in BTreeSet::from([*host, resolved.as_path()]) {
            if !list.is_empty() {
                list.push(":");
            }
            list.push(path);
        }
    }
    list
}
