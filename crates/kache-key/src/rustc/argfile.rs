//! Argument files: `@path` stands for the lines of a file.
//!
//! As in rustc, each line is one argument, nothing is unquoted, and a line
//! that itself begins with `@` is not expanded again.

use std::io;

/// Why an argument file could not be expanded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgfileError {
    /// The file could not be read as UTF-8 text.
    #[error("failed to read argument file `{path}`")]
    Read {
        /// The path after the `@`.
        path: String,
        /// What the reader said.
        source: io::Error,
    },
    /// Shell-quoted argument files are an unstable feature of rustc.
    #[error("argument file `@{path}` is quoted for a shell")]
    Shell {
        /// The text after the `@`, with its `shell:` prefix.
        path: String,
    },
}

/// Returns `args` with each `@path` replaced by the lines that `read` returns for that path.
///
/// The files need no digest of their own: they are keyed through the arguments.
pub fn expand(
    args: &[String],
    read: &mut dyn FnMut(&str) -> io::Result<String>,
) -> Result<Vec<String>, ArgfileError> {
    let mut expanded = Vec::with_capacity(args.len());
    for arg in args {
        let Some(path) = arg.strip_prefix('@') else {
            expanded.push(arg.clone());
            continue;
        };
        if path.starts_with("shell:") {
            return Err(ArgfileError::Shell { path: path.to_owned() });
        }
        let text =
            read(path).map_err(|source| ArgfileError::Read { path: path.to_owned(), source })?;
        expanded.extend(text.lines().map(str::to_owned));
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(args: &[&str]) -> Vec<String> {
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }

    #[track_caller]
    fn check(args: &[&str], contents: &str, expected: &[&str]) {
        let expanded = expand(&strings(args), &mut |_| Ok(contents.to_owned())).unwrap();
        assert_eq!(expanded, strings(expected));
    }

    #[test]
    fn each_line_of_an_argument_file_is_one_argument() {
        check(&["a", "b"], "", &["a", "b"]);
        check(&["a", "@f", "b"], "-C\nopt-level=3\n", &["a", "-C", "opt-level=3", "b"]);
        check(&["@f"], "--cfg\r\nfeature=\"a b\"\r\n", &["--cfg", "feature=\"a b\""]);
        check(&["@f"], "a\n\nb", &["a", "", "b"]);
        check(&["@f", "@g"], "x", &["x", "x"]);
    }

    #[test]
    fn an_argument_file_is_not_expanded_twice() {
        check(&["@f"], "@g", &["@g"]);
    }

    #[test]
    fn an_unreadable_or_shell_quoted_file_is_an_error() {
        let mut denied = |_: &str| Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let error = expand(&strings(&["@dir/f"]), &mut denied).unwrap_err();
        assert_eq!(error.to_string(), "failed to read argument file `dir/f`");
        let error = expand(&strings(&["@shell:f"]), &mut denied).unwrap_err();
        assert_eq!(error.to_string(), "argument file `@shell:f` is quoted for a shell");
    }
}
