//! A certificate with its key, and which hosts it covers.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// A certificate chain with its private key.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// For the TLS handshake.
    pub key: Arc<CertifiedKey>,
    leaf: CertificateDer<'static>,
}

impl Certificate {
    /// Reads PEM files.
    ///
    /// # Errors
    /// In words: unreadable, no PEM, or a key that does not belong to the certificate.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, String> {
        Self::from_pem(&read(chain)?, &read(key)?)
            .map_err(|e| format!("{} with {}: {e}", chain.display(), key.display()))
    }

    /// Reads PEM text.
    ///
    /// # Errors
    /// In words, as [`Certificate::load`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|e| format!("the chain: {e}"))?;
        let Some(leaf) = chain.first().cloned() else { return Err("the chain holds no certificate".into()) };
        webpki::EndEntityCert::try_from(&leaf).map_err(|e| format!("the first certificate: {e}"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| format!("the key: {e}"))?;
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|e| match e {
            rustls::Error::InconsistentKeys(_) => "the key does not belong to the certificate".to_owned(),
            other => format!("the key: {other}"),
        })?;
        Ok(Self { key: Arc::new(key), leaf })
    }

    /// Whether one of the certificate's subject alternative names is this host (RFC 9525): a name, or an address.
    pub fn covers(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let Ok(name) = ServerName::try_from(bare) else { return false };
        webpki::EndEntityCert::try_from(&self.leaf).is_ok_and(|c| c.verify_is_valid_for_subject_name(&name).is_ok())
            || self.covers_local(bare)
    }

    /// `acme.localhost` by `*.localhost`. webpki takes no wildcard right under a top-level name, which is right for
    /// `*.com`; but development has no other names. The name is looked for as the dNSName that it is in the
    /// certificate: tag [2], its length, its characters (RFC 5280 section 4.2.1.6).
    fn covers_local(&self, host: &str) -> bool {
        const WILDCARD: &[u8] = b"\x82\x0b*.localhost";
        let one_label = host.strip_suffix(".localhost").is_some_and(|label| !label.is_empty() && !label.contains('.'));
        one_label && self.leaf.windows(WILDCARD.len()).any(|w| w == WILDCARD)
    }
}

/// Who a client must be signed by: the authorities of a PEM file.
///
/// # Errors
/// In words, as [`authorities`].
pub fn client_verifier(path: &Path) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(authorities(path)?.into(), provider);
    builder.build().map_err(|e| format!("{}: {e}", path.display()))
}

/// The certificates of authorities, one or several, out of a PEM file.
///
/// # Errors
/// In words: unreadable, no PEM, no certificate in it, or one that cannot be an authority's.
pub fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let fault = |why: String| format!("{} cannot be used: {why}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&read(path)?) {
        let certificate = certificate.map_err(|e| fault(e.to_string()))?;
        roots.add(certificate).map_err(|e| fault(format!("a certificate in it: {e}")))?;
    }
    if roots.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(roots) }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))
}
