//! What the sources of a unit give away, each read once.

use kache_key::rustc::variable_use::{VariableUse, use_of};
use memchr::memmem;

/// Directives by which an assembler reads other files.
const READING_DIRECTIVES: [&str; 4] = ["incbin", "INCBIN", ".include", ".INCLUDE"];

/// What was seen in the sources so far.
pub(super) struct Survey {
    /// How they use each variable that somebody asked about.
    variables: Vec<(String, VariableUse)>,
    has_assembly: bool,
    has_reading_directive: bool,
}

impl Survey {
    /// Starts a survey that also asks how sources use `variables`.
    pub(super) fn new(variables: impl IntoIterator<Item = String>) -> Self {
        let unseen = |name| (name, VariableUse::NotMentioned);
        let variables = variables.into_iter().map(unseen).collect();
        Self { variables, has_assembly: false, has_reading_directive: false }
    }

    /// Looks at one source.
    pub(super) fn look_at(&mut self, source: &[u8]) {
        self.has_assembly |= memmem::find(source, b"asm").is_some();
        self.has_reading_directive |= has_reading_directive(source);
        if self.variables.is_empty() {
            return;
        }
        if let Ok(text) = std::str::from_utf8(source) {
            for (name, found) in &mut self.variables {
                *found = (*found).max(use_of(name, text));
            }
        }
    }

    /// Returns whether inline assembly may read a file that the compiler names
    /// nowhere. Which source a directive is in does not matter: one can include
    /// another's text.
    pub(super) fn may_read_by_assembler(&self) -> bool {
        self.has_assembly && self.has_reading_directive
    }

    /// Returns whether `variable` only says where included files are.
    pub(super) fn only_locates_includes(&self, variable: &str) -> bool {
        let mut asked = self.variables.iter();
        asked.any(|(name, found)| name == variable && *found == VariableUse::IncludesOnly)
    }
}

fn has_reading_directive(source: &[u8]) -> bool {
    let is_end = |after: Option<&u8>| {
        after.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\'))
    };
    READING_DIRECTIVES.iter().any(|directive| {
        memmem::find_iter(source, directive).any(|at| is_end(source.get(at + directive.len())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sources: &[&str], expected: bool) {
        let mut survey = Survey::new([]);
        for source in sources {
            survey.look_at(source.as_bytes());
        }
        assert_eq!(survey.may_read_by_assembler(), expected, "{sources:?}");
    }

    #[test]
    fn an_assembler_may_read_files_by_a_directive_in_any_source() {
        check(&[r#"global_asm!(".incbin \"a.bin\"");"#], true);
        check(&["naked_asm!(include_str!(\"a.s\"))", ".include \"b.s\""], true);
        check(&[r#"asm!(".include\t'b.s'")"#], true);
        check(&[r#"use std::arch::asm as a; a!(concat!(".incbin", "x"))"#], true);
        check(&["asm!(\".INCBIN x\")"], true);
        check(&["asm!(\"\")", ".incbin"], true);
        check(&["asm!(\"nop\")", "foo.included", "incbinary"], false);
        check(&["include!(\"a.rs\")", ".incbin \"a\""], false);
    }
}
