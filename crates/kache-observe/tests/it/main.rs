//! Real programs, run under observation.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod files;
mod hosts;
mod names;
mod oracle;
mod package;
mod participant;
mod processes;
mod programs;
mod questions;
mod sandbox;
mod threads;
mod unseen;
