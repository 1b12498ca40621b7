//! Programs that others have written, in front of the gateway: the real nginx, the real HAProxy.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program. Dropped, it is killed.
pub(crate) struct Program {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

impl Program {
    /// nginx with this configuration; `{port}` in it is a free port, of 127.0.0.1 unless it says `[::1]:{port}`.
    pub(crate) async fn nginx(configuration: &str) -> Self {
        let path = find("nginx", "nginx libnginx-mod-stream");
        Self::start(configuration, |file, folder| {
            let mut command = Command::new(&path);
            command.arg("-p").arg(folder).arg("-c").arg(file).arg("-e").arg(folder.join("error.log"));
            command
        })
        .await
    }

    /// HAProxy with this configuration, likewise.
    pub(crate) async fn haproxy(configuration: &str) -> Self {
        let path = find("haproxy", "haproxy");
        Self::start(configuration, |file, _| {
            let mut command = Command::new(&path);
            command.arg("-db").arg("-f").arg(file);
            command
        })
        .await
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        said(self.folder.path())
    }

    async fn start(configuration: &str, command: impl Fn(&Path, &Path) -> Command) -> Self {
        let mut errors = String::new();
        // Between finding a port and taking it somebody else may.
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let six = configuration.contains("[::1]:{port}");
            let host = if six { IpAddr::V6(Ipv6Addr::LOCALHOST) } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
            let address = TcpListener::bind((host, 0)).unwrap().local_addr().unwrap();
            let file = folder.path().join("program.conf");
            fs::write(&file, configuration.replace("{port}", &address.port().to_string())).unwrap();
            let output = fs::File::create(folder.path().join("output.log")).unwrap();
            let mut command = command(&file, folder.path());
            command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
            let child = command.spawn().unwrap();
            let mut program = Self { address, child, folder };
            if program.listens().await {
                return program;
            }
            errors = program.said();
            if !errors.contains("in use") && !errors.contains("cannot bind") {
                break;
            }
        }
        panic!("it does not start: {errors}");
    }

    async fn listens(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(folder: &Path) -> String {
    ["output.log", "error.log"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default()).concat()
}

/// On the `PATH`, or where systems keep what only root is expected to start.
fn find(name: &str, packages: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing. ./tests/run installs it; by hand: apt-get install {packages}"))
}
