//! Named points at which a test can make the store fail or die.
//!
//! Without the `faults` feature a point is nothing. With it, the environment
//! variable `KACHE_FAULT` holds `<point>=<action>`, where the action is
//! `abort` (the process dies as by a power cut), or an errno name such as
//! `ENOSPC`. `KACHE_FAULT_LOG=<file>` appends the name of each point passed.

/// Every point, in the order in which a store first passes them.
pub const POINTS: &[&str] = &[
    "adopt.clone",
    "adopt.link",
    "adopt.copy",
    "adopt.rename",
    "adopt.tag",
    "publish.announce",
    "publish.entry.write",
    "publish.entry.rename",
    "publish.record.write",
    "publish.record.rename",
    "restore.unlink",
    "restore.clone",
    "restore.link",
    "restore.copy",
    "restore.touch",
    "restore.tag",
    "restore.text",
    "quarantine.rename",
    "evict.entry",
    "evict.record",
    "evict.blob",
    "journal.append",
    "journal.rotate",
    "staging.write",
    "staging.rename",
];

/// Passes the point `name`: fails or dies there if a test asked for it.
#[cfg(not(feature = "faults"))]
#[inline]
#[expect(clippy::unnecessary_wraps, reason = "the signature of the testing variant")]
pub(crate) fn point(_name: &'static str) -> std::io::Result<()> {
    Ok(())
}

/// Passes the point `name`: fails or dies there if a test asked for it.
#[cfg(feature = "faults")]
pub(crate) fn point(name: &'static str) -> std::io::Result<()> {
    use std::io::Write as _;

    debug_assert!(POINTS.contains(&name), "unlisted fault point {name}");
    if let Some(log) = std::env::var_os("KACHE_FAULT_LOG") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(log)?;
        writeln!(file, "{name}")?;
    }
    let Some(plan) = std::env::var("KACHE_FAULT").ok() else { return Ok(()) };
    match plan.split_once('=') {
        Some((at, "abort")) if at == name => std::process::abort(),
        Some((at, errno)) if at == name => Err(errno_named(errno)),
        _ => Ok(()),
    }
}

#[cfg(feature = "faults")]
fn errno_named(name: &str) -> std::io::Error {
    use rustix::io::Errno;

    let errno = match name {
        "ENOSPC" => Errno::NOSPC,
        "EDQUOT" => Errno::DQUOT,
        "EROFS" => Errno::ROFS,
        "EACCES" => Errno::ACCESS,
        "EMFILE" => Errno::MFILE,
        "EXDEV" => Errno::XDEV,
        "EMLINK" => Errno::MLINK,
        "ENOTSUP" => Errno::NOTSUP,
        "ENOLCK" => Errno::NOLCK,
        _ => Errno::IO,
    };
    errno.into()
}
