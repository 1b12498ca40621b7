//! Contract v1, one suite (`sidgate conformance`), three backends here: the embedded one, the scripted one that the other
//! tests use, and the Django of `deploy/demo/backend`. And backends that break the contract, each in one place: a suite
//! that finds nothing proves nothing.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use sidgate::config::{Secret, Target};
use sidgate::conformance::{self, Options, Outcome, People, Report};
use sidgate::demo::Backend;

use crate::support::Django;
use crate::support::backend::{Act, SIGN_IN, SIGN_OUT, Scripted, VALIDATE, says};
use crate::support::gateway::KEY;

const DEMO: &str = include_str!("../../deploy/demo/people.toml");

fn options(address: SocketAddr, people: &str) -> Options {
    Options {
        url: Target::parse(&format!("http://{address}")).unwrap(),
        ca: None,
        gateway_key: Secret::new(KEY),
        people: People::parse(people).unwrap(),
        limit: None,
        end_everyone: true,
        only: Vec::new(),
        timeout: Duration::from_secs(30),
    }
}

async fn report(options: Options) -> Report {
    conformance::run(options, &mut |_| {}).await.unwrap()
}

/// Every check that did not pass, as the command prints it.
fn but_passed(report: &Report) -> Vec<String> {
    report.lines.iter().filter(|line| line.outcome != Outcome::Pass).map(conformance::Line::render).collect()
}

fn names(report: &Report, word: &str) -> Vec<&'static str> {
    report.lines.iter().filter(|line| line.word() == word).map(|line| line.name).collect()
}

async fn keeps_the_contract(options: Options, skipped: &[&str]) -> Report {
    let report = report(options).await;
    assert_eq!(
        (names(&report, "FAIL"), names(&report, "SKIP")),
        (vec![], skipped.to_vec()),
        "{:#?}",
        but_passed(&report)
    );
    report
}

/// What the people of the demo give no occasion for.
const NOT_TRIED: &[&str] = &[
    "session.idle-expires-at",
    "sign-in.access-token",
    "sign-in.disabled",
    "sign-in.disabled-unproven",
    "sign-in.locked",
    "migrate.access-token",
    "migrate.access-token-repeat",
    "migrate.access-token-other-proof",
    "migrate.access-token-replay",
    "migrate.opaque",
    "migrate.opaque-repeat",
    "migrate.opaque-other-proof",
    "migrate.opaque-replay",
    "limit.room",
    "limit.evict-oldest",
    "limit.deny",
    "limit.per-user",
];

fn without(names: &[&'static str]) -> Vec<&'static str> {
    NOT_TRIED.iter().filter(|name| !names.contains(name)).copied().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_backend_keeps_the_contract() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let backend = Backend::new(KEY);
    // Bob.
    backend.disable_user("2", true);
    tokio::spawn(backend.serve(listener, std::future::pending::<()>()));
    let people = format!("{DEMO}\n[disabled]\nemail = \"bob@globex.test\"\n");
    keeps_the_contract(options(address, &people), &without(&["sign-in.disabled", "sign-in.disabled-unproven"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripted_backend_of_the_tests_keeps_the_contract() {
    let backend = Scripted::of(&Backend::new(KEY)).await;
    keeps_the_contract(options(backend.address, DEMO), NOT_TRIED).await;
}

/// With the Django kit; `deploy/django/tests/run` tries what the people of the demo give no occasion for.
#[tokio::test(flavor = "multi_thread")]
async fn the_django_of_the_demo_keeps_the_contract() {
    let django = Django::start().await;
    let people = DEMO.replace("code = \"123456\"", &format!("code_command = {:?}", django.sent_code_command()));
    keeps_the_contract(options(django.address, &people), NOT_TRIED).await;
}

/// What is wrong with a backend is found by the check that is about it.
#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_breaks_the_contract_is_found_out() {
    let session = json!({"public_id": "1", "user": {"id": ""}});
    let leads_away = Act::Answer(302, String::new(), vec![("location", "/login".into())]);
    let page = Act::Answer(200, "<p>ok</p>".into(), vec![("content-type", "text/html".into())]);
    let cases: [(&str, Act, &[&str]); 8] = [
        (VALIDATE, says(401, &json!({"detail": "Invalid session"})), &["validate.unknown", "sign-out.ends-it"]),
        (VALIDATE, says(200, &session), &["validate.session", "validate.no-credential", "session.user"]),
        (SIGN_OUT, says(404, &json!({"code": "session_unknown"})), &["sign-out.unknown"]),
        (SIGN_OUT, Act::Answer(204, String::new(), vec![]), &["sign-out.ends-it", "devices.live-only"]),
        (SIGN_OUT, leads_away, &["sign-out.ends-it", "answers.no-redirect"]),
        (SIGN_IN, Act::Answer(500, "oops".into(), vec![]), &["sign-in.session", "sign-in.field-errors"]),
        (
            "DELETE /api/sessions/?scope=",
            says(200, &json!({"revoked": []})),
            &["end-devices.others", "end-devices.all"],
        ),
        ("GET /api/sessions/", page, &["devices.listed", "answers.json"]),
    ];
    for (start, act, found) in cases {
        let backend = Scripted::of(&Backend::new(KEY)).await;
        backend.on(start, act.clone());
        let mut options = options(backend.address, DEMO);
        options.only = found.iter().map(|name| (*name).to_owned()).collect();
        let report = report(options).await;
        assert_eq!(names(&report, "FAIL"), found, "{start} {act:?}: {:#?}", but_passed(&report));
        assert!(!report.good());
    }
}
