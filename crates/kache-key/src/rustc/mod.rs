//! What rustc and clippy-driver are asked to do, and what they say they read.
