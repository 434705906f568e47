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
    let mut words = Vec::new();
    let mut name = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let mut count = 1;
                while letters.next_if_eq(&'\\').is_some() {
                    count += 1;
                }
                let next = letters.peek().copied();
                let escaped = matches!(next, Some(' ' | '\t' | '#' | ':')) && count % 2 == 1;
                let ends_line = matches!(next, Some('\n'));
                let kept = match next {
                    Some(' ' | '\t' | '#') => count / 2,
                    Some(':') if escaped => count - 1,
                    Some('\n') => count - 1,
                    _ => count,
                };
                name.extend(std::iter::repeat_n('\\', kept));
                if escaped || ends_line {
                    let taken = letters.next();
                    name.extend(taken.filter(|letter| *letter != '\n'));
                }
                if ends_line {
                    end_word(&mut words, &mut name);
                }
            }
            '$' => {
                letters.next_if_eq(&'$');
                name.push('$');
            }
            ' ' | '\t' | '\r' => end_word(&mut words, &mut name),
            '\n' => break,
            ':' if matches!(letters.peek(), Some(' ' | '\t' | '\n' | '\\')) => {
                end_word(&mut words, &mut name);
                words.push(Word::Colon);
            }
            letter => name.push(letter),
        }
    }
    end_word(&mut words, &mut name);
    words
}

fn end_word(words: &mut Vec<Word>, name: &mut String) {
    if !name.is_empty() {
        words.push(Word::Name(std::mem::take(name)));
    }
}

#[cfg(test)]
mod tests;
