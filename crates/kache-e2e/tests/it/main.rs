//! End-to-end tests, and tests of the repository itself.

mod catalogue;
mod chain;
mod concurrency;
mod freshness;
mod layering;
mod rebuild;
mod rust_changes;
mod rust_compiler;
mod rust_emits;
mod rust_environment;
mod rust_flags;
mod rust_links;
mod rust_places;
mod rust_sharing;
mod rust_sources;
mod rust_toolchains;
mod rustc_trial;
mod store_damage;
mod stub;
mod target_dirs;
mod trial;
mod wrappers;
