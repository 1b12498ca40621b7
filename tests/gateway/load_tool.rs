//! The load generator of `tests/load`, as a platform team runs it, against a real gateway.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;

use super::support::backend::{ALICE, Act, BOB, World};
use super::support::legacy;

/// Sign-ins come faster here than people make them.
const FAST_SIGN_IN: &str = "[sign_in]\nper_client = \"50/s\"\nper_email = \"50/s\"\n";

/// Cargo builds examples beside the tests.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.parent().and_then(|deps| deps.parent()).unwrap().join("examples/load")
}

struct Load {
    folder: tempfile::TempDir,
    arguments: Vec<String>,
}

impl Load {
    async fn on(world: &World, path: &str, sids: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from("# made by the test\n");
        for n in 0..sids {
            text += &(world.sid(if n % 2 == 0 { ALICE } else { BOB }).await + "\n");
        }
        std::fs::write(folder.path().join("sids"), text).unwrap();
        std::fs::write(folder.path().join("users"), format!("{ALICE} correct horse\n")).unwrap();
        let target = format!("https://localhost:{}{path}", world.gateway.address().port());
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let admin = format!("http://{}", world.gateway.admin);
        let arguments = ["--target", &target, "--insecure", "--admin", &admin, "--sids", &at("sids")];
        let more = ["--users", &at("users"), "--json", &at("report.json"), "--html", &at("report.html")];
        let arguments = arguments.iter().chain(&more).map(|a| (*a).to_owned()).collect();
        Self { folder, arguments }
    }

