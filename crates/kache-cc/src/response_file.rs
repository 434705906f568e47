//! Response files: `@path` stands for the arguments in a file.
//!
//! GCC and Clang read them alike: arguments are separated by white space, a
//! backslash keeps the next character, and both quotes keep all but a
//! backslash and themselves. Files may name other files.

use std::io;

/// How deep response files may name each other.
const MAX_DEPTH: usize = 16;

/// Why a response file could not be expanded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResponseFileError {
    /// The file could not be read as UTF-8 text. The compilers then take the
    /// argument for the name of a source.
    #[error("failed to read response file `{path}`")]
    Read {
        /// The path after the `@`.
        path: String,
        /// What the reader said.
        source: io::Error,
    },
    /// Response files name each other without end.
    #[error("response file `{path}` is nested too deeply")]
    Depth {
        /// The path after the `@`.
        path: String,
    },
    /// A relative name inside a response file: GCC looks for it in the working
    /// directory, some releases of Clang beside the file that names it.
    #[error("response file `{path}` names `@{inner}` by a relative path")]
    Relative {
        /// The path of the outer file.
        path: String,
        /// The path of the inner file.
        inner: String,
    },
    /// The file ends within quotes.
    #[error("response file `{path}` ends within quotes")]
    Quotes {
        /// The path after the `@`.
        path: String,
    },
}

/// Returns `args` with each `@path` replaced by the arguments in the text that `read` returns for that path.
///
/// The files need no digest of their own: they are keyed through the arguments.
pub fn expand(
    args: &[String],
    read: &mut dyn FnMut(&str) -> io::Result<String>,
) -> Result<Vec<String>, ResponseFileError> {
    let mut expanded = Vec::with_capacity(args.len());
    for arg in args {
        match arg.strip_prefix('@') {
            Some(path) => expand_file(path, read, 0, &mut expanded)?,
            None => expanded.push(arg.clone()),
        }
    }
    Ok(expanded)
}

fn expand_file(
    path: &str,
    read: &mut dyn FnMut(&str) -> io::Result<String>,
    depth: usize,
    expanded: &mut Vec<String>,
) -> Result<(), ResponseFileError> {
    if depth == MAX_DEPTH {
        return Err(ResponseFileError::Depth { path: path.to_owned() });
    }
    let text =
        read(path).map_err(|source| ResponseFileError::Read { path: path.to_owned(), source })?;
    let args = split(&text).ok_or_else(|| ResponseFileError::Quotes { path: path.to_owned() })?;
    for arg in args {
        match arg.strip_prefix('@') {
            Some(inner) if inner.starts_with('/') => expand_file(inner, read, depth + 1, expanded)?,
            Some(inner) => {
                let (path, inner) = (path.to_owned(), inner.to_owned());
                return Err(ResponseFileError::Relative { path, inner });
            }
            None => expanded.push(arg),
        }
    }
    Ok(())
}

/// Returns the arguments in `text`, or `None` if it ends within quotes.
fn split(text: &str) -> Option<Vec<String>> {
    let mut args = Vec::new();
    let mut arg: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', _) => {
                let current = arg.get_or_insert_default();
                current.extend(letters.next());
            }
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                arg.get_or_insert_default();
            }
            (' ' | '\t'..='\r', None) => args.extend(arg.take()),
            (letter, _) => arg.get_or_insert_default().push(letter),
        }
    }
    args.extend(arg);
    quote.is_none().then_some(args)
}

#[cfg(test)]
mod tests;
