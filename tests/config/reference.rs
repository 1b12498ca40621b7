//! `gateway.toml` at the top is the reference, and true.

use std::fs;
use std::path::Path;

use sidgate::config::{Certificate, Config, KeySource, Listener, Place, Route, Secret, Upstream};

use super::KEY;

#[test]
fn the_reference_is_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("certs")).unwrap();
    for file in ["certs/dev.pem", "certs/dev.key"] {
        fs::write(folder.path().join(file), "").unwrap();
    }
    let text = text().replace("# gateway_key =", "gateway_key =");
    let variable = |name: &str| (name == "SIDGATE_GATEWAY_KEY").then(|| KEY.to_owned());
    let mut config = Config::parse(&text, "gateway.toml", folder.path(), &variable).unwrap();
    // The second one is there so that the reference can be run as it is.
    assert_eq!(config.routes.len(), 2);
    config.routes.truncate(1);
    config.routes[0].place = Place::default();
    config.assertion.place = Place::default();
    config.certificates[0].place = Place::default();
    let mut expected = Config {
        listeners: vec![Listener::default()],
        certificates: vec![Certificate {
            chain: folder.path().join("certs/dev.pem"),
            key: folder.path().join("certs/dev.key"),
            place: Place::default(),
        }],
        upstreams: vec![Upstream::default()],
        routes: vec![Route::default()],
        ..Config::default()
    };
    expected.backend.gateway_key = Some(Secret::new(KEY));
    expected.assertion.keys = KeySource::Folder(folder.path().join("keys"));
    assert_eq!(config, expected);
}

/// The same in a file of the least content: what is not said is as the reference says it.
#[test]
fn what_is_not_said_is_as_in_the_reference() {
    let text = "backend.gateway_key = \"${X}\"\nlistener = [{ mode = \"serve\", trusted_peers = [\"::1\"] }]\n\
                upstream.nextjs = {}\nroute = [{}]\n";
    let config = Config::parse(text, "x", Path::new(""), &|_| Some(KEY.to_owned())).unwrap();
    let mut backend = config.backend.clone();
    backend.gateway_key = None;
    let expected = Config::default();
    assert_eq!(backend, expected.backend);
    assert_eq!((config.server, config.session), (expected.server, expected.session));
    assert_eq!((config.admin, config.sign_in, config.log), (expected.admin, expected.sign_in, expected.log));
    assert_eq!((config.pages, config.paths), (expected.pages, expected.paths));
    assert_eq!(config.assertion, expected.assertion);
    assert_eq!(config.legacy, expected.legacy);
    assert_eq!(config.upstreams, [Upstream::default()]);
}

pub(super) fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.toml")).unwrap()
}