    /// Exit code, standard output, and the one run of the report.
    async fn run(&self, arguments: &str) -> (i32, String, Value) {
        let mut command = Command::new(program());
        command.args(&self.arguments).args(arguments.split_whitespace());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let Output { status, stdout, stderr } = output;
        let shown = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        let report = std::fs::read_to_string(self.folder.path().join("report.json")).unwrap_or_default();
        let report: Value = serde_json::from_str(&report).unwrap_or_default();
        for sid in std::fs::read_to_string(self.folder.path().join("sids")).unwrap().lines().skip(1) {
            assert!(!shown.contains(sid) && !report.to_string().contains(sid), "a sid is shown");
        }
        (status.code().unwrap(), shown, report)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_sid_at_a_steady_rate_is_answered_and_reported() {
    let world = World::with("").await;
    let load = Load::on(&world, "/api/whoami", 1).await;
    for protocol in ["", "--http2 --connections 2"] {
        let more = format!("--scenario hot --rate 200 --warmup 0s --duration 1s --max-errors 0% {protocol}");
        let (code, shown, report) = load.run(&more).await;
        assert_eq!(code, 0, "{shown}");
        let run = &report["runs"][0];
        assert!((100..300).contains(&run["scheduled"].as_u64().unwrap()), "{run}");
        assert_eq!((&run["right"], &run["outcomes"]["200"]), (&run["scheduled"], &run["scheduled"]), "{run}");
        assert!(run["backend_calls"].as_u64().unwrap() <= 2, "the cache answers: {run}");
        assert!(shown.contains("p99.9") && shown.contains("ok   hot: errors 0.000%"), "{shown}");
    }
    let page = std::fs::read_to_string(load.folder.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("Latency by percentile"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_stalls_shows_in_every_request_that_was_due_meanwhile() {
    let world = World::with("").await;
    let load = Load::on(&world, "/api/slow", 1).await;
    // One connection, and answers that take longer than the gap between two requests: a closed loop would measure 60 ms.
    world.front.on("GET /api/slow", Act::Delay(Duration::from_millis(60)));
    let more = "--scenario hot --rate 50 --arrivals constant --warmup 0s --duration 1s --connections 1 --expect 404 \
                --max-p99 200ms";
    let (code, shown, report) = load.run(more).await;
    assert_eq!(code, 1, "the threshold is missed: {shown}");
    let run = &report["runs"][0];
    let [latency, service] = ["latency_us", "service_us"].map(|which| run[which]["p99"].as_u64().unwrap());
    assert!(latency > 1_000_000 && service < latency / 3, "{run}");
    assert!(shown.contains("could not keep up") && shown.contains("FAIL hot: p99"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mixed_sids_a_stampede_and_sign_ins_tell_what_the_backend_was_asked() {
    let world = World::with(FAST_SIGN_IN).await;
    let load = Load::on(&world, "/api/whoami", 20).await;
    let (code, shown, report) =
        load.run("--scenario mixed --rate 200 --warmup 0s --duration 1s --absent 20 --pick uniform").await;
    let run = &report["runs"][0];
    assert_eq!((code, run["wrong"].as_u64()), (0, Some(0)), "{shown}");
    assert!(run["outcomes"]["401"].as_u64().unwrap() > 10, "those without a sid: {run}");

    let (code, shown, report) = load.run("--scenario stampede --times 1 --crowd 50").await;
    let run = &report["runs"][0];
    assert_eq!((code, &run["outcomes"]["200"], &run["backend_calls"]), (0, &50.into(), &1.into()), "{shown}");

    let (code, shown, report) = load.run("--scenario sign-in --sign-in-rate 5 --warmup 0s --duration 1s").await;
    let run = &report["runs"][0];
    assert_eq!((code, run["wrong"].as_u64()), (0, Some(0)), "{shown}");
    assert!(run["outcomes"]["200"].as_u64().unwrap() > 0);
    assert!(world.backend.count("DELETE /api/sessions/current/") > 0, "a sign-in leaves nothing behind");
}

/// In short what `tests/load/run --scenario migrate` does with ten thousand.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_storm_gives_every_browser_a_session_of_its_own_beside_live_users() {
    let world = World::with(&legacy::tables("enforce", "")).await;
    let load = Load::on(&world, "/api/whoami", 10).await;
    let mut proofs = String::new();
    for n in 0..60 {
        proofs += &(world.sid(if n % 2 == 0 { ALICE } else { BOB }).await + "\n");
    }
    let at = |name: &str| load.folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("secret"), legacy::SECRET).unwrap();
    for (protocol, proofs) in ["", "--http2 --connections 2"].iter().zip([&proofs[..30 * 37], &proofs[30 * 37..]]) {
        std::fs::write(at("proofs"), proofs).unwrap();
        let files = format!("--proofs {} --legacy-secret {}", at("proofs"), at("secret"));
        let more = "--scenario migrate --rate 50 --migrate-rate 30 --warmup 0s --duration 1s --max-errors 0%";
        let (code, shown, report) = load.run(&format!("{more} {files} {protocol}")).await;
        assert_eq!(code, 0, "{shown}");
        let [before, meanwhile, storm] = [0, 1, 2].map(|n| report["runs"][n].clone());
        assert_eq!(
            (&before["label"], &meanwhile["label"]),
            (&"live users, before".into(), &"live users, meanwhile".into())
        );
        assert!(meanwhile["right"].as_u64().unwrap() > 10, "{meanwhile}");
        assert_eq!((&storm["right"], &storm["sessions_made"]), (&30.into(), &30.into()), "{storm}");
        assert_eq!(storm["migrations"], serde_json::json!({ "migrated": 30 }), "as the gateway counts them");
    }
    assert_eq!(world.backend.count("POST /api/sessions/migrate/"), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_is_one_sentence_and_exit_2() {
    let world = World::with("").await;
    let load = Load::on(&world, "/api/whoami", 1).await;
    for (more, words) in [
        ("--rate 0", "--rate must be above zero"),
        ("--rate 60000", "--unusual-rate"),
        ("--header nonsense", "write `Name: value`"),
        ("--resolve 127.0.0.1:1", "connect"),
    ] {
        let (code, shown, _) = load.run(&format!("--scenario hot --warmup 0s --duration 1s {more}")).await;
        assert_eq!(code, 2, "{more}: {shown}");
        assert!(shown.contains(words), "{more}: {shown}");
    }
}
