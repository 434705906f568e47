//! What a source is, by its name, by `-x`, and by the driver.

use crate::driver::{DriverLanguage, Family};

/// The language of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cpp,
    /// C that is preprocessed already.
    CPreprocessed,
    /// C++ that is preprocessed already.
    CppPreprocessed,
    /// Assembler.
    Assembler,
    /// Assembler that is preprocessed first.
    AssemblerWithCpp,
}

impl Language {
    /// Returns the spelling of `-x`, which is also the name used in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cpp => "c++",
            Self::CPreprocessed => "cpp-output",
            Self::CppPreprocessed => "c++-cpp-output",
            Self::Assembler => "assembler",
            Self::AssemblerWithCpp => "assembler-with-cpp",
        }
    }

    /// Returns the language that `-x` spells as `name`, or `None` for those
    /// that are not cached (headers, modules, Objective-C, Fortran ...).
    pub fn of_name(name: &str) -> Option<Self> {
        [
            Self::C,
            Self::Cpp,
            Self::CPreprocessed,
            Self::CppPreprocessed,
            Self::Assembler,
            Self::AssemblerWithCpp,
        ]
        .into_iter()
        .find(|language| language.name() == name)
    }

    /// Returns the language of the file named `path`, or `None` if its
    /// extension is not that of a source: a header, an object, another language.
    ///
    /// A driver for C++ takes C for C++.
    pub fn of_path(path: &str, driver: DriverLanguage, family: Family) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (_, extension) = name.rsplit_once('.')?;
        let language = match extension {
            "c" => Self::C,
            "i" => Self::CPreprocessed,
            "cc" | "cp" | "cxx" | "cpp" | "CPP" | "c++" | "C" => Self::Cpp,
            "ii" => Self::CppPreprocessed,
            "s" => Self::Assembler,
            "S" => Self::AssemblerWithCpp,
            "sx" if family == Family::Gcc => Self::AssemblerWithCpp,
            _ => return None,
        };
        Some(match (driver, language) {
            (DriverLanguage::Cpp, Self::C) => Self::Cpp,
            (DriverLanguage::Cpp, Self::CPreprocessed) => Self::CppPreprocessed,
            _ => language,
        })
    }

    /// Returns whether the preprocessor runs, so that there are headers and
    /// the compiler can write a dependency file.
    pub fn is_preprocessed_first(self) -> bool {
        matches!(self, Self::C | Self::Cpp | Self::AssemblerWithCpp)
    }

    /// Returns whether the source goes to the assembler without a compiler.
    pub fn is_assembler(self) -> bool {
        matches!(self, Self::Assembler | Self::AssemblerWithCpp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, by_name: Option<&str>, as_cpp: Option<&str>) {
        let name = |driver| Language::of_path(path, driver, Family::Gcc).map(Language::name);
        assert_eq!(name(DriverLanguage::ByName), by_name, "{path}");
        assert_eq!(name(DriverLanguage::Cpp), as_cpp, "{path}");
    }

    #[test]
    fn the_extension_and_the_driver_decide_the_language() {
        check("a.c", Some("c"), Some("c++"));
        check("dir.c/a.cc", Some("c++"), Some("c++"));
        check("a.C", Some("c++"), Some("c++"));
        check("a.i", Some("cpp-output"), Some("c++-cpp-output"));
        check("a.S", Some("assembler-with-cpp"), Some("assembler-with-cpp"));
        check("a.s", Some("assembler"), Some("assembler"));
        check("a.h", None, None);
        check("a.o", None, None);
        check("a.m", None, None);
        check("c", None, None);
        check("x.c/a", None, None);
    }

    #[test]
    fn a_language_survives_its_name() {
        for name in ["c", "c++", "cpp-output", "c++-cpp-output", "assembler", "assembler-with-cpp"]
        {
            assert_eq!(Language::of_name(name).map(Language::name), Some(name));
        }
        for name in ["c-header", "none", "objective-c", "f95", ""] {
            assert_eq!(Language::of_name(name), None, "{name}");
        }
    }
}
