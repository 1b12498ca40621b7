//! A development certificate, made anew at each start.
//!
//! Self-signed, and not a certificate authority: a person who makes the browser trust it trusts this key for
//! `localhost` and nothing else.

use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
    date_time_ymd,
};

/// Why a certificate could not be made.
pub type CertificateError = Box<dyn std::error::Error + Send + Sync>;

/// A certificate and its key, as PEM.
pub struct Certificate {
    /// The certificate; it is its own chain.
    pub chain: String,
    /// The private key, PKCS#8.
    pub key: String,
}

impl Certificate {
    /// For `localhost`, `*.localhost` (the demo's tenants by name too), 127.0.0.1 and ::1: ECDSA P-256, valid from yesterday for 30 days.
    pub fn for_localhost() -> Result<Self, CertificateError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "sidgate demo");
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::DnsName("*.localhost".try_into()?),
            // Written out as well: webpki, and with it rustls, takes no wildcard right below a top-level name.
            SanType::DnsName("acme.localhost".try_into()?),
            SanType::DnsName("globex.localhost".try_into()?),
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
        ];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let yesterday = Timestamp::now().to_zoned(TimeZone::UTC).date().checked_sub(1.day())?;
        // rcgen speaks the `time` crate's language, which is no dependency of ours: hence through numbers.
        let (year, month, day) = numbers(yesterday)?;
        params.not_before = date_time_ymd(year, month, day);
        let (year, month, day) = numbers(yesterday.checked_add(30.days())?)?;
        params.not_after = date_time_ymd(year, month, day);
        let certificate = params.self_signed(&key)?;
        Ok(Self { chain: certificate.pem(), key: key.serialize_pem() })
    }
}

fn numbers(date: Date) -> Result<(i32, u8, u8), CertificateError> {
    Ok((date.year().into(), date.month().try_into()?, date.day().try_into()?))
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};

    use super::*;

    #[test]
    fn it_is_valid_from_yesterday_for_thirty_days() {
        let made = Certificate::for_localhost().unwrap();
        let der = CertificateDer::from_pem_slice(made.chain.as_bytes()).unwrap();
        let yesterday = Timestamp::now().to_zoned(TimeZone::UTC).date().checked_sub(1.day()).unwrap();
        for date in [yesterday, yesterday.checked_add(30.days()).unwrap()] {
            let utc_time = date.strftime("%y%m%d000000Z").to_string();
            assert!(der.windows(utc_time.len()).any(|bytes| bytes == utc_time.as_bytes()), "{utc_time}");
        }
    }

    #[test]
    fn it_covers_localhost_and_rustls_takes_it_with_its_key() {
        let made = Certificate::for_localhost().unwrap();
        let chain = CertificateDer::from_pem_slice(made.chain.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap();
        let leaf = webpki::EndEntityCert::try_from(&chain).unwrap();
        for name in ["localhost", "acme.localhost", "globex.localhost", "127.0.0.1", "::1"] {
            leaf.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap()).unwrap();
        }
        assert!(leaf.verify_is_valid_for_subject_name(&ServerName::try_from("example.com").unwrap()).is_err());
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        rustls::sign::CertifiedKey::from_der(vec![chain.clone()], key, &provider).unwrap().keys_match().unwrap();
    }
}
