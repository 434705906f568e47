//! Arguments that name no file stay as they are.

#![no_main]

use std::io;

use kache_key::rustc::argfile::expand;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let args: Vec<String> = text.split('\0').map(str::to_owned).collect();
    let mut read = |path: &str| match path {
        "" => Err(io::Error::from(io::ErrorKind::NotFound)),
        _ => Ok(text.to_owned()),
    };
    if let Ok(expanded) = expand(&args, &mut read)
        && !args.iter().any(|arg| arg.starts_with('@'))
    {
        assert_eq!(expanded, args);
    }
});
