//! What can be typed.

use clap::{Parser, Subcommand};

use crate::commands::doctor::DoctorArgs;
use crate::commands::gc::GcArgs;
use crate::commands::list::ListArgs;
use crate::commands::purge::PurgeArgs;
use crate::commands::report::ReportArgs;
use crate::commands::shims::ShimsArgs;
use crate::commands::stats::StatsArgs;
use crate::output::Format;

/// How builds call the wrapper, which is not for this program to understand.
const BUILDS: &str = "\
In builds:
  RUSTC_WRAPPER=kache cargo build        rustc and clippy-driver
  CC='kache cc' CXX='kache c++' make     C and C++, as does `kache gcc ...` with any compiler's name
  ln -s kache gcc                        the same, for whoever calls `gcc` by that link";

/// A compiler cache for Rust, C and C++
#[derive(Debug, Parser)]
#[command(name = "kache", bin_name = "kache", version, max_term_width = 100, after_help = BUILDS)]
pub(crate) struct Cli {
    /// For people or for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how often the cache was hit, and what that saved
    Stats(StatsArgs),
    /// List the entries of the store
    List(ListArgs),
    /// Show what each build got from the cache, and why not more
    Report(ReportArgs),
    /// Check the setup, the store, the file system and the toolchain
    Doctor(DoctorArgs),
    /// Show every setting, its value and what set it
    Config,
    /// Make links that stand before the C and C++ compilers on PATH
    Shims(ShimsArgs),
    /// Evict entries until the store fits its cap, and sweep what nothing uses
    Gc(GcArgs),
    /// Remove everything from the store
    Purge(PurgeArgs),
}
