//! `sidgate keys`: from none to a rotation, as an operator does it.

use super::{GOOD, folder, output};

/// `sidgate keys`, with what it prints where all is well.
fn keys(arguments: &[&str], config: &str) -> String {
    let arguments = [&["keys"], arguments, &["--config", config]].concat();
    let (code, out, error) = output(&arguments);
    assert_eq!((code, error.as_str()), (0, ""), "{arguments:?}: {out}");
    out
}

fn refused(arguments: &[&str], config: &str) -> String {
    let arguments = [&["keys"], arguments, &["--config", config]].concat();
    let (code, out, error) = output(&arguments);
    assert_eq!((code, out.as_str()), (1, ""), "{arguments:?}: {error}");
    error
}

fn kid(line: &str) -> &str {
    line.split_whitespace().next().unwrap()
}

#[test]
fn from_none_to_a_rotation() {
    let (_folder, config) = folder(GOOD);
    assert!(keys(&["list"], &config).contains("sidgate keys new"));
    let first = keys(&["new"], &config);
    assert!(first.contains("ES256  signs") && first.contains("-es256.pem") && first.contains("It is the first"));
    let second = keys(&["new"], &config);
    assert!(second.contains("published, signs from 20"), "{second}");
    let list = keys(&["list"], &config);
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!((lines.len(), kid(lines[0]), kid(lines[1])), (2, kid(&first), kid(&second)));
    assert_eq!(output(&["check", "--config", &config]).0, 0);

    let error = refused(&["retire", kid(&first)], &config);
    assert!(error.contains("it signs") && error.contains("--now"), "{error}");
    assert!(keys(&["retire", "--now", kid(&first)], &config).contains("removed"));
    assert!(keys(&["list"], &config).contains("signs\n"), "the other one does, at once");
    assert!(keys(&["retire", "--now", kid(&second)], &config).contains("in its place"));
}

#[test]
fn only_its_own_table_has_to_be_right_and_no_secret_is_needed() {
    let elsewhere = GOOD.replace("file:secret", "${NOT_SET_HERE}").replace("access = \"public\"", "access = \"pubic\"");
    let (_folder, config) = folder(&(elsewhere.clone() + "[assertion]\nalgorithm = \"EdDSA\"\n"));
    assert!(keys(&["new"], &config).contains("EdDSA  signs"));
    let (_folder, config) = folder("[assertion]\n");
    assert!(keys(&["new"], &config).contains("signs"), "though the rest is missing");
    let (_folder, config) = folder(&(elsewhere + "[assertion]\nalgorithm = \"RS256\"\n"));
    let error = refused(&["new"], &config);
    assert!(error.contains("`assertion.algorithm`") && error.contains("1 fault"), "{error}");
}

#[test]
fn keys_of_ones_own_are_not_sidgate_s_to_make() {
    let (folder, config) = folder(&(GOOD.to_owned() + "[assertion]\nkey_files = [\"own.pem\"]\n"));
    assert!(refused(&["new"], &config).contains("key_files"));
    let fault = |text: &str| {
        std::fs::write(folder.path().join("own.pem"), text).unwrap();
        let (code, _, error) = output(&["check", "--config", &config]);
        assert_eq!(code, 1, "{error}");
        error
    };
    let error = fault("");
    assert!(error.contains("own.pem cannot be used: it holds no private key in PEM form"), "{error}");
    assert!(error.contains("| key_files = [\"own.pem\"]"), "where it is named: {error}");
    let rsa = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert!(fault(rsa).contains("openssl pkcs8"));
}

#[test]
fn check_says_when_nothing_could_be_signed_and_when_everybody_could() {
    let (_folder, config) = folder(&GOOD.replace("[upstream.app]", "[upstream.app]\nassertion = true"));
    let (code, _, error) = output(&["check", "--config", &config]);
    assert!(code == 1 && error.contains("no key to sign with") && error.contains("sidgate keys new"), "{error}");
    keys(&["new"], &config);
    let (code, out, error) = output(&["check", "--config", &config]);
    assert_eq!((code, out.contains("note:")), (0, false), "{out}{error}");
    let folder = std::path::Path::new(&config).parent().unwrap().join("keys");
    let key = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let (_, out, _) = output(&["check", "--config", &config]);
    assert!(out.contains("note: everybody on this machine can read"), "{out}");
    assert!(keys(&["list"], &config).contains("chmod 600"));
}
