//! Real programs, run under observation.

#![cfg(all(target_os = "linux", target_env = "gnu"))]

mod files;
mod programs;
mod sandbox;
