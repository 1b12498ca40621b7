//! The other end of a connection to the gateway: one request after the other, and with HTTP/2 several at once. It asks
//! for the same in the same order each time, so that what the gateway does for it can be counted.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The sid that is always the same.
pub(crate) const HOT: u128 = 0x9e37_79b9_7f4a_4c15_8000_0000_0000_0000;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Over HTTP/2, so many at once.
    pub(crate) streams: Option<usize>,
    /// Sids in turn; none: no cookie.
    pub(crate) sids: u32,
    /// The path.
    pub(crate) path: &'static str,
}

/// A connection.
pub(crate) enum Client {
    /// HTTP/1.1
    One(http1::SendRequest<Empty<Bytes>>),
    /// HTTP/2
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    /// Connects.
    pub(crate) async fn connect(gateway: SocketAddr, h2: bool) -> Self {
        let io = TokioIo::new(tls(gateway, if h2 { "h2" } else { "http/1.1" }).await);
        if h2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            Self::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            Self::One(sender)
        }
    }

    /// Asks once, and reads the answer.
    pub(crate) async fn ask(&mut self, load: Load, number: u32) {
        let origin = if matches!(self, Self::Two(_)) { "https://localhost" } else { "" };
        let mut request =
            Request::get(format!("{origin}{}", load.path)).header("user-agent", "bench").header("accept", "*/*");
        if matches!(self, Self::One(_)) {
            request = request.header("host", "localhost");
        }
        if load.sids > 0 {
            let sid = uuid::Uuid::from_u128(HOT + u128::from(number % load.sids)).hyphenated();
            request = request.header("cookie", format!("theme=dark; sid={sid}; lang=en"));
        }
        let request = request.body(Empty::new()).unwrap();
        let answer = match self {
            Self::One(sender) => {
                // The task of the connection may not have seen the end of the last answer yet.
                sender.ready().await.unwrap();
                sender.send_request(request).await
            }
            Self::Two(sender) => sender.clone().send_request(request).await,
        };
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 1024);
    }
}

/// Asks `requests` times over one connection that is opened for it.
pub(crate) async fn run(gateway: SocketAddr, load: Load, requests: u32) {
    let mut client = Client::connect(gateway, load.streams.is_some()).await;
    let at_once = u32::try_from(load.streams.unwrap_or(1)).unwrap();
    for first in (0..requests).step_by(at_once as usize) {
        let numbers = first..(first + at_once).min(requests);
        match &mut client {
            Client::One(_) => client.ask(load, first).await,
            Client::Two(sender) => {
                join_all(numbers.map(|n| {
                    let mut client = Client::Two(sender.clone());
                    async move { client.ask(load, n).await }
                }))
                .await;
            }
        }
    }
}

async fn tls(gateway: SocketAddr, protocol: &str) -> TlsStream<TcpStream> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(gateway).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// Takes any certificate: it is our own, made a moment ago.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
