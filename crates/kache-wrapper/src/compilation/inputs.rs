//! What a compilation read, gathered after it: each thing must be as it was
//! before the compiler started.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kache_key::input::{FileStamp, absent_digest, root_digest};
use kache_key::rustc::messages::Segment;
use kache_key::{BlobId, Digest, Input, RecordedInput, RootKind, Roots, evidence};
use kache_store::digests::KnownDigests;
use kache_store::{UnitRecords, blob, clock, identity};
use rustix::fs::OFlags;

use super::Compilation;
use super::current::Links;
use super::products::{self, Form, Made, Product};
use crate::files;

/// The clocks just before the compiler started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    /// The time, which no change up to now can be later than.
    pub(crate) wall_clock_ns: i64,
    /// The clock that file times come from, which no change from now on can be
    /// earlier than. It ticks every few milliseconds.
    file_clock_ns: i64,
}

impl Start {
    /// Takes the clocks.
    pub(crate) fn now() -> Self {
        let file_clock_ns = clock::file_clock_ns();
        Self { file_clock_ns, wall_clock_ns: clock::now_ns() }
    }

    /// Takes the clocks once the one of file times has passed this moment: whatever
    /// changed before this is called is then seen to be older. Waits a few milliseconds.
    pub(crate) fn after_tick() -> Self {
        // The clock stands still while a busy machine's other processor is to move it,
        // and some file times are finer than it is.
        const A_TICK_AT_MOST: Duration = Duration::from_secs(1);

        let (moment_ns, began) = (clock::now_ns(), Instant::now());
        while clock::file_clock_ns() <= moment_ns && began.elapsed() < A_TICK_AT_MOST {
            thread::sleep(Duration::from_millis(1));
        }
        Self::now()
    }

    /// Returns whether what has this metadata was there, as it is, before.
    pub(crate) fn is_after(&self, metadata: &Metadata) -> bool {
        identity::stamp_of(metadata).ctime_ns < self.file_clock_ns
    }
}

/// Inputs under collection. An error of any step is why the result must not
/// be stored.
pub(crate) struct Inputs<'a> {
    compilation: &'a Compilation<'a>,
    pub(crate) start: Start,
    pub(crate) list: Vec<RecordedInput>,
    /// Roots that a product names.
    bound: BTreeSet<RootKind>,
    /// Roots that a product names by their real paths.
    bound_to_real: BTreeSet<RootKind>,
    /// Roots behind symbolic links, by their real paths.
    aliases: Roots,
    known: OnceCell<KnownDigests>,
}

impl<'a> Inputs<'a> {
    pub(crate) fn new(compilation: &'a Compilation<'a>, start: Start) -> Result<Self, String> {
        if clock::now_ns() < start.wall_clock_ns {
            return Err("the clock was set back while the compiler ran".to_owned());
        }
        let aliases = products::real_paths_of_links(&compilation.roots);
        let (bound, bound_to_real) = (BTreeSet::new(), BTreeSet::new());
        let (list, known) = (Vec::new(), OnceCell::new());
        Ok(Self { compilation, start, list, bound, bound_to_real, aliases, known })
    }

