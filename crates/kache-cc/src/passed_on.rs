//! Arguments that the driver hands to the tools behind it.
//!
//! Each of them is looked at: what no list here has is refused.

use crate::classify::{Builder, output_path};
use crate::driver::Family;
use crate::options::{self, Arity, Effect, Found, Part};
use crate::refusal::Refusal;

/// Takes in the list after `-Wp,`: macros, and `-MD,file` or `-MMD,file`.
pub(crate) fn preprocessor_list(
    builder: &mut Builder,
    family: Family,
    list: &str,
) -> Result<(), Refusal> {
    let mut rest = list.split(',');
    while let Some(argument) = rest.next() {
        let part = match argument {
            "-MD" => Part::DependAll,
            "-MMD" => Part::DependUser,
            _ => {
                preprocessor(builder, family, "-Wp,", argument)?;
                continue;
            }
        };
        let file = rest.next().ok_or_else(|| Refusal::NoValue(format!("-Wp,{argument}")))?;
        // Clang reads this form only where nothing else is in the list.
        if family != Family::Gcc && list.split(',').count() > 2 {
            return Err(unknown("-Wp,", list));
        }
        builder.depend.through_list(part, output_path("-Wp,-MD", file)?);
    }
    Ok(())
}

/// Takes in one argument for the preprocessor.
pub(crate) fn preprocessor(
    builder: &mut Builder,
    family: Family,
    option: &str,
    argument: &str,
) -> Result<(), Refusal> {
    let found = options::lookup(family, argument).filter(is_whole);
    match found.map(|found| (found.effect, found.name, found.attached)) {
        Some((Effect::Modelled(Part::Define), _, macro_text)) => {
            builder.defines.push(macro_text.to_owned());
        }
        Some((Effect::Preprocessor, "U", _) | (_, "openmp", _)) => {}
        _ => return Err(unknown(option, argument)),
    }
    builder.keep_passed_on(option, argument);
    Ok(())
}

/// Options of GNU as with which it writes no further file. Those with `=` at the end
/// take a value.
const ASSEMBLER: &[&str] = &[
    "--32",
    "--64",
    "--divide",
    "--elf-stt-common=",
    "--execstack",
    "--fatal-warnings",
    "--gdwarf-2",
    "--gdwarf-3",
    "--gdwarf-4",
    "--gdwarf-5",
    "--gdwarf-sections",
    "--gen-debug",
    "--generate-missing-build-notes=",
    "--keep-locals",
    "--no-pad-sections",
    "--no-warn",
    "--nocompress-debug-sections",
    "--noexecstack",
    "--size-check=",
    "--strip-local-absolute",
    "--warn",
    "--x32",
    "-L",
    "-W",
    "-g",
    "-gdwarf-2",
    "-gdwarf-3",
    "-gdwarf-4",
    "-gdwarf-5",
    "-n",
];

/// Looks at the list after `-Wa,`.
pub(crate) fn assembler_list(builder: &mut Builder, list: &str) -> Result<(), Refusal> {
    let mut rest = list.split(',');
    while let Some(argument) = rest.next() {
        if ["--defsym", "-I"].contains(&argument) {
            rest.next().ok_or_else(|| Refusal::NoValue(format!("-Wa,{argument}")))?;
        } else {
            assembler(builder, "-Wa,", argument)?;
        }
    }
    builder.keep_passed_on("-Wa,", list);
    Ok(())
}

/// Takes in one argument after `-Xassembler`.
pub(crate) fn assembler_one(builder: &mut Builder, argument: &str) -> Result<(), Refusal> {
    assembler(builder, "-Xassembler", argument)?;
    builder.keep_passed_on("-Xassembler", argument);
    Ok(())
}

fn assembler(builder: &mut Builder, option: &str, argument: &str) -> Result<(), Refusal> {
    // The options for a processor choose instructions and nothing else.
    if argument.len() > 2 && ["-m", "-I"].iter().any(|option| argument.starts_with(option)) {
        return Ok(());
    }
    if argument.starts_with('@') {
        builder.facts.foreign = true;
        return Ok(());
    }
    let compression = "--compress-debug-sections";
    if let Some(kind) = argument.strip_prefix(compression) {
        builder.facts.compresses_debug = kind != "=none";
        return Ok(());
    }
    let name_len = argument.find('=').map_or(argument.len(), |equals| equals + 1);
    let name = argument.get(..name_len).unwrap_or(argument);
    if ASSEMBLER.binary_search(&name).is_ok() { Ok(()) } else { Err(unknown(option, argument)) }
}

/// Takes in one argument for Clang's compiler proper: those that mean the same
/// to the driver.
pub(crate) fn compiler(builder: &mut Builder, argument: &str) -> Result<(), Refusal> {
    let found = options::lookup(Family::Clang, argument).filter(is_whole);
    let effect = found.map(|found| found.effect);
    match effect {
        Some(Effect::Preprocessor | Effect::Code | Effect::Diagnostics) => {
            builder.keep_passed_on("-Xclang", argument);
            Ok(())
        }
        _ => Err(unknown("-Xclang", argument)),
    }
}

/// Words in the names of options with which LLVM prints, writes or reads more, or
/// does nothing else.
const BACKEND_WORDS: [&str; 24] = [
    "debug",
    "diff",
    "dot",
    "dump",
    "dumpafter",
    "export",
    "file",
    "graph",
    "help",
    "hidden",
    "import",
    "list",
    "path",
    "plugin",
    "print",
    "record",
    "remarks",
    "stats",
    "time",
    "trace",
    "track",
    "version",
    "view",
    "write",
];

/// Takes in one argument for LLVM: a switch, one with a number, or a number on its
/// own. Any other value may be the name of a file.
pub(crate) fn backend(builder: &mut Builder, argument: &str) -> Result<(), Refusal> {
    let is_number = |value: &str| {
        value.parse::<f64>().is_ok_and(f64::is_finite)
            || value
                .strip_prefix("0x")
                .is_some_and(|digits| u64::from_str_radix(digits, 16).is_ok())
    };
    let is_plain = match argument.strip_prefix('-') {
        None => is_number(argument),
        Some(option) => {
            let (name, value) = option.split_once('=').unwrap_or((option, "true"));
            let mut words = name.split('-');
            (matches!(value, "true" | "false") || is_number(value))
                && !words.any(|word| BACKEND_WORDS.binary_search(&word).is_ok())
        }
    };
    if !is_plain {
        return Err(unknown("-mllvm", argument));
    }
    builder.keep_passed_on("-mllvm", argument);
    Ok(())
}

/// Returns whether the option needs no further argument.
fn is_whole(found: &Found<'_>) -> bool {
    match found.arity {
        Arity::Flag => true,
        Arity::Joined | Arity::Either => !found.attached.is_empty(),
        Arity::Separate => false,
    }
}

fn unknown(option: &str, argument: &str) -> Refusal {
    Refusal::UnknownPassedOn { option: option.to_owned(), value: argument.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(ASSEMBLER.is_sorted());
        assert!(BACKEND_WORDS.is_sorted());
    }
}
