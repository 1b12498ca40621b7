//! A host for every tenant: one session for all of them, and everybody ends on their own. Attacks C5, R2, R7.

use http::Method;
use serde_json::{Value, json};

use crate::support::backend::{ALICE, API, Act, BOB, CAROL, NEWBIE, VALIDATE, World, cookie, made_up, says};
use crate::support::{Answer, Client};

const TABLES: &str = r#"
[session]
domain = "app.test"
[sign_in]
per_client = "1000/s"
per_email = "1000/s"
[pages]
home = "/dashboard"
tenant_host = "{tenant}.app.test"
"#;

const ROUTES: &str = r#"
[[route]]
path = "/auth/signin"
access = "guest"
upstream = "app"
[[route]]
path = "/onboarding"
access = "signed_in"
upstream = "app"
[[route]]
path = "/dashboard"
access = "signed_in"
upstream = "app"
[[route]]
host = "{tenant}.app.test"
path = "/auth/signin"
access = "guest"
upstream = "app"
[[route]]
host = "{tenant}.app.test"
path = "/onboarding"
access = "signed_in"
upstream = "app"
[[route]]
host = "{tenant}.app.test"
path = "/{*rest}"
access = "onboarded"
upstream = "app"
tenant = { parameter = "tenant", match = "slug" }
"#;

async fn start() -> World {
    with(TABLES, ROUTES).await
}

async fn with(tables: &str, routes: &str) -> World {
    let world = World::routed(tables, routes).await;
    world.front.on("GET /reports", Act::Answer(200, "the reports".into(), vec![]));
    world
}

fn on(world: &World, host: &str) -> Client {
    world.client().named(host)
}

