//! `sidgate check` says what a configuration would do with legacy cookies.

use super::{GOOD, folder, output};

const LEGACY: &str = r#"
[legacy]
enabled = true
mode = "dual"
rollout = 10
[[legacy.carrier]]
name = "session-token"
cookies = ["session_token"]
format = "session_id"
[[legacy.carrier]]
name = "auth-session"
cookies = ["dott_auth_session", "appSession"]
format = "aes_256_cbc"
key = "file:secret"
"#;

fn notes(config: &str) -> String {
    let (_folder, path) = folder(config);
    let (code, out, error) = output(&["check", "--config", &path]);
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    out
}

#[test]
fn carriers_are_listed_in_their_order_with_what_would_happen() {
    let out = notes(&(GOOD.to_owned() + LEGACY));
    let expected = "note: [legacy] makes sessions of legacy cookies and leaves the cookies alone (mode = \"dual\", 10 % of \
                    browsers); tried in this order: session-token (session_id: session_token), then auth-session \
                    (aes_256_cbc: dott_auth_session, appSession)\n";
    assert!(out.contains(expected), "{out}");
    assert!(out.contains("there is no [audit.file]: `sidgate legacy report` has nothing to read"), "{out}");
    assert!(!notes(&(GOOD.to_owned() + "[legacy]\nmode = \"enforce\"\n")).contains("note:"), "it is not enabled");
}

#[test]
fn a_migration_that_is_over_is_told() {
    let out = notes(&(GOOD.to_owned() + &LEGACY.replace("rollout = 10", "until = \"2026-01-31\"")));
    assert!(out.contains("legacy.until = \"2026-01-31\" is over") && out.contains("enabled = false"), "{out}");
}

#[test]
fn a_backend_that_cannot_migrate_contradicts_a_migration_but_not_a_look() {
    let config = GOOD.to_owned() + "[backend.paths]\nmigrate = \"\"\n";
    let (_folder, path) = folder(&(config.clone() + LEGACY));
    let (code, _, error) = output(&["check", "--config", &path]);
    assert!(code == 1 && error.contains("has no call for that") && error.contains("deploy/legacy.md"), "{error}");
    notes(&(config + &LEGACY.replace("\"dual\"", "\"observe\"")));
}

/// Unconfigured development builds encrypted with it. In `dev` and `demo`, where nobody is a stranger, it may be used.
#[test]
fn a_key_that_everybody_knows_is_refused_where_strangers_come() {
    let known = "901f94e59fe853b297af428a6a561787324feb928cf22a642b4685f02182d0e8";
    for (key, from) in [("default-dev-key", "sha256"), (known, "bytes"), (known, "sha256")] {
        let from = format!("key = \"file:known\"\nkey_from = \"{from}\"");
        let (folder, path) = folder(&(GOOD.to_owned() + &LEGACY.replace("key = \"file:secret\"", &from)));
        std::fs::write(folder.path().join("known"), key).unwrap();
        for command in ["check", "run"] {
            let (code, _, error) = output(&[command, "--config", &path]);
            assert_eq!(code, if command == "check" { 1 } else { 2 });
            assert!(error.contains("the key of the carrier \"auth-session\" is publicly known"), "{error}");
            assert!(!error.contains(key), "{error}");
        }
        let (config, source) = sidgate::config::Config::load_source(path.as_ref()).unwrap();
        assert!(sidgate::check::check(config, &source).is_ok(), "as `sidgate dev` reads it");
    }
}

/// A route that needs a session would send everybody to sign-in who is only observed.
#[test]
fn what_stands_in_the_way_of_the_application_s_own_sessions_is_told() {
    let hidden = GOOD.replace("[upstream.app]", "[upstream.app]\nsession_cookies = [\"session_token\"]")
        + "[[route]]\npath = \"/private\"\naccess = \"signed_in\"\nupstream = \"app\"\n";
    let route = "route \"/private\" lets in nobody without one";
    let cookie = "upstream.app.session_cookies hides session_token";
    for mode in ["mode = \"observe\"\nrollout = 100", "mode = \"dual\"\nrollout = 10"] {
        let out = notes(&(hidden.clone() + &LEGACY.replace("mode = \"dual\"\nrollout = 10", mode)));
        assert!(out.contains(route) && out.contains(cookie) && out.contains("deploy/legacy.md"), "{out}");
    }
    for mode in ["mode = \"dual\"\nrollout = 100", "mode = \"enforce\"\nrollout = 10"] {
        let out = notes(&(hidden.clone() + &LEGACY.replace("mode = \"dual\"\nrollout = 10", mode)));
        assert!(!out.contains("only observed"), "{mode}: {out}");
    }
    assert!(!notes(&(GOOD.to_owned() + LEGACY)).contains("only observed"), "nothing stands in the way");
}
