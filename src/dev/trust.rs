//! Whether browsers here trust the development authority, as far as one can see from outside; and how they are made to.
//!
//! Only looked at, never changed: whom a browser trusts is its user's to say.

use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// Where Linux distributions keep what programs trust.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];
/// Bytes of a file that is looked through at most.
const LARGEST: u64 = 32 * 1024 * 1024;

/// The lists that hold the authority, by name. A list can hold one without trusting it, hence "probably".
pub(super) fn lists(authority: &CertificateDer<'_>, home: Option<&Path>) -> Vec<&'static str> {
    let mut found = Vec::new();
    let holds = |files: Vec<PathBuf>| files.iter().any(|f| bytes(f).is_some_and(|b| contains(&b, authority)));
    let home = home.unwrap_or(Path::new("/nonexistent"));
    if holds(vec![home.join(".pki/nssdb/cert9.db"), home.join("snap/chromium/current/.pki/nssdb/cert9.db")]) {
        found.push("Chromium");
    }
    let firefox = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox", ".config/mozilla/firefox"];
    let profiles = firefox.iter().filter_map(|f| fs::read_dir(home.join(f)).ok()).flatten().flatten();
    if holds(profiles.map(|profile| profile.path().join("cert9.db")).collect()) {
        found.push("Firefox");
    }
    let bundle = SYSTEM.iter().find_map(|f| bytes(Path::new(f))).unwrap_or_default();
    if CertificateDer::pem_slice_iter(&bundle).flatten().any(|c| c == *authority) {
        found.push("this system");
    }
    found
}

/// The commands of this system, a line each.
pub(super) fn commands(file: &Path) -> Vec<String> {
    let file = quoted(file);
    if cfg!(target_os = "macos") {
        return vec![format!(
            "Safari, Chrome   security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {file}"
        )];
    }
    vec![
        format!("Chromium   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sidgate-development -i {file}"),
        format!(
            "system     sudo cp {file} /usr/local/share/ca-certificates/sidgate.crt && sudo update-ca-certificates"
        ),
        format!("Firefox    Settings, Certificates, Authorities, Import {file}"),
    ]
}

fn bytes(file: &Path) -> Option<Vec<u8>> {
    let small = fs::metadata(file).is_ok_and(|m| m.is_file() && m.len() <= LARGEST);
    small.then(|| fs::read(file).ok())?
}

/// A certificate is shorter than a page of the browser's database, so it stands there in one piece.
fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

fn quoted(file: &Path) -> String {
    let text = file.display().to_string();
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+@".contains(&b));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::dev::authority::Authority;

    #[test]
    fn a_list_that_holds_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::in_folder(&folder.path().join("ca")).unwrap();
        assert_eq!(lists(&authority.der, Some(folder.path())), Vec::<&str>::new());
        assert_eq!(lists(&authority.der, None), Vec::<&str>::new());

        // As the command that is printed does it, into a list of Chromium's own.
        let database = folder.path().join(".pki/nssdb");
        fs::create_dir_all(&database).unwrap();
        let database = format!("sql:{}", database.display());
        let certutil = |arguments: &[&str]| {
            Command::new("certutil").arg("-d").arg(&database).args(arguments).status().is_ok_and(|s| s.success())
        };
        assert!(certutil(&["-N", "--empty-password"]), "certutil is missing: libnss3-tools");
        let file = authority.file.to_str().unwrap();
        assert!(certutil(&["-A", "-t", "C,,", "-n", "sidgate-development", "-i", file]));
        assert_eq!(lists(&authority.der, Some(folder.path())), ["Chromium"]);
    }

    #[test]
    fn a_path_is_one_word_of_a_command() {
        assert_eq!(quoted(Path::new("/home/a/dev-ca.pem")), "/home/a/dev-ca.pem");
        assert_eq!(quoted(Path::new("/home/a b/it's.pem")), r"'/home/a b/it'\''s.pem'");
    }
}
