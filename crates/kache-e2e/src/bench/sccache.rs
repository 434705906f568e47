//! sccache as a contender: a server of our own, and its figures.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use serde_json::Value;

use crate::env::Env;
use crate::process::{RunError, output_of};

/// How long a server may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// `/proc` counts CPU time in hundredths of a second, whatever the kernel's
/// own clock is.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running sccache server, stopped when dropped.
#[derive(Debug)]
pub struct Server {
    program: PathBuf,
    child: Child,
}

/// What a server counted since its last reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Requests served from its cache.
    pub hits: u64,
    /// Requests compiled and stored.
    pub misses: u64,
    /// Compilers started: misses and what it could not cache.
    pub compilers: u64,
}

/// Returns the sccache on `PATH`, if there is one.
pub fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join("sccache")).find(|program| program.is_file())
}

impl Server {
    /// Starts a server with an empty cache in `cache_dir` and tells `env`
    /// where it listens.
    pub fn start(program: &Path, env: &mut Env, cache_dir: &Path) -> io::Result<Self> {
        drop(fs::remove_dir_all(cache_dir));
        fs::create_dir_all(cache_dir)?;
        let socket = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = socket.local_addr()?.port().to_string();
        drop(socket);
        env.set("SCCACHE_DIR", cache_dir);
        env.set("SCCACHE_SERVER_PORT", &port);
        env.set("SCCACHE_IDLE_TIMEOUT", "0");
        let mut command = env.command(program);
        command.env("SCCACHE_START_SERVER", "1").env("SCCACHE_NO_DAEMON", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { program: program.to_owned(), child: command.spawn()? };
        let deadline = Instant::now() + START_TIMEOUT;
        while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "sccache did not start"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Returns the CPU time in seconds of the server and the compilers that it
    /// ran; 0 where the system does not tell.
    pub fn cpu_s(&self) -> f64 {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The second field is the program's name in parentheses and may hold anything.
        let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ');
        let ticks: f64 =
            fields.skip(11).take(4).filter_map(|field| field.parse::<f64>().ok()).sum();
        ticks / TICKS_PER_SECOND
    }

    /// Forgets what was counted, not what was stored.
    pub fn reset_counts(&self, env: &Env) -> Result<(), RunError> {
        output_of(env.command(&self.program).arg("--zero-stats")).map(drop)
    }

    /// Returns what was counted since the last reset.
    pub fn counts(&self, env: &Env) -> Result<Counts, RunError> {
        let said =
            output_of(env.command(&self.program).args(["--show-stats", "--stats-format", "json"]))?;
        Ok(counts_in(&said))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already needs no stopping.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn counts_in(json: &str) -> Counts {
    let stats: Value = serde_json::from_str(json).unwrap_or_default();
    let sum = |pointer: &str| {
        let counts = stats.pointer(pointer).and_then(Value::as_object);
        counts.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum::<u64>()
    };
    let hits = sum("/stats/cache_hits/counts");
    let misses = sum("/stats/cache_misses/counts");
    Counts { hits, misses, compilers: misses + sum("/stats/not_cached") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_over_languages() {
        let json = r#"{"stats":{"cache_hits":{"counts":{"Rust":5,"C/C++":2}},"cache_misses":{"counts":{"Rust":1}},
            "not_cached":{"crate-type":3}}}"#;
        assert_eq!(counts_in(json), Counts { hits: 7, misses: 1, compilers: 4 });
        assert_eq!(counts_in("garbage"), Counts { hits: 0, misses: 0, compilers: 0 });
    }
}
