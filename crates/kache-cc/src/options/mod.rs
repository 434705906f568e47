//! What every option of GCC and Clang does to a cached compilation, as tables.
//!
//! An option in no table is refused, so a newer compiler costs hits and never
//! correctness. The tables are data: [`shared`] holds what both families
//! understand alike, [`gcc`] (with [`gcc_code`]) and [`clang`] (with [`clang_code`] and [`other_languages`]) what is theirs alone, [`targets`] what depends on
//! the processor, and [`clang_cl`] the options that Clang takes from Microsoft's compiler.

pub mod clang;
pub mod clang_cl;
pub mod clang_code;
pub mod gcc;
pub mod gcc_code;
pub mod other_languages;
mod reason;
pub mod shared;
pub mod targets;

use crate::driver::Family;

/// Where an option's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// There is none: `-c`.
    Flag,
    /// It follows in the same argument and may be empty: `-std=c11`, `-O2`.
    Joined,
    /// It is the next argument: `--param max-inline-insns=1`.
    Separate,
    /// It follows in the same argument, or else is the next one: `-Idir`, `-I dir`.
    Either,
}

/// Which list of include directories an option adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SearchKind {
    /// `-iquote`: for `#include "..."` only.
    Quote,
    /// `-I`.
    Angle,
    /// `-isystem`, and what the compiler finds through a variable like it.
    System,
    /// `-cxx-isystem`: for C++ only.
    CppSystem,
    /// `-idirafter`.
    After,
}

impl SearchKind {
    /// Returns the option's spelling, which is also the name used in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quote => "-iquote",
            Self::Angle => "-I",
            Self::System => "-isystem",
            Self::CppSystem => "-cxx-isystem",
            Self::After => "-idirafter",
        }
    }
}

/// What an option does to the outputs of a unit.
///
/// Preprocessor, code, diagnostics and link options are all keyed, by value
/// and in order; replayed text depends on the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing that is cached or replayed.
    Neutral,
    /// Changes what the preprocessor makes of a source.
    Preprocessor,
    /// Names a directory that is searched for headers.
    Search(SearchKind),
    /// Changes the generated code or data.
    Code,
    /// Changes what the compiler says.
    Diagnostics,
    /// Only a link reads it; the driver may still warn that it is unused.
    Link,
    /// Has a part of its own in the model.
    Modelled(Part),
    /// Not cached; the text completes "the option ...".
    Refuse(&'static str),
}

/// The part of the model that an option belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `-o`.
    Output,
    /// `-c`.
    Compile,
    /// `-S`.
    Assemble,
    /// `-x`.
    Language,
    /// `/TC`: all sources are C.
    LanguageC,
    /// `/TP`: all sources are C++.
    LanguageCpp,
    /// `-D`.
    Define,
    /// Specs, plugins and the like: options or code that no command line shows.
    Foreign,
    /// `-MD`.
    DependAll,
    /// `-MMD`.
    DependUser,
    /// `-MF`.
    DependFile,
    /// `-MT`.
    DependTarget,
    /// `-MQ`.
    DependTargetQuoted,
    /// `-MP`.
    DependPhony,
    /// `-Wp,`: a list for the preprocessor.
    PreprocessorList,
    /// `-Xpreprocessor`: one argument for the preprocessor.
    PreprocessorOne,
    /// `-Wa,`: a list for the assembler.
    AssemblerList,
    /// `-Xassembler`: one argument for the assembler.
    AssemblerOne,
    /// `-Xclang`: one argument for the compiler proper.
    CompilerOne,
    /// `-mllvm`: one argument for the code generator.
    BackendOne,
    /// `-g` with a level or a format.
    Debug,
    /// `-gz`.
    CompressDebug,
    /// `-gsplit-dwarf`.
    SplitDebug,
    /// `-march=` and others that can mean this machine's CPU.
    Cpu,
    /// `-ftest-coverage`.
    CoverageNotes,
    /// `-fprofile-arcs`, `-fprofile-generate`: the object names a file of counts.
    ProfileCounts,
    /// `--coverage`: the two above.
    Coverage,
    /// `-fprofile-use` of GCC: counts are read that are kept for each output.
    ProfileUse,
    /// `-fstack-usage`.
    StackUsage,
    /// `-fcallgraph-info`.
    CallGraph,
    /// `-flto`, `-fembed-bitcode`: the object holds compressed or encoded intermediate code.
    Lto,
    /// `-fdiagnostics-color`.
    Colour,
    /// `-fdiagnostics-format=`.
    DiagnosticsFormat,
    /// `--serialize-diagnostics`.
    SerializedDiagnostics,
    /// `--driver-mode=`: read before all other options.
    DriverMode,
    /// `-arch`: of Apple's compilers; several of them make several objects.
    Architecture,
}

/// Options of one shape and effect.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// What each name follows: `-`, `-f`, `-m`, `-g`, `--`, or `/` for `/` and `-` alike.
    pub prefix: &'static str,
    /// Where the value is.
    pub arity: Arity,
    /// What the options do.
    pub effect: Effect,
    /// Whether each also exists with `no-` before its name.
    pub negatable: bool,
    /// The names, sorted.
    pub names: &'static [&'static str],
    /// The first letters of the names, and of `no-`, one bit for each.
    initials: u128,
}

/// Returns a set with the first letter of each of the names, which are ASCII.
const fn initials(names: &[&str]) -> u128 {
    let mut letters = 0;
    let mut rest = names;
    while let Some((name, others)) = rest.split_first() {
        if let Some((letter, _)) = name.as_bytes().split_first() {
            letters |= 1 << *letter;
        }
        rest = others;
    }
    letters
}

