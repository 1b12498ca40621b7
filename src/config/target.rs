//! Where a server is reached, and how TLS to it is set up: what `[upstream.NAME]` and `[backend]` have in common.

use std::fmt;
use std::path::{Path, PathBuf};

use rustls_pki_types::ServerName;
use url::Url;

use super::address;
use super::table::{Problem, Table};

/// Where a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `http://host[:port]`; holds `host:port`.
    Http(String),
    /// `https://host[:port]`; holds `host:port`.
    Https(String),
    /// `unix:/path`: HTTP over a unix socket.
    Unix(PathBuf),
}

impl Target {
    /// Reads an address as `gateway.toml` writes it; a socket's path is relative to the working directory.
    ///
    /// # Errors
    /// In words: not an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        target(text, Path::new("")).map_err(Problem::sentence)
    }

    /// `host:port` for the `Host` header; a unix socket's is `localhost`.
    pub fn authority(&self) -> &str {
        match self {
            Self::Http(authority) | Self::Https(authority) => authority,
            Self::Unix(_) => "localhost",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(authority) => write!(f, "http://{authority}"),
            Self::Https(authority) => write!(f, "https://{authority}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// TLS to a server: what is trusted, and what is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClientTls {
    /// PEM bundle of the certificate authorities that are trusted, and no others; absent: the system's.
    pub ca: Option<PathBuf>,
    /// PEM chain, leaf first, for a server that asks for a certificate.
    pub client_certificate: Option<PathBuf>,
    /// PEM private key of it.
    pub client_key: Option<PathBuf>,
    /// Name that is asked for and verified instead of the host of the address.
    pub server_name: Option<String>,
}

pub(super) const TARGET: &str = "an address such as \"http://127.0.0.1:3000\" or \"unix:/run/next.sock\"";
const NAME: &str = "a host name such as \"next.internal\"";

impl Table<'_> {
    /// The address of a server.
    pub(super) fn target(&mut self, key: &str) -> Option<Target> {
        let base = self.reader.base;
        self.text(key, TARGET, |text| target(text, base))
    }

    /// The addresses of several.
    pub(super) fn targets(&mut self, key: &str) -> Option<Vec<Target>> {
        let base = self.reader.base;
        self.list(key, TARGET, |text| target(text, base))
    }
}

impl ClientTls {
    /// Reads the keys of TLS, which stand beside the address.
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        Self {
            ca: table.optional_file("ca"),
            client_certificate: table.optional_file("client_certificate"),
            client_key: table.optional_file("client_key"),
            server_name: table.text("server_name", NAME, server_name),
        }
    }

    /// What contradicts the addresses, or itself; `keys` are those that give the addresses. Ask after `finish`.
    pub(super) fn check(&self, table: &mut Table<'_>, keys: &[&str], targets: &[Target]) {
        if table.good(keys) && !targets.iter().any(|t| matches!(t, Target::Https(_))) {
            for key in ["ca", "client_certificate", "client_key", "server_name"] {
                if table.has(key) {
                    table.contradiction(key, "has no effect here: it is for https, and no address is", REMOVE);
                }
            }
            return;
        }
        for (one, other) in [("client_certificate", "client_key"), ("client_key", "client_certificate")] {
            if table.has(one) && !table.has(other) && table.good(&[one, other]) {
                table.contradiction(
                    one,
                    format!("needs `{other}` beside it"),
                    "PEM: PKCS#8, SEC1 or PKCS#1 for the key",
                );
            }
        }
    }
}

const REMOVE: &str = "remove it, or write the address with https://";

fn target(text: &str, base: &Path) -> Result<Target, Problem> {
    if let Some(path) = text.strip_prefix("unix:") {
        // `unix:///run/x` is how others write it.
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(Problem::expected_text(TARGET, text).hint("the path of the socket follows `unix:`"));
        }
        return Ok(Target::Unix(base.join(path)));
    }
    let origin = address::site(text, &["http://", "https://"], TARGET, "it begins with http://, https:// or unix:")?;
    let url = Url::parse(&origin).map_err(|_| Problem::expected_text(TARGET, text))?;
    let port = url.port_or_known_default().unwrap_or(80);
    let authority = format!("{}:{port}", url.host_str().unwrap_or_default());
    Ok(if url.scheme() == "https" { Target::Https(authority) } else { Target::Http(authority) })
}

fn server_name(text: &str) -> Result<String, Problem> {
    match ServerName::try_from(text) {
        Ok(ServerName::DnsName(_)) => Ok(text.to_owned()),
        _ => Err(Problem::expected_text(NAME, text).hint("the name in the server's certificate, without a port")),
    }
}
