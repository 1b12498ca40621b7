//! The real nginx and the real HAProxy in front, configured as `deploy/behind-proxies.md` says: its own snippets, with the
//! test's addresses in them.
//!
//! The browser is at 127.0.0.2 and the proxies speak from 127.0.0.1, so that it shows which of them is taken for the
//! client.

mod promises;

use std::fs;

use crate::support::pki::Authority;
use crate::support::program::Program;
use crate::support::{Client, World};

const PAGE: &str = include_str!("../../deploy/behind-proxies.md");

/// The snippet of a language under a heading.
fn snippet(heading: &str, language: &str) -> String {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let section = section.split("\n## ").next().unwrap();
    let (_, rest) = section.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("no {language} there"));
    rest.split("```").next().unwrap().to_owned()
}

/// Puts the test's own values into a snippet. Each must be there: what is tested is what the page says.
fn with(text: String, values: &[(&str, &str)]) -> String {
    values.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "no {from} in {text}");
        text.replace(from, to)
    })
}

/// A gateway with the listener that the page has for this.
async fn world(heading: &str, values: &[(&str, &str)]) -> World {
    let toml = with(snippet(heading, "toml"), values);
    let sign_in = "[sign_in]\nper_client = \"2/h\"\n";
    World::with(&(toml + sign_in)).await
}

/// The certificate that the proxy shows to browsers.
fn certificate() -> (tempfile::TempDir, String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let key = made.signing_key.serialize_pem();
    fs::write(path("app.pem"), made.cert.pem() + &key).unwrap();
    fs::write(path("app.key"), key).unwrap();
    let (chain, key) = (path("app.pem"), path("app.key"));
    (folder, chain, key)
}

/// What stands around a snippet in nginx's file: this, and nothing written outside of the test's folder.
fn nginx(http: &str) -> String {
    let folders =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|name| format!("{name}_temp_path {name};\n"));
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    let load = if http.contains("stream {") && fs::exists(module).unwrap() {
        format!("load_module {module};\n")
    } else {
        String::new()
    };
    let own = "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {}\n";
    if http.contains("stream {") {
        return format!("{load}{own}{http}");
    }
    format!("{own}http {{\naccess_log off;\n{}{http}}}\n", folders.concat())
}

fn haproxy(snippet: &str) -> String {
    format!("defaults\n    timeout connect 5s\n    timeout client 1m\n    timeout server 1m\n\n{snippet}")
}

/// The browser, at the proxy.
fn browser(program: &Program) -> Client {
    Client::https(program.address).at([127, 0, 0, 2])
}

#[tokio::test]
async fn nginx_ends_tls() {
    const HEADING: &str = "nginx ends TLS";
    let world = world(HEADING, &[("10.1.0.10:8080", "127.0.0.1:0"), ("10.1.0.5", "127.0.0.1")]).await;
    let (_folder, chain, key) = certificate();
    let gateway = world.gateway.addresses[1].to_string();
    let text = with(
        snippet(HEADING, "nginx"),
        &[
            ("10.1.0.10:8080", &gateway),
            ("listen 443 ssl http2", "listen 127.0.0.1:{port} ssl http2"),
            ("app.example.com", "localhost"),
            ("/etc/ssl/app.pem", &chain),
            ("/etc/ssl/app.key", &key),
        ],
    );
    let nginx = Program::nginx(&nginx(&text)).await;
    promises::all(&world, &browser(&nginx)).await;
}

#[tokio::test]
async fn nginx_passes_tls_on_with_the_proxy_protocol() {
    const HEADING: &str = "nginx passes TLS on";
    let world = world(HEADING, &[("10.1.0.10:8443", "127.0.0.1:0"), ("10.1.0.5", "127.0.0.1")]).await;
    let gateway = world.gateway.addresses[1].to_string();
    let text =
        with(snippet(HEADING, "nginx"), &[("10.1.0.10:8443", &gateway), ("listen 443", "listen 127.0.0.1:{port}")]);
    let nginx = Program::nginx(&nginx(&text)).await;
    promises::all(&world, &browser(&nginx)).await;
}

#[tokio::test]
async fn haproxy_passes_tls_on_with_either_version_of_the_proxy_protocol() {
    const HEADING: &str = "HAProxy passes TLS on";
    for version in ["send-proxy-v2", "send-proxy"] {
        let world = world(HEADING, &[("10.1.0.10:8443", "127.0.0.1:0"), ("10.1.0.5", "127.0.0.1")]).await;
        let gateway = world.gateway.addresses[1].to_string();
        let text = with(
            snippet(HEADING, "haproxy"),
            &[
                ("10.1.0.10:8443", &gateway),
                ("bind :443", "bind 127.0.0.1:{port}"),
                ("send-proxy-v2", version),
                ("check", "check inter 50ms"),
            ],
        );
        let haproxy = Program::haproxy(&haproxy(&text)).await;
        promises::all(&world, &browser(&haproxy)).await;
        assert!(!haproxy.said().contains("DOWN"), "{}", haproxy.said());
        // Its health checks are no noise.
        let (_, metrics) = world.gateway.admin("/metrics").await;
        assert!(metrics.contains("refused_total{cause=\"proxy_protocol\"} 0\n"), "{metrics}");
    }
}

