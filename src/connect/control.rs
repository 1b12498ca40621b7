//! The same way to a server for reqwest, which makes the rare calls.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderMap, HeaderValue};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::RootCertStore;

use super::Tls;
use crate::config::Target;

/// A client for one server, and what its addresses begin with.
///
/// # Errors
/// In words: the client cannot be made.
pub(crate) fn client(
    target: &Target,
    tls: Option<&Tls>,
    connect_timeout: Duration,
    idle_timeout: Duration,
) -> Result<(reqwest::Client, String), String> {
    // Without one reqwest looks for a provider of the whole process, also where nothing is ever https.
    let config = match tls {
        Some(tls) => (*tls.config).clone(),
        None => super::client_config(RootCertStore::empty())?.with_no_client_auth(),
    };
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .default_headers(host(target))
        .connect_timeout(connect_timeout)
        .pool_idle_timeout(idle_timeout)
        .tls_backend_preconfigured(config);
    let (builder, base) = match (target, tls.and_then(|tls| tls.server_name.as_ref())) {
        (Target::Unix(path), _) => (builder.unix_socket(path.as_path()), "http://localhost".to_owned()),
        // reqwest asks for and verifies the name in the address, so that is the one to write there.
        (Target::Https(authority), Some(name)) => {
            let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "443"));
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            (builder.dns_resolver(Elsewhere { host }), format!("https://{name}:{port}"))
        }
        _ => (builder, target.to_string()),
    };
    let client = builder.build().map_err(|e| format!("a client for {target} cannot be made: {e}"))?;
    Ok((client, base))
}

/// The host is the address's, whatever name is verified.
fn host(target: &Target) -> HeaderMap {
    HeaderValue::from_str(target.authority()).map(|host| (HOST, host)).into_iter().collect()
}

/// Whatever is asked for, it is this host.
struct Elsewhere {
    host: String,
}

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let host = self.host.clone();
        Box::pin(async move {
            // The port is the address's: 0 says so to reqwest.
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
