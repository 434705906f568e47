//! The shape of rustc's command line: which argument is a flag, a value or an input.
//!
//! Follows rustc's own option parser: long flags with `=` or a separate value,
//! one-letter flags with an attached or a separate value, `--` before inputs.
//! Clusters of one-letter flags other than `-vV` are refused.

use super::flags::{self, TopFlag};
use super::refusal::Refusal;

/// One flag with its value, in its position.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given<'a> {
    /// The flag's row in the table.
    pub(crate) flag: &'static TopFlag,
    /// Its value; `None` exactly where it takes none.
    pub(crate) value: Option<&'a str>,
}

/// A command line taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan<'a> {
    /// The flags in order.
    pub(crate) given: Vec<Given<'a>>,
    /// The arguments that are no flags.
    pub(crate) inputs: Vec<&'a str>,
}

impl<'a> Scan<'a> {
    /// Takes `args` apart; refuses what the table does not know and what rustc would reject.
    pub(crate) fn of(args: &'a [String]) -> Result<Self, Refusal> {
        let mut scan = Self::default();
        let mut rest = args.iter().map(String::as_str);
        while let Some(arg) = rest.next() {
            if arg == "--" {
                scan.inputs.extend(rest.by_ref());
            } else if let Some(long) = arg.strip_prefix("--") {
                scan.long(long, &mut rest)?;
            } else if arg.len() > 1 && arg.starts_with('-') {
                scan.short(arg, &mut rest)?;
            } else {
                scan.inputs.push(arg);
            }
        }
        Ok(scan)
    }

    /// Returns the values of the flag identified by `name`, in order.
    pub(crate) fn values(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |given| given.flag.name == name).filter_map(|g| g.value)
    }

    /// Returns whether the flag identified by `name` is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|given| given.flag.name == name)
    }

    fn long(
        &mut self,
        text: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), Refusal> {
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        // One-letter names are not valid after two dashes.
        let flag = flags::top(name).filter(|flag| flag.name.len() > 1);
        let flag = flag.ok_or_else(|| Refusal::UnknownFlag(format!("--{name}")))?;
        let value = match (flag.takes_value, attached) {
            (true, Some(value)) => Some(value),
            (true, None) => Some(rest.next().ok_or_else(|| Refusal::NoValue(format!("--{name}")))?),
            (false, None) => None,
            (false, Some(_)) => return Err(Refusal::UnexpectedValue(format!("--{name}"))),
        };
        self.push(flag, value)
    }

    fn short(
        &mut self,
        arg: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), Refusal> {
        let mut letters = arg.chars();
        letters.next();
        let letter = letters.next();
        let attached = letters.as_str();
        let known = flags::TOP.iter().find(|flag| flag.short == letter);
        let flag = known.ok_or_else(|| Refusal::UnknownFlag(arg.to_owned()))?;
        let value = match (flag.takes_value, attached.is_empty()) {
            (true, false) => Some(attached),
            (true, true) => Some(rest.next().ok_or_else(|| Refusal::NoValue(arg.to_owned()))?),
            (false, true) => None,
            (false, false) if matches!(arg, "-vV" | "-Vv") => {
                self.push(flags::top("verbose").unwrap_or(flag), None)?;
                return self.push(flags::top("version").unwrap_or(flag), None);
            }
            (false, false) => return Err(Refusal::UnknownFlag(arg.to_owned())),
        };
        self.push(flag, value)
    }

    fn push(&mut self, flag: &'static TopFlag, value: Option<&'a str>) -> Result<(), Refusal> {
        if flag.once && self.has(flag.name) {
            return Err(Refusal::Repeated(flags::Space::Top.spell(flag.name)));
        }
        self.given.push(Given { flag, value });
        Ok(())
    }
}
