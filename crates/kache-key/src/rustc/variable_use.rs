//! How a source uses a variable that names a place, `OUT_DIR` for one.
//!
//! A crate that only *includes* what its build script generated does not
//! depend on where that is: the generated files are inputs like any other. A
//! crate that takes the path as a value does. This module tells the two apart
//! by the source's tokens, and takes every doubt for the second.
//!
//! What a macro of another crate expands to is not in the source. Where rustc
//! says that the crate read the variable and no source mentions it, such a macro did.

use memchr::memmem;
use proc_macro2::{Literal, TokenStream, TokenTree};

const INCLUDES: [&str; 3] = ["include", "include_str", "include_bytes"];
const READERS: [&str; 2] = ["env", "option_env"];

/// Standard macros that take their arguments as expressions and make no name of them.
const PLAIN_MACROS: [&str; 20] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "dbg",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "format",
    "format_args",
    "matches",
    "panic",
    "print",
    "println",
    "todo",
    "unreachable",
    "vec",
    "write",
    "writeln",
];

/// How deep groups may nest. Sources stay far below; data files that a crate
/// includes need not, and must not exhaust the stack.
const MAX_DEPTH: usize = 256;

/// How one source file uses a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VariableUse {
    /// No token can be a use.
    NotMentioned,
    /// Each use only says where a file to be included is.
    IncludesOnly,
    /// At least one use may be of another kind.
    Otherwise,
}

/// Returns how `source` uses `variable`.
///
/// `IncludesOnly` when every use is an `env!` of it that is, alone or as an
/// argument of `concat!`, the whole argument of `include!`, `include_str!` or
/// `include_bytes!`, in macro definitions too. Any other string with that name,
/// `option_env!` of it, `env!` of something other than a literal, the name
/// `env` where a macro could build a call of it, other macros under these
/// names, and a text that is not Rust are `Otherwise`. A text without the
/// variable's name and `env` is not lexed.
pub fn use_of(variable: &str, source: &str) -> VariableUse {
    let has = |word: &str| memmem::find(source.as_bytes(), word.as_bytes()).is_some();
    if !has(variable) && !has("env") {
        return VariableUse::NotMentioned;
    }
    let (interpreter, code) = split_shebang(source);
    if interpreter.contains(variable) || interpreter.contains("env!") {
        return VariableUse::Otherwise;
    }
    match code.parse::<TokenStream>() {
        Ok(tokens) => use_in(&trees(tokens), Scope { variable, in_macro: false, depth: 0 }),
        Err(_) if has(variable) || calls_reader(source) => VariableUse::Otherwise,
        Err(_) => VariableUse::NotMentioned,
    }
}

/// Returns the first line where it names an interpreter, and the rest.
fn split_shebang(source: &str) -> (&str, &str) {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    match source.strip_prefix("#!") {
        Some(rest) if !rest.trim_start().starts_with('[') => {
            source.split_at(source.find('\n').unwrap_or(source.len()))
        }
        _ => ("", source),
    }
}

/// Returns whether a text that cannot be lexed looks as if it called `env!`.
fn calls_reader(source: &str) -> bool {
    let mut after = source.split("env").skip(1);
    after.any(|rest| rest.trim_start().starts_with('!'))
}

fn trees(tokens: TokenStream) -> Vec<TokenTree> {
    tokens.into_iter().collect()
}

/// What is looked for, and where tokens stand.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// The variable's name.
    variable: &'a str,
    /// Whether a macro is given the tokens, so that it could put names and
    /// strings together.
    in_macro: bool,
    /// In how many groups.
    depth: usize,
}

impl Scope<'_> {
    fn of_macro(self, in_macro: bool) -> Self {
        Self { in_macro: self.in_macro || in_macro, ..self }
    }
}

