//! The configuration as its users meet it: files, variables, messages.

mod defaults;
mod inputs;
mod matching;
mod precedence;
mod problems;
mod projects;
mod quantities;
mod values;
mod world;