impl Group {
    const fn of(
        prefix: &'static str,
        arity: Arity,
        effect: Effect,
        names: &'static [&'static str],
    ) -> Self {
        Self { prefix, arity, effect, negatable: false, names, initials: initials(names) }
    }

    /// A group of options without values.
    pub(crate) const fn flags(
        prefix: &'static str,
        effect: Effect,
        names: &'static [&'static str],
    ) -> Self {
        Self::of(prefix, Arity::Flag, effect, names)
    }

    /// A group of options without values that can be negated.
    pub(crate) const fn switches(
        prefix: &'static str,
        effect: Effect,
        names: &'static [&'static str],
    ) -> Self {
        let initials = initials(names) | initials(&["no-"]);
        Self { negatable: true, initials, ..Self::of(prefix, Arity::Flag, effect, names) }
    }

    /// A group of options whose value follows directly.
    pub(crate) const fn joined(
        prefix: &'static str,
        effect: Effect,
        names: &'static [&'static str],
    ) -> Self {
        Self::of(prefix, Arity::Joined, effect, names)
    }

    /// A group of options whose value is the next argument.
    pub(crate) const fn separate(
        prefix: &'static str,
        effect: Effect,
        names: &'static [&'static str],
    ) -> Self {
        Self::of(prefix, Arity::Separate, effect, names)
    }

    /// A group of options whose value follows directly or is the next argument.
    pub(crate) const fn either(
        prefix: &'static str,
        effect: Effect,
        names: &'static [&'static str],
    ) -> Self {
        Self::of(prefix, Arity::Either, effect, names)
    }

    /// Returns the longest of the group's options that `argument` is or begins with.
    fn find<'a>(&self, argument: &'a str) -> Option<Found<'a>> {
        if !self.may_have(argument) {
            return None;
        }
        let body = match self.prefix {
            "/" => argument.strip_prefix(['/', '-'])?,
            prefix => argument.strip_prefix(prefix)?,
        };
        match self.arity {
            Arity::Flag | Arity::Separate => self.exact(body),
            Arity::Joined | Arity::Either => {
                let name = longest_prefix(self.names, body)?;
                let attached = body.strip_prefix(name).unwrap_or_default();
                Some(self.found(name, false, attached))
            }
        }
    }

    /// Returns whether `argument` can be one of the options, by one letter.
    fn may_have(&self, argument: &str) -> bool {
        let letter = argument.as_bytes().get(self.prefix.len()).filter(|letter| letter.is_ascii());
        letter.is_some_and(|letter| self.initials & (1 << *letter) != 0)
    }

    fn exact<'a>(&self, body: &'a str) -> Option<Found<'a>> {
        let named = |body: &str| {
            let position = self.names.binary_search(&body).ok()?;
            self.names.get(position).copied()
        };
        if let Some(name) = named(body) {
            return Some(self.found(name, false, ""));
        }
        let positive = body.strip_prefix("no-").filter(|_| self.negatable)?;
        Some(self.found(named(positive)?, true, ""))
    }

    fn found<'a>(&self, name: &'static str, negated: bool, attached: &'a str) -> Found<'a> {
        let Self { prefix, arity, effect, .. } = *self;
        Found { prefix, name, negated, arity, effect, attached }
    }
}

/// An option of a table, as an argument names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// What the name follows.
    pub prefix: &'static str,
    /// The name in the table.
    pub name: &'static str,
    /// Whether the argument has `no-` before the name.
    pub negated: bool,
    /// Where the value is.
    pub arity: Arity,
    /// What the option does.
    pub effect: Effect,
    /// What follows the name in the argument.
    pub attached: &'a str,
}

impl Found<'_> {
    /// Returns the option without its value.
    pub fn spelling(&self) -> String {
        format!("{}{}{}", self.prefix, if self.negated { "no-" } else { "" }, self.name)
    }

    fn len(&self) -> usize {
        self.prefix.len() + self.name.len() + if self.negated { 3 } else { 0 }
    }
}

/// Returns the tables of `family`, those of its own first.
pub fn tables(family: Family) -> [&'static [Group]; 5] {
    match family {
        Family::Gcc => [gcc::GROUPS, gcc_code::GROUPS, shared::GROUPS, targets::GROUPS, &[]],
        Family::Clang => [
            clang::GROUPS,
            clang_code::GROUPS,
            other_languages::GROUPS,
            shared::GROUPS,
            targets::GROUPS,
        ],
        Family::ClangCl => [clang_cl::GROUPS, &[], &[], &[], &[]],
    }
}

/// Returns the option that `argument` is, or begins with, for `family`.
///
/// The longest name wins, and an option without a value needs the whole
/// argument. Cost: one binary search for each group with the right prefix.
pub fn lookup(family: Family, argument: &str) -> Option<Found<'_>> {
    let mut best: Option<Found<'_>> = None;
    for group in tables(family).into_iter().flatten() {
        if let Some(found) = group.find(argument)
            && best.is_none_or(|best| found.len() > best.len())
        {
            best = Some(found);
        }
    }
    best
}

/// Returns the longest of the sorted `names` that `text` begins with.
fn longest_prefix(names: &[&'static str], text: &str) -> Option<&'static str> {
    let mut rest = names;
    loop {
        let end = rest.partition_point(|name| *name <= text);
        let candidate = rest.get(..end)?.last()?;
        if text.starts_with(candidate) {
            return Some(candidate);
        }
        // Every prefix of `text` among the earlier names is also one of what
        // the candidate and `text` have in common.
        let shared = candidate.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
        let common = text.get(..shared).unwrap_or_default();
        let end = rest.partition_point(|name| *name <= common);
        rest = rest.get(..end)?;
        if rest.last().is_some_and(|name| common.starts_with(name)) {
            return rest.last().copied();
        }
    }
}

#[cfg(test)]
mod tests;
