#!/usr/bin/env x
//! doc
macro_rules! g { ($x:tt) => { ::core::include_str!(::core::concat!(env!("OUT_DIR"), $x)); } }