async fn sign_in(client: &Client, email: &str, next: &str) -> Answer {
    let body = json!({ "email": email, "password": "correct horse", "next": next });
    client.call(Method::POST, API).same_origin().fetch().json(&body).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sign_in_everybody_is_on_their_own_host() {
    let world = start().await;
    let port = world.gateway.address().port();
    let (acme, globex) = (format!("https://acme.app.test:{port}"), format!("https://globex.app.test:{port}"));
    for (email, host, next, to) in [
        (ALICE, "app.test", "", format!("{acme}/dashboard")),
        (ALICE, "acme.app.test", "", "/dashboard".into()),
        (ALICE, "acme.app.test", "/reports?x=1", "/reports?x=1".into()),
        (ALICE, "app.test", &format!("{acme}/reports"), format!("{acme}/reports")),
        (ALICE, "acme.app.test", &format!("{acme}/reports"), "/reports".into()),
        // Another's host would only say that it is another's.
        (BOB, "acme.app.test", "/reports", format!("{globex}/dashboard")),
        (BOB, "app.test", &format!("{acme}/reports"), format!("{globex}/dashboard")),
        // Who belongs there too is offered the switch.
        (CAROL, "globex.app.test", "/reports", "/reports".into()),
        (CAROL, "app.test", &format!("{globex}/reports"), format!("{globex}/reports")),
        (NEWBIE, "acme.app.test", "/reports", "/onboarding".into()),
        (ALICE, "app.test", "https://evilapp.test/", format!("{acme}/dashboard")),
        (ALICE, "app.test", &format!("https://evil.test:{port}/"), format!("{acme}/dashboard")),
        (ALICE, "app.test", &format!("http://acme.app.test:{port}/x"), format!("{acme}/dashboard")),
        (ALICE, "app.test", "https://acme.app.test/x", format!("{acme}/dashboard")),
        (ALICE, "app.test", &format!("//acme.app.test:{port}/x"), format!("{acme}/dashboard")),
        (ALICE, "app.test", &format!("https://a.b.app.test:{port}/x"), format!("{acme}/dashboard")),
    ] {
        let answer = sign_in(&on(&world, host), email, next).await;
        assert_eq!(answer.json()["redirectTo"], to, "{email} on {host}, next={next}");
        let set = answer.set_cookies().pop().unwrap();
        assert!(set.contains("; Domain=app.test; Expires="), "{set}");
    }
    // On a host that the domain does not cover a browser would take no such cookie.
    let elsewhere = sign_in(&world.client(), ALICE, "").await;
    assert!(!elsewhere.set_cookies().pop().unwrap().contains("Domain"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_the_same_on_every_host_and_ends_on_all() {
    let world = start().await;
    let port = world.gateway.address().port();
    let sid = world.sid(ALICE).await;
    let get = |host: &str, path: &str| on(&world, host).get(path).navigate().cookie(&cookie(&sid));
    assert_eq!(get("acme.app.test", "/reports").send().await.status, 200);
    for host in ["ACME.App.test", "acme.app.test."] {
        let spelt = on(&world, "acme.app.test").get("/reports").navigate().cookie(&cookie(&sid));
        assert_eq!(spelt.header("host", format!("{host}:{port}")).send().await.status, 200, "{host}");
    }
    let home = format!("https://acme.app.test:{port}/dashboard");
    for host in ["globex.app.test", "app.test"] {
        let guest = get(host, "/auth/signin").send().await;
        assert_eq!((guest.status, guest.header("location")), (302, Some(home.as_str())), "{host}");
    }
    let out = on(&world, "globex.app.test").call(Method::DELETE, API).same_origin().cookie(&cookie(&sid)).send().await;
    assert!(out.set_cookies().iter().any(|l| l.contains("Path=/; Max-Age=0;") && l.ends_with("Domain=app.test")));
    for host in ["acme.app.test", "globex.app.test", "app.test"] {
        let after = on(&world, host).get("/dashboard").navigate().cookie(&cookie(&sid)).send().await;
        assert_eq!(after.header("location"), Some("/auth/signin?next=/dashboard&reason=session_revoked"), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_host_names_the_way_home_and_offers_the_switch_to_its_members() {
    let world = start().await;
    let port = world.gateway.address().port();
    let (alice, carol) = (world.sid(ALICE).await, world.sid(CAROL).await);
    let globex = on(&world, "globex.app.test");
    let home = format!("https://acme.app.test:{port}/dashboard");
    for (sid, member) in [(&alice, false), (&carol, true)] {
        let page = globex.get("/reports?q=a&b=c").navigate().cookie(&cookie(sid)).send().await;
        assert_eq!(page.status, 403);
        assert!(page.text().contains(&format!("href=\"{home}\"")), "{}", page.text());
        assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"));
        let form = "<form method=\"post\" action=\"/api/auth/session-v2/tenant\"><input type=\"hidden\" \
                    name=\"tenantId\" value=\"5eed0000-0000-4000-8000-000000000002\"><input type=\"hidden\" \
                    name=\"next\" value=\"/reports?q=a&amp;b=c\"><button>Switch to Globex</button></form>";
        assert_eq!(page.text().contains(form), member, "{}", page.text());
        let data = globex.get("/data").fetch().cookie(&cookie(sid)).send().await;
        let error = data.json()["error"].clone();
        assert_eq!((data.status, &error["code"], &error["home"]), (403, &json!("other_tenant"), &json!(home)));
        let switch = if member { json!("/api/auth/session-v2/tenant") } else { Value::Null };
        assert_eq!(error["switch"], switch);
        assert_eq!(error["tenantId"].is_string(), member);
    }
    assert_eq!(world.front.count(""), 0, "the application never sees it");
    let press = globex.call(Method::POST, "/api/auth/session-v2/tenant").same_origin().navigate();
    let press = press.cookie(&cookie(&carol)).header("content-type", "application/x-www-form-urlencoded");
    let body = "tenantId=5eed0000-0000-4000-8000-000000000002&next=%2Freports%3Fq%3D1";
    let there = press.body(body).send().await;
    assert_eq!((there.status, there.header("location")), (303, Some("/reports?q=1")));
    let new = there.sid().unwrap();
    assert!(there.set_cookies().pop().unwrap().contains("Domain=app.test"));
    assert_eq!(globex.get("/reports?q=1").navigate().cookie(&cookie(&new)).send().await.status, 200);
    let acme = on(&world, "acme.app.test").get("/reports").navigate().cookie(&cookie(&new)).send().await;
    assert!(acme.status == 403 && acme.text().contains("Switch to Acme"));
    // A switch by fetch names the other host: that is where one goes on.
    let call = globex.call(Method::POST, "/api/auth/session-v2/tenant").same_origin().fetch().cookie(&cookie(&new));
    let back = call.json(&json!({"tenantId": "5eed0000-0000-4000-8000-000000000001"})).send().await;
    assert_eq!(back.json()["redirectTo"], home);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_one_tenant_cannot_act_on_the_host_of_another() {
    let world = start().await;
    let sid = world.sid(CAROL).await;
    let port = world.gateway.address().port();
    for (host, origin, passes) in [
        ("acme.app.test", "acme.app.test", true),
        ("acme.app.test", "globex.app.test", false),
        ("acme.app.test", "app.test", false),
        ("app.test", "acme.app.test", false),
    ] {
        let call = on(&world, host).call(Method::POST, "/api/auth/session-v2/tenant").cookie(&cookie(&sid)).fetch();
        let call = call.header("origin", format!("https://{origin}:{port}")).header("sec-fetch-site", "same-site");
        let answer = call.json(&json!({"tenantId": "none"})).send().await;
        let code = if passes { "not_a_member" } else { "cross_origin" };
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (403, &json!(code)), "{origin} -> {host}");
    }
    for (origin, passes) in [("acme.app.test", true), ("globex.app.test", false), ("app.test", false)] {
        let shake = on(&world, "acme.app.test").get("/reports").fetch().cookie(&cookie(&sid));
        let shake = shake.header("upgrade", "websocket").header("connection", "upgrade");
        let shake = shake.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let before = world.front.count("GET /reports");
        let answer = shake.header("origin", format!("https://{origin}:{port}")).send().await;
        assert_eq!((answer.status == 403, world.front.count("GET /reports") > before), (!passes, passes), "{origin}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_public_origin_its_scheme_and_port_are_those_of_every_tenants_host() {
    let tables = format!("[server]\npublic_origin = \"https://app.test:8443\"\n{TABLES}");
    let world = World::routed(&tables, ROUTES).await;
    for (host, origin, to) in [
        ("app.test", "https://app.test:8443", Some("https://acme.app.test:8443/dashboard")),
        ("acme.app.test", "https://acme.app.test:8443", Some("/dashboard")),
        ("localhost", "https://app.test:8443", Some("https://acme.app.test:8443/dashboard")),
        ("acme.app.test", "https://app.test:8443", None),
        ("acme.app.test", "https://globex.app.test:8443", None),
        ("acme.app.test", "https://acme.app.test", None),
        ("localhost", "https://localhost:8443", None),
    ] {
        let call = on(&world, host).call(Method::POST, API).header("origin", origin).fetch();
        let answer = call.json(&json!({"email": ALICE, "password": "correct horse"})).send().await;
        let wanted = to.map_or(403, |_| 200);
        assert_eq!(answer.status, wanted, "{origin} -> {host}: {}", answer.text());
        assert_eq!(answer.json()["redirectTo"].as_str(), to);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slug_that_no_host_can_spell_keeps_its_tenant_on_the_host_one_is_on() {
    let world = start().await;
    let user =
        |slug: Value| json!({"user": {"id": 1}, "tenant": {"id": "t", "slug": slug}, "onboarding": {"needed": false}});
    for slug in
        [json!("Acme"), json!("a.b"), json!("a_b"), json!("café"), json!("evil.test/"), json!("-a"), Value::Null]
    {
        world.backend.on(VALIDATE, says(200, &user(slug.clone())));
        let sid = made_up();
        let guest = on(&world, "app.test").get("/auth/signin").navigate().cookie(&cookie(&sid)).send().await;
        assert_eq!(guest.header("location"), Some("/dashboard"), "{slug}");
        // "Acme" is not the tenant of acme.app.test: that may be somebody else's who got there first.
        let page = on(&world, "acme.app.test").get("/reports").navigate().cookie(&cookie(&sid)).send().await;
        assert_eq!(page.status, 403, "{slug}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn by_id_it_is_the_same() {
    let by_id =
        |text: &str| text.replace("match = \"slug\"", "match = \"id\"").replace("\"{tenant}.app", "\"{tenant_id}.app");
    let routes = ROUTES.replace("match = \"slug\"", "match = \"id\"");
    let world = with(&by_id(TABLES), &routes).await;
    let port = world.gateway.address().port();
    let sid = world.sid(ALICE).await;
    let own = "5eed0000-0000-4000-8000-000000000001.app.test";
    let guest = on(&world, "app.test").get("/auth/signin").navigate().cookie(&cookie(&sid)).send().await;
    assert_eq!(guest.header("location"), Some(format!("https://{own}:{port}/dashboard").as_str()));
    for (host, status) in [(own, 200), ("5eed0000-0000-4000-8000-000000000002.app.test", 403), ("acme.app.test", 403)] {
        let page = on(&world, host).get("/reports").navigate().cookie(&cookie(&sid)).send().await;
        assert_eq!(page.status, status, "{host}");
    }
}
