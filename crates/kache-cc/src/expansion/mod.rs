//! What the preprocessor makes of a unit, as part of a key.
//!
//! Headers can change in ways that their unit does not notice: a comment, a
//! macro that it does not use, code for another system. Then the expansion is
//! the same, and so is the object, but only as far as the expansion shows all
//! that the compiler sees. It does not show
//!
//! - in which column a token stands, which debug information tells: so the
//!   lines that tokens come from are part of the digest;
//! - which macros a token comes from, and whether one of them belongs to the
//!   system, which silences warnings: so the definitions that
//!   the unit may use are, too;
//! - comments, of which GCC reads those about falling through;
//! - anything for those who read the sources once more, the assembler for one: such
//!   units are [left out](hidden_by), and some texts are [unclear](Unclear).

mod assembler;
mod definitions;
mod shown_lines;
mod text;
mod unit;

use std::collections::{BTreeMap, BTreeSet};

use kache_key::fields::FieldHasher;
use kache_key::{Digest, Roots};

use self::shown_lines::Shown;
use self::text::{Item, Place};
pub use self::unit::hidden_by;

/// Why an expansion does not tell all that the compiler will see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unclear {
    /// A line that begins with `#` and follows no rule of this crate.
    #[error("`{0}` in the expansion")]
    Directive(String),
    /// A pragma that may change macros, or is in no list here.
    #[error("`#pragma {0}`")]
    Pragma(String),
    /// A raw string may look like lines of the preprocessor.
    #[error("a raw string")]
    RawString,
    /// The assembler may read a file whose bytes are not shown.
    #[error("a statement for the assembler that may read a file")]
    Assembler,
    /// A token's column, or that of a later one, may be a value.
    #[error("`{0}` tells a column")]
    Column(&'static str),
    /// A file has lines that are not where they say.
    #[error("`{0}` numbers its lines itself")]
    Renumbered(String),
    /// A file whose lines do not agree with the expansion.
    #[error("`{0}` is not what was expanded")]
    Misplaced(String),
    /// A file could not be read.
    #[error("{0}")]
    File(String),
}

/// Returns the digest of `text`, which the compiler printed for `-E -dD`, and of
/// what the lines behind it show. `read` gives the bytes of a file that was
/// read, or why it cannot.
///
/// Names of files count with `roots` as names, other text as it is. Cost: a pass
/// over the text, and one over each file that has a line in it.
///
/// # Errors
///
/// If the text may hide something that the compiler will see.
pub fn digest(
    text: &[u8],
    roots: &Roots,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Digest, Unclear> {
    if assembler::may_read_files(text) {
        return Err(Unclear::Assembler);
    }
    let parsed = text::parse(text)?;
    let mut numbers: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (place, number) in parsed.lines() {
        let _is_new = numbers.entry(&place.file).or_default().insert(number);
    }
    let files = numbers
        .into_iter()
        .map(|(file, numbers)| Ok((file, numbers, read(file).map_err(Unclear::File)?)))
        .collect::<Result<Vec<_>, Unclear>>()?;
    let shown = files
        .iter()
        .map(|(file, numbers, bytes)| Ok((*file, shown_lines::of(file, bytes, numbers)?)))
        .collect::<Result<Vec<_>, Unclear>>()?;
    let in_use = definitions::in_use(
        shown.iter().flat_map(|(_, lines)| lines.iter().map(|line| line.text)),
        &parsed.items,
    );
    let is_told = |item: &&Item<'_>| match item {
        Item::Definition { name, .. } => in_use.contains(name),
        _ => true,
    };
    let mut hasher = FieldHasher::new("kache cc expansion");
    add_items(&mut hasher, parsed.items.iter().filter(is_told), &parsed.places, roots);
    add_lines(&mut hasher, &shown, roots);
    Ok(hasher.finish())
}

fn add_items<'a>(
    hasher: &mut FieldHasher,
    items: impl Iterator<Item = &'a Item<'a>>,
    places: &[Place],
    roots: &Roots,
) {
    let mut last = None;
    for item in items {
        let place = places.get(item.place());
        if last != Some(item.place())
            && let Some(Place { file, flags }) = place
        {
            hasher.text("file", &roots.tokenise(file).0).text("flags", flags);
            last = Some(item.place());
        }
        match item {
            Item::Line { number, text, .. } => {
                hasher.bytes("line", &(*number as u64).to_le_bytes()).bytes("text", text);
            }
            Item::Definition { text, .. } => {
                hasher.bytes("definition", text);
            }
            Item::Enter { .. } => {
                hasher.bytes("enter", b"");
            }
            Item::Leave { .. } => {
                hasher.bytes("leave", b"");
            }
        }
    }
}

fn add_lines(hasher: &mut FieldHasher, shown: &[(&str, Vec<Shown<'_>>)], roots: &Roots) {
    let mut shown: Vec<(String, &Vec<Shown<'_>>)> =
        shown.iter().map(|(file, lines)| (roots.tokenise(file).0, lines)).collect();
    shown.sort_by(|a, b| a.0.cmp(&b.0));
    for (file, lines) in shown {
        hasher.text("source", &file);
        for line in lines {
            hasher.bytes("number", &(line.number as u64).to_le_bytes()).bytes("shown", line.text);
        }
    }
}

/// Returns the words of `text`: identifiers, numbers and their like.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(*byte, b'_' | b'$' | 0x80..);
    text.split(move |byte| !is_part(byte)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests;
