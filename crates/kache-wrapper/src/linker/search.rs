//! Where a link looks for libraries beyond what its arguments say.
//!
//! A driver passes directories of its own to the linker, and a wrapper around a
//! driver may add more; `-###` makes the driver show the linker's command line
//! instead of running it. GNU ld has directories built in, gold has two.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kache_key::Digest;
use kache_key::fields::FieldHasher;
use kache_key::input::FileStamp;
use kache_key::rustc::recipe::LINK_ENV;
use kache_key::rustc::unit::RustcUnit;
use kache_store::{Store, identity, memo};
use serde::{Deserialize, Serialize};

use super::{Choice, LinkerError};
use crate::files;
use crate::places::variable_of_others;
use crate::process;
use crate::toolchain::Toolchain;

/// What a driver and its linker said.
#[derive(Serialize, Deserialize)]
struct SearchDirs {
    dirs: Vec<PathBuf>,
    /// The driver and the linker, which said so.
    watched: Vec<(PathBuf, FileStamp)>,
}

/// Returns the directories in which linking `unit` looks for libraries, in
/// order: those of the link arguments and the driver's own, then the linker's.
/// Those that `-L` of the compiler adds come first and are not among them.
///
/// Reads one small file and looks at two; asks driver and linker only where
/// those changed.
pub(crate) fn search_dirs(
    store: &Store,
    unit: &RustcUnit,
    toolchain: &Toolchain,
    path_var: Option<OsString>,
) -> Result<Vec<PathBuf>, LinkerError> {
    let choice = super::choose(unit, toolchain, path_var.as_deref())?;
    let linker = super::identify(store, unit, toolchain, path_var)?.program;
    let width = width_option(super::target_name(unit, toolchain)?);
    let mut args: Vec<&str> = width.into_iter().collect();
    args.extend(unit.link_args.iter().map(String::as_str));
    let memo_id = memo_id(&choice, &linker, &args);
    if let Ok(Some(known)) = memo::read::<SearchDirs>(store.layout(), memo_id)
        && known.watched.iter().all(files::is_unchanged)
    {
        return Ok(known.dirs);
    }
    let found = ask(&choice.driver, &linker, &args)?;
    if found.watched.iter().all(|(_, stamp)| stamp.is_settled()) {
        // Forgetting costs the next link these questions again.
        drop(memo::write(store.layout(), memo_id, &found));
    }
    Ok(found.dirs)
}

fn memo_id(choice: &Choice, linker: &Path, args: &[&str]) -> Digest {
    let mut hasher = FieldHasher::new("kache linker search memo 1");
    hasher.text("driver", &choice.driver.to_string_lossy());
    hasher.text("linker", &linker.to_string_lossy());
    hasher.list("args", args.iter().copied());
    // Cargo's own, which changes from unit to unit and finds no library.
    for name in LINK_ENV.iter().filter(|name| **name != "LD_LIBRARY_PATH") {
        let value = variable_of_others(name);
        hasher.option(name, value.as_ref().map(|value| value.as_encoded_bytes()));
    }
    hasher.finish()
}

/// Returns the option by which rustc tells a driver how wide a word is, where it
/// tells one that has libraries for several.
fn width_option(target: &str) -> Option<&'static str> {
    let architecture = target.split('-').next().unwrap_or_default();
    match architecture {
        "x86_64" if target.ends_with("gnux32") => Some("-mx32"),
        "x86_64" | "powerpc64" | "s390x" | "sparc64" => Some("-m64"),
        "i386" | "i486" | "i586" | "i686" | "powerpc" => Some("-m32"),
        _ => None,
    }
}

