//! A connection to a server of ours: TCP, TLS over it, or a unix socket.
//!
//! HTTP/1.1 only. Whose certificate is taken is either what `ca` names, and then no others, or what the system trusts:
//! the system's store (rustls-native-certs) and not a copy of Mozilla's in this binary, because that is where a
//! company's own authority is installed, and where a withdrawn one is withdrawn.

pub(crate) mod control;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::client::WantsClientCert;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::certificate::authorities;
use crate::config::{ClientTls, Target};

/// Opens connections to one server.
#[derive(Clone)]
pub struct Connector {
    way: Way,
    timeout: Duration,
}

#[derive(Clone)]
enum Way {
    Tcp(String),
    Tls(String, TlsConnector, ServerName<'static>),
    Unix(PathBuf),
}

impl Connector {
    /// To a target; `timeout` is the longest until it is connected, a TLS handshake included.
    ///
    /// # Errors
    /// In words: an https target without TLS, or whose host is no name that a certificate could have.
    pub fn new(target: &Target, tls: Option<&Tls>, timeout: Duration) -> Result<Self, String> {
        let way = match target {
            Target::Http(authority) => Way::Tcp(authority.clone()),
            Target::Unix(path) => Way::Unix(path.clone()),
            Target::Https(authority) => {
                let tls = tls.ok_or_else(|| format!("{target}: TLS is not set up"))?;
                Way::Tls(authority.clone(), TlsConnector::from(tls.config.clone()), tls.name(authority)?)
            }
        };
        Ok(Self { way, timeout })
    }

    /// A new connection. Of a name with several addresses each is tried, as long as there is time.
    ///
    /// # Errors
    /// None within the time limit, or a certificate that is not taken.
    pub async fn connect(&self) -> io::Result<Stream> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
        tokio::time::timeout(self.timeout, self.open()).await.map_err(late)?
    }

    async fn open(&self) -> io::Result<Stream> {
        match &self.way {
            Way::Tcp(authority) => tcp(authority).await.map(Stream::Tcp),
            Way::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            Way::Tls(authority, tls, name) => {
                let stream = tls.connect(name.clone(), tcp(authority).await?).await?;
                Ok(Stream::Tls(Box::new(stream)))
            }
        }
    }
}

async fn tcp(authority: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Tcp(authority) => write!(f, "Connector(http://{authority})"),
            Way::Tls(authority, ..) => write!(f, "Connector(https://{authority})"),
            Way::Unix(path) => write!(f, "Connector(unix:{})", path.display()),
        }
    }
}

/// TLS to a server.
#[derive(Debug, Clone)]
pub struct Tls {
    /// For a TLS handshake.
    pub config: Arc<ClientConfig>,
    server_name: Option<String>,
}

impl Tls {
    /// Reads the files, if there is anything among these targets to use them for.
    ///
    /// # Errors
    /// In words: a file that is unreadable or not what it should be.
    pub fn for_targets(targets: &[Target], config: &ClientTls) -> Result<Option<Self>, String> {
        let needed = targets.iter().any(|t| matches!(t, Target::Https(_)));
        needed.then(|| Self::load(config)).transpose()
    }

    fn load(config: &ClientTls) -> Result<Self, String> {
        let roots = config.ca.as_deref().map_or_else(system_roots, authorities)?;
        let builder = client_config(roots)?;
        let mut made = match (&config.client_certificate, &config.client_key) {
            (Some(chain), Some(key)) => {
                let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| unusable(key, &e))?;
                let with = |e| format!("{} with {}: {e}", chain.display(), key.display());
                builder.with_client_auth_cert(certificates(chain)?, private).map_err(with)?
            }
            _ => builder.with_no_client_auth(),
        };
        made.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(made), server_name: config.server_name.clone() })
    }

    /// The name that a server's certificate must have.
    fn name(&self, authority: &str) -> Result<ServerName<'static>, String> {
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let name = self.server_name.as_deref().unwrap_or(bare);
        ServerName::try_from(name.to_owned()).map_err(|_| format!("no certificate can have the name {name}"))
    }
}

fn client_config(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| format!("TLS cannot be set up: {e}"))?;
    Ok(builder.with_root_certificates(roots))
}

fn system_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // A system's store may hold what rustls does not read; the others are good all the same.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let hint = "install ca-certificates, or name a bundle with `ca`";
        return Err(format!(
            "this system trusts no certificate authority, so none can vouch for an https server: {hint}"
        ));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(path)?;
    let all = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(|e| unusable(path, &e))?;
    if all.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(all) }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}

fn unusable(path: &Path, why: &dyn fmt::Display) -> String {
    format!("{} cannot be used: {why}", path.display())
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Plain.
    Tcp(TcpStream),
    /// Over TLS. Boxed: it is twenty times as large.
    Tls(Box<TlsStream<TcpStream>>),
    /// On this machine.
    Unix(UnixStream),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