/// Returns how `tokens` use the variable.
fn use_in(tokens: &[TokenTree], scope: Scope<'_>) -> VariableUse {
    use TokenTree::{Group, Ident, Literal};
    if scope.depth > MAX_DEPTH {
        return VariableUse::Otherwise;
    }
    let inner = Scope { depth: scope.depth + 1, ..scope };
    let mut found = VariableUse::NotMentioned;
    let mut before = None;
    let mut rest = tokens;
    while let [token, after @ ..] = rest {
        let (used, next) = match rest {
            [hash, Group(attribute), next @ ..] if is_punct(hash, '#') => {
                (attribute_use(&trees(attribute.stream()), inner), next)
            }
            [hash, bang, Group(attribute), next @ ..]
                if is_punct(hash, '#') && is_punct(bang, '!') =>
            {
                (attribute_use(&trees(attribute.stream()), inner), next)
            }
            [Ident(name), bang, Ident(defined), Group(body), next @ ..]
                if is_punct(bang, '!') && name == "macro_rules" =>
            {
                (definition_use(&plain_name(defined), &trees(body.stream()), inner), next)
            }
            [Ident(name), bang, Group(arguments), next @ ..] if is_punct(bang, '!') => {
                (call_use(&plain_name(name), &trees(arguments.stream()), inner), next)
            }
            [Ident(name), next @ ..] => (name_use(before, &plain_name(name), next, scope), next),
            [Literal(literal), next @ ..] => (literal_use(literal, scope), next),
            [Group(group), next @ ..] => (use_in(&trees(group.stream()), inner), next),
            _ => (VariableUse::NotMentioned, after),
        };
        found = found.max(used);
        before = Some(token);
        rest = next;
    }
    found
}

/// Returns how a macro definition uses the variable. One that takes the name of
/// a macro which this module reads could mean anything by it.
fn definition_use(name: &str, body: &[TokenTree], scope: Scope<'_>) -> VariableUse {
    if is_reserved(name) { VariableUse::Otherwise } else { use_in(body, scope.of_macro(true)) }
}

/// Returns how an attribute uses the variable. Documentation is only text.
fn attribute_use(tokens: &[TokenTree], scope: Scope<'_>) -> VariableUse {
    match tokens {
        [TokenTree::Ident(doc), equals, TokenTree::Literal(text)]
            if doc == "doc" && is_punct(equals, '=') =>
        {
            let is_name = string_value(text).is_none_or(|text| text == scope.variable);
            if is_name { literal_use(text, scope) } else { VariableUse::NotMentioned }
        }
        _ => use_in(tokens, scope),
    }
}

/// Returns how the macro call `name!(arguments)` uses the variable.
fn call_use(name: &str, arguments: &[TokenTree], scope: Scope<'_>) -> VariableUse {
    if READERS.contains(&name) {
        return match read_variable(arguments) {
            Some((variable, _)) if variable == scope.variable => VariableUse::Otherwise,
            Some((_, message)) => use_in(message, scope),
            None => VariableUse::Otherwise,
        };
    }
    if INCLUDES.contains(&name) && names_variable(arguments, scope) {
        return VariableUse::IncludesOnly;
    }
    if INCLUDES.contains(&name)
        && let Some(parts) = concat_arguments(arguments)
    {
        let uses = parts.split(|token| is_punct(token, ',')).map(|part| part_use(part, scope));
        return uses.max().unwrap_or(VariableUse::NotMentioned);
    }
    use_in(arguments, scope.of_macro(!PLAIN_MACROS.contains(&name)))
}

/// Returns how one argument of a `concat!` that locates an include uses the variable.
fn part_use(part: &[TokenTree], scope: Scope<'_>) -> VariableUse {
    if names_variable(part, scope) {
        VariableUse::IncludesOnly
    } else {
        use_in(part, scope.of_macro(true))
    }
}

/// Returns whether `tokens` are `env!` of the variable.
fn names_variable(tokens: &[TokenTree], scope: Scope<'_>) -> bool {
    call(without_comma(tokens)).is_some_and(|(name, arguments)| {
        name == "env"
            && read_variable(&arguments).is_some_and(|(variable, _)| variable == scope.variable)
    })
}

fn without_comma(tokens: &[TokenTree]) -> &[TokenTree] {
    match tokens {
        [tokens @ .., comma] if is_punct(comma, ',') => tokens,
        _ => tokens,
    }
}

/// Returns the arguments of the `concat!` that `tokens` are.
fn concat_arguments(tokens: &[TokenTree]) -> Option<Vec<TokenTree>> {
    call(without_comma(tokens))
        .and_then(|(name, arguments)| (name == "concat").then_some(arguments))
}

