//! What this crate believes about compilers, asked of real ones.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests run compilers and read what they write"
)]

mod compiler;
mod headers;
mod naming;
mod options;
mod passed_on;
