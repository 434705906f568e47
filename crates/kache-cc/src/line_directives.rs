//! Sources that say they are made from others.
//!
//! Behind `#line 7 "grammar.y"`, GCC shows lines of `grammar.y` in what it
//! says and in annotated assembler text. No dependency file names that file.

/// Returns whether `bytes` has a `#line` directive, or a preprocessor's mark
/// `# 7 "file"`, that names a file.
pub fn names_other_files(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(names_file)
}

fn names_file(line: &[u8]) -> bool {
    let Some(directive) = line.trim_ascii_start().strip_prefix(b"#") else { return false };
    let directive = directive.trim_ascii_start();
    let rest = directive.strip_prefix(b"line").unwrap_or(directive).trim_ascii_start();
    // A macro may stand for the number and the name.
    let is_number = rest.first().is_some_and(u8::is_ascii_digit);
    let is_line = rest.len() < directive.len();
    (is_line && !is_number) || (is_number && rest.contains(&b'"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(names_other_files(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn directives_that_name_a_file_are_found() {
        check("int a;\n#line 1 \"t.y\"\n", true);
        check(" #  line 12 \"t.y\"", true);
        check("# 1 \"pi.c\" 2\n", true);
        check("#line LINE_AND_FILE\n", true);
        check("#line 7\n", false);
        check("#include \"a.h\"\n# if 1\n", false);
        check("char *s = \"#line 1\";", false);
    }
}
