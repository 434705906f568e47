//! Which C or C++ compiler will run, told apart by what it is.
//!
//! A driver starts other programs, by its own rules and with options of its
//! own. What it says when asked to explain a run, and the bytes of the programs
//! that it names, make up its identity; the answer is kept in the store under the stamps of
//! all of them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use kache_cc::{Called, DriverLanguage, Family, driver_name, family_of_version_text};
use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_key::input::FileStamp;
use kache_observe::{Act, Trace};
use kache_store::{Store, blob, identity, memo};
use serde::{Deserialize, Serialize};

use super::asked::{Asked, explaining};
use crate::files;
use crate::launcher;

/// Variables that decide which programs a driver starts.
const CHOICE_ENV: &[&str] = &["PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "LD_LIBRARY_PATH"];

/// Variables that add directories of headers; they are in the key by themselves.
pub(super) const INCLUDE_ENV: &[&str] = &["CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH"];

/// Programs that GCC starts to compile, by the names it knows them by.
const GCC_PROGRAMS: &[&str] = &["cc1", "cc1plus", "as"];

/// A program or library larger than this is known by its size and its start, in
/// bytes: that is where linkers put the build id, a digest of the rest.
const LARGE_BYTES: u64 = 16 << 20;

/// How much of a large file is looked at, in bytes.
const START_BYTES: u64 = 64 << 10;

/// A compiler, identified.
pub(crate) struct CcCompiler {
    /// The driver to start.
    pub(crate) program: PathBuf,
    pub(crate) called: Called,
    /// Differs between any two compilers that could compile differently.
    pub(crate) identity: Digest,
    /// Files and directories that the identity was made from.
    pub(crate) watched: Vec<(PathBuf, FileStamp)>,
    /// Places where another program would be found first, and nothing is.
    pub(crate) absent: BTreeSet<PathBuf>,
    /// Where it looks for headers by itself, by the names that it may have for each.
    pub(crate) header_dirs: BTreeSet<String>,
}

impl CcCompiler {
    /// Returns whether what runs first is `first`, for the driver: itself, or for a
    /// script its interpreter. A static program may become another, which is seen.
    pub(crate) fn is_started_as(&self, first: &Path) -> bool {
        let place = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        let is_script = || {
            let mut start = [0; 2];
            let read = File::open(&self.program).and_then(|mut file| file.read_exact(&mut start));
            read.is_ok() && start == *b"#!"
        };
        place(first) == place(&self.program) || is_script()
    }

    /// Returns whether `path` is a file that the identity was made from, by whatever name.
    pub(crate) fn is_made_from(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|found| {
            let place = (found.dev(), found.ino());
            self.watched.iter().any(|(_, stamp)| (stamp.dev, stamp.ino) == place)
        })
    }
}

/// What is remembered of a compiler.
#[derive(Serialize, Deserialize)]
struct Known {
    /// The family's name, or nothing if the program is no compiler that is known.
    family: Option<String>,
    identity: Digest,
    /// For a program that is not the driver itself and starts one: what that
    /// says of a run, when asked.
    behind: Option<Behind>,
    /// Files and directories that the identity was made from.
    watched: Vec<(PathBuf, FileStamp)>,
    /// Places where another program would be found first, and nothing is.
    absent: BTreeSet<PathBuf>,
    /// Where it looks for headers by itself.
    header_dirs: BTreeSet<String>,
}

/// The driver that a program starts, which it can choose anew each time.
#[derive(Clone, Serialize, Deserialize)]
struct Behind {
    driver: String,
    explained: Digest,
}

/// Why a compiler's identity cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompilerError {
    #[error("`{}` is no compiler that kache knows", .0.display())]
    Unknown(PathBuf),
    #[error("failed to ask `{}`: {source}", program.display())]
    Silent { program: PathBuf, source: io::Error },
    #[error("failed to look at `{}`", .0.display())]
    Unreadable(PathBuf),
}

/// Finds the compiler that `program` stands for: itself, or, where that leads to
/// kache, the next of the name in `path_var`, a list of directories.
pub(crate) fn find(program: &OsStr, path_var: Option<&OsStr>) -> Option<PathBuf> {
    let path = Path::new(program);
    let name = path.file_name()?;
    if name != path {
        let Ok(found) = fs::metadata(path) else { return Some(path.to_owned()) };
        if let Some(replaced) = launcher::replaced_at(path, found.len(), super::VERB) {
            return Some(replaced);
        }
        if !is_own_program(&found) {
            return Some(path.to_owned());
        }
    }
    // Only a link to kache stands for a compiler elsewhere.
    let is_compiler = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|found| {
            found.is_file()
                && found.mode() & 0o111 != 0
                && !is_own_program(&found)
                && launcher::replaced_at(path, found.len(), super::VERB).is_none()
        })
    };
    std::env::split_paths(path_var?).map(|dir| dir.join(name)).find(is_compiler)
}

