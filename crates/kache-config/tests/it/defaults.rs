//! The defaults file and the documentation say what the code does.

use std::fs;
use std::path::Path;

use kache_config::{DEFAULT_TOML, Origin};

use crate::world::World;

/// Returns the settings of `default.toml` with the comment above each.
fn commented_lines() -> Vec<(String, String)> {
    let mut comment = String::new();
    let mut found = Vec::new();
    for line in DEFAULT_TOML.lines() {
        match line.strip_prefix("# ") {
            Some(text) => comment.extend([text, " "]),
            None if line.is_empty() => comment.clear(),
            None => found.push((line.to_owned(), std::mem::take(&mut comment))),
        }
    }
    found
}

#[test]
fn the_defaults_file_gives_every_key_its_default() {
    let bare = World::new();
    let world =
        World::new().file("default.toml", DEFAULT_TOML).env("KACHE_CONFIG", "../default.toml");
    assert_eq!(world.problems(), [""; 0]);
    let from_file = Origin::File(world.path("default.toml"));
    for setting in world.inspect().settings {
        assert_eq!(setting.origin, from_file, "{} is not in default.toml", setting.key);
        assert_eq!(
            world.shorten(&setting.value),
            bare.setting(&setting.key).value,
            "{}",
            setting.key
        );
    }
}

#[test]
fn the_defaults_file_explains_every_key_and_names_its_variable() {
    let lines = commented_lines();
    for (line, comment) in &lines {
        assert!(!comment.trim().is_empty(), "`{line}` has no comment");
    }
    for setting in World::new().inspect().settings {
        let variable = setting.variable.expect("every global setting has a variable");
        let name = setting.key.rsplit('.').next().expect("a split yields at least one part");
        let start = format!("{name} = ");
        let explained = lines
            .iter()
            .any(|(line, comment)| line.starts_with(&start) && comment.contains(variable));
        assert!(explained, "{} does not name {variable}", setting.key);
    }
}

#[test]
fn the_examples_in_the_defaults_file_are_valid_and_complete() {
    let example: Vec<_> = DEFAULT_TOML
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|text| !text.starts_with(' ')))
        .collect();
    let world = World::new().project(&example.join("\n"));
    assert_eq!(world.problems(), [""; 0]);
    let config = world.load().expect("a configuration without problems loads");
    let rules = config.crates.get("my_crate").expect("the example is about this crate");
    assert!(rules.key_env_vars.is_some(), "key_env_vars");
    assert!(rules.extra_inputs.is_some(), "extra_inputs");
    assert!(rules.bypass.is_some(), "bypass");
    assert!(rules.incremental.is_some(), "incremental");
    assert!(rules.normalise.is_some(), "normalise");
}

#[test]
fn the_documentation_has_a_row_for_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let page = fs::read_to_string(path).expect("docs/config.md is part of the repository");
    for setting in World::new().inspect().settings {
        let variable = setting.variable.expect("every global setting has a variable");
        let default = World::new().setting(&setting.key).value.replace("@/home", "~");
        let row = format!("| `{}` | `{variable}`", setting.key);
        let row = page.lines().find(|line| line.starts_with(&row));
        let row = row.unwrap_or_else(|| panic!("no row for {} and {variable}", setting.key));
        assert!(row.contains(&format!("| `{default}` |")), "{row} does not say {default}");
    }
    for key in ["key_env_vars", "extra_inputs", "bypass", "incremental", "normalise"] {
        assert!(page.contains(&format!("| `crates.<name>.{key}` |")), "{key}");
    }
}

#[test]
fn the_examples_in_the_documentation_are_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
    let page = fs::read_to_string(path).expect("docs/config.md is part of the repository");
    let examples: Vec<_> = page
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a split yields at least one part"))
        .collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        assert_eq!(World::new().project(example).problems(), [""; 0], "{example}");
    }
}
