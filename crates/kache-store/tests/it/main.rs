//! Integration tests: a store on a real file system.

mod clocks;
mod command;
mod concurrency;
mod damage;
mod documents;
mod eviction;
#[cfg(feature = "faults")]
mod faults;
#[cfg(feature = "index")]
mod index;
mod journals;
mod litter;
mod refusals;
mod shapes;
mod world;
