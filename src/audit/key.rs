//! The key that signs checkpoints: Ed25519 (RFC 8032), PKCS#8 in PEM, made at the first start.
//!
//! A signature and not a MAC, because who verifies must not be able to forge: an auditor gets the public half. The key
//! for hashes of e-mail addresses is derived from the private half.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};

use super::chain::{Head, hex, sha256};
use crate::config;

/// The private half.
pub struct Signer {
    pair: Ed25519KeyPair,
    /// What the key for e-mail addresses is derived from.
    secret: hmac::Key,
    public: PublicKey,
}

/// The public half, which is all that verifying needs.
#[derive(Clone)]
pub struct PublicKey {
    /// First 16 hex digits of SHA-256 over its DER form.
    pub kid: String,
    der: Vec<u8>,
    key: std::sync::Arc<ParsedPublicKey>,
}

impl Signer {
    /// The key of a configuration, made if there is none yet. Without a file to put it beside, and none named, there is
    /// no key, and no checkpoints.
    pub(super) fn of(config: &config::Audit) -> Result<Option<Self>, String> {
        let Some(path) = private_path(config) else { return Ok(None) };
        let fault = |what: &str, e: &dyn std::fmt::Display| format!("the key {} {what}: {e}", path.display());
        match Self::load(&path) {
            Ok(signer) => Ok(Some(signer)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let signer = Self::make(&path).map_err(|e| fault("cannot be made", &e))?;
                let public = public_path(&path);
                tracing::info!(key = %path.display(), public = %public.display(), kid = %signer.public.kid, "made a key for the audit trail: keep a copy of its public half elsewhere");
                Ok(Some(signer))
            }
            Err(e) => Err(fault("cannot be used", &e)),
        }
    }

    fn load(path: &Path) -> io::Result<Self> {
        let pem = std::fs::read(path)?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| bad("it is no PKCS#8 key in PEM"))?;
        Self::from_der(der.secret_pkcs8_der())
    }

    fn from_der(der: &[u8]) -> io::Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| bad("it is no Ed25519 key"))?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| bad("it has no public half"))?;
        let public = PublicKey::from_der(public.as_ref()).map_err(|e| bad(&e))?;
        Ok(Self { pair, secret: hmac::Key::new(hmac::HMAC_SHA256, der), public })
    }

    /// The private half for its owner alone; the public half beside it.
    fn make(path: &Path) -> io::Result<Self> {
        super::files::make_folder(path)?;
        let pair = Ed25519KeyPair::generate().map_err(|_| bad("there is no randomness"))?;
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(|_| bad("it has no PKCS#8 form"))?;
        let signer = Self::from_der(der.as_ref())?;
        write_new(path, 0o600, &pem("PRIVATE KEY", der.as_ref()))?;
        let public = public_path(path);
        let _ = std::fs::remove_file(&public);
        write_new(&public, 0o644, &signer.public.pem())?;
        super::files::sync_folder(path)?;
        Ok(signer)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// `"checkpoint":N,"at":"<hash>","kid":...,"signature":...`: what a checkpoint says.
    pub(super) fn checkpoint(&self, head: &Head) -> String {
        let signature = STANDARD.encode(self.pair.sign(&statement(head)));
        checkpoint(head.seq, &hex(&head.hash), &self.public.kid, &signature)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

impl PublicKey {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// In words.
    pub fn load(path: &Path) -> Result<Self, String> {
        let fault = |e: String| format!("the public key {}: {e}", path.display());
        let pem = std::fs::read(path).map_err(|e| fault(e.to_string()))?;
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&pem);
        let der = der.map_err(|_| fault("it is no public key in PEM".to_owned()))?;
        Self::from_der(&der).map_err(fault)
    }

    fn from_der(der: &[u8]) -> Result<Self, String> {
        let key = ParsedPublicKey::new(&ED25519, der).map_err(|_| "it is no Ed25519 key".to_owned())?;
        Ok(Self { kid: hex(&sha256(der)[..8]), der: der.to_vec(), key: std::sync::Arc::new(key) })
    }

    fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.der)
    }

    /// Whether the owner of the key has seen the chain stand there.
    pub(super) fn verifies(&self, head: &Head, signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        self.key.verify_sig(&statement(head), &signature).is_ok()
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

/// How a configuration's trail writes an address: by its key, which must be readable.
///
/// # Errors
/// In words.
pub fn hash_of_email(config: &config::Audit, email: &str) -> Result<String, String> {
    let path = private_path(config).ok_or("there is no key")?;
    let signer = Signer::load(&path).map_err(|e| format!("the key {}: {e}", path.display()))?;
    Ok(email_hash(&for_emails(Some(&signer))?, email))
}

/// Where the private half is.
pub fn private_path(config: &config::Audit) -> Option<PathBuf> {
    let beside = || config.file.as_ref().map(|file| super::files::with_suffix(&file.path, "key"));
    config.checkpoint_key.clone().or_else(beside)
}

/// Where the public half is: beside the private one.
pub fn public_path(private: &Path) -> PathBuf {
    super::files::with_suffix(private, "pub")
}

/// The key for hashes of e-mail addresses; without a private key, one that ends with the process.
pub(super) fn for_emails(signer: Option<&Signer>) -> Result<hmac::Key, String> {
    let mut bytes = [0; 32];
    match signer {
        Some(signer) => {
            let tag = hmac::sign(&signer.secret, b"sidgate audit: e-mail addresses");
            bytes.copy_from_slice(tag.as_ref());
        }
        None => rand::fill(&mut bytes).map_err(|_| "there is no randomness".to_owned())?,
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// 32 hex digits. Spellings of one address that differ in case or in blanks around it are one.
pub(super) fn email_hash(key: &hmac::Key, email: &str) -> String {
    hex(&hmac::sign(key, email.trim().to_lowercase().as_bytes()).as_ref()[..16])
}

/// The fields of a checkpoint.
pub(super) fn checkpoint(seq: u64, at: &str, kid: &str, signature: &str) -> String {
    format!("\"checkpoint\":{seq},\"at\":\"{at}\",\"kid\":\"{kid}\",\"signature\":\"{signature}\"")
}

/// What is signed.
fn statement(head: &Head) -> Vec<u8> {
    format!("sidgate audit checkpoint 1\n{}\n{}\n", head.seq, hex(&head.hash)).into_bytes()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).filter_map(|l| std::str::from_utf8(l).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn write_new(path: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn bad(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}
