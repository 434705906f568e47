//! One compilation, of whatever language: a lookup, then a hit or a miss.
//!
//! A personality, `rustc` for one, says what the compilation is and how to run
//! its compiler. What all of them share is here.

pub(crate) mod absences;
pub(crate) mod current;
pub(crate) mod git_index;
pub(crate) mod hit;
pub(crate) mod inputs;
pub(crate) mod lookup;
pub(crate) mod observed;
pub(crate) mod products;
pub(crate) mod publish;
pub(crate) mod sight;
mod tree;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kache_config::Config;
use kache_key::fields::FieldHasher;
use kache_key::{Roots, UnitId};
use kache_store::{Store, TextOutput, blob};

use self::lookup::{Found, Missed};
pub(crate) use self::products::{Form, Product};
pub(crate) use self::tree::TextKind;
use crate::report::{Phase, Report};
use crate::served::{Passthrough, Served};

/// How long to wait for another build that compiles the same unit: longer than
/// nearly all units take. After that both compile it.
const WAIT_FOR_OTHER_BUILD: Duration = Duration::from_mins(1);

/// A compilation, identified.
#[derive(Clone)]
pub(crate) struct Compilation<'a> {
    pub(crate) config: &'a Config,
    pub(crate) store: Store,
    pub(crate) id: UnitId,
    /// Crate name or source file, for people.
    pub(crate) name: String,
    pub(crate) crate_types: Vec<String>,
    /// `rust`, `c` or `c++`.
    pub(crate) lang: &'static str,
    pub(crate) cwd: &'a str,
    pub(crate) roots: Roots,
    /// The file that is compiled.
    pub(crate) source: PathBuf,
    /// What it makes, as far as that is known before.
    pub(crate) products: Vec<Product>,
    /// A directory that it fills as it likes: what is in an entry is put in there.
    pub(crate) tree: Option<PathBuf>,
    /// Whether the compiler builds on what an earlier run left behind.
    pub(crate) is_incremental: bool,
    /// Writes the text of a product for this checkout.
    pub(crate) render_text: fn(&TextOutput, &Roots) -> Result<String, String>,
}

impl Compilation<'_> {
    /// Returns `path` below the compiler's working directory, unless it is absolute.
    pub(crate) fn absolute(&self, path: &str) -> PathBuf {
        Path::new(self.cwd).join(path)
    }
}

/// The compiler of a compilation.
pub(crate) trait Compiler {
    /// Returns whether this is one step of an edit loop, which nobody else waits for.
    fn is_edit(&self, _missed: &Missed) -> bool {
        false
    }

    /// Runs the compiler, stores the result unless it `is_edit`, and passes the
    /// exit code on.
    fn compile(
        &self,
        missed: &Missed,
        is_edit: bool,
        report: &mut Report,
    ) -> Result<Served, Passthrough>;
}

/// Serves one compilation: a hit, or a run of `compiler`.
pub(crate) fn serve(
    compilation: &Compilation<'_>,
    compiler: &impl Compiler,
    report: &mut Report,
) -> Result<Served, Passthrough> {
    let missed = match lookup::look(compilation, report) {
        Found::Entry(entry) => match hit::restore(compilation, &entry, report) {
            Ok(served) => return Ok(served),
            Err(reason) => {
                report.lap(Phase::Restore);
                Missed { reason, wanted: Some(entry.key), records: entry.records }
            }
        },
        Found::Nothing(missed) => missed,
    };
    if compiler.is_edit(&missed) {
        return compiler.compile(&missed, true, report);
    }
    // Somebody else may be compiling just this: then wait and look again.
    let name = lock_name(compilation, &missed);
    let lock = compilation.store.lock_unit(name, WAIT_FOR_OTHER_BUILD).ok();
    report.lap(Phase::Lookup);
    if lock.as_ref().is_some_and(|lock| lock.waited)
        && let Found::Entry(entry) = lookup::look(compilation, report)
        && let Ok(served) = hit::restore(compilation, &entry, report)
    {
        return Ok(served);
    }
    compiler.compile(&missed, false, report)
}

/// Names the lock of a compilation: the unit with its inputs as far as they are
/// known, so that another checkout with other sources does not wait in vain.
fn lock_name(compilation: &Compilation<'_>, missed: &Missed) -> UnitId {
    let mut hasher = FieldHasher::new("kache lock");
    hasher.digest("unit", compilation.id.0);
    if let Some(key) = missed.wanted {
        hasher.digest("entry", key.0);
    } else if let Ok((source, _)) = blob::digest_file(&compilation.source) {
        hasher.digest("source", source);
    }
    UnitId(hasher.finish())
}