#[tokio::test]
async fn haproxy_ends_tls() {
    const HEADING: &str = "HAProxy ends TLS";
    let world = world(HEADING, &[("10.1.0.10:8080", "127.0.0.1:0"), ("10.1.0.5", "127.0.0.1")]).await;
    let (_folder, chain, _) = certificate();
    let gateway = world.gateway.addresses[1].to_string();
    let text = with(
        snippet(HEADING, "haproxy"),
        &[("10.1.0.10:8080", &gateway), ("bind :443", "bind 127.0.0.1:{port}"), ("/etc/ssl/app.pem", &chain)],
    );
    let haproxy = Program::haproxy(&haproxy(&text)).await;
    promises::all(&world, &browser(&haproxy)).await;
}

#[tokio::test]
async fn haproxy_encrypts_again_and_shows_a_certificate() {
    const HEADING: &str = "HAProxy encrypts again, and shows a certificate";
    let ours = Authority::new();
    let ca = ours.file().display().to_string();
    let values =
        [("10.1.0.10:443", "127.0.0.1:0"), ("10.1.0.5", "127.0.0.1"), ("/etc/sidgate/proxies-ca.pem", ca.as_str())];
    let world = world(HEADING, &values).await;
    let (_folder, chain, _) = certificate();
    let gateway = world.gateway.addresses[1].to_string();
    let server = world.gateway.certificate().display().to_string();
    for (authority, let_in) in [(&ours, true), (&Authority::new(), false)] {
        let client = authority.client().file.display().to_string();
        let text = with(
            snippet(HEADING, "haproxy"),
            &[
                ("10.1.0.10:443", &gateway),
                ("bind :443", "bind 127.0.0.1:{port}"),
                ("/etc/ssl/app.pem", &chain),
                ("/etc/haproxy/client.pem", &client),
                ("/etc/haproxy/sidgate.pem", &server),
            ],
        );
        let haproxy = Program::haproxy(&haproxy(&text)).await;
        if let_in {
            promises::all(&world, &browser(&haproxy)).await;
        } else {
            let before = world.upstream.seen().len();
            let answer = browser(&haproxy).get("/public/x").send().await;
            assert!(matches!(answer.status, 502 | 503), "HAProxy's own answer, not {}", answer.status);
            assert_eq!(world.upstream.seen().len(), before);
        }
    }
}

/// The browser's side is IPv6, the gateway's IPv4.
#[tokio::test]
async fn a_browser_over_ipv6_keeps_its_address_on_every_way() {
    let (_folder, chain, key) = certificate();
    for heading in ["nginx ends TLS", "nginx passes TLS on", "HAProxy passes TLS on", "HAProxy ends TLS"] {
        let listener = if heading.contains("ends") { "10.1.0.10:8080" } else { "10.1.0.10:8443" };
        let world = world(heading, &[(listener, "127.0.0.1:0"), ("10.1.0.5", "127.0.0.1")]).await;
        let gateway = world.gateway.addresses[1].to_string();
        let language = if heading.starts_with("nginx") { "nginx" } else { "haproxy" };
        let (here, there) = if language == "nginx" {
            ("listen 443", "listen [::1]:{port}")
        } else {
            ("bind :443", "bind [::1]:{port}")
        };
        let text = with(snippet(heading, language), &[(listener, &gateway), (here, there)]);
        let text = text.replace("/etc/ssl/app.pem", &chain).replace("/etc/ssl/app.key", &key);
        let program = if language == "nginx" {
            Program::nginx(&nginx(&text)).await
        } else {
            Program::haproxy(&haproxy(&text)).await
        };
        let call = Client::https(program.address).get("/public/x").header("x-forwarded-for", "2001:db8::9, ::1");
        assert_eq!(call.send().await.status, 200, "{heading}");
        assert_eq!(world.upstream.last().header("x-forwarded-for"), Some("::1"), "{heading}");
    }
}

/// The rest of the page: what it says for networks of others passes its own check, as far as one can here.
#[test]
fn what_the_page_says_for_cloudflare_and_fastly_is_a_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("ca.pem"), fs::read(Authority::new().file()).unwrap()).unwrap();
    fs::write(path("key"), "a-secret-of-enough-length").unwrap();
    let (_made, chain, key) = certificate();
    for heading in ["Cloudflare", "Fastly"] {
        let text = snippet(heading, "toml").replace("/etc/sidgate/origin-pull-ca.pem", "ca.pem");
        let more = format!(
            "[[certificate]]\nchain = \"{chain}\"\nkey = \"{key}\"\n[backend]\ngateway_key = \"file:key\"\n[upstream.app]\n\
             [[route]]\naccess = \"public\"\nupstream = \"app\"\n"
        );
        fs::write(path("gateway.toml"), text + &more).unwrap();
        let config = sidgate::check::load(&path("gateway.toml")).unwrap_or_else(|e| panic!("{e}"));
        let peer = if heading == "Cloudflare" { "104.16.0.1" } else { "151.101.0.1" };
        assert!(config.server.trusted_proxies.contains(peer.parse().unwrap()));
        assert!(config.listeners[0].client_ca.is_some());
    }
}
