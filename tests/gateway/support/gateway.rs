//! The real server, started from the text of a configuration.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use sidgate::config::{Config, Source};
use sidgate::server::{Changes, Drain, Halt, NotReloaded, Reloader, Server};
use sidgate::telemetry::AccessLog;
use tokio::task::JoinHandle;

use super::Client;

/// The gateway's key, as backend and gateway know it.
pub(crate) const KEY: &str = "test-gateway-key-0123456789";

/// A running gateway. Dropped, it halts.
pub(crate) struct Gateway {
    /// Listeners in the order of the configuration.
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) admin: SocketAddr,
    pub(crate) drain: Drain,
    pub(crate) halt: Halt,
    /// Ends when the server has; `true`: every request ended by itself.
    pub(crate) ended: Option<JoinHandle<bool>>,
    reloader: Reloader,
    log: Log,
    folder: tempfile::TempDir,
}

/// What `[server]`, `[[listener]]`, `[admin]`, `[backend]` and `[upstream.app]` say in most tests; routes and more are
/// appended by the test. `{certificates}` is replaced by a certificate for `localhost`, `*.localhost`, 127.0.0.1 and
/// ::1, and one for `app.test` and `*.app.test`.
pub(crate) fn base(backend: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        r#"
[admin]
listen = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
{{certificates}}
[upstream.app]
url = "http://{upstream}"
[backend]
url = "http://{backend}"
gateway_key = "file:key"
"#
    )
}

/// Routes that most tests use, on the upstream `app`.
pub(crate) const ROUTES: &str = r#"
[[route]]
path = "/"
access = "optional"
kind = "page"
upstream = "app"
[[route]]
path = "/public/{*rest}"
access = "public"
upstream = "app"
[[route]]
path = "/_next/{*rest}"
access = "public"
upstream = "app"
[[route]]
path = "/optional"
access = "optional"
upstream = "app"
[[route]]
path = "/auth/signin"
access = "guest"
kind = "page"
upstream = "app"
[[route]]
path = "/onboarding"
access = "signed_in"
kind = "page"
upstream = "app"
[[route]]
path = "/dashboard"
access = "signed_in"
kind = "page"
upstream = "app"
[[route]]
path = "/{tenant}/dashboard/{*rest}"
access = "onboarded"
kind = "page"
upstream = "app"
tenant = { parameter = "tenant", match = "slug" }
[[route]]
path = "/api/{*rest}"
access = "signed_in"
kind = "api"
upstream = "app"
[[route]]
path = "/admin/{*rest}"
access = "onboarded"
kind = "page"
upstream = "app"
"#;

impl Gateway {
    /// Starts a gateway from the text of its configuration. Panics with the rendered faults.
    pub(crate) async fn start(text: &str) -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        });
        let folder = tempfile::tempdir().unwrap();
        let certificates = certificate(&folder, "local", &["localhost", "*.localhost", "127.0.0.1", "::1"])
            + &certificate(&folder, "app", &["app.test", "*.app.test"]);
        let text = text.replace("{certificates}", &certificates);
        let path = folder.path().join("gateway.toml");
        std::fs::write(&path, &text).unwrap();
        std::fs::write(folder.path().join("key"), KEY).unwrap();
        std::fs::write(folder.path().join("legacy-secret"), super::legacy::SECRET).unwrap();
        let env = |name: &str| (name == "KEY").then(|| KEY.to_owned());
        let config = Config::parse(&text, "gateway.toml", folder.path(), &env).unwrap_or_else(|e| panic!("{e}"));
        let log = Log::default();
        let access_log = AccessLog::new(&config.log, Box::new(log.clone()));
        let source = Source { file: "gateway.toml".into(), text };
        let server = Server::bind_file(&path, &config, &source, access_log).await.unwrap();
        let reloader = server.reloader();
        let (addresses, admin) = (server.addresses(), server.admin_address().unwrap());
        let (drain, halt) = (Drain::default(), Halt::default());
        let ended = Some(tokio::spawn(server.serve(drain.clone(), halt.clone())));
        Self { addresses, admin, drain, halt, ended, reloader, log, folder }
    }

    /// The first listener.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// A client of the first listener, over HTTP/1.1 and TLS, as `localhost`.
    pub(crate) fn client(&self) -> Client {
        Client::https(self.address())
    }

    /// The folder that paths in the configuration are relative to.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Changes the configuration's text and has it read again.
    pub(crate) async fn reload(&self, change: impl FnOnce(String) -> String) -> Result<Changes, NotReloaded> {
        let path = self.file("gateway.toml");
        let text = change(std::fs::read_to_string(&path).unwrap());
        std::fs::write(&path, text).unwrap();
        self.reloader.reload("a test").await
    }

    /// A file that stands beside the configuration.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts another certificate for these names in the place of the one of `localhost`.
    pub(crate) fn renew_certificate(&self, names: &[&str]) {
        certificate(&self.folder, "local", names);
    }

    /// The certificate of `localhost`, as a file.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("local.pem")
    }

    /// `GET` on the admin listener: status and body.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let answer = Client::http(self.admin).get(path).send().await;
        (answer.status, answer.text())
    }

    /// The access log, once it has this many lines.
    pub(crate) async fn log_lines(&self, at_least: usize) -> Vec<String> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        loop {
            let text = String::from_utf8(self.log.0.lock().unwrap().clone()).unwrap();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            if lines.len() >= at_least || tokio::time::Instant::now() > deadline {
                return lines;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.drain.0.cancel();
        self.halt.0.cancel();
    }
}

fn certificate(folder: &tempfile::TempDir, name: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let (chain, key) = (format!("{name}.pem"), format!("{name}.key"));
    std::fs::write(folder.path().join(&chain), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join(&key), made.signing_key.serialize_pem()).unwrap();
    format!("[[certificate]]\nchain = \"{chain}\"\nkey = \"{key}\"\n")
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
