//! Observing a program from outside.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::act::{Act, Event};
use crate::error::{NotObserved, WatchError};
use crate::format::{HOST_VARIABLE, TRACE_VARIABLE};
use crate::lives;
use crate::mapping::{self, Mapping};
use crate::records;
use crate::trace::Trace;
use crate::{PRELOAD_VARIABLE, SANITIZER_VARIABLE};

/// A trace that programs can join. Its file is removed when this value goes.
#[derive(Debug)]
pub struct Watch {
    file: TraceFile,
    mapping: Mapping,
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
    pub const CAPACITY_BYTES: usize = 16 << 20;

    /// Makes a trace in memory, or with other temporary files where that fails.
    ///
    /// Costs a handful of system calls.
    pub fn start() -> Result<Self, WatchError> {
        let [memory, temporary] = mapping::directories();
        Self::start_in(&memory, Self::CAPACITY_BYTES)
            .or_else(|_| Self::start_in(&temporary, Self::CAPACITY_BYTES))
    }

    /// Makes a trace of at most this size in a directory.
    pub fn start_in(directory: &Path, capacity_bytes: usize) -> Result<Self, WatchError> {
        const PAGE_BYTES: usize = 4096;
        static NUMBER: AtomicU32 = AtomicU32::new(0);

        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("kache-trace-{}-{number}", process::id());
        let path = directory.join(name);
        let bytes = capacity_bytes.max(1).next_multiple_of(PAGE_BYTES);
        let mapping = Mapping::create(&path, bytes)?;
        Ok(Self { file: TraceFile(path), mapping })
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
        let library = library.as_os_str();
        if library.as_encoded_bytes().iter().any(|byte| b" :".contains(byte)) {
            return Err(WatchError::Separator { path: library.into() });
        }
        let mut preload = library.to_owned();
        if let Some(others) = env::var_os(PRELOAD_VARIABLE).filter(|others| !others.is_empty()) {
            preload.push(":");
            preload.push(without(&others, library));
        }
        Ok(vec![
            (PRELOAD_VARIABLE, preload),
            (SANITIZER_VARIABLE, sanitizer_options()),
            (TRACE_VARIABLE, self.file.0.clone().into_os_string()),
            (HOST_VARIABLE, prefixes(hosts)),
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
        let name = self.file.0.file_name().unwrap_or_default().as_encoded_bytes();
        let has_trace = |pid: &u32| {
            let maps = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
            *pid != process::id() && maps.windows(name.len()).any(|window| window == name)
        };
        pids.into_iter().filter(has_trace).collect()
    }
}

/// A list for the loader without one of its libraries.
fn without(list: &OsString, library: &std::ffi::OsStr) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    let names = list.as_bytes().split(|byte| b" :".contains(byte));
    let others: Vec<&[u8]> = names.filter(|name| *name != library.as_bytes()).collect();
    OsString::from_vec(others.join(&b':'))
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
