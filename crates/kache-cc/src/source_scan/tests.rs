use proptest::prelude::*;

use super::*;

fn code(text: &str) -> SourceFacts {
    scan(text.as_bytes(), Text::Code)
}

#[track_caller]
fn time(texts: &[&str], expected: [bool; 3]) {
    let mut facts = SourceFacts::default();
    for text in texts {
        facts.merge(&code(text));
    }
    let found = [facts.mentions_date(), facts.mentions_time(), facts.mentions_timestamp()];
    assert_eq!(found, expected, "{texts:?}");
    assert_eq!(facts.mentions_time_macros(), expected.contains(&true), "{texts:?}");
}

#[test]
fn time_macros_are_seen_by_name() {
    time(&["int a;"], [false; 3]);
    time(&["char *s = __DATE__;"], [true, false, false]);
    time(&["f(__TIME__)", "g(__TIMESTAMP__)"], [false, true, true]);
    time(&["__TIME", "X__TIME__ __TIME__X __TIMES__"], [false; 3]);
    time(&["__TI\\\nME__"], [false, true, false]);
    time(&["__TI\\ \r\nME__", "__DA??/\nTE__"], [true, true, false]);
    time(&["S=__TIME__"], [false, true, false]);
}

#[test]
fn time_macros_are_seen_where_they_are_pasted_together() {
    let paste = "#define CAT(a, b) a##b\n";
    time(&[paste, "CAT(__TI, ME__)"], [false, true, false]);
    time(&[paste, "CAT(__DATE, __)"], [true, false, false]);
    time(&["%:define CAT(a, b) a%:%:b", "CAT(__TIMES, TAMP__)"], [false, false, true]);
    time(&["CAT(__TI, ME__)"], [false; 3]);
    time(&[paste, "__TI"], [false; 3]);
    time(&[paste, "TIME(T) DATE(T, E)"], [false; 3]);
    time(&[paste, "T I M E _ D A"], [false; 3]);
    time(&["#define CAT3(a, b, c) a##b##c", "CAT3(__, TIME, __)"], [false, true, false]);
}

#[test]
fn what_nothing_can_paste_is_no_piece() {
    let paste = "#define CAT(a, b) a##b\n";
    time(&[paste, "/* __TI */ ME__"], [false; 3]);
    time(&[paste, "char c = '_'; s = \"_\"; TIME DATE"], [false; 3]);
    time(&[paste, "s = \"OR\"; t = \"R\"; /* _ */ TIME"], [false; 3]);
    time(&[paste, "#ifndef _\n# define _(args) args\n#endif\nint f _((int)); TIME"], [false; 3]);
    time(&[paste, "s = \"\\\"_\"; TIME"], [false; 3]);
    for seen in [
        "/* ' */ _ TIME",
        "c = '\"'; _ TIME",
        "s = \"/*\"; _ TIME",
        "// it's /* here\n _ TIME",
        "#error it's\n _ TIME",
        "n = 1'000; _ TIME; 'x'",
        "s = R\"(/*)\"; _ TIME",
        "s = u8R\"(/*)\"; _ TIME",
        "// _ TIME",
        "#define T(a) __TIME_ ## _ (a)",
    ] {
        time(&[paste, seen], [false, true, false]);
    }
}

#[track_caller]
fn embeds(text: &str, in_code: bool, in_assembler: bool) {
    assert_eq!(code(text).may_embed(), in_code, "{text}");
    assert_eq!(scan(text.as_bytes(), Text::Assembler).may_embed(), in_assembler, "{text}");
}

#[test]
fn directives_that_read_files_are_seen() {
    embeds("asm(\".incbin \\\"x\\\"\");", true, true);
    embeds("asm(R\"(.INCBIN \"x\")\");", true, true);
    embeds(".include \"x.inc\"\n", true, true);
    embeds("#include \"x.inc\"\n", false, false);
    embeds("s.include(x); s.included", true, true);
    embeds("#embed \"x\"\n", true, true);
    embeds("# \t embed <x>\n", true, true);
    embeds("%: embed <x>\n", true, true);
    embeds("#/* */embed <x>\n", true, true);
    embeds("we embed it", false, false);
}

#[test]
fn directives_that_are_put_together_are_seen() {
    embeds("asm(\".inc\" \"bin \\\"x\\\"\");", true, true);
    embeds("asm(\".\" \"incbin \\\"x\\\"\");", true, true);
    embeds("asm(\".\"\n  \"inc\" \"bin\");", true, true);
    embeds("__asm__(\".inc\" STR(bin));", true, true);
    embeds("asm(\".\\x69ncbin x\");", true, true);
    embeds("#define A \".inc\"\n#define B \"bin\"\nasm(A B);", true, false);
    embeds("#define P(a, b) #a #b\nasm(P(.inc, bin));", true, true);
    embeds("asm(\".inc\\\nbin x\");", true, true);
    embeds("asm(\".macro m a\\n .\\\\a\\n\");", true, true);
    embeds("asm(\"nop\"); puts(\"done.\\n\"); puts(\"a.\" \"b.\"); x.in = 1; f(x.i);", false, true);
    embeds("puts(\".inc\" \"bin\");", false, true);
    embeds(".macro m a\n .\\a x\n.endm\n", false, true);
    embeds(".section .init\n.text\n", false, false);
}

#[test]
fn questions_about_files_are_seen() {
    assert!(code("#if __has_include(<x>)").looks_for_headers());
    assert!(code("__has_embed(x)").looks_for_headers());
    assert!(!code("#if has_include").looks_for_headers());
    assert!(code("#pragma GCC dependency \"x\"").reads_times());
    assert!(code("_Pragma(\"GCC dependency \\\"x\\\"\")").reads_times());
    assert!(!code("/* a GCC extension, a dependency */").reads_times());
}

proptest! {
    #[test]
    fn what_merging_finds_does_not_depend_on_the_order(
        texts in proptest::collection::vec("(__|_|TI|ME|DA|TE|STAMP|##| |\\.inc|asm|\"|\n)*", 0..5),
    ) {
        let merged = |texts: &mut dyn Iterator<Item = &String>| {
            let mut facts = SourceFacts::default();
            for text in texts {
                facts.merge(&code(text));
            }
            facts
        };
        prop_assert_eq!(merged(&mut texts.iter()), merged(&mut texts.iter().rev()));
    }

    #[test]
    fn a_name_is_seen_wherever_it_stands(
        before in "[ -~\n]{0,8}", after in "[ -~\n]{0,8}", join in proptest::bool::ANY,
    ) {
        let name = if join { "__TI\\\nME__" } else { "__TIME__" };
        let text = format!("{before} {name} {after}");
        prop_assert!(code(&text).mentions_time());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(0_u8..=255, 0..64)) {
        scan(&bytes, Text::Code);
        scan(&bytes, Text::Assembler);
    }
}