fn is_own_program(found: &Metadata) -> bool {
    files::own_program().is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
}

/// Returns the name to give to the compiler at `path`: the one that it was
/// `called` by, if it is found by that name. GCC looks itself up and prints it.
pub(crate) fn name_for<'a>(called: &'a OsStr, path: &'a Path) -> &'a OsStr {
    let found =
        called.to_str().and_then(|name| files::find_program(name, std::env::var_os("PATH")));
    if found.as_deref() == Some(path) { called } else { path.as_os_str() }
}

/// Returns what `program` is.
///
/// Reads one small file and looks at some; asks the compiler only where one
/// of those changed, or where a script or the like chooses it.
pub(crate) fn identify(store: &Store, program: &Path) -> Result<CcCompiler, CompilerError> {
    let asked = Asked { program, store };
    let memo_id = memo_id(program);
    let known = memo::read::<Known>(store.layout(), memo_id).ok().flatten();
    let current = known.filter(|known| known.is_current(asked));
    let known = current.map_or_else(|| ask_and_remember(store, memo_id, asked), Ok)?;
    let unknown = || CompilerError::Unknown(program.to_owned());
    let family = known.family.as_deref().and_then(family_named).ok_or_else(unknown)?;
    let behind = known.behind.as_ref().map(|behind| behind.driver.as_str());
    let driver = driver_name(&program.to_string_lossy()).or_else(|| behind.and_then(driver_name));
    let is_cl = driver.is_some_and(|driver| driver.family == Some(Family::ClangCl));
    let called = Called {
        family: if is_cl { Family::ClangCl } else { family },
        language: driver.map_or(DriverLanguage::ByName, |driver| driver.language),
    };
    let Known { identity, watched, absent, header_dirs, .. } = known;
    let program = program.to_owned();
    Ok(CcCompiler { program, called, identity, watched, absent, header_dirs })
}

impl Known {
    /// Returns whether the program would still answer as it did.
    fn is_current(&self, asked: Asked<'_>) -> bool {
        let explains_the_same = |behind: &Behind| {
            asked
                .answer(&explaining("c"))
                .is_ok_and(|text| Digest::of(text.as_bytes()) == behind.explained)
        };
        self.watched.iter().all(files::is_unchanged)
            && !self.absent.iter().any(|path| path.exists())
            && self.behind.as_ref().is_none_or(explains_the_same)
    }
}

fn family_named(name: &str) -> Option<Family> {
    [Family::Gcc, Family::Clang, Family::ClangCl].into_iter().find(|family| family.name() == name)
}

