//! What this crate believes about compilers, asked of real ones.
#![expect(
    clippy::disallowed_methods,
    reason = "these tests run compilers and read what they write"
)]

#[cfg(test)]
mod compiler;
#[cfg(test)]
mod expansion;
#[cfg(test)]
mod naming;
#[cfg(test)]
mod options;
#[cfg(test)]
mod passed_on;
#[cfg(test)]
mod texts;
