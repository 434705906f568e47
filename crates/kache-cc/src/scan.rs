//! The shape of a command line: which argument is an option, a value or a source.

use crate::driver::Family;
use crate::options::{self, Arity, Found};
use crate::refusal::Refusal;

/// One option with its value, in its position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// The option.
    pub(crate) found: Found<'a>,
    /// Its value; `None` exactly where it takes none.
    pub(crate) value: Option<&'a str>,
}

impl Given<'_> {
    /// Returns the option as one or two arguments.
    pub(crate) fn written(&self) -> Vec<String> {
        let spelling = self.found.spelling();
        match (self.found.arity, self.value) {
            (Arity::Separate, Some(value)) => vec![spelling, value.to_owned()],
            (_, value) => vec![format!("{spelling}{}", value.unwrap_or_default())],
        }
    }
}

/// One part of a command line.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    /// An option.
    Option(Given<'a>),
    /// A source, with its position among the arguments.
    Source(usize, &'a str),
}

/// Takes `args` apart; refuses what no table of `family` knows.
pub(crate) fn scan(args: &[String], family: Family) -> Result<Vec<Item<'_>>, Refusal> {
    let mut items = Vec::with_capacity(args.len());
    let mut rest = args.iter().map(String::as_str).enumerate();
    while let Some((position, arg)) = rest.next() {
        if arg == "--" && family != Family::Gcc {
            for (position, source) in rest.by_ref() {
                items.push(after_dashes(position, source)?);
            }
        } else if is_option(arg, family) {
            items.push(Item::Option(option(arg, family, &mut rest)?));
        } else {
            items.push(source(position, arg)?);
        }
    }
    Ok(items)
}

fn is_option(arg: &str, family: Family) -> bool {
    let starts = arg.starts_with('-') || family == Family::ClangCl && arg.starts_with('/');
    arg.len() > 1 && starts
}

fn option<'a>(
    arg: &'a str,
    family: Family,
    rest: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<Given<'a>, Refusal> {
    let found =
        options::lookup(family, arg).ok_or_else(|| Refusal::UnknownOption(arg.to_owned()))?;
    let value = match found.arity {
        Arity::Flag => None,
        Arity::Joined => Some(found.attached),
        Arity::Either if !found.attached.is_empty() => Some(found.attached),
        Arity::Either | Arity::Separate => {
            let next = rest.next().ok_or_else(|| Refusal::NoValue(arg.to_owned()))?;
            Some(next.1)
        }
    };
    Ok(Given { found, value })
}

fn source(position: usize, arg: &str) -> Result<Item<'_>, Refusal> {
    match arg {
        "-" => Err(Refusal::StandardInput),
        "" => Err(Refusal::Source(String::new())),
        _ if arg.starts_with('@') => Err(Refusal::ResponseFile(arg.to_owned())),
        _ => Ok(Item::Source(position, arg)),
    }
}

fn after_dashes(position: usize, arg: &str) -> Result<Item<'_>, Refusal> {
    if arg.starts_with('-') && arg.len() > 1 {
        return Err(Refusal::AfterDashes(arg.to_owned()));
    }
    source(position, arg)
}
