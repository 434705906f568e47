//! `kache shims`: links that stand before the C and C++ compilers on `PATH`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, ErrorKind, Finish};
use crate::output::{Human, Output};
use crate::table::{Align, Table};
use crate::wrapper::{self, Named};

/// Make links that stand before the C and C++ compilers on PATH
///
/// For every compiler on PATH (cc, c++, gcc, g++, clang, clang++, also with a
/// version or a target in the name) DIR gets a symbolic link of its name to
/// kache. With DIR first on PATH, whoever calls a compiler by its name calls kache.
#[derive(clap::Args, Debug)]
pub(crate) struct ShimsArgs {
    /// Where the links are made; made if it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Replace links to another kache; nothing else is ever replaced
    #[arg(long)]
    force: bool,
}

/// What became of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The link is new.
    Made,
    /// It was there.
    Present,
    /// It led to another kache.
    Replaced,
    /// It leads to another kache, and still does.
    OtherKache,
    /// Something else has the name.
    Occupied,
}

/// One name.
#[derive(Debug, Serialize)]
struct Shim {
    name: String,
    state: State,
    /// The compiler that the link will stand for.
    compiler: PathBuf,
}

/// The result.
#[derive(Debug, Serialize)]
struct Made {
    dir: PathBuf,
    wrapper: PathBuf,
    shims: Vec<Shim>,
    /// The line for the shell's start-up file.
    path_line: String,
}

/// Makes the links; names that are taken are in the result and in the exit code.
pub(crate) fn run(
    context: &Context,
    out: &mut Output,
    args: &ShimsArgs,
) -> Result<Finish, CliError> {
    let wrapper = wrapper::find().ok_or_else(|| {
        let message = "the program `kache` is neither beside kache-cli nor on PATH";
        CliError::new(ErrorKind::Failed, message).hint("install it: cargo install kache-wrapper")
    })?;
    let wrapper = context.cwd.join(wrapper);
    let dir = context.cwd.join(&args.dir);
    let path_line = path_line(&dir)?;
    let compilers = compilers_behind(std::env::var_os("PATH").as_deref(), &wrapper);
    if compilers.is_empty() {
        return Err(CliError::new(ErrorKind::Failed, "there is no C or C++ compiler on PATH"));
    }
    fs::create_dir_all(&dir).map_err(CliError::io("create", &dir))?;
    let mut shims = Vec::new();
    for (name, compiler) in compilers {
        let state = link(&dir.join(&name), &wrapper, args.force)?;
        shims.push(Shim { name, state, compiler });
    }
    let is_done = shims.iter().all(|shim| shim.state.is_done());
    out.result(&Made { dir, wrapper, shims, path_line })?;
    Ok(if is_done { Finish::Done } else { Finish::ProblemsFound })
}

/// Returns each name with the first compiler of it. A name that nothing but
/// shims bears gets no link: it would lead nowhere.
fn compilers_behind(search_path: Option<&OsStr>, wrapper: &Path) -> Vec<(String, PathBuf)> {
    let first_compiler = |named: Vec<Named>| {
        named.into_iter().find_map(|named| match named {
            Named::Compiler(path) => Some(path),
            Named::Shim(_) => None,
        })
    };
    wrapper::compilers(search_path, wrapper)
        .into_iter()
        .filter_map(|(name, named)| Some((name, first_compiler(named)?)))
        .collect()
}

/// Makes one link, and replaces at most one to another kache.
fn link(path: &Path, wrapper: &Path, force: bool) -> Result<State, CliError> {
    match symlink(wrapper, path) {
        Ok(()) => return Ok(State::Made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(CliError::io("create", path)(error)),
    }
    let Ok(target) = fs::read_link(path) else { return Ok(State::Occupied) };
    if wrapper::is_same_file(path, wrapper) {
        return Ok(State::Present);
    }
    if target.file_name() != Some(wrapper::NAME.as_ref()) {
        return Ok(State::Occupied);
    }
    if !force {
        return Ok(State::OtherKache);
    }
    // A build that calls the compiler just now must find the one or the other.
    let new = path.with_added_extension(format!("{}.new", std::process::id()));
    symlink(wrapper, &new).map_err(CliError::io("create", &new))?;
    fs::rename(&new, path).map_err(CliError::io("replace", path))?;
    Ok(State::Replaced)
}

/// Returns the line that puts `dir` first on `PATH`, for a POSIX shell.
fn path_line(dir: &Path) -> Result<String, CliError> {
    let refused = |why: &str| {
        let message = format!("`{}` cannot be on PATH: {why}", dir.display());
        CliError::new(ErrorKind::Usage, message)
    };
    let text = dir.to_str().ok_or_else(|| refused("its name is not UTF-8"))?;
    if text.contains(':') {
        return Err(refused("it has a colon in its name"));
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/_-.+,@%".contains(letter);
    let quoted = if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    };
    Ok(format!("export PATH={quoted}:\"$PATH\""))
}

impl State {
    fn is_done(self) -> bool {
        matches!(self, Self::Made | Self::Present | Self::Replaced)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Present => "was there",
            Self::Replaced => "replaced a link to another kache",
            Self::OtherKache => "LEFT: a link to another kache; --force replaces it",
            Self::Occupied => "LEFT: not a link to kache",
        }
    }
}

impl Human for Made {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        let mut table = Table::headed([
            ("name", Align::Left),
            ("link", Align::Left),
            ("stands before", Align::Left),
        ]);
        for shim in &self.shims {
            table.row([
                shim.name.clone(),
                shim.state.words().to_owned(),
                shim.compiler.display().to_string(),
            ]);
        }
        out.table(&table)?;
        out.gap()?;
        let (dir, wrapper) = (self.dir.display(), self.wrapper.display());
        out.line(format_args!("links in {dir} to {wrapper}; to put them first:"))?;
        out.gap()?;
        out.line(format_args!("    {}", self.path_line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dir: &str, expected: Option<&str>) {
        assert_eq!(path_line(Path::new(dir)).ok().as_deref(), expected, "{dir}");
    }

    #[test]
    fn the_line_for_the_shell_is_quoted_where_it_must_be() {
        check("/home/a/shims", Some("export PATH=/home/a/shims:\"$PATH\""));
        check("/a b/$x", Some("export PATH='/a b/$x':\"$PATH\""));
        check("/it's", Some(r#"export PATH='/it'\''s':"$PATH""#));
        check("/a:b", None);
    }
}
