//! End-to-end tests, and tests of the repository itself.

mod catalogue;
mod chain;
mod concurrency;
mod expected;
mod files;
mod freshness;
mod layering;
mod replay_floor;
mod rust_changes;
mod rust_compiler;
mod rust_emits;
mod rust_environment;
mod rust_flags;
mod rust_links;
mod rust_macros;
mod rust_places;
mod rust_sharing;
mod rust_sources;
mod rust_toolchains;
mod rustc_trial;
mod starvation;
mod store_damage;
mod stub;
mod target_dirs;
mod trial;
mod wrappers;
