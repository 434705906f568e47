//! End-to-end tests, and tests of the repository itself.

mod catalogue;
mod layering;
mod rebuild;
mod rust_environment;
mod rust_links;
mod rust_sources;
mod trial;