    /// Returns the known directories.
    pub(crate) fn roots(&self) -> &'a Roots {
        &self.compilation.roots
    }

    pub(crate) fn add(&mut self, input: Input, digest: Digest, stamp: Option<FileStamp>) {
        self.list.push(RecordedInput { input, digest, stamp });
    }

    /// Notes that nothing is at `path`, where something would have been used.
    pub(crate) fn absent(&mut self, path: &Path) {
        let token = self.compilation.roots.tokenise(&path.to_string_lossy());
        self.add(Input::Absent(token), absent_digest(false), None);
    }

    /// Adds the file `path`, spelt as the compiler did, which it read. Returns its bytes.
    pub(crate) fn file(&mut self, path: &str) -> Result<Vec<u8>, String> {
        let (bytes, stamp) = self.read_unchanged(&self.compilation.absolute(path))?;
        let token = self.compilation.roots.tokenise(path);
        self.add(Input::File(token), Digest::of(&bytes), Some(stamp));
        Ok(bytes)
    }

    /// Reads a file that must not have changed since before the compiler started.
    ///
    /// File times lag by up to one tick of the kernel's clock, so a change in the
    /// tick in which the compiler was started looks like one before it. The
    /// compiler needs longer than that to load itself, and then reads the
    /// changed file too.
    ///
    /// The stamp is taken after the last byte: it shows every change up to then, and
    /// a file that took the place of another changed when it did.
    pub(crate) fn read_unchanged(&self, path: &Path) -> Result<(Vec<u8>, FileStamp), String> {
        let failed = |e: io::Error| format!("`{}`: {e}", path.display());
        // Opening a pipe might wait for ever.
        let mut options = File::options();
        options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let mut file = options.open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        let whole = read_to_end(&mut file, &mut bytes);
        let metadata = file.metadata().map_err(failed)?;
        whole.map_err(failed)?;
        let stamp = self.unchanged(path, &metadata)?;
        if stamp.size != bytes.len() as u64 {
            return Err(changed(path));
        }
        Ok((bytes, stamp))
    }

    /// Adds a file of which nobody needs the bytes, only the digest: it may be
    /// large. Not read where a stamp in the `earlier` records vouches for it.
    pub(crate) fn digested_file(
        &mut self,
        path: &Path,
        earlier: &UnitRecords,
    ) -> Result<(), String> {
        let input = Input::File(self.compilation.roots.tokenise(&path.to_string_lossy()));
        self.digested(input, path, earlier)
    }

    /// Adds `input`, the file `path`, by its digest.
    pub(crate) fn digested(
        &mut self,
        input: Input,
        path: &Path,
        earlier: &UnitRecords,
    ) -> Result<(), String> {
        let stamp = self.stamp_unchanged(path)?;
        if let Some((digest, stamp)) = earlier.digest_of(&input, &stamp) {
            self.add(input, digest, Some(stamp));
            return Ok(());
        }
        let (digest, stamp) = self.digest(path, &stamp)?;
        self.add(input, digest, Some(stamp));
        Ok(())
    }

    /// Returns the digest of the file `path`, which looks like `now`, and the stamp that
    /// vouches for it. Most files of a system are read once for all units.
    pub(crate) fn digest(
        &self,
        path: &Path,
        now: &FileStamp,
    ) -> Result<(Digest, FileStamp), String> {
        let (digest, stamp) =
            self.known().of_file(path, now).map_err(|failure| failure.to_string())?;
        if !stamp.is_of_same(now) {
            return Err(changed(path));
        }
        Ok((digest, stamp))
    }

    /// Returns what is known of files without reading them.
    pub(crate) fn known(&self) -> &KnownDigests {
        self.known.get_or_init(|| KnownDigests::open(self.compilation.store.layout()))
    }

    fn stamp_unchanged(&self, path: &Path) -> Result<FileStamp, String> {
        let metadata = fs::metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        self.unchanged(path, &metadata)
    }

    /// Returns the stamp of a plain file that has not changed since before the
    /// compiler started.
    pub(crate) fn unchanged(&self, path: &Path, metadata: &Metadata) -> Result<FileStamp, String> {
        if !metadata.is_file() {
            // Reading it might wait for ever, or give other bytes.
            return Err(format!("`{}` is not a plain file", path.display()));
        }
        let stamp = identity::stamp_of(metadata);
        if latest_change_ns(&stamp) > self.start.wall_clock_ns {
            return Err(changed(path));
        }
        Ok(stamp)
    }

    /// Hashes a product and binds the entry to the roots it names.
    pub(crate) fn product(
        &mut self,
        product: &Product,
        may_be_empty: bool,
    ) -> Result<Made, String> {
        let path = &product.path;
        let Form::Bytes { sharing } = product.form else {
            return Err(format!("`{}` is a text", path.display()));
        };
        let metadata = self.check_written(path)?;
        let found = products::examine(path, &self.compilation.roots, &self.aliases)
            .map_err(|e| format!("`{}`: {e}", path.display()))?;
        if found.size == 0 && !may_be_empty {
            return Err(format!("`{}` is empty", path.display()));
        }
        if found.size != metadata.len() {
            return Err(format!("`{}` is still being written", path.display()));
        }
        self.bound.extend(found.named);
        self.bound_to_real.extend(found.aliases);
        Ok(Made {
            role: product.role,
            name: product.name.clone(),
            path: path.clone(),
            blob: BlobId(found.digest),
            metadata,
            sharing,
        })
    }

    /// Makes sure that this very compilation wrote `path`.
    pub(crate) fn check_written(&self, path: &Path) -> Result<Metadata, String> {
        let metadata =
            fs::symlink_metadata(path).map_err(|e| format!("`{}`: {e}", path.display()))?;
        if !metadata.is_file() || self.start.is_after(&metadata) {
            return Err(format!("`{}` was not written", path.display()));
        }
        Ok(metadata)
    }

    /// Binds the entry to `kinds`.
    pub(crate) fn bind(&mut self, kinds: impl IntoIterator<Item = RootKind>) {
        self.bound.extend(kinds);
    }

    /// Binds the entry to the roots that are left in what the compiler said.
    pub(crate) fn bind_messages(&mut self, messages: &[Segment]) {
        for segment in messages {
            if let Segment::Text(text) = segment {
                self.bind_named_in(text.as_bytes());
            }
        }
    }

    /// Binds the entry to the roots whose paths occur in `bytes`. Returns whether any does.
    pub(crate) fn bind_named_in(&mut self, bytes: &[u8]) -> bool {
        let named = evidence::roots_named_in(bytes, &self.compilation.roots);
        let real = evidence::roots_named_in(bytes, &self.aliases);
        let any = !named.is_empty() || !real.is_empty();
        self.bound.extend(named);
        self.bound_to_real.extend(real);
        any
    }

    /// Returns the digest of everything by which this program tells whether a text is
    /// remarkable: the paths of roots, and the program itself, which knows what else to
    /// look for. `None` where nobody can say which program it is.
    pub(crate) fn sought(&self) -> Option<Digest> {
        let own = identity::stamp_of(&files::own_program().ok()?);
        let times = [own.mtime_ns, own.ctime_ns].map(i64::cast_unsigned);
        let own = [own.dev, own.ino, own.size, times[0], times[1]];
        let own = own.into_iter().flat_map(u64::to_le_bytes);
        let roots = self.compilation.roots.iter().chain(self.aliases.iter());
        let roots =
            roots.flat_map(|(kind, path)| format!("{}\0{path}\0", kind.name()).into_bytes());
        Some(Digest::of(&own.chain(roots).collect::<Vec<u8>>()))
    }

    /// Returns everything that was read, with the roots that bind the entry and the
    /// links that lead to them.
    pub(crate) fn finish(mut self) -> Vec<RecordedInput> {
        for kind in std::mem::take(&mut self.bound) {
            let digest = root_digest(self.compilation.roots.path(kind));
            self.add(Input::Root(kind), digest, None);
        }
        for kind in std::mem::take(&mut self.bound_to_real) {
            let path = self.compilation.roots.path(kind).unwrap_or_default();
            let token = self.compilation.roots.tokenise(path);
            let digest = Links::default().digest(Path::new(path), &self.compilation.roots);
            self.add(Input::Link(token), digest, None);
        }
        self.list
    }
}

