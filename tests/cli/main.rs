//! The program as a person runs it: commands, what they print, how they exit.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod dev;
mod documents;
mod keys;
mod legacy_check;
mod legacy_decode;
mod legacy_report;
mod legacy_scan;
mod reload;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

fn sidgate(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sidgate"));
    command.args(arguments).env_remove("SIDGATE_GATEWAY_KEY").stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = sidgate(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// A folder with a configuration and its certificate.
fn folder(configuration: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("dev.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("dev.key"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.path().join("secret"), "a-secret-of-enough-length\n").unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, configuration).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

const GOOD: &str = r#"
[admin]
listen = "127.0.0.1:0"
[[listener]]
address = "127.0.0.1:0"
[[certificate]]
chain = "dev.pem"
key = "dev.key"
[backend]
gateway_key = "file:secret"
[upstream.app]
url = "http://127.0.0.1:3000"
[[route]]
path = "/{*rest}"
access = "public"
upstream = "app"
"#;

/// Sends a signal, as an operator does.
fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn version_prints_the_version() {
    assert_eq!(output(&["version"]), (0, format!("sidgate {}\n", env!("CARGO_PKG_VERSION")), String::new()));
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let (code, _, error) = output(&["serve"]);
    assert_eq!(code, 2);
    assert!(error.contains("Usage: sidgate"), "{error}");
}

#[test]
fn check_exits_0_or_1_and_says_where() {
    let (_folder, path) = folder(GOOD);
    let (code, out, error) = output(&["check", "--config", &path]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(out.contains("ok (1 route, 1 upstream)"), "{out}");

    let (_folder, path) = folder(&GOOD.replace("access = \"public\"", "acess = \"public\""));
    let (code, out, error) = output(&["check", "--config", &path]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("gateway.toml:") && error.contains("did you mean `access`?"), "{error}");
}

#[test]
fn check_finds_what_only_shows_when_the_parts_are_seen_together() {
    let looping = GOOD.to_owned()
        + "[[route]]\npath = \"/auth/signin\"\naccess = \"signed_in\"\nkind = \"page\"\nupstream = \"app\"\n";
    let (_folder, path) = folder(&looping);
    let (code, _, error) = output(&["check", "--config", &path]);
    assert_eq!(code, 1);
    assert!(error.contains("goes round in redirects: /auth/signin -> /auth/signin; so does"), "{error}");
    assert_eq!(error.matches("goes round").count(), 1, "one cause, one fault: {error}");

    let twice = GOOD.to_owned() + "[[route]]\npath = \"/{*other}\"\nupstream = \"app\"\n";
    let (_folder, path) = folder(&twice);
    let (code, _, error) = output(&["check", "--config", &path]);
    assert_eq!(code, 1);
    assert!(error.contains("match the same requests"), "{error}");
}

#[test]
fn check_names_what_the_backend_cannot_do() {
    let (_folder, path) = folder(GOOD);
    let (code, out, _) = output(&["check", "--config", &path]);
    assert_eq!((code, out.contains("note:")), (0, false), "{out}");
    let nested = GOOD.replace("gateway_key = \"file:secret\"", "preset = \"nested\"");
    let (_folder, path) = folder(&nested);
    let (code, out, error) = output(&["check", "--config", &path]);
    assert_eq!(code, 0, "{error}");
    let notes: Vec<&str> = out.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 5, "{out}");
    let first = "backend.preset = \"nested\" has no call for sign-in with e-mail address and password: what needs one answers 501";
    assert_eq!(notes[0], format!("note: {first}"));
    assert!(out.contains("a session that goes on: what the application hands over keeps the sid"), "{out}");

    let by_slug = nested.replace("\"public\"", "\"optional\"")
        + "[[route]]\npath = \"/{tenant}/dashboard\"\naccess = \"onboarded\"\nkind = \"page\"\nupstream = \"app\"\n\
           tenant = { parameter = \"tenant\", match = \"slug\" }\n";
    let (_folder, path) = folder(&by_slug);
    let (_, out, error) = output(&["check", "--config", &path]);
    assert!(out.contains("note: route \"/{tenant}/dashboard\" compares the tenant's slug"), "{out}{error}");

    let route =
        "[[route]]\npath = \"/auth/callback\"\naccess = \"guest\"\nupstream = \"app\"\nmay_set_session = true\n";
    let (_folder, path) = folder(&(GOOD.replace("\"public\"", "\"optional\"") + route));
    let (code, out, error) = output(&["check", "--config", &path]);
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("note: route \"/auth/callback\" may set a session, and access = \"guest\""), "{out}");
}

#[test]
fn run_with_a_faulty_configuration_exits_2_and_starts_nothing() {
    let (_folder, path) = folder(&GOOD.replace("file:secret", "plain text"));
    let (code, out, error) = output(&["run", "--config", &path]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(error.contains("gateway_key") && !error.contains("plain text"), "{error}");
    let (code, _, error) = output(&["run", "--config", "/nowhere/gateway.toml"]);
    assert_eq!(code, 2, "{error}");
}

/// A list of who may connect that lets nobody in, or anybody, is found before it is needed.
#[test]
fn check_shows_a_client_ca_that_cannot_be_used_where_it_stands() {
    let text = GOOD.replace("[[listener]]\n", "[[listener]]\nclient_ca = \"ca.pem\"\n");
    let (folder, path) = folder(&text);
    let said = |pem: &str| {
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
        output(&["check", "--config", &path])
    };
    for (pem, reason) in [
        ("", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n", "ca.pem cannot be used"),
    ] {
        let (code, _, error) = said(pem);
        assert!(code == 1 && error.contains(reason) && error.contains("client_ca = \"ca.pem\""), "{error}");
    }
    let good = std::fs::read_to_string(folder.path().join("dev.pem")).unwrap();
    assert_eq!(said(&good).0, 0);
}

#[test]
fn check_shows_a_certificate_that_cannot_be_used_where_it_stands() {
    let (folder, path) = folder(GOOD);
    std::fs::write(folder.path().join("dev.pem"), "").unwrap();
    let (code, _, error) = output(&["check", "--config", &path]);
    assert!(code == 1 && error.contains("holds no certificate") && error.contains("chain = \"dev.pem\""), "{error}");
}

#[test]
fn run_that_cannot_bind_exits_1_and_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("[[listener]]\naddress = \"{}\"", taken.local_addr().unwrap());
    let (_folder, path) = folder(&GOOD.replace("[[listener]]\naddress = \"127.0.0.1:0\"", &address));
    let (code, _, error) = output(&["run", "--config", &path]);
    assert_eq!(code, 1);
    assert!(error.contains("another program listens there"), "{error}");
}

#[test]
fn run_stops_at_the_first_signal_when_nothing_is_open() {
    let (_folder, path) = folder(GOOD);
    for name in ["-TERM", "-INT"] {
        let mut child = sidgate(&["run", "--config", &path]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.by_ref().map(Result::unwrap).any(|l| l.contains("admin")), "it says that it listens");
        signal(&child, name);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:?}");
        assert!(rest.iter().any(|l| l.contains("stopped")), "{rest:?}");
    }
}

#[test]
fn demo_says_what_to_open_and_stays_on_loopback() {
    let mut child =
        sidgate(&["demo", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert!(first.contains("https://localhost:") && !first.contains(":0/"), "{first}");
    signal(&child, "-INT");
    out.read_to_string(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(first.contains("correct horse"), "{first}");

    let (code, _, error) = output(&["demo", "--https", "0.0.0.0:0"]);
    assert_eq!(code, 2);
    assert!(error.contains("127.0.0.1"), "{error}");
}

/// What people copy must pass its own check.
#[test]
fn the_reference_and_the_readme_s_example_pass_the_check() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let reference = read("gateway.toml").replace("# gateway_key =", "gateway_key =").replace("certs/", "");
    let readme = read("README.md");
    let example = readme.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let example = example.replace("/etc/sidgate/app", "dev");
    for text in [reference, example] {
        let (_folder, path) = folder(&text);
        let out = sidgate(&["check", "--config", &path])
            .env("SIDGATE_GATEWAY_KEY", "a-secret-of-enough-length")
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// An application that never answers keeps the first signal waiting; the second does not wait.
#[test]
fn the_first_signal_drains_and_the_second_ends() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let text = GOOD
        .replace("[[listener]]\n", "[[listener]]\nmode = \"serve\"\ntrusted_peers = [\"127.0.0.1\"]\n")
        .replace("127.0.0.1:3000", &silent.local_addr().unwrap().to_string());
    let (_folder, path) = folder(&text);
    let mut child = sidgate(&["run", "--config", &path]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let listening = lines.find(|line| line.contains("\"serve\"")).unwrap();
    let address =
        serde_json::from_str::<serde_json::Value>(&listening).unwrap()["address"].as_str().unwrap().to_owned();
    let mut request = std::net::TcpStream::connect(address).unwrap();
    request.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let _upstream = silent.accept().unwrap();
    signal(&child, "-TERM");
    assert!(lines.any(|line| line.contains("a second signal ends them now")));
    assert_eq!(child.try_wait().unwrap(), None, "the request is still open");
    signal(&child, "-TERM");
    assert!(lines.any(|line| line.contains("cut off")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
