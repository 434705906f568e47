//! `kache list`: what is in the store.

use clap::ValueEnum;
use kache_store::{Manifest, scan};
use serde::Serialize;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Human, Output};
use crate::quantity::{self, moment_of_ns};
use crate::table::{Align, Table};

/// How many digits of a key are shown to people.
const KEY_DIGITS: usize = 12;

/// List the entries of the store
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// Only entries of this crate; "-" and "_" are the same
    #[arg(long = "crate", value_name = "NAME")]
    crate_name: Option<String>,
    /// What comes first: the largest, the least recently used, or the first by name
    #[arg(long, value_enum, default_value_t = Order::Name)]
    sort: Order,
}

/// In which order entries are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// Largest first
    Size,
    /// Least recently used first
    Age,
    /// By crate name
    Name,
}

/// The result.
#[derive(Debug, Serialize)]
struct Listing {
    entries: Vec<Listed>,
    #[serde(skip)]
    now: std::time::SystemTime,
}

/// One entry.
#[derive(Debug, Serialize)]
struct Listed {
    name: String,
    crate_types: Vec<String>,
    lang: String,
    key: String,
    unit: String,
    files: usize,
    size_bytes: u64,
    compile_ms: u64,
    incremental: bool,
    created: String,
    last_used: String,
    #[serde(skip)]
    created_ns: i64,
    #[serde(skip)]
    last_use_ns: i64,
}

impl Listed {
    fn of(key: kache_key::EntryKey, manifest: Manifest, last_use_ns: i64) -> Self {
        Self {
            key: key.to_string(),
            unit: manifest.unit.to_string(),
            files: manifest.outputs.len() + manifest.texts.len(),
            size_bytes: manifest.size_bytes(),
            compile_ms: manifest.compile_ms,
            incremental: manifest.incremental,
            created: quantity::timestamp(moment_of_ns(manifest.created_ns)),
            last_used: quantity::timestamp(moment_of_ns(last_use_ns)),
            created_ns: manifest.created_ns,
            last_use_ns,
            name: manifest.name,
            crate_types: manifest.crate_types,
            lang: manifest.lang,
        }
    }
}

/// Prints the entries.
pub(crate) fn run(context: &Context, out: &mut Output, args: &ListArgs) -> Result<(), CliError> {
    let store = context.store()?;
    let wanted = args.crate_name.as_ref().map(|name| name.replace('-', "_"));
    let mut entries = Vec::new();
    scan::entries(store.layout(), |key, manifest, last_use_ns| {
        if wanted.as_ref().is_none_or(|wanted| manifest.name.replace('-', "_") == *wanted) {
            entries.push(Listed::of(key, manifest, last_use_ns));
        }
    })?;
    match args.sort {
        Order::Size => entries.sort_by_key(|entry| std::cmp::Reverse(entry.size_bytes)),
        Order::Age => entries.sort_by_key(|entry| entry.last_use_ns),
        Order::Name => entries.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key))),
    }
    out.result(&Listing { entries, now: context.now })
}

impl Human for Listing {
    fn print(&self, out: &mut Output) -> Result<(), CliError> {
        if self.entries.is_empty() {
            return out.line("no entries");
        }
        let mut table = Table::headed([
            ("name", Align::Left),
            ("type", Align::Left),
            ("size", Align::Right),
            ("compiled in", Align::Right),
            ("age", Align::Right),
            ("used", Align::Right),
            ("key", Align::Left),
        ]);
        for entry in &self.entries {
            table.row([
                entry.name.clone(),
                entry.crate_types.join("+"),
                quantity::size(entry.size_bytes),
                quantity::milliseconds(entry.compile_ms),
                quantity::age(self.now, moment_of_ns(entry.created_ns)),
                quantity::age(self.now, moment_of_ns(entry.last_use_ns)),
                entry.key.chars().take(KEY_DIGITS).collect(),
            ]);
        }
        out.table(&table)?;
        let bytes = self.entries.iter().map(|entry| entry.size_bytes).sum();
        let entries = quantity::count(self.entries.len() as u64, "entry", "entries");
        out.line(format_args!("{entries}, {}", quantity::size(bytes)))
    }
}
