//! `client_ca`: only clients that its authority has signed for get through the handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::World;
use crate::support::client::trusting;
use crate::support::pki::{self, Authority, Signed};
use crate::support::wire::status;

/// Shows this certificate when asked for one.
fn showing(signed: Option<&Signed>, version: &'static rustls::SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut config = trusting(&[version]);
    if let Some(signed) = signed {
        let chain = vec![CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).unwrap();
        let key = CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider()).unwrap();
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(key));
    }
    Arc::new(config)
}

/// The status of an answer; 0 when the handshake fails, which a client of TLS 1.3 learns only when it reads.
async fn attempt(address: SocketAddr, config: &Arc<ClientConfig>) -> u16 {
    let attempt = async {
        let tcp = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let Ok(mut stream) = TlsConnector::from(config.clone()).connect(name, tcp).await else { return 0 };
        let request =
            format!("GET /public/x HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", address.port());
        let _ = stream.write_all(request.as_bytes()).await;
        let mut out = Vec::new();
        let _ = stream.read_to_end(&mut out).await;
        status(&String::from_utf8_lossy(&out))
    };
    tokio::time::timeout(Duration::from_secs(20), attempt).await.expect("an end within 20 s")
}

fn listener(authority: &Authority) -> String {
    format!("[[listener]]\naddress = \"127.0.0.1:0\"\nclient_ca = \"{}\"\n", authority.file().display())
}

#[tokio::test]
async fn only_clients_whose_certificate_the_authority_has_signed_get_in() {
    let (ours, foreign) = (Authority::new(), Authority::new());
    let world = World::with(&listener(&ours)).await;
    let (open, closed) = (world.gateway.addresses[0], world.gateway.addresses[1]);
    let good = ours.client();
    let bad = [foreign.client(), ours.sign("expired", pki::expired), ours.sign("server", pki::for_servers)];
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        assert_eq!(attempt(closed, &showing(Some(&good), version)).await, 200);
        for signed in &bad {
            assert_eq!(attempt(closed, &showing(Some(signed), version)).await, 0, "{:?}", signed.file);
        }
        assert_eq!(attempt(closed, &showing(None, version)).await, 0);
        assert_eq!(attempt(open, &showing(None, version)).await, 200, "the other listener asks for none");
    }
    assert_eq!(world.upstream.seen().len(), 4);
    let (_, metrics) = world.gateway.admin("/metrics").await;
    assert!(metrics.contains("sidgate_connections_refused_total{cause=\"client_certificate\"} 8\n"), "{metrics}");
}

/// A ticket says that its holder was let in before, but not at which door.
#[tokio::test]
async fn a_ticket_of_another_listener_does_not_open_it() {
    let (ours, others) = (Authority::new(), Authority::new());
    let world = World::with(&(listener(&ours) + &listener(&others))).await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for (signed, from, to) in [(None, 0, 1), (Some(ours.client()), 1, 2)] {
            // One store of tickets for both: the name in the handshake is the same.
            let config = showing(signed.as_ref(), version);
            assert_eq!(attempt(world.gateway.addresses[from], &config).await, 200);
            assert_eq!(attempt(world.gateway.addresses[from], &config).await, 200, "its own takes it back");
            assert_eq!(attempt(world.gateway.addresses[to], &config).await, 0, "{from} {to}");
        }
    }
}
