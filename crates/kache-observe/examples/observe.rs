//! Runs a program and prints what it and its children did.
//!
//! `cargo run -p kache-observe --example observe -- [--host DIR]... PROGRAM [ARGUMENT]...`

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use kache_observe::Watch;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).peekable();
    let mut hosts: Vec<PathBuf> = Vec::new();
    while arguments.next_if(|argument| argument == "--host").is_some() {
        hosts.push(arguments.next().ok_or("--host takes a directory")?.into());
    }
    let hosts: Vec<&Path> = hosts.iter().map(PathBuf::as_path).collect();
    let program = arguments.next().ok_or("which program?")?;

    let directory = env::temp_dir().join("kache-observe");
    let library = kache_observe::unpack(&directory)?.ok_or("nothing is observed here")?;
    let watch = Watch::start()?;
    let mut child =
        Command::new(program).args(arguments).envs(watch.variables(&library, &hosts)?).spawn()?;
    child.wait()?;
    let trace = watch.finish(child.id())?;
    for event in &trace.events {
        let mark = if event.counts { ' ' } else { '-' };
        println!("{mark} {} {:?}", event.pid, event.act);
    }
    println!("left behind: {:?}", trace.left_behind);
    Ok(())
}
