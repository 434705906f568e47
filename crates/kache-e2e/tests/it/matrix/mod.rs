//! The matrix: what is read, times the way of reading, times the change, for build
//! scripts and for macros.
//!
//! Each package reads one thing in one way. A project has them all, so that one
//! build judges dozens of cells: those whose reading changed must run, the others
//! must be served, and the program must print what bare cargo's prints.

mod cells;
mod group;
mod state;

use self::cells::readers;
use self::group::{Group, Subject};

#[test]
fn what_a_script_reads_in_any_way_is_an_input_of_it_and_of_no_other() {
    let readers = readers(&[]);
    assert!(readers.iter().map(cells::Reader::cells).sum::<usize>() >= 150);
    Group::of(Subject::Script, readers).check();
}

#[test]
fn what_a_macro_reads_in_any_way_is_an_input_of_its_user_and_of_no_other() {
    let readers = readers(&["facade"]);
    assert!(readers.iter().map(cells::Reader::cells).sum::<usize>() >= 150);
    Group::of(Subject::Macro, readers).check();
}
