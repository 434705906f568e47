//! Files as tests look at them and change them behind cargo's back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

/// Returns whether the file at `path` has `text` in it.
pub(crate) fn contains(path: &Path, text: &str) -> bool {
    fs::read(path)
        .expect("the file is readable")
        .windows(text.len())
        .any(|bytes| bytes == text.as_bytes())
}

/// Waits until what was written is old enough for kache to trust its time.
pub(crate) fn settle() {
    thread::sleep(Duration::from_millis(2_100));
}

/// Sets a file's time of modification.
#[track_caller]
pub(crate) fn set_time(path: &Path, time: SystemTime) {
    fs::File::options()
        .append(true)
        .open(path)
        .expect("the file can be opened")
        .set_modified(time)
        .expect("its time can be set");
}

/// Lets a file be executed.
#[track_caller]
pub(crate) fn make_executable(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the file is the test's");
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("test paths are UTF-8").to_owned()
}
