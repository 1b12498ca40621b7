//! What the load goes to, and connections to it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::options::Options;
use crate::{Fault, jar};

/// The gateway's session API.
pub(crate) const SESSION: &str = "/api/auth/session-v2";

/// Where requests go, and what they all carry. A clone is the same target.
#[derive(Clone)]
pub(crate) struct Target {
    /// `https://host[:port]`
    pub(crate) origin: String,
    /// Path and query.
    pub(crate) path: String,
    authority: String,
    connect_to: String,
    name: ServerName<'static>,
    tls: Option<TlsConnector>,
    http2: bool,
    cookie: String,
    headers: HeaderMap,
    timeout: Duration,
}

/// A connection, or a stream of one.
pub(crate) enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Why no answer came: the word in the report.
pub(crate) type Failure = &'static str;

impl Target {
    pub(crate) fn new(options: &Options) -> Result<Self, Fault> {
        let text = options.target.as_deref().unwrap_or_default();
        let url = Url::parse(text).map_err(|e| format!("--target {text}: {e}"))?;
        let (Some(host), true) = (url.host_str(), matches!(url.scheme(), "http" | "https")) else {
            return Err(format!("--target {text}: give an address that begins with https:// or http://"));
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let authority = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let secure = url.scheme() == "https";
        if !secure && options.http2 {
            return Err("--http2 needs an https target".into());
        }
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            path: url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
            connect_to: options.resolve.map_or(format!("{host}:{port}"), |address| address.to_string()),
            name: ServerName::try_from(bare).map_err(|_| format!("--target {text}: no host name"))?,
            tls: if secure { Some(TlsConnector::from(Arc::new(tls(options)?))) } else { None },
            http2: options.http2,
            cookie: options.cookie.clone(),
            headers: headers(&options.headers)?,
            timeout: options.timeout,
            authority,
        })
    }

    /// `GET` of the target's path, with this sid.
    pub(crate) fn get(&self, sid: Option<&str>) -> Request<Full<Bytes>> {
        self.request(Method::GET, &self.path, sid, Bytes::new())
    }

    /// As a browser asks for a document, with these cookies.
    pub(crate) fn navigate(&self, jar: &[(String, String)]) -> Request<Full<Bytes>> {
        let mut request = self.request(Method::GET, &self.path, None, Bytes::new());
        let headers = request.headers_mut();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static("text/html,*/*"));
        headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
        headers.insert("sec-fetch-dest", HeaderValue::from_static("document"));
        // Over HTTP/2 browsers send each cookie as a field of its own (RFC 9113 section 8.2.3).
        let lines: Vec<String> = match self.http2 {
            true => jar.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            false => vec![jar::line(jar)],
        };
        headers.extend(lines.into_iter().filter_map(|line| Some((COOKIE, HeaderValue::try_from(line).ok()?))));
        request
    }

    /// Any request.
    pub(crate) fn request(&self, method: Method, path: &str, sid: Option<&str>, body: Bytes) -> Request<Full<Bytes>> {
        let has_body = !body.is_empty();
        let unsafe_method = method != Method::GET;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let uri = if self.http2 { format!("{}{path}", self.origin) } else { path.to_owned() };
        *request.uri_mut() = uri.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.extend(self.headers.clone());
        let mut set = |name: HeaderName, value: String| {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        };
        if !self.http2 {
            set(HOST, self.authority.clone());
        }
        if let Some(sid) = sid {
            set(COOKIE, format!("{}={sid}", self.cookie));
        }
        if unsafe_method {
            set(ORIGIN, self.origin.clone());
        }
        if has_body {
            set(http::header::CONTENT_TYPE, "application/json".into());
        }
        if self.http2 {
            *request.version_mut() = Version::HTTP_2;
        }
        request
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        let work = async {
            let tcp = TcpStream::connect(&self.connect_to).await.map_err(|_| "connect")?;
            let _ = tcp.set_nodelay(true);
            match &self.tls {
                None => self.handshake(tcp).await,
                Some(tls) => {
                    let tls = tls.connect(self.name.clone(), tcp).await.map_err(|error| {
                        let invalid = error.to_string().contains("certificate");
                        if invalid { "certificate not trusted (--ca FILE or --insecure)" } else { "tls" }
                    })?;
                    if self.http2 && tls.get_ref().1.alpn_protocol() != Some(b"h2") {
                        return Err("the target does not speak HTTP/2");
                    }
                    self.handshake(tls).await
                }
            }
        };
        tokio::time::timeout(self.timeout, work).await.unwrap_or(Err("connect timeout"))
    }

    async fn handshake<S>(&self, stream: S) -> Result<Connection, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        if self.http2 {
            let handshake = http2::handshake(TokioExecutor::new(), io).await;
            let (sender, connection) = handshake.map_err(|_| "connect")?;
            tokio::spawn(connection);
            Ok(Connection::Http2(sender))
        } else {
            let (sender, connection) = http1::handshake(io).await.map_err(|_| "connect")?;
            tokio::spawn(connection);
            Ok(Connection::Http1(sender))
        }
    }

    /// Longest to wait for one answer.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Name of the session cookie.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// One request over a connection of its own.
    pub(crate) async fn once(&self, request: Request<Full<Bytes>>) -> Result<(http::response::Parts, Bytes), Failure> {
        self.connect().await?.exchange(request, self.timeout).await
    }
}

impl Connection {
    /// Another stream of the same connection; HTTP/1.1 has none.
    pub(crate) fn stream(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    /// Whether it can take a request now.
    pub(crate) async fn ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Sends a request and reads its answer to the end.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<(http::response::Parts, Bytes), Failure> {
        let work = async {
            let answer: Response<Incoming> = match self {
                Self::Http1(sender) => sender.send_request(request).await.map_err(|_| "connection lost")?,
                Self::Http2(sender) => sender.send_request(request).await.map_err(|_| "connection lost")?,
            };
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.map_err(|_| "answer cut off")?.to_bytes();
            Ok((parts, body))
        };
        tokio::time::timeout(limit, work).await.unwrap_or(Err("timeout"))
    }
}

fn headers(lines: &[String]) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static("sidgate-load"));
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
    for line in lines {
        let parsed = line.split_once(':').and_then(|(name, value)| {
            Some((name.trim().parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) = parsed.ok_or_else(|| format!("--header {line:?}: write `Name: value`"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn tls(options: &Options) -> Result<rustls::ClientConfig, Fault> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let mut config = if options.insecure {
        let any = Arc::new(AnyCertificate(provider));
        builder.dangerous().with_custom_certificate_verifier(any).with_no_client_auth()
    } else {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &options.ca {
            let fault = |e: &dyn std::fmt::Display| format!("--ca {}: {e}", path.display());
            let certificates = CertificateDer::pem_file_iter(path).map_err(|e| fault(&e))?;
            for certificate in certificates {
                roots.add(certificate.map_err(|e| fault(&e))?).map_err(|e| fault(&e))?;
            }
        }
        builder.with_root_certificates(roots).with_no_client_auth()
    };
    config.alpn_protocols = vec![if options.http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    Ok(config)
}

/// For `--insecure`.
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
