//! Runs a command, or puts its outputs in place if it was run before on the
//! same inputs.
//!
//! ```text
//! cargo run --example cached_command -- CACHE_DIR INPUTS OUTPUTS COMMAND [ARGS...]
//! cargo run --example cached_command -- /tmp/cache 'a.txt,b.txt' 'sum.txt' sh -c 'cat a.txt b.txt > sum.txt'
//! ```
//!
//! INPUTS and OUTPUTS are lists of files with commas between them; outputs are
//! below the current directory. The key is made of the command line, the names
//! of both, and the contents of the inputs.

use std::error::Error;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use kache_key::fields::FieldHasher;
use kache_key::{BlobId, Input, InputRecord, PathToken, RecordedInput, UnitId};
use kache_store::{BlobError, Manifest, Output, Sharing, Store, Trust, UnitRecords, Wanted, blob};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    run(Path::new(""), &args).map(|_| ())
}

/// Runs or restores in `dir`, and returns whether the outputs came from the cache.
pub(crate) fn run(dir: &Path, args: &[String]) -> Result<bool, Box<dyn Error>> {
    let [cache_dir, inputs, outputs, program, arguments @ ..] = args else {
        return Err("usage: CACHE_DIR INPUTS OUTPUTS COMMAND [ARGS...]".into());
    };
    let store = Store::at(Path::new(cache_dir));
    let mut fields = FieldHasher::new("cached command");
    fields.text("program", program).list("arguments", arguments.iter().map(String::as_str));
    let unit = UnitId(fields.text("inputs", inputs).text("outputs", outputs).finish());
    let record = read_inputs(dir, inputs)?;
    let key = record.entry_key(unit);
    if let Some(manifest) = store.manifest(key)? {
        // Whatever cannot be restored is made anew, as if there were no entry.
        if manifest.outputs.iter().all(|output| restore(&store, dir, output).is_ok()) {
            return Ok(true);
        }
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir.canonicalize().or_else(|_| std::env::current_dir())?);
    let status = command.status()?;
    if !status.success() || read_inputs(dir, inputs)? != record {
        return Err(format!("not stored: {status}, or an input has changed").into());
    }
    let publisher = store.publisher()?;
    let mut manifest = Manifest::of(unit, program);
    for name in outputs.split(',') {
        let path = dir.join(name);
        let metadata = path.metadata()?;
        let id = BlobId(blob::digest_file(&path)?.0);
        publisher.adopt(&path, id, &metadata, Sharing::OneFile)?;
        let mode = metadata.permissions().mode() & 0o777;
        let (role, name) = ("output".to_owned(), name.to_owned());
        manifest.outputs.push(Output { role, name, blob: id, size: metadata.len(), mode });
    }
    let mut records = UnitRecords::default();
    records.remember(record);
    publisher.finish(key, &manifest, unit, &records)?;
    Ok(false)
}

fn read_inputs(dir: &Path, names: &str) -> Result<InputRecord, Box<dyn Error>> {
    let read = |name: &str| {
        let (digest, _) = blob::digest_file(&dir.join(name))?;
        Ok(RecordedInput { input: Input::File(PathToken(name.to_owned())), digest, stamp: None })
    };
    Ok(InputRecord::of(names.split(',').map(read).collect::<Result<_, Box<dyn Error>>>()?))
}

fn restore(store: &Store, dir: &Path, output: &Output) -> Result<(), BlobError> {
    let target = &dir.join(&output.name);
    let wanted = Wanted {
        blob: output.blob,
        size_bytes: output.size,
        mode: output.mode,
        target,
        sharing: Sharing::OneFile,
    };
    store.restore(&wanted, Trust::Tag).map(|_| ())
}
