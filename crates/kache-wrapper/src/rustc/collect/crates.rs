//! Crates that no argument names: those that the compiler may find by itself.

use std::fs;
use std::path::{Path, PathBuf};

use super::Collector;

impl Collector<'_> {
    /// Makes sure that no search directory holds a crate for `extern crate` to
    /// find. Which one it was the compiler does not say.
    pub(super) fn no_crates_to_be_found(&self) -> Result<(), String> {
        let paths = self.facts.unit.search_paths.iter();
        for path in paths.filter(|path| matches!(path.kind.as_str(), "all" | "crate")) {
            let dir = self.facts.compilation.absolute(&path.path);
            if files_in(&dir).any(|file| is_crate(&file)) {
                return Err(format!("crates may be found in `{}`", dir.display()));
            }
        }
        Ok(())
    }
}

fn files_in(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path())
}

fn is_crate(path: &Path) -> bool {
    let is_library = path.extension().is_some_and(|it| it == "rlib" || it == "rmeta");
    is_library && path.file_name().is_some_and(|it| it.as_encoded_bytes().starts_with(b"lib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rust_libraries_are_crates() {
        let files = ["libfoo.rlib", "libfoo-1.rmeta", "foo.rlib", "libfoo.a", "libfoo.so"];
        let crates = files.map(|file| is_crate(Path::new(file)));
        assert_eq!(crates, [true, true, false, false, false]);
    }
}
