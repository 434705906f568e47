//! What arguments for the linker read and write.

use super::refusal::Refusal;

/// What a list of linker arguments implies beyond its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkFacts {
    /// Files that the arguments name and the linker reads as settings.
    pub(crate) content_files: Vec<String>,
    /// Debug sections of the output are compressed.
    pub(crate) compresses_debug: bool,
}

/// Options (without leading dashes) that name a file whose bytes decide the output.
const READS: &[&str] = &[
    "call-graph-ordering-file",
    "default-script",
    "dT",
    "dynamic-list",
    "export-dynamic-symbol-list",
    "exported_symbols_list",
    "fplugin",
    "fprofile-use",
    "just-symbols",
    "lto-basic-block-sections",
    "lto-cs-profile-file",
    "lto-sample-profile",
    "order_file",
    "plugin",
    "remap-inputs-file",
    "retain-symbols-file",
    "script",
    "section-ordering-file",
    "specs",
    "symbol-ordering-file",
    "T",
    "unexported_symbols_list",
    "version-script",
];

/// Options (without leading dashes) that write a file, or print what is not replayed.
const WRITES: &[&str] = &[
    "M",
    "Map",
    "cref",
    "dependency-file",
    "dependency_info",
    "emit-llvm",
    "lto-obj-path-prefix",
    "map",
    "o",
    "object_path_lto",
    "opt-remarks-filename",
    "out-implib",
    "output",
    "print-archive-stats",
    "print-map",
    "print-symbol-order",
    "reproduce",
    "save-temps",
    "stats",
    "t",
    "thinlto-emit-imports-files",
    "thinlto-index-only",
    "time-trace",
    "time-trace-file",
    "trace",
    "why-extract",
    "why-live",
];

/// Options of link.exe (without the slash) that write a file.
const MSVC_WRITES: &[&str] = &["OUT", "PDB", "PDBSTRIPPED", "MAP", "IMPLIB", "ILK", "REPRO"];

/// Returns what `args` read, or refuses those that write what is not modelled.
pub(crate) fn inspect(args: &[String]) -> Result<LinkFacts, Refusal> {
    let mut facts = LinkFacts::default();
    let mut words = args.iter().flat_map(|arg| words(arg)).peekable();
    while let Some(word) = words.next() {
        if word.starts_with('@') {
            return Err(refused(word, "names an argument file that is not keyed"));
        }
        if let Some(option) = word.strip_prefix('/') {
            let name = option.split(':').next().unwrap_or(option).to_ascii_uppercase();
            if MSVC_WRITES.contains(&name.as_str()) {
                return Err(refused(word, "writes a file that is not modelled"));
            }
        }
        let Some(option) = word.strip_prefix('-').map(|rest| rest.trim_start_matches('-')) else {
            continue;
        };
        let (name, attached) = match (joined_script(option), option.split_once('=')) {
            (Some(file), _) => ("T", Some(file)),
            (None, Some((name, value))) => (name, Some(value)),
            (None, None) => (option, None),
        };
        if WRITES.contains(&name) || option.contains("save-temps") {
            return Err(refused(word, "writes what is not modelled"));
        }
        if READS.contains(&name)
            && let Some(file) = attached.or_else(|| words.peek().copied())
        {
            facts.content_files.push(file.to_owned());
        }
        facts.compresses_debug |= compresses(option);
    }
    Ok(facts)
}

/// What `-B` is followed by where it names no directory.
const BINDINGS: &[&str] =
    &["static", "dynamic", "shareable", "symbolic", "symbolic-functions", "group"];

/// Returns the directories that `args` tell the driver to look in first, for
/// programs and start objects as well as for libraries (`-B`).
pub(crate) fn prefixes(args: &[String]) -> Vec<&str> {
    let mut dirs = values(args, "-B");
    dirs.retain(|dir| !BINDINGS.contains(dir));
    dirs
}

/// Returns the directories that `args` add to those in which libraries are
/// looked for, [`prefixes`] among them.
pub(crate) fn library_dirs(args: &[String]) -> Vec<&str> {
    [prefixes(args), values(args, "-L"), values(args, "--library-path=")].concat()
}

/// Returns what in `args` may be the path of something that is linked: each word, what
/// stands in it behind `-L` and on both sides of a `=`. Not a place where a program will
/// look for its libraries when it is loaded.
pub(crate) fn paths(args: &[String]) -> impl Iterator<Item = &str> {
    let words = args.iter().flat_map(|arg| words(arg)).flat_map(|word| word.split('='));
    let named = words.map(|word| word.strip_prefix("-L").unwrap_or(word));
    named.filter(|word| !word.starts_with("$ORIGIN"))
}

