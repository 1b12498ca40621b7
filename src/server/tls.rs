//! TLS: rustls with aws-lc-rs, 1.2 and 1.3, hybrid post-quantum key exchange first, certificates by SNI.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificate::{Certificate, client_verifier};

/// Makes TLS connections.
#[derive(Clone)]
pub(super) struct Acceptor {
    tls: TlsAcceptor,
    certificates: Arc<Certificates>,
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("certificates", &self.certificates.listed.len()).finish_non_exhaustive()
    }
}

/// Makes a certificate for a name that no listed one covers: `sidgate dev` does.
pub(crate) type More = Arc<dyn Fn(&str) -> Option<Certificate> + Send + Sync>;

/// The certificates there are, and those that can be made.
pub(super) struct Certificates {
    /// In the order of the file.
    pub(super) listed: Vec<Certificate>,
    /// For other names.
    pub(super) more: Option<More>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.listed).finish()
    }
}

impl Certificates {
    /// The first that covers the name; without a name, or for an unknown one, the first of all. A request for a host
    /// that it does not cover is then answered 421 by the pipeline.
    fn choose(&self, name: Option<&str>) -> Option<Cow<'_, Certificate>> {
        if let Some(listed) = name.and_then(|n| self.listed.iter().find(|c| c.covers(n))) {
            return Some(Cow::Borrowed(listed));
        }
        let made = name.zip(self.more.as_ref()).and_then(|(name, more)| more(name));
        made.map(Cow::Owned).or_else(|| self.listed.first().map(Cow::Borrowed))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name()).map(|c| c.key.clone())
    }
}

impl Acceptor {
    /// With `client_ca`, only clients with a certificate that it has signed get through the handshake.
    pub(super) fn new(certificates: Arc<Certificates>, client_ca: Option<&Path>) -> Result<Self, String> {
        if certificates.listed.is_empty() {
            return Err("an https listener needs a [[certificate]]".into());
        }
        let fault = |e: rustls::Error| format!("TLS cannot be set up: {e}");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(fault)?;
        let config = match client_ca {
            Some(path) => config.with_client_cert_verifier(client_verifier(path)?),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(certificates.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(fault)?;
        // Browsers keep one connection per host; a second ticket would cost every handshake and serve few.
        config.send_tls13_tickets = 1;
        Ok(Self { tls: TlsAcceptor::from(Arc::new(config)), certificates })
    }

    /// The handshake, and the certificate that was given in it.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> std::io::Result<(TlsStream<TcpStream>, Option<Certificate>)> {
        let stream = self.tls.accept(stream).await?;
        let given = self.certificates.choose(stream.get_ref().1.server_name()).map(Cow::into_owned);
        Ok((stream, given))
    }
}
