//! Why options are not cached, each as the end of a sentence.

pub(super) const DEPENDENCIES: &str = "changes the dependency file in a way that is not modelled";
pub(super) const FILES: &str = "writes files that are not modelled";
pub(super) const HEADERS: &str = "looks for headers in a way that is not modelled";
pub(super) const INTERNAL: &str = "passes on an internal option";
pub(super) const LANGUAGES: &str = "is for another language or device";
pub(super) const LONG: &str = "is a long spelling that is not modelled";
pub(super) const MODULES: &str = "reads or writes compiled modules";
pub(super) const NOT_A_COMPILATION: &str = "does not make an object";
pub(super) const OFFLOADS: &str = "compiles for another device";
pub(super) const OTHERS: &str = "reads other objects";
pub(super) const PRECOMPILED: &str = "reads or writes a precompiled header";
pub(super) const PLACE: &str = "runs the compiler elsewhere";
pub(super) const RECORDS: &str = "writes the whole command line into the object";
pub(super) const REPORTS: &str = "prints what only a run of the compiler can tell";
pub(super) const TRADITIONAL: &str = "preprocesses by other rules";
