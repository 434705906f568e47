//! Which compiler stands behind a command.
//!
//! A program's name says which language it compiles by default. Which family
//! it belongs to is known for certain only from what it says about its version.

/// Compilers that understand the same options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// GCC.
    Gcc,
    /// Clang, with the options of GCC.
    Clang,
    /// Clang, with the options of Microsoft's compiler.
    ClangCl,
}

impl Family {
    /// Returns the name used in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gcc => "gcc",
            Self::Clang => "clang",
            Self::ClangCl => "clang-cl",
        }
    }
}

/// What a source without a telling name is compiled as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriverLanguage {
    /// By its name: `cc`, `gcc`, `clang`.
    ByName,
    /// As C++ even where it is named as C: `c++`, `g++`, `clang++`.
    Cpp,
}

/// What a program's name says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Driver {
    /// The family that the name suggests; `None` for `cc` and `c++`. A hint: on
    /// some systems `gcc` is Clang.
    pub family: Option<Family>,
    /// The language it prefers.
    pub language: DriverLanguage,
}

/// How the compiler was called, as far as its arguments do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// The compiler's family.
    pub family: Family,
    /// The language its name implies.
    pub language: DriverLanguage,
}

/// Names of drivers, longer ones before those they end with.
const DRIVERS: &[(&str, Option<Family>, DriverLanguage)] = &[
    ("clang-cl", Some(Family::ClangCl), DriverLanguage::ByName),
    ("clang++", Some(Family::Clang), DriverLanguage::Cpp),
    ("clang", Some(Family::Clang), DriverLanguage::ByName),
    ("g++", Some(Family::Gcc), DriverLanguage::Cpp),
    ("gcc", Some(Family::Gcc), DriverLanguage::ByName),
    ("c++", None, DriverLanguage::Cpp),
    ("cc", None, DriverLanguage::ByName),
];

/// What the first part of a target's name can begin with.
const ARCHITECTURES: &[&str] = &[
    "aarch64",
    "alpha",
    "amd64",
    "arc",
    "arm",
    "avr",
    "bpf",
    "csky",
    "e2k",
    "h8300",
    "hexagon",
    "hppa",
    "i386",
    "i486",
    "i586",
    "i686",
    "ia64",
    "loongarch",
    "m68k",
    "microblaze",
    "mips",
    "msp430",
    "nios2",
    "or1k",
    "powerpc",
    "ppc",
    "riscv",
    "rx",
    "s390",
    "sh",
    "sparc",
    "thumb",
    "tricore",
    "v850",
    "wasm32",
    "wasm64",
    "x86_64",
    "xtensa",
];

/// Returns what the name of `program` (a path or a bare name) says, or `None`
/// if no rule knows it; then only the program itself can tell.
///
/// Known are `cc`, `c++`, `gcc`, `g++`, `clang`, `clang++` and `clang-cl`, with
/// a version (`gcc-13`, `clang++-14.0`, `gcc13`), a target (`arm-linux-gnueabihf-g++`), a
/// directory, `.exe`, and any combination of these.
pub fn driver_name(program: &str) -> Option<Driver> {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let name = name.strip_suffix(".exe").unwrap_or(name);
    let name = without_version(name);
    DRIVERS.iter().find_map(|(driver, family, language)| {
        let target = name.strip_suffix(driver)?;
        let known = target.is_empty() || target.strip_suffix('-').is_some_and(is_target);
        known.then_some(Driver { family: *family, language: *language })
    })
}

/// Returns whether the name of `program` ends as that of a driver does, whatever
/// stands before: `musl-gcc`, `afl-clang`. Only the program itself can tell what it is.
pub fn may_be_driver(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let name = without_version(name.strip_suffix(".exe").unwrap_or(name));
    DRIVERS.iter().any(|(driver, ..)| name.ends_with(driver))
}

/// Returns `name` without a trailing `13`, `-13`, `-13.2.0` or `-mp-13`.
fn without_version(name: &str) -> &str {
    let base = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    if base.len() == name.len() || base.is_empty() {
        return name;
    }
    let base = base.strip_suffix('-').unwrap_or(base);
    base.strip_suffix("-mp").unwrap_or(base)
}

/// Returns whether `prefix` names a target rather than a tool around a compiler.
fn is_target(prefix: &str) -> bool {
    let first = prefix.split('-').next().unwrap_or(prefix);
    ARCHITECTURES.iter().any(|architecture| first.starts_with(architecture))
}