/// Reads a file to its end, most in one piece and without asking how long it is.
fn read_to_end(file: &mut File, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut first = [0; 16 << 10];
    let read = file.read(&mut first)?;
    bytes.extend_from_slice(first.get(..read).unwrap_or_default());
    // Of a plain file nothing follows less than was asked for.
    if read < first.len() { Ok(()) } else { file.read_to_end(bytes).map(drop) }
}

/// Returns the digest of an artifact: from its tag, else from its bytes.
pub(crate) fn artifact_digest(path: &Path, metadata: &Metadata) -> Result<Digest, String> {
    match identity::tagged_digest(path, metadata) {
        Some(digest) => Ok(digest),
        None => blob::digest_file(path).map(|(digest, _)| digest).map_err(|f| f.to_string()),
    }
}

/// Returns the latest moment at which a file with this stamp can have been changed.
///
/// Some file systems keep only every second second, and round down.
pub(crate) fn latest_change_ns(stamp: &FileStamp) -> i64 {
    const SECOND_NS: i64 = 1_000_000_000;
    let is_coarse = stamp.ctime_ns % SECOND_NS == 0;
    stamp.ctime_ns.saturating_add(if is_coarse { 2 * SECOND_NS } else { 0 })
}

pub(crate) fn changed(path: &Path) -> String {
    format!("`{}` changed while the compiler ran", path.display())
}
