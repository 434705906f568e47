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
        let (name, attached) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, joined_script(option)),
        };
        let name = if attached.is_some() && option.starts_with('T') { "T" } else { name };
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

/// Returns the file of `-Tfile`, which `-Ttext` and the like are not.
fn joined_script(option: &str) -> Option<&str> {
    let file = option.strip_prefix('T').filter(|file| !file.is_empty())?;
    let address = ["text", "data", "bss", "rodata", "ldata"];
    (!address.iter().any(|section| file.starts_with(section))).then_some(file)
}

fn refused(word: &str, why: &'static str) -> Refusal {
    Refusal::not_modelled(format!("-C link-arg={word}"), why)
}
