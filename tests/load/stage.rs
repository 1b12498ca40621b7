//! Without a target, for the scenario `migrate`: a gateway of our own as a process of its own, so that its CPU time and
//! memory can be told from everybody else's. The backend is the embedded one, in this process: it speaks `migrate/` and
//! keeps the contract's rules about it, so that every session that is counted was made by somebody who may refuse.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sidgate::demo::{Backend, Certificate, Front};
use tokio::net::TcpListener;

use crate::Fault;
use crate::demo::program;
use crate::options::Options;

/// People who are signed in, and go on working while the others arrive.
const LIVE: usize = 1000;

/// The gateway, which stops when this is dropped.
pub(crate) struct Stage {
    child: Child,
    folder: PathBuf,
}

impl Stage {
    /// Starts everything and makes it the target.
    pub(crate) async fn start(options: &mut Options) -> Result<Self, Fault> {
        let key = uuid::Uuid::new_v4().to_string();
        let backend = Backend::new(&key);
        let folder = std::env::temp_dir().join(format!("sidgate-load-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|e| format!("{}: {e}", path.display())).map(|()| path)
        };
        let made = Certificate::for_localhost().map_err(|e| e.to_string())?;
        put("chain.pem", &made.chain)?;
        put("key.pem", &made.key)?;
        put("gateway-key", &key)?;
        let secret = put("legacy-secret", &uuid::Uuid::new_v4().to_string())?;
        let sids = put("sids", &backend.test_sessions(LIVE).join("\n"))?;
        let proofs = put("proofs", &backend.test_sessions(options.browsers).join("\n"))?;
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bind = || async { TcpListener::bind(here).await.map_err(|e| format!("cannot listen on loopback: {e}")) };
        let (for_backend, for_front) = (bind().await?, bind().await?);
        let at = |l: &TcpListener| l.local_addr().map_err(|e| e.to_string());
        let file = put("gateway.toml", &configuration(at(&for_backend)?, at(&for_front)?))?;
        tokio::spawn(backend.clone().serve(for_backend, std::future::pending::<()>()));
        tokio::spawn(Front::new(backend).serve(for_front, std::future::pending::<()>()));
        let (child, lines) = spawn(&file)?;
        let stage = Self { child, folder };
        let reading = tokio::task::spawn_blocking(move || addresses(lines));
        let found = tokio::time::timeout(Duration::from_secs(30), reading).await;
        let found = found.ok().and_then(Result::ok).ok_or("the gateway did not start in time")?;
        let (https, admin) = found.map_err(|said| format!("the gateway did not start:\n{said}"))?;
        eprintln!(
            "No --target: a gateway of its own at https://localhost:{}, with {LIVE} people signed in and {} who have \
             not come since the old days.",
            https.port(),
            options.browsers
        );
        options.target = Some(format!("https://localhost:{}/api/whoami", https.port()));
        options.admin = Some(format!("http://{admin}"));
        options.insecure = true;
        (options.sids, options.proofs, options.legacy_secret) = (Some(sids), Some(proofs), Some(secret));
        options.pid = Some(stage.child.id());
        Ok(stage)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Everybody comes from one address here, hence the limits.
fn configuration(backend: SocketAddr, front: SocketAddr) -> String {
    format!(
        r#"
[admin]
listen = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
[[certificate]]
chain = "chain.pem"
key = "key.pem"
[backend]
url = "http://{backend}"
gateway_key = "file:gateway-key"
[log]
access = false
[legacy]
enabled = true
mode = "enforce"
per_client = "1000000/s"
[[legacy.carrier]]
name = "session"
cookies = ["dott_auth_session", "appSession"]
format = "aes_256_cbc"
key = "file:legacy-secret"
[upstream.app]
url = "http://{front}"
[[route]]
path = "/auth/signin"
access = "public"
kind = "page"
upstream = "app"
[[route]]
path = "/api/{{*rest}}"
access = "signed_in"
kind = "api"
upstream = "app"
"#
    )
}

type Lines = std::io::Lines<BufReader<std::process::ChildStderr>>;

fn spawn(file: &Path) -> Result<(Child, Lines), Fault> {
    let program = program()?;
    let mut command = Command::new(&program);
    command.args(["run", "--config"]).arg(file).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
    let log = child.stderr.take().ok_or("the gateway has no log")?;
    Ok((child, BufReader::new(log).lines()))
}

/// The addresses that the gateway's log names: of the site, and of the admin listener; or what it said instead.
fn addresses(mut lines: Lines) -> Result<(SocketAddr, SocketAddr), String> {
    let (mut https, mut said) = (None, String::new());
    let found = loop {
        let Some(Ok(line)) = lines.next() else { return Err(said) };
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = event["address"].as_str().and_then(|text| text.parse().ok());
        match (event["mode"].as_str(), address) {
            (Some("admin"), Some(admin)) => break https.map(|https| (https, admin)).ok_or(said),
            (Some(_), Some(address)) => https = Some(address),
            _ => said += &(line + "\n"),
        }
    };
    // Read on, so that the gateway never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    found
}
