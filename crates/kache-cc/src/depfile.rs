//! Make-style dependency files, as compilers write them.
//!
//! With `-MD` a compiler writes one rule, wrapped over lines, whose
//! prerequisites are the source and every file it included:
//!
//! ```text
//! dir/x.o: x.c /usr/include/stdc-predef.h \
//!  my\ header.h
//! ```
//!
//! With `-MP`, empty rules for the headers follow. Spaces, `#` and `$` are
//! escaped as GNU make wants it; a backslash elsewhere stands for itself.

/// Why a text is not a compiler's complete dependency file.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DepfileError {
    /// The text does not end with a line's end.
    #[error("dependency file stops within a line")]
    Unterminated,
    /// The first rule has no colon, or no prerequisites.
    #[error("dependency file has no rule with prerequisites")]
    NoRule,
}

/// Returns the prerequisites of the first rule in `text`, unescaped, in order:
/// the source and all that was included.
///
/// Paths are as the compiler found them: relative ones are relative to its
/// working directory.
pub fn parse(text: &str) -> Result<Vec<String>, DepfileError> {
    if !text.ends_with('\n') {
        return Err(DepfileError::Unterminated);
    }
    let words = words_of_first_rule(text);
    let is_colon = |word: &Word| matches!(word, Word::Colon);
    let colon = words.iter().position(is_colon).ok_or(DepfileError::NoRule)?;
    let prerequisites: Vec<String> = words
        .into_iter()
        .skip(colon + 1)
        .filter_map(|word| match word {
            Word::Name(name) => Some(name),
            Word::Colon => None,
        })
        .collect();
    if prerequisites.is_empty() { Err(DepfileError::NoRule) } else { Ok(prerequisites) }
}

enum Word {
    Name(String),
    /// The colon after the targets.
    Colon,
}

/// Splits the first logical line at unescaped blanks.
fn words_of_first_rule(text: &str) -> Vec<Word> {
    let mut splitter = Splitter { words: Vec::new(), name: String::new(), rest: text };
    while splitter.step().is_some() {}
    splitter.end_word();
    splitter.words
}

struct Splitter<'a> {
    words: Vec<Word>,
    /// The word that is being read.
    name: String,
    rest: &'a str,
}

impl Splitter<'_> {
    /// Reads one letter, or what is escaped; `None` at the end of the rule.
    fn step(&mut self) -> Option<()> {
        let letter = self.take()?;
        match letter {
            '\\' => self.backslashes(),
            '$' => {
                self.rest = self.rest.strip_prefix('$').unwrap_or(self.rest);
                self.name.push('$');
            }
            ' ' | '\t' => self.end_word(),
            '\n' => return None,
            ':' if self.rest.starts_with([' ', '\t', '\n', '\\']) => {
                self.end_word();
                self.words.push(Word::Colon);
            }
            letter => self.name.push(letter),
        }
        Some(())
    }

    fn take(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next()?;
        self.rest = letters.as_str();
        Some(letter)
    }

    /// Reads a row of backslashes, of which the first is taken already.
    ///
    /// Before a blank or `#`, each pair of them is one, and a last odd one
    /// escapes what follows; elsewhere they stand for themselves.
    fn backslashes(&mut self) {
        let more = self.rest.len() - self.rest.trim_start_matches('\\').len();
        self.rest = self.rest.trim_start_matches('\\');
        let count = more + 1;
        let is_odd = count % 2 == 1;
        let (kept, is_escape) = match self.rest.chars().next() {
            Some(' ' | '\t' | '#') => (count / 2, is_odd),
            Some(':') if is_odd => (count - 1, true),
            Some('\n') => (count - 1, false),
            _ => (count, false),
        };
        self.name.extend(std::iter::repeat_n('\\', kept));
        if is_escape {
            let letter = self.take();
            self.name.extend(letter);
        } else if let Some(after) = self.rest.strip_prefix('\n') {
            self.rest = after;
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        if !self.name.is_empty() {
            self.words.push(Word::Name(std::mem::take(&mut self.name)));
        }
    }
}

#[cfg(test)]
mod tests;
