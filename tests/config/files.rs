//! The files beside this one, and files that are hardly files.

use std::fs;
use std::net::SocketAddr;

use sidgate::config::{Config, Segment};

use super::{KEY, folder, listing, parse};

#[test]
fn valid_files_load() {
    for path in listing("valid", "toml") {
        let loaded = parse(&fs::read_to_string(&path).unwrap(), "gateway.toml");
        assert!(loaded.is_ok(), "{}:\n{}", path.display(), loaded.unwrap_err());
    }
}

#[test]
fn invalid_files_give_their_message() {
    let bless = std::env::var_os("SIDGATE_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in listing("invalid", "toml") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let error = parse(&fs::read_to_string(&path).unwrap(), name).unwrap_err();
        let (given, expected) = (format!("{error}\n"), path.with_extension("txt"));
        if bless {
            fs::write(&expected, &given).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != given {
            wrong.push(given);
        }
    }
    assert!(wrong.is_empty(), "not as in the .txt files (SIDGATE_BLESS=1 writes them anew):\n{}", wrong.join("\n\n"));
}

#[test]
fn every_message_has_its_file() {
    let names = |extension| listing("invalid", extension).iter().map(|p| p.with_extension("")).collect::<Vec<_>>();
    assert_eq!(names("toml"), names("txt"));
}

#[test]
fn secrets_are_never_shown() {
    for path in listing("invalid", "txt") {
        let text = fs::read_to_string(&path).unwrap();
        for secret in ["correct-horse", "my-gateway-key", "hunter2", KEY] {
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
    let line = "gateway_key = \"correct-horse-battery-staple\"";
    for text in [
        format!("[backend]\n{line}\n"),
        format!("[server]\ntrusted_proxies = [\"::1\",\n{line}\n"),
        format!("[log]\nlevel = \"\"\"\n{line}\n"),
        format!("[sessions]\n{line}\n"),
        format!("backend = {{ {line}, url = \"correct-horse-battery-staple\" }}"),
    ] {
        let error = parse(&text, "x").unwrap_err();
        assert!(!format!("{error:?} {error}").contains("horse"), "{error}");
    }
}

#[test]
fn values_arrive() {
    let config = Config::load(&folder("valid/host-prefix.toml"));
    assert!(config.is_err(), "this process has no SIDGATE_GATEWAY_KEY");
    let text = fs::read_to_string(folder("valid/behind-a-balancer.toml")).unwrap();
    let config = parse(&text, "gateway.toml").unwrap();
    assert_eq!(config.backend.gateway_key.as_ref().unwrap().expose(), "4f2d7e1c9b8a6053f1e2d3c4b5a69788");
    assert_eq!(config.backend.timeout.as_millis(), 1500);
    let trusted = |address: &str| config.server.trusted_proxies.contains(address.parse().unwrap());
    assert!(trusted("10.1.255.255") && trusted("2001:db8::9") && trusted("10.2.0.1") && !trusted("10.2.0.2"));
    assert_eq!(config.listeners[0].address, SocketAddr::from(([0, 0, 0, 0], 8080)));
    assert_eq!(config.upstreams.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(), ["nextjs", "api", "spare"]);
    assert_eq!(config.routes[3].allowed_origins, ["https://studio.example.com", "https://other.example"]);
    assert_eq!(&text[config.routes[1].place.0.clone()], "\"/_next/static/{*rest}\"");

    let text = fs::read_to_string(folder("valid/tenants-on-subdomains.toml")).unwrap();
    let config = parse(&text, "gateway.toml").unwrap();
    assert_eq!(config.session.domain.as_deref(), Some("example.com"));
    assert_eq!(config.routes[2].path.segments[1], Segment::Literal("%C3%BCber%20uns".into()));
    assert!(config.certificates[1].key.is_file());
}

/// What the file says wins; the rest is the preset's.
#[test]
fn a_preset_supplies_what_the_file_does_not_say() {
    let text = fs::read_to_string(folder("valid/existing-nextjs.toml")).unwrap();
    let config = parse(&text, "gateway.toml").unwrap();
    let routes = |config: &Config| -> Vec<String> {
        let line = |r: &sidgate::config::Route| format!("{} {} {}", r.pattern, r.access.as_str(), r.forward_sid);
        config.routes.iter().map(line).collect()
    };
    assert_eq!(
        routes(&config),
        [
            "/{company:uuid}/{*rest} onboarded true",
            "/settings/{*rest} onboarded false",
            "/login guest true",
            "/dashboard/{*rest} signed_in true",
            "/tenant/{*rest} signed_in true",
            "/settings/{*rest} signed_in true",
            "/_next/{*rest} public true",
            "/api/{*rest} optional true",
            "/{*rest} optional true",
        ]
    );
    assert!(config.routes.iter().all(|r| r.upstream == "shop"));
    assert_eq!(config.pages.next_parameter, "returnTo");
    assert_eq!((&*config.pages.sign_in, &*config.pages.home), ("/login", "/{tenant_id}/dashboard"));
    assert_eq!(config.upstreams[0].session_cookies, ["session_token", "appSession"]);

    let below = text.replace("[upstream.shop]", "[paths]\nbase_path = \"/shop\"\n[upstream.shop]");
    let below = parse(&below.replace("sign_in = \"/login\"", "next_parameter = \"next\""), "gateway.toml").unwrap();
    assert_eq!(routes(&below)[2..4], ["/shop/auth/signin guest true", "/shop/dashboard/{*rest} signed_in true"]);
    assert_eq!((&*below.pages.home, &*below.pages.next_parameter), ("/shop/{tenant_id}/dashboard", "next"));
}

#[test]
fn a_later_check_reports_in_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    let text = fs::read_to_string(super::folder("valid/behind-a-balancer.toml")).unwrap();
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/gateway-key"), KEY).unwrap();
    fs::write(&path, &text).unwrap();
    let (config, source) = Config::load_source(&path).unwrap();
    let fault = sidgate::config::Fault { place: config.routes[1].place.clone(), reason: "loops".into(), hint: None };
    let shown = source.error(vec![fault]).to_string();
    assert!(shown.starts_with("error: loops\n"), "{shown}");
    assert!(shown.contains("path = \"/_next/static/{*rest}\"\n   |        ^^^^^^^"), "{shown}");
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str, content: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let error = Config::load(&path).unwrap_err();
        let all = format!("{error}\n").replace(&*folder.path().to_string_lossy(), "");
        all.replace('\\', "/")
    };
    let missing = load("none.toml", None);
    assert!(missing.contains("error: cannot read the configuration: it does not exist\n--> /none.toml"), "{missing}");
    assert!(load("", None).contains("it is not a regular file"));
    let binary = load("binary.toml", Some(b"[server]\nx = \"\xff\xfe\"\n"));
    assert!(binary.contains("not UTF-8: the byte at offset 14"), "{binary}");
    assert!(binary.contains("/binary.toml:2:6"), "{binary}");
    assert!(load("large.toml", Some(&vec![b'#'; 10 << 20])).contains("larger than 1 MiB"));
    let hopeless = load("hopeless.toml", Some("=\n".repeat(50_000).as_bytes()));
    assert!(hopeless.ends_with("50000 faults, the first 100 are shown\n"));
    let one_line = load("line.toml", Some(format!("x = {}", "[1 1, ".repeat(100_000)).as_bytes()));
    assert!(one_line.len() < 10_000, "{}", one_line.len());
}