/// Returns the name and the arguments of the one macro call that `tokens` are,
/// by its plain name or by its path in the standard library.
fn call(tokens: &[TokenTree]) -> Option<(String, Vec<TokenTree>)> {
    let tokens = strip_separator(tokens).unwrap_or(tokens);
    let tokens = match tokens {
        [TokenTree::Ident(library), path @ ..] if library == "core" || library == "std" => {
            strip_separator(path)?
        }
        _ => tokens,
    };
    match tokens {
        [TokenTree::Ident(name), bang, TokenTree::Group(arguments)] if is_punct(bang, '!') => {
            Some((plain_name(name), trees(arguments.stream())))
        }
        _ => None,
    }
}

fn strip_separator(tokens: &[TokenTree]) -> Option<&[TokenTree]> {
    match tokens {
        [first, second, rest @ ..] if is_punct(first, ':') && is_punct(second, ':') => Some(rest),
        _ => None,
    }
}

/// Returns the variable that the arguments of `env!` name, and the arguments after it.
fn read_variable(arguments: &[TokenTree]) -> Option<(String, &[TokenTree])> {
    match arguments {
        [TokenTree::Literal(name)] => Some((string_value(name)?, &[])),
        [TokenTree::Literal(name), comma, message @ ..] if is_punct(comma, ',') => {
            Some((string_value(name)?, message))
        }
        _ => None,
    }
}

/// Returns what a name that is not called says, between its neighbours.
fn name_use(
    before: Option<&TokenTree>,
    name: &str,
    after: &[TokenTree],
    scope: Scope<'_>,
) -> VariableUse {
    let follows = |punct| before.is_some_and(|token| is_punct(token, punct));
    let precedes = |puncts: &[char]| {
        after.first().is_some_and(|token| puncts.iter().any(|punct| is_punct(token, *punct)))
    };
    let renamed = is_word(before, "as") || is_word(after.first(), "as") || is_word(before, "macro");
    let renamed = renamed && is_reserved(name);
    let imported = INCLUDES.contains(&name) && follows(':');
    let compared =
        matches!(after, [bang, equals, ..] if is_punct(bang, '!') && is_punct(equals, '='));
    let plain = compared || follows('.') || follows(':') || precedes(&['.', ':', '=']);
    let passed = scope.in_macro && READERS.contains(&name) && !plain;
    if name == scope.variable || renamed || imported || passed {
        VariableUse::Otherwise
    } else {
        VariableUse::NotMentioned
    }
}

/// Returns what a literal outside the calls above says.
fn literal_use(literal: &Literal, scope: Scope<'_>) -> VariableUse {
    let value = string_value(literal).unwrap_or_default();
    if value.contains(scope.variable) || literal.to_string().contains(scope.variable) {
        VariableUse::Otherwise
    } else {
        VariableUse::NotMentioned
    }
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(name)) if name == word)
}

fn is_reserved(name: &str) -> bool {
    INCLUDES.contains(&name) || READERS.contains(&name) || name == "concat"
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == punct)
}

fn plain_name(name: &proc_macro2::Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// Returns the value of a string literal, or `None` for any other literal.
fn string_value(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    if let Some(raw) = text.strip_prefix('r') {
        let inner = raw.trim_start_matches('#');
        let hashes = raw.len() - inner.len();
        let end = raw.len().checked_sub(hashes + 1)?;
        return raw.get(hashes + 1..end).map(str::to_owned);
    }
    unescape(text.strip_prefix('"')?.strip_suffix('"')?)
}

fn unescape(text: &str) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match rest.next()? {
            'x' => value.push(hex(&rest.by_ref().take(2).collect::<String>())?),
            'u' => {
                let digits: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                value.push(hex(&digits.replace('_', ""))?);
            }
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            '0' => value.push('\0'),
            '\n' | '\r' => rest = rest.as_str().trim_start().chars(),
            quoted => value.push(quoted),
        }
    }
    Some(value)
}

fn hex(digits: &str) -> Option<char> {
    u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
}

#[cfg(test)]
mod tests;
