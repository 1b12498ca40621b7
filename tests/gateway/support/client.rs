//! Clients: HTTP/1.1 and HTTP/2 with any header, and raw bytes over TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How to reach the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    /// TLS with this name; none: plain.
    pub(crate) sni: Option<String>,
    pub(crate) h2: bool,
    /// Instead of the name and port.
    pub(crate) host: Option<String>,
    /// The address to connect from, where it matters.
    from: Option<IpAddr>,
}

impl Client {
    pub(crate) fn https(address: SocketAddr) -> Self {
        Self { address, sni: Some("localhost".into()), h2: false, host: None, from: None }
    }

    pub(crate) fn http(address: SocketAddr) -> Self {
        Self { address, sni: None, h2: false, host: None, from: None }
    }

    pub(crate) fn h2(self) -> Self {
        Self { h2: true, ..self }
    }

    /// Another name, in the handshake and in `Host`.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { sni: self.sni.map(|_| name.to_owned()), host: Some(name.to_owned()), ..self }
    }

    /// Connects from this address.
    pub(crate) fn at(self, from: impl Into<IpAddr>) -> Self {
        Self { from: Some(from.into()), ..self }
    }

    /// `https://localhost:PORT`
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", if self.sni.is_some() { "https" } else { "http" }, self.authority())
    }

    pub(crate) fn authority(&self) -> String {
        let name = self.host.clone().or_else(|| self.sni.clone()).unwrap_or_else(|| self.address.ip().to_string());
        if name.contains(':') { name } else { format!("{name}:{}", self.address.port()) }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call { client: self.clone(), method, path: path.to_owned(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A TLS connection.
    pub(crate) async fn tls(&self) -> TlsStream<TcpStream> {
        let tcp = self.tcp().await;
        let name = ServerName::try_from(self.sni.clone().unwrap()).unwrap();
        TlsConnector::from(Arc::new(client_config(self.h2))).connect(name, tcp).await.unwrap()
    }

    async fn tcp(&self) -> TcpStream {
        let Some(from) = self.from else { return TcpStream::connect(self.address).await.unwrap() };
        let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        socket.connect(self.address).await.unwrap()
    }

    /// Sends these bytes over a connection of their own and reads until the server closes, or is silent for a while.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.tls().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut out = Vec::new();
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(Ok(n @ 1..)) = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut buffer)).await {
            out.extend_from_slice(&buffer[..n]);
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// Adds a header; a second of the same name is a second line.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    pub(crate) fn cookie(self, cookie: &str) -> Self {
        self.header("cookie", cookie)
    }

    /// As a browser asks for a document.
    pub(crate) fn navigate(self) -> Self {
        self.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document").header("accept", "text/html,*/*")
    }

    /// As `fetch` asks.
    pub(crate) fn fetch(self) -> Self {
        self.header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty").header("accept", "*/*")
    }

    /// With the `Origin` of the gateway's own pages.
    pub(crate) fn same_origin(self) -> Self {
        let origin = self.client.origin();
        self.header("origin", origin)
    }

    pub(crate) fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it over a connection of its own.
    pub(crate) async fn send(self) -> Answer {
        tokio::time::timeout(Duration::from_secs(30), self.exchange()).await.expect("an answer within 30 s")
    }

    async fn exchange(self) -> Answer {
        let authority = self.client.authority();
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.headers_mut() = self.headers;
        let answer = if self.client.h2 {
            *request.uri_mut() = format!("https://{authority}{}", self.path).parse().unwrap();
            let io = TokioIo::new(self.client.tls().await);
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            sender.send_request(request).await.unwrap()
        } else {
            *request.uri_mut() = self.path.parse().unwrap();
            if !request.headers().contains_key("host") {
                request.headers_mut().insert("host", authority.parse().unwrap());
            }
            let mut sender = if self.client.sni.is_some() {
                let io = TokioIo::new(self.client.tls().await);
                let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
                tokio::spawn(connection);
                sender
            } else {
                let io = TokioIo::new(self.client.tcp().await);
                let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
                tokio::spawn(connection);
                sender
            };
            sender.send_request(request).await.unwrap()
        };
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map(|b| b.to_bytes());
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            cut_off: body.is_err(),
            body: body.unwrap_or_default(),
        }
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body broke off.
    pub(crate) cut_off: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|v| v.to_str().unwrap())
    }

    pub(crate) fn set_cookies(&self) -> Vec<String> {
        self.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    }

    /// The sid that the answer sets.
    pub(crate) fn sid(&self) -> Option<String> {
        let line = self.set_cookies().into_iter().rev().find(|c| c.starts_with("sid=") && !c.starts_with("sid=;"))?;
        Some(line[4..40].to_owned())
    }
}

/// Trusts every certificate: which one the gateway shows is looked at where that is the question.
pub(crate) fn trusting(versions: &[&'static rustls::SupportedProtocolVersion]) -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_protocol_versions(versions)
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustAll))
        .with_no_client_auth()
}

fn client_config(h2: bool) -> rustls::ClientConfig {
    let mut config = trusting(rustls::DEFAULT_VERSIONS);
    config.alpn_protocols = vec![if h2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    config
}

#[derive(Debug)]
struct TrustAll;

impl rustls::client::danger::ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
