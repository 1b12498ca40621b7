//! The development authority: made once per user, trusted once, and good for nothing but this machine's own names.
//!
//! Its two files are named and made like those of `certs/dev.sh`, so either reads what the other made, and one trusts
//! one authority. The certificate that it vouches for is made anew at each start and kept nowhere.

mod subject;

use std::collections::HashMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use jiff::{Span, Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
    PublicKeyData as _, SanType, date_time_ymd,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::certificate::Certificate as Made;
use crate::demo::{Certificate, CertificateError};
use crate::server::More;

/// Days that the authority and a certificate of it are good.
const AUTHORITY_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 30;

/// The names that every certificate is for. `*.localhost` is not among them: with it, Firefox and rustls refuse a
/// certificate of a bound authority whole, because right below a top-level name they know no wildcard.
const NAMES: [&str; 5] = ["localhost", "app.localhost", "*.app.localhost", "acme.localhost", "globex.localhost"];
/// Names that get a certificate of their own when they are first asked for.
const MADE_MOST: usize = 256;

/// An authority with its key.
pub(super) struct Authority {
    /// The file to trust.
    pub(super) file: PathBuf,
    /// The certificate's bytes, by which a browser's list is looked through.
    pub(super) der: CertificateDer<'static>,
    /// It was made just now.
    pub(super) new: bool,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the authority of a folder, or makes folder (mode 0700) and authority.
    ///
    /// # Errors
    /// In words: files that cannot be read or written, or that are no authority of ours.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, String> {
        let (file, key) = (folder.join("dev-ca.pem"), folder.join("dev-ca.key"));
        let new = !file.exists() && !key.exists();
        if new {
            let cannot = |e: &dyn std::fmt::Display| {
                format!("the development authority cannot be made in {}: {e}", folder.display())
            };
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| cannot(&e))?;
            make(&file, &key).map_err(|e| cannot(&e))?;
        }
        Self::read(file, &key, new).map_err(|reason| {
            let folder = folder.display();
            format!("{folder} holds no authority that can be used: {reason}. Remove dev-ca.pem and dev-ca.key there, and a new one is made")
        })
    }

    fn read(file: PathBuf, key: &Path, new: bool) -> Result<Self, String> {
        let text = |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
        let (pem, key_pem) = (text(&file)?, text(key)?);
        let open_to_others = fs::metadata(key).is_ok_and(|m| m.permissions().mode() & 0o077 != 0);
        if open_to_others {
            return Err(format!("{0} can be read by others (chmod 600 {0})", key.display()));
        }
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| format!("{}: {e}", file.display()))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|e| format!("{}: {e}", key.display()))?;
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|e| e.to_string())?;
        if !key.subject_public_key_info().ends_with(&anchor.subject_public_key_info) {
            return Err("the key does not belong to the certificate".into());
        }
        let name = subject::read(&anchor.subject).ok_or("its name is not of the form that sidgate writes")?;
        let issuer = Issuer::new(params(name, &key), key);
        Ok(Self { file, der: der.into_owned(), new, issuer })
    }

    /// A certificate for this machine's names and `more`, with a key of its own.
    ///
    /// # Errors
    /// A name that is none.
    pub(super) fn certificate(&self, more: &[String]) -> Result<Certificate, CertificateError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, "sidgate development");
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let mut names: Vec<&str> = NAMES.into_iter().chain(more.iter().map(String::as_str)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
        }
        params.subject_alt_names.push(SanType::IpAddress(Ipv4Addr::LOCALHOST.into()));
        params.subject_alt_names.push(SanType::IpAddress(Ipv6Addr::LOCALHOST.into()));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, LEAF_DAYS.days())?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Certificate { chain: certificate.pem(), key: key.serialize_pem() })
    }
}

/// Certificates for names below `localhost` that nobody knew before: any tenant has one as soon as a browser asks.
pub(super) fn on_demand(authority: Authority) -> More {
    let made: Mutex<HashMap<String, Made>> = Mutex::default();
    Arc::new(move |name: &str| {
        name.strip_suffix(".localhost")?;
        let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(name) {
            return Some(known.clone());
        }
        let pem = authority.certificate(&[name.to_owned()]).ok().filter(|_| made.len() < MADE_MOST)?;
        let certificate = Made::from_pem(pem.chain.as_bytes(), pem.key.as_bytes()).ok()?;
        made.insert(name.to_owned(), certificate.clone());
        Some(certificate)
    })
}

/// Where the authority lives when nobody says: the user's own data, not a project's.
pub(super) fn default_folder(env: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let set = |name: &str| env(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").filter(|p| p.is_absolute()).or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(data.join("sidgate/dev-ca"))
}

fn make(file: &Path, key_file: &Path) -> Result<(), CertificateError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "sidgate development");
    // A number of its own: browsers take two authorities of one name for one another.
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, key.der_bytes());
    let number: String = hash.as_ref().iter().take(3).map(|b| format!("{b:02x}")).collect();
    name.push(DnType::CommonName, format!("sidgate development CA {number}"));
    let mut params = params(name, &key);
    valid_for(&mut params, AUTHORITY_DAYS.days())?;
    let pem = params.self_signed(&key)?.pem();
    write(key_file, &key.serialize_pem(), 0o600)?;
    write(file, &pem, 0o644)
}

/// Under its own name only once it is whole, and never over another's.
fn write(file: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let half = file.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&half);
    OpenOptions::new().write(true).create_new(true).mode(mode).open(&half)?.write_all(text.as_bytes())?;
    let linked = fs::hard_link(&half, file);
    let _ = fs::remove_file(&half);
    match linked {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            Err("another start is making it at this moment; try again".into())
        }
        other => Ok(other?),
    }
}

/// What an authority of ours is: bound to names that lead to this machine, so that whoever steals its key cannot
/// pretend to be anybody's bank. The same names as `certs/dev.sh`.
fn params(name: DistinguishedName, key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // RFC 5280 section 4.2.1.2 (1), as openssl does it.
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, key.der_bytes());
    params.key_identifier_method = KeyIdMethod::PreSpecified(hash.as_ref().to_vec());
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".into()),
            GeneralSubtree::DnsName("test".into()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(Ipv6Addr::LOCALHOST.octets(), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

/// From yesterday: clocks differ.
fn valid_for(params: &mut CertificateParams, span: Span) -> Result<(), CertificateError> {
    let yesterday = Timestamp::now().to_zoned(TimeZone::UTC).date().checked_sub(1.day())?;
    // rcgen speaks the `time` crate's language, which is no dependency of ours: hence through numbers.
    let day =
        |date: Date| Ok::<_, CertificateError>((date.year().into(), date.month().try_into()?, date.day().try_into()?));
    let (y, m, d) = day(yesterday)?;
    params.not_before = date_time_ymd(y, m, d);
    let (y, m, d) = day(yesterday.checked_add(span)?)?;
    params.not_after = date_time_ymd(y, m, d);
    Ok(())
}

#[cfg(test)]
mod tests;
