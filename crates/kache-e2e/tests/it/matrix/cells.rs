//! What is read, in which way, and what can change about it.

/// How often each reader's world changes.
pub(super) const MOVES: usize = 4;

/// One thing that is read in one way: a package whose build script reads it, or
/// whose source has a macro that does. Each change of what is read is a cell.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) what: &'static str,
    pub(super) way: &'static str,
    /// Whether kache can see it. If not, it serves what was read before.
    pub(super) is_seen: bool,
    /// How many states what is read can be in; each but the first is a cell.
    pub(super) states: usize,
}

impl Reader {
    /// Returns the name of the package.
    pub(super) fn name(&self) -> String {
        format!("{}_{}", self.what, self.way)
    }

    /// Returns the name of the variable that this reader alone asks for.
    pub(super) fn variable(&self) -> String {
        format!("CELL_{}", self.name().to_uppercase())
    }

    /// Returns the state after so many moves: through all, then round again.
    pub(super) fn state_after(&self, moves: usize) -> usize {
        moves % self.states
    }

    /// Returns how many cells this is.
    pub(super) fn cells(&self) -> usize {
        self.states - 1
    }
}

/// What is read, how many states it has, and the ways that suit it.
const SEEN: &[(&str, usize, &str)] = &[
    ("env", 4, "std thread c fork"),
    ("file", 4, "std thread child sh c mmap chdir openat fork popen syscall"),
    ("size", 3, "std thread child sh c chdir openat fork syscall"),
    ("there", 3, "std thread child sh c open chdir openat fork popen syscall"),
    ("list", 4, "std thread child sh c chdir openat fork popen syscall"),
    ("link", 3, "std thread child c chdir openat fork"),
    ("via", 3, "std thread child sh c mmap chdir openat fork"),
    ("alias", 3, "std child c mmap"),
    ("program", 3, "std thread child sh c fork popen"),
    ("real", 3, "std thread child sh c chdir fork"),
    ("mode", 2, "std child c"),
    ("nature", 2, "std"),
];

/// Nobody can see these from a library that stands before the C library's
/// functions: a program that looks through all variables itself, and a system call
/// that is made without the C library. The time of a file can be seen being asked
/// for, but not told from its size; it is no input, as it differs in each checkout.
const UNSEEN: &[(&str, usize, &str)] =
    &[("env", 4, "all child sh popen"), ("file", 4, "raw"), ("time", 2, "std")];

/// Returns all readers; those with `extra` ways see everything in these too.
pub(super) fn readers(extra: &[&'static str]) -> Vec<Reader> {
    let mut readers = Vec::new();
    for (table, is_seen) in [(SEEN, true), (UNSEEN, false)] {
        for (what, states, ways) in table {
            let extra = extra.iter().copied().filter(|_| is_seen);
            readers.extend(ways.split(' ').chain(extra).map(|way| Reader {
                what,
                way,
                is_seen,
                states: *states,
            }));
        }
    }
    readers
}
