//! The crates depend on each other as ARCHITECTURE.md says, and what runs at
//! every hit stays small.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use kache_e2e::kache::{Kache, workspace_dir};
use kache_e2e::process::output_of;
use kache_e2e::toolchain::Toolchain;

use crate::files::contains;

/// Each crate with the crates of this workspace that it may depend on.
const LAYERS: &[(&str, &[&str])] = &[
    ("kache-key", &[]),
    ("kache-cc", &["kache-key"]),
    ("kache-store", &["kache-key"]),
    ("kache-observe", &[]),
    ("kache-config", &[]),
    ("kache-wrapper", &["kache-key", "kache-cc", "kache-store", "kache-observe", "kache-config"]),
    ("kache-cli", &["kache-key", "kache-cc", "kache-store", "kache-config"]),
    ("kache-e2e", &[]),
];

/// What the wrapper must not link: runtimes, terminals, databases, networks.
const TOO_HEAVY_FOR_A_HIT: &[&str] = &[
    "anyhow",
    "clap",
    "hyper",
    "native-tls",
    "openssl",
    "ratatui",
    "redb",
    "reqwest",
    "rustls",
    "tokio",
];

fn metadata() -> Metadata {
    // Only what exists on this machine's platform was downloaded by the build.
    let host = Toolchain::active().expect("these tests were built by a toolchain").host;
    MetadataCommand::new()
        .manifest_path(workspace_dir().join("Cargo.toml"))
        .other_options(vec!["--filter-platform".to_owned(), host])
        .exec()
        .expect("the workspace was loaded to build these tests")
}

/// The workspace's crates by name, each with its dependencies within it;
/// development dependencies, which no user gets, are not in it.
fn edges(metadata: &Metadata) -> BTreeMap<&str, BTreeSet<&str>> {
    let members: BTreeSet<&str> =
        metadata.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let packages = metadata.workspace_packages();
    packages
        .into_iter()
        .map(|package| {
            let normal =
                package.dependencies.iter().filter(|it| it.kind != DependencyKind::Development);
            let ours = normal.map(|it| it.name.as_str()).filter(|name| members.contains(name));
            (package.name.as_str(), ours.collect())
        })
        .collect()
}

#[test]
fn crates_depend_only_on_the_layers_below_them() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for (name, found) in edges(&metadata) {
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            wrong.push(format!("{name} is in no layer"));
            continue;
        };
        let forbidden = found.iter().filter(|dependency| !allowed.contains(dependency));
        wrong.extend(forbidden.map(|dependency| format!("{name} depends on {dependency}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_layer_is_a_crate_of_the_workspace() {
    let metadata = metadata();
    let edges = edges(&metadata);
    let gone: Vec<_> = LAYERS.iter().filter(|(name, _)| !edges.contains_key(name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

/// All packages that end up in a build of `package` alone, by name. Cargo's
/// metadata would show the features that other members ask for, too.
fn tree(package: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(Toolchain::active().expect("it built these tests").cargo);
    cargo.current_dir(workspace_dir()).args(["tree", "--package", package]);
    cargo.args(["--edges", "normal", "--prefix", "none", "--format", "{p}"]);
    let listed = output_of(&mut cargo).expect("the package is a member");
    listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_wrapper_links_nothing_that_is_slow_to_start() {
    let wrapper = tree("kache-wrapper");
    assert!(wrapper.contains("kache-key"), "{wrapper:?}");
    let heavy: Vec<_> =
        TOO_HEAVY_FOR_A_HIT.iter().filter(|name| wrapper.contains(**name)).collect();
    assert!(heavy.is_empty(), "{heavy:?}");
    assert!(tree("kache-cli").contains("clap"), "clap is not in a tree where it must be");
}

/// What a program needs to be loaded costs more than most of what a hit does.
#[test]
#[ignore = "builds a release: `just test-slow`"]
fn the_released_wrapper_is_static_and_linked_with_musl_where_rustc_has_it() {
    let toolchain = Toolchain::active().expect("these tests were built by a toolchain");
    let kache = Kache::released(&toolchain).expect("it can be built");
    let mut readelf = Command::new("readelf");
    let headers = output_of(readelf.args(["--wide", "--program-headers"]).arg(&kache.wrapper));
    let headers = headers.expect("readelf comes with the linker");
    assert!(headers.contains("LOAD") && !headers.contains("INTERP"), "{headers}");
    let musl = toolchain.host.replace("-gnu", "-musl");
    let libraries = output_of(Command::new(&toolchain.rustc).args([
        "--print=target-libdir",
        "--target",
        &musl,
    ]));
    let has_musl = libraries.is_ok_and(|path| Path::new(path.trim_end()).is_dir());
    let is_of_glibc = contains(&kache.wrapper, "GNU C Library");
    assert_eq!(is_of_glibc, !has_musl, "whose C library");
}
