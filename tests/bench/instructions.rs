//! Counts what a request costs: user-space instructions of the release gateway under callgrind, which are the same
//! however busy the machine is, and compares them with `baseline.toml`. See README.md.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measurement, not a library"
)]

#[path = "path/load.rs"]
mod load;
#[path = "path/servers.rs"]
mod servers;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use load::Load;
use sidgate::config;

/// Within so much of the baseline a figure counts as the same ...
const TOLERANCE: f64 = 0.01;
/// ... and with many sids: where they lie in the cache's tables is random, by a key of each start.
const MANY_SIDS: f64 = 0.03;
/// Requests of the shorter of two runs. Their difference leaves out the connection and its handshake.
const SHORT: u32 = 64;

struct Case {
    name: &'static str,
    load: Load,
    requests: u32,
    /// Requests beforehand: the cache is filled, connections to the upstream are open.
    warm_up: u32,
}

/// Without a key for the assertion.
const CASES: [Case; 4] = [
    case("http1_hot_sid", Load { streams: None, sids: 1, path: "/1k" }, 2_000, 64),
    case("http1_10k_sids", Load { streams: None, sids: 10_000, path: "/1k" }, 2_000, 64),
    case("http1_public", Load { streams: None, sids: 0, path: "/public/1k" }, 2_000, 64),
    case("http2_hot_sid", Load { streams: Some(32), sids: 1, path: "/1k" }, 4_096, 256),
];
/// With one.
const SIGNED: [Case; 1] = [case("http1_assertion", Load { streams: None, sids: 1, path: "/1k" }, 2_000, 64)];

const fn case(name: &'static str, load: Load, requests: u32, warm_up: u32) -> Case {
    Case { name, load, requests, warm_up }
}

fn main() -> ExitCode {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("instructions: skipped, valgrind is not installed (Debian: apt-get install valgrind)");
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut measured = runtime.block_on(measure(&CASES, false));
    measured.extend(runtime.block_on(measure(&SIGNED, true)));
    let baseline = std::fs::read_to_string(baseline()).unwrap();
    let baseline: toml::Table = baseline.parse().unwrap();
    println!("{:<16} {:>10} {:>10} {:>8}", "instructions", "baseline", "now", "change");
    let mut moved = false;
    for (name, now, tolerance) in measured {
        let was = baseline.get(name).and_then(|c| c.get("instructions")).and_then(toml::Value::as_integer);
        #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
        let change = was.map(|was| now as f64 / was as f64 - 1.0);
        moved |= change.is_none_or(|c| c.abs() > tolerance);
        let change = change.map_or("new".into(), |c| format!("{:+.1} %", 100.0 * c));
        println!("{name:<16} {:>10} {now:>10} {change:>8}", was.map_or("-".into(), |w| w.to_string()));
    }
    if moved {
        eprintln!("\nA request costs more or less than it did: update {} with a reason.", baseline_name());
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn measure(cases: &[Case], signed: bool) -> Vec<(&'static str, u64, f64)> {
    let folder = tempfile::tempdir().unwrap();
    if signed {
        let keys = config::KeySource::Folder(folder.path().join("keys"));
        sidgate::assertion::create(&config::Assertion { keys, ..Default::default() }).unwrap();
    }
    let listen: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (application, backend) = (servers::application().await, servers::backend().await);
    let config = servers::config(folder.path(), listen, application, backend);
    // An entry that expired in the middle of a count would be fetched anew.
    let config = config.replace("ttl = \"5s\"", "ttl = \"60s\"");
    let mut gateway = Gateway::start(folder.path(), &config);
    gateway.until_it_listens(listen).await;
    let mut measured = Vec::new();
    for case in cases {
        load::run(listen, case.load, case.warm_up.max(case.load.sids)).await;
        gateway.count(true);
        load::run(listen, case.load, SHORT).await;
        let short = gateway.read();
        load::run(listen, case.load, SHORT + case.requests).await;
        let long = gateway.read();
        gateway.count(false);
        let tolerance = if case.load.sids > 1 { MANY_SIDS } else { TOLERANCE };
        measured.push((case.name, (long - short) / u64::from(case.requests), tolerance));
    }
    measured
}

/// The gateway under callgrind. Dropped, it ends.
struct Gateway {
    process: Child,
    counts: PathBuf,
    dumps: u32,
}

impl Gateway {
    fn start(folder: &Path, config: &str) -> Self {
        let (file, counts) = (folder.join("gateway.toml"), folder.join("counts"));
        std::fs::write(&file, config).unwrap();
        let process = Command::new("valgrind")
            .args(["--tool=callgrind", "--instr-atstart=no", "--quiet"])
            .arg(format!("--callgrind-out-file={}", counts.display()))
            .arg(env!("CARGO_BIN_EXE_sidgate"))
            .args(["run", "--config"])
            .arg(&file)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, counts, dumps: 0 }
    }

    async fn until_it_listens(&mut self, address: SocketAddr) {
        let started = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(self.process.try_wait().unwrap().is_none(), "the gateway ended");
            assert!(started.elapsed() < Duration::from_secs(60), "the gateway does not listen");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn control(&self, arguments: &[&str]) {
        let process = self.process.id().to_string();
        let mut control = Command::new("callgrind_control");
        assert!(control.args(arguments).arg(process).stdout(Stdio::null()).status().unwrap().success());
    }

    fn count(&self, on: bool) {
        self.control(&["-i", if on { "on" } else { "off" }]);
    }

    /// What was counted since the last time.
    fn read(&mut self) -> u64 {
        self.control(&["--dump"]);
        self.dumps += 1;
        let file = PathBuf::from(format!("{}.{}", self.counts.display(), self.dumps));
        let started = Instant::now();
        loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let total = text.lines().find_map(|l| l.strip_prefix("totals: "));
            if let Some(total) = total {
                return total.trim().parse().unwrap();
            }
            assert!(started.elapsed() < Duration::from_secs(60), "callgrind writes no {}", file.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn baseline_name() -> &'static str {
    "tests/bench/baseline.toml"
}

fn baseline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(baseline_name())
}
