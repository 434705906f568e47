//! Every row of the tables, as the compilers spell it.

use std::collections::BTreeSet;

use kache_cc::Family;
use kache_cc::options::{self, Arity, Group};

use crate::compiler::{Compiler, Dir, for_c, installed};

/// Returns a value for the option `name`: some check theirs before they are known at all.
fn value(name: &str) -> &'static str {
    match name {
        "-param=" => "max-inline-insns-single=1",
        "-std=" | "std=" => "c11",
        "use-ld=" => "bfd",
        _ => "1",
    }
}

/// An option that no compiler has: if it is not named, none was looked at.
const NO_OPTION: &str = "-fno-such-option-at-all";

/// Options that came after Clang 14 and were gone before Clang 19.
const KNOWN_BETWEEN: [&str; 3] =
    ["--emit-symbol-graph=1", "--no-offload-add-rpath", "--offload-add-rpath"];

fn spelling(group: &Group, name: &str) -> String {
    format!("{}{name}", group.prefix)
}

/// Returns the rows of a family's own tables, without those for other processors.
fn rows(family: Family) -> impl Iterator<Item = (&'static Group, &'static str)> {
    let tables = options::tables(family).into_iter();
    let here = tables.filter(|table| !std::ptr::eq(*table, options::targets::GROUPS));
    here.flatten().flat_map(|group| group.names.iter().map(move |name| (group, *name)))
}

/// Returns the message as one line: Clang wraps at any width.
fn one_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the options among `args` that the compiler says it does not know.
fn unknown(compiler: &Compiler, args: &[String]) -> BTreeSet<String> {
    let dir = Dir::with(&[("empty.c", "")]);
    let mut line = args.to_vec();
    // Without colours, whatever the rows ask for.
    let last = [NO_OPTION, "-fno-diagnostics-color", "-fsyntax-only", "empty.c"];
    line.extend(last.map(str::to_owned));
    let output = dir.run(compiler.program, &line, &[]);
    let text = one_line(&output.stderr);
    let quoted = |mark: &str| -> BTreeSet<String> {
        let parts = text.split(mark).skip(1);
        parts.filter_map(|rest| rest.split('\'').nth(1).map(str::to_owned)).collect()
    };
    let mut names = quoted("unrecognized command-line option ");
    names.extend(quoted("unknown argument"));
    assert!(names.contains(NO_OPTION), "{} stopped: {}", compiler.program, tail(&text));
    args.iter().filter(|arg| names.contains(*arg)).cloned().collect()
}

/// Whether one of the installed compilers of the family knows each row.
#[test]
fn every_option_is_known_to_a_compiler() {
    for family in [Family::Gcc, Family::Clang] {
        let compilers: Vec<Compiler> =
            for_c().into_iter().filter(|it| it.family() == family).collect();
        let Some(first) = compilers.first() else { continue };
        let args: Vec<String> = rows(family)
            .filter(|(group, _)| matches!(group.arity, Arity::Flag | Arity::Joined))
            .filter(|(_, name)| !stops_the_driver(name))
            .map(|(group, name)| match group.arity {
                Arity::Joined => format!("{}{}", spelling(group, name), value(name)),
                _ => spelling(group, name),
            })
            .collect();
        assert!(args.len() > 800, "{}", args.len());
        let mut nowhere = unknown(first, &args);
        for compiler in compilers.iter().skip(1) {
            nowhere = nowhere.intersection(&unknown(compiler, &args)).cloned().collect();
        }
        // Some options exist only in their negative form.
        let negative = |arg: &String| format!("{}no-{}", &arg[..2], &arg[2..]);
        let negated: Vec<String> = nowhere.iter().map(negative).collect();
        for compiler in &compilers {
            let unknown = unknown(compiler, &negated);
            nowhere.retain(|arg| unknown.contains(&negative(arg)));
        }
        nowhere.retain(|arg| !KNOWN_BETWEEN.contains(&arg.as_str()));
        assert_eq!(nowhere, BTreeSet::new(), "{family:?}");
    }
}

/// Options with which a driver prints something and looks at nothing else, or waits.
fn stops_the_driver(name: &str) -> bool {
    matches!(name, "###" | "-help" | "-help-hidden" | "-target-help" | "-version" | "help")
        || matches!(
            name,
            "-print-"
                | "print-"
                | "d"
                | "-config"
                | "specs="
                | "-specs="
                | "-save-temps="
                | "save-temps="
        )
}

/// Returns whether `program` takes the argument after `option` for its value:
/// nothing follows, and it says so.
fn wants_more(compiler: &Compiler, option: &str) -> bool {
    let dir = Dir::with(&[("empty.c", "")]);
    let line = ["-c", "empty.c", option].map(str::to_owned);
    let output = dir.run(compiler.program, &line, &[]);
    let text = one_line(&output.stderr);
    // GCC does not know `--param` at all without a value.
    text.contains("missing") || option == "--param"
}

#[test]
fn options_with_a_separate_value_want_one() {
    for compiler in for_c() {
        let options: Vec<String> = rows(compiler.family())
            .filter(|(group, _)| matches!(group.arity, Arity::Separate | Arity::Either))
            .filter(|(_, name)| !matches!(*name, "x" | "o" | "-output" | "wrapper"))
            .map(|(group, name)| spelling(group, name))
            .collect();
        let with_values: Vec<String> =
            options.iter().flat_map(|option| [option.clone(), "1".to_owned()]).collect();
        let unknown = unknown(&compiler, &with_values);
        let known = options.iter().filter(|option| !unknown.contains(*option));
        let wrong: Vec<&String> = known.filter(|option| !wants_more(&compiler, option)).collect();
        assert_eq!(wrong, Vec::<&String>::new(), "{}", compiler.program);
    }
}

/// A flag that took the next argument would hide a source.
#[test]
fn options_without_a_value_take_none() {
    for compiler in for_c() {
        let flags = rows(compiler.family())
            .filter(|(group, name)| group.arity == Arity::Flag && !stops_the_driver(name))
            .map(|(group, name)| spelling(group, name));
        let marked = flags.enumerate().map(|(at, flag)| (flag, format!("{NO_OPTION}-{at}")));
        let marked: Vec<(String, String)> = marked.collect();
        let args: Vec<String> =
            marked.iter().flat_map(|(flag, mark)| [flag.clone(), mark.clone()]).collect();
        let unknown = unknown(&compiler, &args);
        let eaten = marked.iter().filter(|(_, mark)| !unknown.contains(mark));
        let eaten: Vec<&String> = eaten.map(|(flag, _)| flag).collect();
        assert_eq!(eaten, Vec::<&String>::new(), "{}", compiler.program);
    }
}

#[test]
fn the_family_of_each_compiler_is_that_of_its_name() {
    for compiler in installed() {
        let is_clang = compiler.program.starts_with("clang");
        assert_eq!(compiler.family() == Family::Clang, is_clang, "{}", compiler.program);
    }
}

/// Returns the last words of a message.
fn tail(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    words[words.len().saturating_sub(40)..].join(" ")
}
