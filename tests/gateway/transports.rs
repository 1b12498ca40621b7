//! Application and backend over unix sockets, and over https with a private authority and a client certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

use crate::support::gateway::{KEY, ROUTES, base};
use crate::support::{Gateway, Upstream};

/// A scripted application and a real backend, each behind something else than plain TCP.
struct Servers {
    app: Upstream,
    backend: SocketAddr,
    folder: tempfile::TempDir,
}

impl Servers {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = listener.local_addr().unwrap();
        tokio::spawn(sidgate::demo::Backend::new(KEY).serve(listener, std::future::pending::<()>()));
        Self { app: Upstream::start().await, backend, folder: tempfile::tempdir().unwrap() }
    }

    /// The gateway, with these lines in place of the addresses.
    async fn gateway(&self, app: &str, backend: &str) -> Gateway {
        let text = base(self.backend, self.app.address) + ROUTES;
        let text = text.replace(&format!("url = \"http://{}\"\n", self.app.address), app);
        Gateway::start(&text.replace(&format!("url = \"http://{}\"\n", self.backend), backend)).await
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

/// Sign-in goes by the client of rare calls, the page by that of frequent ones.
async fn a_user_gets_through(gateway: &Gateway, app: &Upstream) {
    let credentials = serde_json::json!({"email": "alice@acme.test", "password": sidgate::demo::PASSWORD});
    let call = gateway.client().call(Method::POST, "/api/auth/session-v2").same_origin().json(&credentials);
    let answer = call.send().await;
    let sid = answer.sid().unwrap_or_else(|| panic!("{}", answer.text()));
    let page = gateway.client().get("/acme/dashboard").navigate().cookie(&format!("sid={sid}")).send().await;
    assert_eq!((page.status, app.last().header("x-auth-user-id")), (200, Some("1")));
    assert_eq!(app.last().header("host"), Some(&*gateway.client().authority()));
}

async fn carry(mut from: impl AsyncRead + AsyncWrite + Unpin, to: SocketAddr) {
    let mut to = TcpStream::connect(to).await.unwrap();
    let _ = copy_bidirectional(&mut from, &mut to).await;
}

fn at_a_socket(path: &Path, to: SocketAddr) -> String {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(carry(stream, to));
        }
    });
    format!("url = \"unix:{}\"\n", path.display())
}

#[tokio::test]
async fn application_and_backend_are_reached_over_unix_sockets() {
    let servers = Servers::start().await;
    let app = at_a_socket(&servers.folder.path().join("next.sock"), servers.app.address);
    let backend = at_a_socket(&servers.folder.path().join("django.sock"), servers.backend);
    let gateway = servers.gateway(&app, &backend).await;
    a_user_gets_through(&gateway, &servers.app).await;
    assert!(gateway.admin("/metrics").await.1.contains("next.sock\"} 1"));
    std::fs::remove_file(servers.folder.path().join("next.sock")).unwrap();
    servers.app.refuse().await;
    let gone = servers.gateway("url = \"unix:/nowhere/next.sock\"\n", &backend).await;
    assert_eq!(gone.client().get("/public/x").send().await.status, 502);
}

/// An authority, and a server's certificate of it for this name; the client's is of the same one.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// A server of this name that lets in who has a certificate of the same authority; gives its port.
    async fn serve(&self, name: &str, to: SocketAddr) -> u16 {
        let (chain, key) = self.issue(name);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.issuer.pem().as_bytes()).unwrap()).unwrap();
        let config = ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(roots.into()).build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(Arc::new(config.clone()));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        carry(stream, to).await;
                    }
                });
            }
        });
        port
    }
}

#[tokio::test]
async fn a_private_authority_is_trusted_and_a_client_certificate_shown() {
    let servers = Servers::start().await;
    let authority = Authority::new();
    let (certificate, key) = authority.issue("sidgate.internal");
    let ca = servers.file("ca.pem", &authority.issuer.pem());
    let own = format!(
        "client_certificate = \"{}\"\nclient_key = \"{}\"\n",
        servers.file("own.pem", &certificate),
        servers.file("own.key", &key)
    );
    let other = servers.file("other.pem", &Authority::new().issuer.pem());
    let by_name = "server_name = \"next.internal\"\n";

    // By the address's own host, and by another name.
    let app = authority.serve("localhost", servers.app.address).await;
    let named = authority.serve("next.internal", servers.app.address).await;
    let backend = authority.serve("localhost", servers.backend).await;
    let named_backend = authority.serve("next.internal", servers.backend).await;
    let https =
        |host: &str, port: u16, ca: &str, more: &str| format!("url = \"https://{host}:{port}\"\nca = \"{ca}\"\n{more}");
    let with_name = format!("{own}{by_name}");
    for (app, backend) in [
        (https("localhost", app, &ca, &own), https("localhost", backend, &ca, &own)),
        (https("127.0.0.1", named, &ca, &with_name), https("localhost", named_backend, &ca, &with_name)),
        (https("127.0.0.1", named, &ca, &with_name), https("127.0.0.1", named_backend, &ca, &with_name)),
    ] {
        a_user_gets_through(&servers.gateway(&app, &backend).await, &servers.app).await;
    }

    let plain = format!("url = \"http://{}\"\n", servers.backend);
    let before = servers.app.seen().len();
    for (what, faulty) in [
        ("another authority", https("localhost", app, &other, &own)),
        ("the system's", format!("url = \"https://localhost:{app}\"\n{own}")),
        ("another name", https("127.0.0.1", app, &ca, &own)),
        ("no client certificate", https("localhost", app, &ca, "")),
    ] {
        let gateway = servers.gateway(&faulty, &plain).await;
        let answer = gateway.client().get("/public/x").fetch().send().await;
        assert_eq!(answer.status, 502, "{what}");
    }
    assert_eq!(servers.app.seen().len(), before, "nothing was sent to a server that is not known");

    let app_plain = format!("url = \"http://{}\"\n", servers.app.address);
    for faulty in [https("localhost", backend, &other, &own), https("localhost", backend, &ca, "")] {
        let gateway = servers.gateway(&app_plain, &faulty).await;
        let credentials = serde_json::json!({"email": "alice@acme.test", "password": sidgate::demo::PASSWORD});
        let call = gateway.client().call(Method::POST, "/api/auth/session-v2").same_origin().json(&credentials);
        assert_eq!(call.send().await.status, 503);
        let sid = uuid::Uuid::new_v4();
        let page = gateway.client().get("/dashboard").navigate().cookie(&format!("sid={sid}")).send().await;
        assert_eq!((page.status, page.set_cookies().len()), (503, 0), "it is not known, so it is not refused");
    }
}
