//! Sources, expansions and response files of C are read to their ends.

#![no_main]

use std::io;

use kache_cc::source_scan::scan;
use kache_cc::{expansion, response_file};
use kache_key::Roots;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let once = scan(&[bytes]);
    assert_eq!(scan(&[bytes, bytes]), once);
    let mut source = |_: &str| Ok(bytes.to_owned());
    drop(expansion::digest(bytes, &Roots::default(), &mut source));
    let marked = [b"# 1 \"x\"\n".as_slice(), bytes].concat();
    drop(expansion::digest(&marked, &Roots::default(), &mut source));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut read = |path: &str| match path {
        "f" => Ok(text.to_owned()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    drop(response_file::expand(&["@f".to_owned()], &mut read));
});
