//! The directories and variables around a call.

use std::path::{Path, PathBuf};

use kache_config::{Config, Portable};
use kache_key::rustc::unit::RustcUnit;
use kache_key::{RootKind, Roots};

use super::Invocation;
use crate::places;
use crate::toolchain::Toolchain;

/// Where rustc is told that the workspace is. On Linux it resolves, in a
/// debugger or profiler that is started there.
pub(crate) const VIRTUAL_WORKSPACE: &str = "/proc/self/cwd";

/// Where rustc is told that the target directory is.
pub(crate) const VIRTUAL_TARGET: &str = "/proc/self/cwd/target";

/// Returns the known directories of a call.
///
/// The working directory is a root of its own unless it is a package that
/// cargo fetched: that is the same for every checkout.
pub(crate) fn roots(
    call: &Invocation,
    unit: &RustcUnit,
    target_dir: Option<&Path>,
    toolchain: &Toolchain,
) -> Roots {
    let text = |path: PathBuf| path.into_os_string().into_string().ok();
    let cargo_home = places::cargo_home();
    let is_fetched = unit.source.starts_with('/') && places::is_fetched(Path::new(&call.cwd));
    let workspace = (!is_fetched).then(|| call.cwd.clone());
    let known = [
        target_dir.and_then(|dir| text(dir.to_owned())).map(|path| (RootKind::Target, path)),
        workspace.map(|path| (RootKind::Workspace, path)),
        cargo_home.map(|path| (RootKind::CargoHome, path)),
        Some((RootKind::Sysroot, toolchain.sysroot.clone())),
        text(std::env::temp_dir()).map(|path| (RootKind::Temp, path)),
    ];
    Roots::of(known.into_iter().flatten())
}

/// The path prefixes that rustc is told to write differently.
#[derive(Debug, Default)]
pub(crate) struct Remaps {
    /// Pairs of a real directory and what is written in its place, shortest
    /// directory first: for a path that several match, rustc takes the last.
    pub(crate) pairs: Vec<(String, String)>,
    /// Whether the working directory is among them.
    pub(crate) maps_workspace: bool,
    /// Whether outputs are made to name no checkout.
    pub(crate) normalises: bool,
}

impl Remaps {
    /// Decides which directories `unit` is compiled without a trace of.
    ///
    /// Coverage data and trybuild read real paths back, so those are kept.
    /// The workspace is hidden where the source is named relative to it, as
    /// cargo does for workspace members: `file!()` is then the same either
    /// way. A crate named by its absolute path prints that path in panics.
    pub(crate) fn of(unit: &RustcUnit, roots: &Roots, config: &Config, normalise: bool) -> Self {
        if !normalise || unit.coverage || unit.trybuild {
            return Self::default();
        }
        let mut remaps = Self { normalises: true, ..Self::default() };
        let mut add = |kind, to: &str| {
            if let Some(from) = roots.path(kind) {
                remaps.pairs.push((from.to_owned(), to.to_owned()));
            }
        };
        if config.paths.portable == Portable::On {
            add(RootKind::Sysroot, "/rustc-sysroot");
            add(RootKind::CargoHome, "/cargo");
        }
        for position in 0..config.base_dirs.len() {
            let Ok(position) = u8::try_from(position) else { break };
            add(RootKind::Base(position), &format!("/base{position}"));
        }
        let maps_workspace = !unit.source.starts_with('/');
        if maps_workspace {
            add(RootKind::Workspace, VIRTUAL_WORKSPACE);
        }
        add(RootKind::Target, VIRTUAL_TARGET);
        remaps.maps_workspace = maps_workspace && roots.path(RootKind::Workspace).is_some();
        // Whatever is nested in what: a path is written as its token says.
        remaps.pairs.sort_by_key(|(from, _)| from.len());
        remaps
    }

    /// Returns what outputs say in the place of each root that is among the
    /// pairs or below one of them, a line each.
    ///
    /// A search for the root's real path would find none, so this is keyed.
    /// Directories for temporary files come and go, and count only where the
    /// source is in one.
    pub(crate) fn written(&self, unit: &RustcUnit, roots: &Roots) -> String {
        let of_source = roots.split(&unit.source).map(|(kind, _)| kind);
        let mut lines: Vec<(RootKind, String)> = roots
            .iter()
            .filter(|(kind, _)| *kind != RootKind::Temp || of_source == Some(RootKind::Temp))
            .filter_map(|(kind, path)| Some((kind, self.in_place_of(path)?)))
            .collect();
        lines.sort();
        let lines = lines.iter().map(|(kind, written)| format!("{} {written}", kind.name()));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn in_place_of(&self, path: &str) -> Option<String> {
        self.pairs.iter().rev().find_map(|(from, to)| {
            let rest = path.strip_prefix(from)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{to}{rest}"))
        })
    }

    /// Returns the arguments that tell rustc. They go first: a user's own
    /// remapping comes later on the command line and wins.
    pub(crate) fn args(&self) -> Vec<String> {
        self.pairs.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect()
    }

    /// Returns the pairs for undoing them in diagnostics, longest written form first.
    pub(crate) fn undo(&self) -> Vec<(String, String)> {
        let mut undo: Vec<_> =
            self.pairs.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
        undo.sort_by_key(|(written, _)| std::cmp::Reverse(written.len()));
        undo
    }
}
