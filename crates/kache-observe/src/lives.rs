//! Which process came from where, and whether all of them were seen.
//!
//! A process has a life for each program that it runs. A life counts if whoever
//! began it counted: the observed program itself, a counting program, a guest in
//! a host. Every life that ought to have begun must have said so.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

use crate::act::{Act, Event};
use crate::error::NotObserved;
use crate::records::{Entry, Said};

/// What the acts of a process are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Counts,
    /// Only what is done on behalf of guests counts.
    Host,
    Ignored,
}

impl Standing {
    /// Whether an act in such a life counts.
    fn counts(self, by_guest: bool) -> bool {
        match self {
            Self::Counts => true,
            Self::Host => by_guest,
            Self::Ignored => false,
        }
    }

    /// The standing of a program that such an act starts.
    fn begets(self, by_guest: bool) -> Self {
        if self.counts(by_guest) { Self::Counts } else { Self::Ignored }
    }
}

/// A start that was announced.
#[derive(Debug)]
struct Announced {
    standing: Standing,
    program: PathBuf,
}

/// A child that was started by somebody else's call.
#[derive(Debug)]
struct Child {
    parent: u32,
    by_guest: bool,
    program: PathBuf,
}

#[derive(Default)]
struct Lives {
    standings: HashMap<u32, Standing>,
    /// Programs that processes are about to become, by process.
    execs: HashMap<u32, VecDeque<Announced>>,
    /// Children by their own id. The parent may say so after the child has begun.
    spawned: HashMap<u32, VecDeque<Child>>,
    /// Shells by the id of the parent, which does not learn that of the child.
    shells: HashMap<u32, VecDeque<Child>>,
    root_began: bool,
}

/// Makes events of entries, in order, if every program that counts was seen.
///
/// `root` is the process that was started to be observed.
pub(crate) fn follow(entries: Vec<Entry>, root: u32) -> Result<Vec<Event>, NotObserved> {
    let mut lives = Lives::default();
    for entry in &entries {
        lives.expect_child(entry);
    }
    let mut events = Vec::with_capacity(entries.len());
    for entry in entries {
        let counts = lives.step(&entry, root);
        match entry.said {
            Said::Did(act) => {
                let spelt_from = if matches!(act, Act::Read(_)) { entry.extra as usize } else { 0 };
                events.push(Event { pid: entry.pid, counts, act, spelt_from });
            }
            Said::Unseen(reason) if counts => return Err(reason),
            Said::Unseen(_) => {}
        }
    }
    lives.check()?;
    Ok(events)
}

impl Lives {
    fn expect_child(&mut self, entry: &Entry) {
        let (parent, by_guest) = (entry.pid, entry.by_guest);
        match &entry.said {
            Said::Did(Act::Spawned { child, program }) => {
                let child_of = Child { parent, by_guest, program: program.clone() };
                self.spawned.entry(*child).or_default().push_back(child_of);
            }
            Said::Did(Act::Shell) => {
                let shell = Child { parent, by_guest, program: PathBuf::new() };
                self.shells.entry(parent).or_default().push_back(shell);
            }
            _ => {}
        }
    }

    /// Takes the next entry into account and says whether it counts.
    fn step(&mut self, entry: &Entry, root: u32) -> bool {
        let pid = entry.pid;
        match &entry.said {
            Said::Did(Act::Started { parent, .. }) => {
                let began = self.begin(pid, *parent, root);
                let hosts = began == Standing::Counts && entry.by_host;
                self.standings.insert(pid, if hosts { Standing::Host } else { began });
                began == Standing::Counts
            }
            Said::Did(Act::Forked { parent }) => {
                let standing = self.standing(*parent, entry);
                self.standings.insert(pid, standing);
                standing.counts(entry.by_guest)
            }
            Said::Did(Act::Exec(program)) => {
                let own = self.standing(pid, entry);
                let standing = own.begets(entry.by_guest);
                let announced = Announced { standing, program: program.clone() };
                self.execs.entry(pid).or_default().push_back(announced);
                own.counts(entry.by_guest)
            }
            Said::Did(Act::ExecFailed(_)) => {
                self.execs.entry(pid).or_default().pop_back();
                self.standing(pid, entry).counts(entry.by_guest)
            }
            _ => self.standing(pid, entry).counts(entry.by_guest),
        }
    }

    /// The standing of a process, by one of its entries. One that was not heard of
    /// before runs the program of the one it was forked from, and can only be about
    /// to run another, which is when it says who that is.
    fn standing(&self, pid: u32, entry: &Entry) -> Standing {
        let unheard = if entry.by_host { Standing::Host } else { Standing::Counts };
        let known = |pid: u32| self.standings.get(&pid).copied();
        let parent = || match &entry.said {
            Said::Did(Act::Exec(_) | Act::ExecFailed(_)) => known(entry.extra),
            _ => None,
        };
        known(pid).or_else(parent).unwrap_or(unheard)
    }

    /// The standing of a program that has just started.
    fn begin(&mut self, pid: u32, parent: u32, root: u32) -> Standing {
        let of =
            |lives: &Self, pid: u32| lives.standings.get(&pid).copied().unwrap_or(Standing::Counts);
        if let Some(exec) = self.execs.get_mut(&pid).and_then(VecDeque::pop_front) {
            return exec.standing;
        }
        if let Some(child) = self.spawned.get_mut(&pid).and_then(VecDeque::pop_front) {
            return of(self, child.parent).begets(child.by_guest);
        }
        if pid == root && !self.root_began {
            self.root_began = true;
            return Standing::Counts;
        }
        if let Some(shell) = self.shells.get_mut(&parent).and_then(VecDeque::pop_front) {
            return of(self, parent).begets(shell.by_guest);
        }
        // Nobody announced it: a program that starts others by itself. If it is a
        // host it may have done so for a guest.
        of(self, parent).begets(true)
    }

    /// Fails if a program that counts was announced and not seen.
    fn check(self) -> Result<(), NotObserved> {
        if !self.root_began {
            return Err(NotObserved::Root);
        }
        let standings = &self.standings;
        let counts = |child: &Child| {
            let parent = standings.get(&child.parent).copied().unwrap_or(Standing::Counts);
            parent.counts(child.by_guest)
        };
        if let Some(child) = self.spawned.into_values().flatten().find(counts) {
            return Err(NotObserved::Program { program: child.program });
        }
        if self.shells.into_values().flatten().any(|shell| counts(&shell)) {
            return Err(NotObserved::Shell);
        }
        let ignored = |exec: &Announced| exec.standing == Standing::Ignored;
        match self.execs.into_values().flatten().find(|exec| !ignored(exec)) {
            Some(exec) => Err(NotObserved::Program { program: exec.program }),
            None => Ok(()),
        }
    }
}
