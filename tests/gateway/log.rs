//! One line per request, with what an operator asks for and nothing that is a secret.

use http::Method;

use crate::support::gateway::KEY;
use crate::support::upstream::until;
use crate::support::wire::{Connection, nothing};
use crate::support::{Step, Wire, World};

fn parsed(lines: &[String]) -> Vec<serde_json::Value> {
    lines.iter().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
}

#[tokio::test]
async fn a_line_says_what_was_asked_decided_and_how_long_it_took() {
    let world = World::start().await;
    let cookie = world.sign_in("alice@acme.test").await;
    let h2 = world.client().h2();
    let answers = [
        world.client().get("/public/x?token=secret").send().await,
        h2.get("/dashboard").navigate().send().await,
        world.client().get("/dashboard").cookie(&cookie).send().await,
        world.client().get("/dashboard").cookie(&cookie).send().await,
        world.client().get("/nowhere").send().await,
        world.client().get("/a%00").send().await,
        world.client().get("/public/x").header("x_auth_status", "1").send().await,
    ];
    let lines = parsed(&world.gateway.log_lines(answers.len() + 1).await).split_off(1);
    assert_eq!(lines.len(), answers.len());
    for (line, answer) in lines.iter().zip(&answers) {
        assert_eq!(line["request_id"], answer.header("x-request-id").unwrap());
        assert_eq!((&line["status"], &line["client"]), (&answer.status.into(), &"127.0.0.1".into()));
        assert!(line["duration_us"].is_u64() && line["bytes"] == answer.body.len() && line["ts"].is_string());
    }
    let field = |i: usize, name: &str| lines[i][name].clone();
    for (i, name, expected) in [
        (0, "route", "/public/{*rest}"),
        (0, "decision", "forward"),
        (0, "path", "/public/x"),
        (0, "protocol", "HTTP/1.1"),
        (0, "method", "GET"),
        (0, "access", "public"),
        (1, "decision", "redirect_sign_in"),
        (1, "session", "absent"),
        (1, "protocol", "HTTP/2"),
        (2, "session", "hit"),
        (3, "session", "hit"),
        (3, "access", "signed_in"),
        (6, "upstream_error", "reserved_header"),
    ] {
        assert_eq!(field(i, name), expected, "{i} {name}");
    }
    assert!(field(1, "reason").is_string() && field(2, "session_us").is_u64() && field(2, "upstream_us").is_u64());
    assert_eq!(field(2, "session_id_hash").as_str().map(str::len), Some(16));
}

#[tokio::test]
async fn a_request_whose_browser_went_away_has_its_line_too() {
    let world = World::start().await;
    world.upstream.on("/public/never", [Step::Hang]);
    for client in world.clients() {
        let mut connection = Connection::open(&client).await;
        let sending =
            tokio::spawn(
                async move { connection.send(http::Request::get("/public/never").body(nothing()).unwrap()).await },
            );
        let before = world.upstream.seen().len();
        until("the request is on its way", || world.upstream.seen().len() > before || world.upstream.open() > 0).await;
        sending.abort();
        until("the upstream is let go", || world.upstream.open() == 0).await;
    }
    let lines = parsed(&world.gateway.log_lines(2).await);
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(
            (&line["status"], &line["path"], &line["cut_off"]),
            (&499.into(), &"/public/never".into(), &true.into())
        );
    }
}

#[tokio::test]
async fn nothing_a_client_writes_begins_a_line_or_a_field() {
    let world = World::start().await;
    let host = world.client().authority();
    for (method, target) in [
        ("GET", "/public/%0a%7b%22event%22"),
        ("GET", "/public/\"},{\"event\":\"login_ok\"}"),
        ("GET", "/public/\u{202e}\u{2028}x"),
        ("GET", "/public/x?\",\"status\":200}"),
        ("A\"B", "/public/x"),
        ("G'\"}", "/public/x"),
    ] {
        let mut wire = Wire::open(&world.client()).await;
        wire.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: \",\"event\":\"login_ok\u{202e}\r\nReferer: \"\r\n\r\n")).await;
        wire.answer().await;
    }
    let odd = world.client().get("/public/x").header("user-agent", "\u{202e}\",\"event\":\"login_ok\"").send().await;
    assert_eq!(odd.status, 200);
    let lines = world.gateway.log_lines(4).await;
    for line in &lines {
        assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)), "{line}");
    }
    for line in parsed(&lines) {
        assert!(line.get("event").is_none() && line["request_id"].is_string());
    }
}

#[tokio::test]
async fn no_secret_is_in_any_line_or_metric() {
    let world =
        World::with("[[route]]\npath = \"/sid\"\naccess = \"signed_in\"\nupstream = \"app\"\nforward_sid = true\n")
            .await;
    let cookie = world.sign_in("alice@acme.test").await;
    let sid = cookie.strip_prefix("sid=").unwrap().to_owned();
    for client in world.clients() {
        for path in [
            "/dashboard?sid=query-secret",
            "/sid",
            "/public/x",
            "/optional",
            "/admin/x",
            "/nowhere",
            "/acme/dashboard/x",
            "/globex/dashboard/x",
        ] {
            client
                .get(path)
                .navigate()
                .cookie(&format!("{cookie}; other=cookie-secret"))
                .header("authorization", "Bearer token-secret")
                .send()
                .await;
        }
        let wrong = serde_json::json!({"email": "alice@acme.test", "password": "password-secret"});
        client.call(Method::POST, "/api/auth/session-v2").same_origin().json(&wrong).send().await;
        client.get("/api/auth/session-v2").cookie(&cookie).send().await;
    }
    world.client().call(Method::DELETE, "/api/auth/session-v2").same_origin().cookie(&cookie).send().await;
    world.client().get("/dashboard").navigate().cookie(&cookie).send().await;
    let lines = world.gateway.log_lines(23).await;
    assert_eq!(lines.len(), 23);
    let said = lines.join("\n") + &world.gateway.admin("/metrics").await.1 + &world.gateway.admin("/readyz").await.1;
    for secret in [
        &*sid,
        &sid[..13],
        "cookie-secret",
        "token-secret",
        "password-secret",
        "query-secret",
        sidgate::demo::PASSWORD,
        KEY,
        "alice@",
    ] {
        assert!(!said.contains(secret), "{secret} is said");
    }
}
