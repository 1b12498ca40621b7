use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustls_pki_types::{ServerName, UnixTime};

use super::*;

/// Whether the authority vouches for a certificate under a name, as rustls and browsers ask.
fn vouches(authority: &Authority, chain: &str, name: &str) -> Result<(), String> {
    let leaf = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let leaf = webpki::EndEntityCert::try_from(&leaf).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(&authority.der).unwrap()];
    let now = UnixTime::since_unix_epoch(Duration::from_secs(Timestamp::now().as_second().unsigned_abs()));
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &[],
        now,
        webpki::KeyUsage::server_auth(),
        None,
        None,
    )
    .map_err(|e| e.to_string())?;
    leaf.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap()).map_err(|e| e.to_string())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_is_made_once_and_vouches_for_every_later_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("sidgate/dev-ca");
    let first = Authority::in_folder(&folder).unwrap();
    let again = Authority::in_folder(&folder).unwrap();
    assert!(first.new && !again.new);
    assert_eq!(first.der, again.der);
    assert_eq!((mode(&folder), mode(&folder.join("dev-ca.key"))), (0o700, 0o600));
    for authority in [first, again] {
        let made = authority.certificate(&["*.shop.localhost".to_owned()]).unwrap();
        for name in ["localhost", "acme.localhost", "acme.app.localhost", "a.shop.localhost", "127.0.0.1", "::1"] {
            vouches(&authority, &made.chain, name).unwrap();
        }
    }
}

#[test]
fn every_name_below_localhost_gets_a_certificate_when_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let more = on_demand(Authority::in_folder(folder.path()).unwrap());
    let made = more("newco.localhost").unwrap();
    assert!(made.covers("newco.localhost"));
    assert!(Arc::ptr_eq(&made.key, &more("newco.localhost").unwrap().key), "it is kept");
    for other in ["localhost", "evil.example", "localhost.evil.example", "xlocalhost"] {
        assert!(more(other).is_none(), "{other}");
    }
}

#[test]
fn it_cannot_vouch_for_anybody_else() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::in_folder(folder.path()).unwrap();
    let made = authority.certificate(&["bank.example".to_owned()]).unwrap();
    let refused = vouches(&authority, &made.chain, "bank.example").unwrap_err();
    assert!(refused.contains("NameConstraint"), "{refused}");
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    Authority::in_folder(folder.path()).unwrap();
    fs::set_permissions(folder.path().join("dev-ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let reason = Authority::in_folder(folder.path()).err().unwrap();
    assert!(reason.contains("chmod 600"), "{reason}");
}

#[test]
fn files_that_do_not_belong_together_are_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for folder in [&one, &other] {
        Authority::in_folder(folder.path()).unwrap();
    }
    fs::copy(one.path().join("dev-ca.key"), other.path().join("dev-ca.key")).unwrap();
    let reason = Authority::in_folder(other.path()).err().unwrap();
    assert!(reason.contains("does not belong") && reason.contains("Remove"), "{reason}");
    fs::remove_file(one.path().join("dev-ca.key")).unwrap();
    assert!(Authority::in_folder(one.path()).is_err(), "half of it is none");
}

/// One authority to trust, whichever of the two made it.
#[test]
fn the_one_of_certs_dev_sh_is_as_good() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/dev.sh");
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(script).arg("--out").arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let authority = Authority::in_folder(folder.path()).unwrap();
    assert!(!authority.new);
    let chain = authority.certificate(&[]).unwrap().chain;
    vouches(&authority, &chain, "acme.localhost").unwrap();
    let its_own = fs::read_to_string(folder.path().join("dev.pem")).unwrap();
    vouches(&authority, &its_own, "acme.localhost").unwrap();
    // openssl looks at the key identifiers too.
    let leaf = folder.path().join("leaf.pem");
    fs::write(&leaf, chain).unwrap();
    let verified =
        Command::new("openssl").args(["verify", "-x509_strict", "-CAfile"]).args([&authority.file, &leaf]).output();
    assert!(verified.unwrap().status.success());
}

#[test]
fn the_folder_is_the_user_s_data_folder() {
    let env = |pairs: &'static [(&str, &str)]| {
        move |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
    };
    let folder = |pairs| default_folder(env(pairs)).map(|f| f.display().to_string());
    assert_eq!(folder(&[("XDG_DATA_HOME", "/d"), ("HOME", "/h")]).as_deref(), Some("/d/sidgate/dev-ca"));
    assert_eq!(folder(&[("XDG_DATA_HOME", "here"), ("HOME", "/h")]).as_deref(), Some("/h/.local/share/sidgate/dev-ca"));
    assert_eq!(folder(&[]), None);
}
