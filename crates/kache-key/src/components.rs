//! The labelled parts that a unit's identity is made of.
//!
//! A unit of whatever language becomes a list of them, and the list one digest.
//! It is kept for explanations: two lists can be compared line by line.
//! `docs/key-recipe.md` describes every label.

use crate::RECIPE_VERSION;
use crate::digest::{Digest, UnitId};
use crate::fields::FieldHasher;
use crate::roots::{RootKind, Roots};
use crate::rustc::recipe::tokenise_within;

/// One labelled part of a unit's identity. Labels may repeat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// What it is, such as `crate_name` or `arg -C panic`.
    pub label: String,
    /// Its value, with paths written as tokens.
    pub value: String,
}

/// What decides a key beside the command line.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Identity of the compiler that will run, with what it starts.
    pub compiler: Digest,
    /// The known directories of this invocation.
    pub roots: &'a Roots,
    /// Variables that change the compiler or linker, in a fixed order, with
    /// `None` for those that are unset.
    pub env: &'a [(String, Option<String>)],
    /// The user's own separator of caches.
    pub salt: &'a str,
    /// Whether roots are hidden from the outputs by path remapping.
    pub normalise_paths: bool,
    /// Named digests of other things: linker, CPU, configuration files, and
    /// files that options name.
    pub facts: &'a [(String, Digest)],
}

/// Components under construction.
pub struct Components<'a> {
    list: Vec<Component>,
    context: &'a Context<'a>,
}

impl<'a> Components<'a> {
    /// Begins with the recipe, the compiler and the settings.
    pub fn begin(context: &'a Context<'a>) -> Self {
        let mut this = Self { list: Vec::new(), context };
        this.add("recipe", RECIPE_VERSION.to_string());
        this.add("compiler", context.compiler.to_string());
        this.add("salt", context.salt);
        this.add("normalise_paths", yes_no(context.normalise_paths));
        this
    }

    /// Adds the variables and facts of the context.
    pub fn surroundings(&mut self) {
        let Context { roots, env, facts, .. } = *self.context;
        for (name, value) in env {
            match value {
                Some(value) if name == "LD_LIBRARY_PATH" => {
                    self.text(format!("env {name}"), &outside_target(roots, value));
                }
                Some(value) => self.text(format!("env {name}"), value),
                None => self.add(format!("env unset {name}"), ""),
            }
        }
        for (name, digest) in facts {
            self.add(format!("fact {name}"), digest.to_string());
        }
    }

    /// Adds a value as it is.
    pub fn add(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.list.push(Component { label: label.into(), value: value.into() });
    }

    /// Adds a path, as a token.
    pub fn path(&mut self, label: impl Into<String>, path: &str) {
        let token = self.context.roots.tokenise(path).0;
        self.add(label, token);
    }

    /// Adds a text in which roots become names.
    pub fn text(&mut self, label: impl Into<String>, text: &str) {
        let text = tokenise_within(self.context.roots, text);
        self.add(label, text);
    }

    /// Returns the list, in the order in which it was made.
    pub fn finish(self) -> Vec<Component> {
        self.list
    }
}

/// Returns the digest of `components`, in their order, in `domain`.
pub fn unit_id(domain: &str, components: &[Component]) -> UnitId {
    let mut hasher = FieldHasher::new(domain);
    for component in components {
        hasher.text(&component.label, &component.value);
    }
    UnitId(hasher.finish())
}

/// Returns a list of directories without those in the target directory.
///
/// Cargo puts them there: in the layout with a directory for each unit, the one
/// of whichever unit it prepared last. What a linker reads in them is an input
/// by its content.
fn outside_target(roots: &Roots, list: &str) -> String {
    let is_outside = |dir: &&str| !matches!(roots.split(dir), Some((RootKind::Target, _)));
    list.split(':').filter(is_outside).collect::<Vec<_>>().join(":")
}

/// Returns how a fact that holds, or does not, is written.
pub fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