fn ask(driver: &Path, linker: &Path, args: &[&str]) -> Result<SearchDirs, LinkerError> {
    let no_answer = || LinkerError::NoSearchDirs(driver.to_owned());
    let question = [args, &["-###", "/dev/null"]].concat();
    let answer = process::ask(driver, &question).map_err(|_| no_answer())?;
    if !answer.status.success() {
        return Err(no_answer());
    }
    let command = LinkCommand::parse(&String::from_utf8_lossy(&answer.stderr));
    let emulation = command.emulation.iter().flat_map(|name| ["-m", name]);
    let question: Vec<&str> = emulation.chain(["--verbose"]).collect();
    // A linker without a script of its own has nothing to say and fails.
    let answer =
        process::ask(linker, &question).map_err(|_| LinkerError::Unreadable(linker.to_owned()))?;
    let built_in = built_in_dirs(&String::from_utf8_lossy(&answer.stdout));
    let of_gold = linker.to_string_lossy().ends_with("gold").then_some(["=/lib", "=/usr/lib"]);
    let of_gold = of_gold.into_iter().flatten().map(str::to_owned);
    let sysroot = command.sysroot.as_deref().unwrap_or_default();
    let own = built_in.into_iter().chain(of_gold).map(|dir| in_sysroot(&dir, sysroot));
    let dirs = command.dirs.iter().map(|dir| in_sysroot(dir, sysroot)).chain(own);
    let stamp = |path: &Path| {
        let metadata = fs::metadata(path).map_err(|_| LinkerError::Unreadable(path.to_owned()))?;
        Ok((path.to_owned(), identity::stamp_of(&metadata)))
    };
    Ok(SearchDirs { dirs: dirs.collect(), watched: vec![stamp(driver)?, stamp(linker)?] })
}

/// What of a linker's command line says where it looks.
#[derive(Debug, Default, PartialEq, Eq)]
struct LinkCommand {
    dirs: Vec<String>,
    emulation: Option<String>,
    sysroot: Option<String>,
}

impl LinkCommand {
    /// Reads what a driver says to `-###`: the command lines are indented, and
    /// the linker's is the last.
    fn parse(said: &str) -> Self {
        let mut lines = said.lines().filter(|line| line.starts_with(' '));
        let mut words = lines.next_back().map(words).unwrap_or_default().into_iter();
        let mut command = Self::default();
        while let Some(word) = words.next() {
            if word == "-m" {
                command.emulation = words.next();
            } else if word == "-L" {
                command.dirs.extend(words.next());
            } else if let Some(dir) = word.strip_prefix("-L") {
                command.dirs.push(dir.to_owned());
            } else if let Some(dir) = word.strip_prefix("--library-path=") {
                command.dirs.push(dir.to_owned());
            } else if let Some(dir) = word.strip_prefix("--sysroot=") {
                command.sysroot = Some(dir.to_owned());
            }
        }
        command
    }
}

/// Splits a command line as drivers print it: words may be in double quotes,
/// and a backslash stands before a character that means itself.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut is_quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '\\' => word.extend(letters.next()),
            ' ' if !is_quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the directories in GNU ld's own script, as `SEARCH_DIR("dir")` says them.
fn built_in_dirs(script: &str) -> Vec<String> {
    let dirs = script.split("SEARCH_DIR(\"").skip(1);
    dirs.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// Returns `dir` below `sysroot` where it is marked as such.
fn in_sysroot(dir: &str, sysroot: &str) -> PathBuf {
    let below = dir.strip_prefix('=').or_else(|| dir.strip_prefix("$SYSROOT"));
    PathBuf::from(below.map_or_else(|| dir.to_owned(), |rest| format!("{sysroot}{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(said: &str, dirs: &[&str], emulation: Option<&str>) {
        let command = LinkCommand::parse(said);
        assert_eq!(command.dirs, dirs);
        assert_eq!(command.emulation.as_deref(), emulation);
    }

    #[test]
    fn directories_are_read_from_what_drivers_say() {
        let gcc = "COLLECT_GCC_OPTIONS='-L/no'\n /usr/collect2 -m elf_x86_64 \"--hash=x\" -L/a/../b \
                   -L/c d.o -lgcc\nCOLLECT_GCC_OPTIONS='-m64'\n";
        check(gcc, &["/a/../b", "/c"], Some("elf_x86_64"));
        let clang = "clang version 19\nTarget: x\n \"/usr/bin/ld.lld\" \"-L/with blank\" \"-L\" \"/q\\\"q\"\n";
        check(clang, &["/with blank", "/q\"q"], None);
        check("", &[], None);
    }

    #[test]
    fn directories_in_a_sysroot_are_told_from_others() {
        let script = "SEARCH_DIR(\"=/lib\"); SEARCH_DIR(\"/opt/lib\");\nSECTIONS { }";
        let dirs: Vec<PathBuf> =
            built_in_dirs(script).iter().map(|dir| in_sysroot(dir, "/root")).collect();
        assert_eq!(dirs, [PathBuf::from("/root/lib"), PathBuf::from("/opt/lib")]);
    }
}
