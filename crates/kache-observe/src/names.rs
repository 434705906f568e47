//! The names of variables, for whoever sets them and whoever reads them.

/// Names the trace file.
pub(crate) const TRACE_VARIABLE: &str = "KACHE_TRACE";

/// Names the prefixes of programs that are hosts, separated by colons.
pub(crate) const HOST_VARIABLE: &str = "KACHE_TRACE_HOST";

/// Names the program that takes part by hand, so that the library keeps out of it.
pub(crate) const PARTICIPANT_VARIABLE: &str = "KACHE_TRACE_PARTICIPANT";

/// Names the libraries that the loader loads before a program's own.
pub(crate) const PRELOAD_VARIABLE: &str = "LD_PRELOAD";

/// Options for programs that were built with the address sanitizer.
pub(crate) const SANITIZER_VARIABLE: &str = "ASAN_OPTIONS";
