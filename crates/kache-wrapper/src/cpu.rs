//! What this machine's processor can do, for code compiled for just that.

use std::fs;

use kache_key::Digest;

use crate::served::Passthrough;

/// Returns what tells this machine's CPU from others that compile differently.
pub(crate) fn identity() -> Result<Digest, Passthrough> {
    let info = fs::read_to_string("/proc/cpuinfo")
        .map_err(|_| Passthrough::because("this machine's CPU cannot be told"))?;
    let first = info.split("\n\n").next().unwrap_or_default();
    let stable = ["vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU part"];
    let lines: Vec<&str> = first
        .lines()
        .filter(|line| line.split(':').next().is_some_and(|name| stable.contains(&name.trim())))
        .collect();
    if lines.is_empty() {
        return Err(Passthrough::because("this machine's CPU cannot be told"));
    }
    Ok(Digest::of(lines.join("\n").as_bytes()))
}
