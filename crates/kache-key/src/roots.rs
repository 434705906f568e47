//! Known directories, and paths written relative to them.
//!
//! A key must not depend on where a checkout lives. Paths are therefore
//! written as tokens, `{target}/debug/deps/libfoo.rlib`: the longest matching
//! root is replaced by its name. Paths below no root stay absolute, and
//! relative paths stay relative to the compiler's working directory.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A directory whose location differs between checkouts or machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// Where a build script writes.
    OutDir,
    /// Cargo's target or build directory, which holds a `CACHEDIR.TAG`.
    Target,
    /// The compiler's working directory where that is the user's own checkout.
    Workspace,
    /// Cargo's home: registry and git sources.
    CargoHome,
    /// The compiler's own tree, as `rustc --print sysroot` says.
    Sysroot,
    /// A configured base directory, by its position in the configuration.
    Base(u8),
    /// The directory for temporary files.
    Temp,
}

impl RootKind {
    /// Returns the name used inside path tokens.
    pub fn name(self) -> String {
        match self {
            Self::OutDir => "out_dir".to_owned(),
            Self::Target => "target".to_owned(),
            Self::Workspace => "workspace".to_owned(),
            Self::CargoHome => "cargo_home".to_owned(),
            Self::Sysroot => "sysroot".to_owned(),
            Self::Base(position) => format!("base{position}"),
            Self::Temp => "temp".to_owned(),
        }
    }

    /// Returns the root that has this name.
    pub fn named(name: &str) -> Option<Self> {
        let fixed = [
            Self::OutDir,
            Self::Target,
            Self::Workspace,
            Self::CargoHome,
            Self::Sysroot,
            Self::Temp,
        ];
        let base = || name.strip_prefix("base")?.parse().ok().map(Self::Base);
        fixed.into_iter().find(|kind| kind.name() == name).or_else(base)
    }
}

/// A path with its root replaced by a name; the portable form of a path.
///
/// One of `{root}`, `{root}/rest`, `/absolute`, or `relative/to/cwd`. A
/// relative path that begins with a brace is written with a leading `./`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathToken(pub String);

impl fmt::Display for PathToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The roots of one invocation, longest path first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    roots: Vec<(RootKind, String)>,
}

impl Roots {
    /// Builds the set from absolute paths without a trailing slash.
    ///
    /// Relative paths, `/` and the empty path are left out: they would match
    /// everything or nothing. Of several roots at one path the first given wins.
    pub fn of(roots: impl IntoIterator<Item = (RootKind, String)>) -> Self {
        let mut kept: Vec<(RootKind, String)> = Vec::new();
        for (kind, path) in roots {
            let path = path.trim_end_matches('/').to_owned();
            if path.starts_with('/') && kept.iter().all(|(_, seen)| *seen != path) {
                kept.push((kind, path));
            }
        }
        kept.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(&b.0)));
        Self { roots: kept }
    }

    /// Returns the roots, longest path first.
    pub fn iter(&self) -> impl Iterator<Item = (RootKind, &str)> {
        self.roots.iter().map(|(kind, path)| (*kind, path.as_str()))
    }

    /// Returns where `kind` is in this invocation, or `None` if it has no such root.
    pub fn path(&self, kind: RootKind) -> Option<&str> {
        self.iter().find(|(k, _)| *k == kind).map(|(_, path)| path)
    }

    /// Returns the longest root that contains `path`, with the rest of the
    /// path (empty, or starting with `/`).
    pub fn split<'a>(&self, path: &'a str) -> Option<(RootKind, &'a str)> {
        self.iter().find_map(|(kind, root)| {
            let rest = path.strip_prefix(root)?;
            (rest.is_empty() || rest.starts_with('/')).then_some((kind, rest))
        })
    }

    /// Returns the portable form of `path`.
    pub fn tokenise(&self, path: &str) -> PathToken {
        PathToken(match self.split(path) {
            Some((kind, rest)) => format!("{{{}}}{rest}", kind.name()),
            None if path.starts_with('{') => format!("./{path}"),
            None => path.to_owned(),
        })
    }

    /// Returns the path that `token` names in this invocation, or `None` if
    /// its root is unknown here. Relative paths come back relative.
    pub fn resolve(&self, token: &PathToken) -> Option<String> {
        let Some(inner) = token.0.strip_prefix('{') else {
            return Some(token.0.clone());
        };
        let (name, rest) = inner.split_once('}')?;
        let (_, root) = self.iter().find(|(kind, _)| kind.name() == name)?;
        Some(format!("{root}{rest}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn roots() -> Roots {
        Roots::of([
            (RootKind::Workspace, "/home/u/ws".to_owned()),
            (RootKind::Target, "/home/u/ws/target/".to_owned()),
            (RootKind::CargoHome, "/home/u/.cargo".to_owned()),
            (RootKind::Temp, "/".to_owned()),
        ])
    }

    #[track_caller]
    fn check(path: &str, token: &str) {
        let roots = roots();
        assert_eq!(roots.tokenise(path), PathToken(token.to_owned()));
        assert!(roots.resolve(&PathToken(token.to_owned())).is_some());
    }

    #[test]
    fn the_longest_root_wins_at_component_boundaries() {
        check("/home/u/ws/src/lib.rs", "{workspace}/src/lib.rs");
        check("/home/u/ws/target/debug/x.d", "{target}/debug/x.d");
        check("/home/u/ws", "{workspace}");
        check("/home/u/ws2/src", "/home/u/ws2/src");
        check("/home/u/ws/target2/x", "{workspace}/target2/x");
        check("src/lib.rs", "src/lib.rs");
        check("{target}/x", "./{target}/x");
    }

    #[test]
    fn a_token_of_an_unknown_root_does_not_resolve() {
        assert_eq!(roots().resolve(&PathToken("{sysroot}/x".to_owned())), None);
        assert_eq!(roots().resolve(&PathToken("{".to_owned())), None);
    }

    proptest! {
        #[test]
        fn a_path_survives_its_token(path in "/(home|u|ws|target|\\.cargo|[a-z{}]{1,3})(/(home|u|ws|target|[a-z{}]{1,3})){0,4}") {
            let roots = roots();
            let back = roots.resolve(&roots.tokenise(&path));
            prop_assert_eq!(back.as_deref(), Some(path.as_str()));
        }
    }
}