/// Returns what follows `option` in `args`, in the same word or as the next.
fn values<'a>(args: &'a [String], option: &str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut words = args.iter().flat_map(|arg| words(arg));
    while let Some(word) = words.next() {
        if word == option.trim_end_matches('=') {
            found.extend(words.next());
        } else if let Some(value) = word.strip_prefix(option) {
            found.push(value);
        }
    }
    found
}

/// Returns whether the text of an option asks for compressed debug sections.
pub(crate) fn compresses(option: &str) -> bool {
    option.contains("compress-debug-sections") || option == "gz" || option.starts_with("gz=")
}

/// Splits what a compiler driver passes on (`-Wl,a,b`) into the linker's own words.
fn words(arg: &str) -> impl Iterator<Item = &str> {
    let passed_on = arg.strip_prefix("-Wl,");
    let whole = passed_on.is_none() && arg != "-Xlinker";
    let whole = whole.then_some(arg);
    passed_on.into_iter().flat_map(|list| list.split(',')).chain(whole)
}

/// Returns the file of `-Tfile` or `-T=file`, which `-Ttext` and the like are not.
fn joined_script(option: &str) -> Option<&str> {
    let file = option.strip_prefix('T')?.trim_start_matches('=');
    let address = ["text", "data", "bss", "rodata", "ldata"];
    let is_address = address.iter().any(|section| file.starts_with(section));
    (!file.is_empty() && !is_address).then_some(file)
}

fn refused(word: &str, why: &'static str) -> Refusal {
    Refusal::not_modelled(format!("-C link-arg={word}"), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(line: &str) -> Result<LinkFacts, Refusal> {
        inspect(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[track_caller]
    fn reads(line: &str, files: &[&str]) {
        assert_eq!(inspected(line).unwrap().content_files, files, "{line}");
    }

    #[test]
    fn files_with_settings_are_found_in_every_spelling() {
        reads("-Wl,--version-script=a.map", &["a.map"]);
        reads("-Wl,--version-script,a.map,-x", &["a.map"]);
        reads("-Wl,-version-script=a.map -T b.ld", &["a.map", "b.ld"]);
        reads("-Xlinker --dynamic-list -Xlinker /d.list", &["/d.list"]);
        reads("-Tlink.x", &["link.x"]);
        reads("-Wl,-Ttext=0x1000 -Tdata=0", &[]);
        reads("-L/x -lfoo /y/libz.a -fuse-ld=lld -Wl,-rpath,/x", &[]);
    }

    #[track_caller]
    fn looks_in(line: &str, dirs: &[&str]) {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(library_dirs(&args), dirs, "{line}");
    }

    #[test]
    fn directories_are_found_in_every_spelling() {
        looks_in("-L/x -L y -Wl,-L,z -Wl,-Lw -lfoo", &["/x", "y", "z", "w"]);
        looks_in("-Xlinker -L -Xlinker /x", &["/x"]);
        looks_in("-Wl,--library-path=/x,--library-path,/y", &["/x", "/y"]);
        looks_in("-B/x/ -B y -Wl,-Bstatic,-Bsymbolic,-Bdynamic -L", &["/x/", "y"]);
    }

    #[test]
    fn paths_are_found_in_every_spelling() {
        let line = "/a/libb.a -L/c -Wl,-L,/d,--library-path=/e -Xlinker /f -Wl,-rpath,$ORIGIN/g";
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let found: Vec<&str> = paths(&args).filter(|word| word.contains('/')).collect();
        assert_eq!(found, ["/a/libb.a", "/c", "/d", "/e", "/f"]);
    }

    #[test]
    fn arguments_that_write_files_are_refused() {
        let lines = [
            "@args.txt",
            "-Wl,@args.txt",
            "-Wl,-Map=out.map",
            "-Wl,-Map,out.map",
            "-o out",
            "-Wl,--dependency-file=x.d",
            "-Xlinker --out-implib -Xlinker x",
            "-save-temps=obj",
            "-Wl,-plugin-opt=save-temps",
            "/PDB:x.pdb",
            "/out:x.exe",
        ];
        for line in lines {
            assert!(inspected(line).is_err(), "{line}");
        }
    }

    #[test]
    fn compressed_debug_sections_are_noticed() {
        assert!(inspected("-Wl,--compress-debug-sections=zlib").unwrap().compresses_debug);
        assert!(inspected("-gz").unwrap().compresses_debug);
        assert!(!inspected("-g -z relro").unwrap().compresses_debug);
    }
}