/// Returns the family of the compiler that printed `text` for `--version` or
/// `-v`, or `None` if no rule of this crate fits it.
///
/// `clang-cl` prints what `clang` prints; which of the two was called is known
/// from the name or from `--driver-mode`.
pub fn family_of_version_text(text: &str) -> Option<Family> {
    let mut lines = text.lines();
    let is_clang =
        |line: &str| line.starts_with("clang version ") || line.contains(" clang version ");
    if text.lines().any(is_clang) {
        return Some(Family::Clang);
    }
    if text.lines().any(|line| line.starts_with("gcc version ")) {
        return Some(Family::Gcc);
    }
    let name = lines.next()?.split(' ').next()?;
    let is_gnu = lines.any(|line| line.ends_with("Free Software Foundation, Inc."));
    (is_gnu && driver_name(name).is_some_and(|driver| driver.family != Some(Family::Clang)))
        .then_some(Family::Gcc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(program: &str, family: Option<Family>, language: DriverLanguage) {
        assert_eq!(driver_name(program), Some(Driver { family, language }), "{program}");
    }

    #[test]
    fn a_driver_is_known_with_version_target_directory_and_extension() {
        use DriverLanguage::{ByName, Cpp};
        check("cc", None, ByName);
        check("/usr/bin/c++", None, Cpp);
        check("gcc-13", Some(Family::Gcc), ByName);
        check("g++13", Some(Family::Gcc), Cpp);
        check("/opt/x/arm-linux-gnueabihf-g++-13", Some(Family::Gcc), Cpp);
        check("x86_64-w64-mingw32-gcc.exe", Some(Family::Gcc), ByName);
        check("x86_64-linux-gnu-gcc-13.2.0", Some(Family::Gcc), ByName);
        check("avr-gcc", Some(Family::Gcc), ByName);
        check("gcc-mp-13", Some(Family::Gcc), ByName);
        check("clang", Some(Family::Clang), ByName);
        check("clang++-14.0", Some(Family::Clang), Cpp);
        check("aarch64-linux-android34-clang", Some(Family::Clang), ByName);
        check("C:\\llvm\\clang-cl.exe", Some(Family::ClangCl), ByName);
        check("clang-cl-19", Some(Family::ClangCl), ByName);
        check("riscv64-unknown-elf-cc", None, ByName);
    }

    #[test]
    fn a_name_that_ends_as_a_driver_may_be_one() {
        for program in ["musl-gcc", "afl-clang++", "my-cc-2", "/opt/tcc", "gcc"] {
            assert!(may_be_driver(program), "{program}");
        }
        for program in ["stats", "list", "gc", "gccgo", "clang-tidy", ""] {
            assert!(!may_be_driver(program), "{program}");
        }
    }

    #[test]
    fn other_programs_are_not_drivers() {
        for program in [
            "",
            "cpp",
            "ld",
            "rustc",
            "distcc",
            "afl-gcc",
            "musl-gcc",
            "ccache",
            "nvcc",
            "tcc",
            "13",
            "my-clang",
            "clang-tidy",
            "gccgo",
            "gcc-ar",
            "-gcc",
        ] {
            assert_eq!(driver_name(program), None, "{program}");
        }
    }

    #[track_caller]
    fn version(text: &str, family: Option<Family>) {
        assert_eq!(family_of_version_text(text), family, "{text}");
    }

    #[test]
    fn the_version_text_tells_the_family() {
        let free = "\nCopyright (C) 2022 Free Software Foundation, Inc.\nThis is free software";
        let gcc = Some(Family::Gcc);
        version(&format!("gcc (Debian 12.2.0-14+deb12u1) 12.2.0{free}"), gcc);
        version(&format!("cc (GCC) 14.1.0{free}"), gcc);
        version(&format!("x86_64-w64-mingw32-g++ (GCC) 13-win32{free}"), gcc);
        version(
            "Using built-in specs.\nTarget: x86_64-linux-gnu\ngcc version 12.2.0 (Debian)\n",
            gcc,
        );
        let clang = Some(Family::Clang);
        version("Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu\n", clang);
        version("clang version 19.1.7\n", clang);
        version("Apple clang version 15.0.0 (clang-1500.3.9.4)\n", clang);
        version("", None);
        version("nvcc: NVIDIA (R) Cuda compiler driver\nCopyright (c) 2005-2023 NVIDIA\n", None);
        version("emcc (Emscripten gcc/clang-like replacement) 3.1.6\n", None);
        version(&format!("GNU Fortran (Debian 12) 12.2.0{free}"), None);
        version("tcc version 0.9.27 (x86_64 Linux)\n", None);
    }
}