fn memo_id(program: &Path) -> Digest {
    let mut hasher = FieldHasher::new("kache cc memo 5");
    hasher.text("program", &program.to_string_lossy());
    for name in CHOICE_ENV {
        let value = std::env::var_os(name);
        hasher.option(name, value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    hasher.finish()
}

fn ask_and_remember(
    store: &Store,
    memo_id: Digest,
    asked: Asked<'_>,
) -> Result<Known, CompilerError> {
    let known = ask(asked)?;
    if known.watched.iter().all(|(_, stamp)| stamp.is_settled()) {
        // Forgetting costs the next call these questions again.
        drop(memo::write(store.layout(), memo_id, &known));
    }
    Ok(known)
}

fn ask(asked: Asked<'_>) -> Result<Known, CompilerError> {
    let program = asked.program;
    let version = asked.answer(&["--version"])?;
    let mut identity = Identity::new(&version);
    identity.watch(program)?;
    let Some(family) = family_of_version_text(&version) else {
        return Ok(identity.known(None));
    };
    let explained = identity.ask(asked, &explaining("c"))?;
    identity.explained(&explained)?;
    let for_cpp = identity.ask(asked, &explaining("c++"))?;
    identity.explained(&for_cpp)?;
    identity.behind(program, &explained)?;
    identity.search_dirs(&asked.answer(&["-print-search-dirs"])?);
    match family {
        Family::Gcc => {
            for name in GCC_PROGRAMS {
                let path = asked.answer(&[&format!("-print-prog-name={name}")])?;
                identity.program(asked, name, path.trim())?;
            }
            let specs = asked.answer(&["-print-file-name=specs"])?;
            identity.file_if_there(Path::new(specs.trim()))?;
        }
        Family::Clang | Family::ClangCl => identity.program(asked, "as", "as")?,
    }
    Ok(identity.known(Some(family)))
}

fn digest_of_start(path: &Path) -> io::Result<Digest> {
    let mut start = Vec::new();
    let _length = File::open(path)?.take(START_BYTES).read_to_end(&mut start)?;
    Ok(Digest::of(&start))
}

/// Returns the driver that an explanation's line names: as GCC was called, or
/// where Clang is.
fn driver_named_in(line: &str) -> Option<&str> {
    let clang = || line.strip_prefix(" \"")?.split_once("\" -cc1 ").map(|(path, _)| path);
    line.strip_prefix("COLLECT_GCC=").or_else(clang)
}

/// Returns the directories in the line of `text` that begins with `mark`.
fn dirs_listed(mark: &str, text: &str) -> Vec<PathBuf> {
    let line = text.lines().find_map(|line| line.strip_prefix(mark));
    line.map(|dirs| std::env::split_paths(dirs).collect()).unwrap_or_default()
}

/// An identity under construction.
struct Identity {
    hasher: FieldHasher,
    behind: Option<Behind>,
    watched: Vec<(PathBuf, FileStamp)>,
    absent: BTreeSet<PathBuf>,
    /// Where the driver looks for programs before `PATH`.
    search_dirs: Vec<PathBuf>,
    header_dirs: BTreeSet<String>,
}

impl Identity {
    fn new(version: &str) -> Self {
        let mut hasher = FieldHasher::new("kache cc compiler 1");
        hasher.text("version", version);
        Self {
            hasher,
            behind: None,
            watched: Vec::new(),
            absent: BTreeSet::new(),
            search_dirs: Vec::new(),
            header_dirs: BTreeSet::new(),
        }
    }

    fn known(self, family: Option<Family>) -> Known {
        let family = family.map(|family| family.name().to_owned());
        let Self { hasher, behind, watched, absent, header_dirs, .. } = self;
        Known { family, identity: hasher.finish(), behind, watched, absent, header_dirs }
    }

    /// Adds a file by its bytes, unless it was added by another name.
    fn watch(&mut self, path: &Path) -> Result<(), CompilerError> {
        let unreadable = || CompilerError::Unreadable(path.to_owned());
        let metadata = fs::metadata(path).map_err(|_| unreadable())?;
        let place = (metadata.dev(), metadata.ino());
        if self
            .watched
            .iter()
            .any(|(known, stamp)| known == path || (stamp.dev, stamp.ino) == place)
        {
            return Ok(());
        }
        self.watched.push((path.to_owned(), identity::stamp_of(&metadata)));
        self.hasher.bytes("size", &metadata.len().to_le_bytes());
        let digest = if metadata.len() > LARGE_BYTES {
            digest_of_start(path)
        } else {
            blob::digest_file(path).map(|(digest, _)| digest).map_err(|failure| failure.source)
        };
        self.hasher.digest("content", digest.map_err(|_| unreadable())?);
        Ok(())
    }

    /// Adds a place that only counts by what else it leads to: that something
    /// appears in a directory, for one, must not go unseen.
    fn watch_place(&mut self, path: &Path) {
        if let Ok(metadata) = fs::metadata(path) {
            self.watched.push((path.to_owned(), identity::stamp_of(&metadata)));
        }
    }

    /// Takes in where a driver says that it looks for programs.
    fn search_dirs(&mut self, text: &str) {
        self.search_dirs = dirs_listed("programs: =", text);
    }

    /// Notes the places where the driver looks for the program `name` before it
    /// comes to the one it `found`.
    fn rivals(&mut self, name: &str, found: Option<&Path>) {
        let listed = std::env::var_os("PATH").unwrap_or_default();
        let dirs = self.search_dirs.iter().cloned().chain(std::env::split_paths(&listed));
        let places: Vec<PathBuf> = dirs.map(|dir| dir.join(name)).collect();
        let earlier = places.iter().take_while(|place| Some(place.as_path()) != found);
        for place in earlier {
            let is_dir =
                place.parent().is_some_and(|dir| dir.as_os_str().is_empty() || dir.is_dir());
            let absent = if is_dir { Some(place.as_path()) } else { place.parent() };
            // What is there all the same is nothing that can be started.
            self.absent.extend(absent.filter(|path| !path.exists()).map(Path::to_owned));
        }
    }

    /// Adds the program `name`, which the driver `named` by path or by a name on `PATH`.
    fn program(&mut self, asked: Asked<'_>, name: &str, named: &str) -> Result<(), CompilerError> {
        let found = files::find_program(named, std::env::var_os("PATH"));
        self.rivals(name, found.as_deref());
        match found.filter(|path| path.is_file()) {
            Some(path) => {
                self.hasher.text("program", &path.to_string_lossy());
                // An assembler was not among what explained a run.
                if name == "as" {
                    let assembler = Asked { program: &path, ..asked };
                    drop(self.ask(assembler, &["--version"])?);
                }
                self.watch(&path)?;
                if let Some(dir) = path.parent().filter(|_| named.contains('/')) {
                    self.watch_place(dir);
                }
            }
            // A compiler for one language only lacks the others' programs.
            None => {
                self.hasher.text("no program", named);
            }
        }
        Ok(())
    }

    fn file_if_there(&mut self, path: &Path) -> Result<(), CompilerError> {
        if path.is_file() { self.watch(path) } else { Ok(()) }
    }

    /// Adds what the driver says of a run, and the directories that made it say so.
    fn explained(&mut self, text: &str) -> Result<(), CompilerError> {
        self.hasher.text("explained", text);
        self.header_dirs.extend(header_dirs(text));
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("Configuration file: ") {
                self.watch(Path::new(path.trim()))?;
            }
            let installation = line.strip_prefix("Selected GCC installation: ");
            // Another version would be installed beside the selected one.
            if let Some(versions) = installation.and_then(|path| Path::new(path).parent()) {
                self.watch_place(versions);
            }
        }
        Ok(())
    }

    /// Adds the driver that told what was `explained`, if that is not `program`.
    fn behind(&mut self, program: &Path, explained: &str) -> Result<(), CompilerError> {
        let named = explained.lines().find_map(driver_named_in);
        let found = named.and_then(|name| files::find_program(name, std::env::var_os("PATH")));
        let place = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        if found.as_deref().is_some_and(|found| place(found) == place(program)) {
            return Ok(());
        }
        let found = found.filter(|found| found.is_absolute() && found.is_file());
        if let Some(found) = &found {
            self.watch(found)?;
        }
        let driver = found.map(|found| found.to_string_lossy().into_owned()).unwrap_or_default();
        self.behind = Some(Behind { driver, explained: Digest::of(explained.as_bytes()) });
        Ok(())
    }

    /// Puts a question, and adds the programs and libraries that the answer comes
    /// from, if they can be seen.
    fn ask(&mut self, asked: Asked<'_>, args: &[&str]) -> Result<String, CompilerError> {
        let (answer, seen) = asked.answer_watched(args)?;
        if let Some(trace) = seen {
            self.made_of(&trace)?;
        }
        Ok(answer)
    }

    /// Adds the programs that ran and the libraries that they were started with.
    fn made_of(&mut self, trace: &Trace) -> Result<(), CompilerError> {
        let code = trace.acts().filter_map(|act| match act {
            Act::Started { program: path, .. } | Act::Linked(path) => Some(path),
            _ => None,
        });
        for path in code.collect::<BTreeSet<_>>() {
            self.watch(path)?;
        }
        // Where a library is found first is for the loader to say.
        self.watch_place(Path::new("/etc/ld.so.cache"));
        Ok(())
    }
}

/// Returns the directories that a driver says it searches for headers, by the names
/// it has for them and by their real ones.
fn header_dirs(explained: &str) -> BTreeSet<String> {
    let mut lines = explained.lines();
    let begins = |line: &&str| line.starts_with("#include \"...\" search starts here");
    let _start = lines.find(begins);
    let listed = lines.take_while(|line| !line.starts_with("End of search list"));
    let dirs = listed.filter_map(|line| line.strip_prefix(' '));
    let mut names = BTreeSet::new();
    for dir in dirs.map(|dir| dir.trim_end_matches('/')).filter(|dir| dir.starts_with('/')) {
        let real = fs::canonicalize(dir).ok();
        names.extend(real.and_then(|real| real.into_os_string().into_string().ok()));
        names.insert(dir.to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directories_of_headers_are_read_from_an_explanation() {
        let explained = "ignoring nonexistent directory \"/none\"\n\
            #include \"...\" search starts here:\n \
            relative\n\
            #include <...> search starts here:\n \
            /dev/../dev/\n \
            /no/such/dir\n\
            End of search list.\n \
            /usr\n";
        let expected = ["/dev", "/dev/../dev", "/no/such/dir"];
        assert_eq!(header_dirs(explained), expected.map(str::to_owned).into());
        assert_eq!(header_dirs("gcc version 12\n"), BTreeSet::new());
    }
}
