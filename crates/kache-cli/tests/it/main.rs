//! The command line as its users meet it: verbs, messages, exit codes.

mod bad_input;
mod configuration;
mod doctor;
mod gc;
mod help;
mod list;
mod purge;
mod report;
mod shims;
mod stats;
mod world;
