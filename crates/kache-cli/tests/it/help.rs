//! What can be typed, and what happens if something else is.

use insta::assert_snapshot;

use crate::world::{Fallible, World};

#[test]
fn help_names_every_verb() -> Fallible<()> {
    let ran = World::new()?.run(&["help"])?;
    assert_eq!(ran.code, Some(0));
    assert_snapshot!(ran.stdout, @"
    A compiler cache for Rust, C and C++

    Usage: kache [OPTIONS] <COMMAND>

    Commands:
      stats   Show how often the cache was hit, and what that saved
      list    List the entries of the store
      report  Show what each build got from the cache, and why not more
      doctor  Check the setup, the store, the file system and the toolchain
      config  Show every setting, its value and what set it
      shims   Make links that stand before the C and C++ compilers on PATH
      gc      Evict entries until the store fits its cap, and sweep what nothing uses
      purge   Remove everything from the store
      help    Print this message or the help of the given subcommand(s)

    Options:
          --format <FORMAT>
              For people or for programs

              Possible values:
              - human: Tables and sentences
              - json:  One JSON object
              
              [default: human]

      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    In builds:
      RUSTC_WRAPPER=kache cargo build        rustc and clippy-driver
      CC='kache cc' CXX='kache c++' make     C and C++, as does `kache gcc ...` with any compiler's name
      ln -s kache gcc                        the same, for whoever calls `gcc` by that link
    ");
    Ok(())
}

#[test]
fn help_of_a_verb_explains_its_options() -> Fallible<()> {
    let ran = World::new()?.run(&["report", "--help"])?;
    assert_eq!(ran.code, Some(0));
    assert_snapshot!(ran.stdout, @r#"
    Show what each build got from the cache, and why not more

    Usage: kache report [OPTIONS]

    Options:
          --format <FORMAT>
              For people or for programs

              Possible values:
              - human: Tables and sentences
              - json:  One JSON object
              
              [default: human]

          --session <last|ID>
              Only this build: "last", or a session as the list of builds names it

          --since <SINCE>
              Only builds since then: a duration (7d) or a date (2026-01-01)

      -h, --help
              Print help (see a summary with '-h')
    "#);
    Ok(())
}

#[test]
fn the_version_is_that_of_the_package() -> Fallible<()> {
    let ran = World::new()?.run(&["--version"])?;
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.stdout, format!("kache {}\n", env!("CARGO_PKG_VERSION")));
    Ok(())
}

#[track_caller]
fn check_usage(args: &[&str], complaint: &str) -> Fallible<()> {
    let ran = World::new()?.run(args)?;
    assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.stderr);
    assert!(ran.stderr.contains(complaint), "{args:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "");
    Ok(())
}

#[test]
fn what_cannot_be_understood_is_named_and_is_exit_code_two() -> Fallible<()> {
    check_usage(&["stat"], "unrecognized subcommand 'stat'")?;
    check_usage(&[], "Usage: kache")?;
    check_usage(&["stats", "--since", "tuesday"], "expected a duration such as `7d`")?;
    check_usage(&["gc", "--max-size", "50 parsecs"], "expected a size such as `50GiB`")?;
    check_usage(&["list", "--sort", "colour"], "invalid value 'colour'")?;
    check_usage(&["stats", "--format", "yaml"], "invalid value 'yaml'")
}
