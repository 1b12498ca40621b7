//! `sidgate dev`, as a developer at a browser meets it. The browser is curl, which trusts the development authority and
//! nothing else.

mod desk;

use std::process::Stdio;

use self::desk::{Desk, application};
use super::{GOOD, folder, output, sidgate, signal};

#[test]
fn it_says_what_to_open_whom_to_trust_and_who_there_is() {
    let desk = Desk::start(&["--upstream", "http://localhost:9"]);
    let said = desk.greeting.as_str();
    assert!(said.contains("https://localhost:") && !said.contains(":0/"), "{said}");
    for part in ["does not answer yet: start it with `npm run dev`", "correct horse", "/__sidgate/", "certutil -d"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(said.contains(desk.authority().to_str().unwrap()), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours where no terminal is");
    assert_eq!(desk.stop(), Some(0));
}

#[test]
fn it_stays_on_loopback_and_refuses_what_cannot_be_meant() {
    let ca = tempfile::tempdir().unwrap();
    let ca = ca.path().to_str().unwrap();
    let own = "http://127.0.0.1:9";
    for (arguments, says) in [
        (&["--https", "0.0.0.0:0"][..], "127.0.0.1"),
        (&["--admin", "192.0.2.1:0"][..], "127.0.0.1"),
        (&["--as", "mallory"][..], "alice, bob"),
        (&["--as", "alice", "--backend", own][..], "embedded"),
        (&["--backend", own][..], "SIDGATE_GATEWAY_KEY"),
        (&["--upstream", "ftp://x"][..], "upstream.nextjs.url"),
        (&["--config", "/nowhere/gateway.toml"][..], "cannot read the configuration"),
    ] {
        let all = [&["dev", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ca", ca][..], arguments].concat();
        // The last of an option counts where it may be given once only; so the defaults go where it is given.
        let all: Vec<&str> = match arguments[0] {
            "--https" => [&["dev", "--ca", ca][..], arguments].concat(),
            "--admin" => [&["dev", "--https", "127.0.0.1:0", "--ca", ca][..], arguments].concat(),
            _ => all,
        };
        let (code, out, error) = output(&all);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {error}");
        assert!(error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn every_name_below_localhost_is_trusted_once_the_authority_is() {
    let ca = tempfile::tempdir().unwrap();
    let ca = ca.path().to_str().unwrap();
    let mut made = Vec::new();
    // The second start has the same authority, and another certificate.
    for _ in 0..2 {
        let desk = Desk::start(&["--upstream", &application(), "--ca", ca]);
        for host in
            ["localhost", "127.0.0.1", "acme.localhost", "newco.localhost", "acme.app.localhost", "a.b.localhost"]
        {
            assert_eq!(desk.browser().host(host).get("/").status, 200, "{host}");
        }
        made.push(std::fs::read(desk.authority()).unwrap());
    }
    assert_eq!(made[0], made[1]);
}

#[test]
fn as_signs_a_browser_in_at_its_first_visit_and_never_again() {
    let desk = Desk::start(&["--upstream", &application(), "--as", "newbie"]);
    let browser = desk.browser();
    let first = browser.get("/");
    assert!(first.text.contains("user 3, step needed;step=company"), "{first:?}");
    desk.says("signed in as newbie@example.test because of --as");

    browser.post("/__sidgate/sign-out", "");
    assert!(browser.get("/").text.contains("anonymous"));

    // What is no visit of a person does not make one.
    assert!(desk.browser().fetch("/").text.contains("anonymous"));
    // And a sid of an earlier start is no hindrance.
    let old = desk.browser().cookie("sid=9e3779b9-7f4a-4c15-8000-000000000000");
    assert!(old.get("/").text.contains("user 3"));
}

#[test]
fn the_switcher_changes_user_tenant_onboarding_and_session() {
    let desk = Desk::start(&["--upstream", &application()]);
    let browser = desk.browser();
    let page = browser.get("/__sidgate/");
    assert!(page.text.contains("nobody") && page.text.contains("<td>anonymous</td>"), "{page:?}");
    assert_eq!(page.header("cache-control"), Some("private, no-store"));

    // Back where the button was pressed, as somebody else.
    let answer = browser.post("/__sidgate/sign-in", "user=4&back=/acme/dashboard");
    assert_eq!((answer.status, answer.header("location")), (303, Some("/acme/dashboard")));
    assert!(browser.get("/").text.contains("user 4 of acme"));

    let page = browser.get("/__sidgate/").text;
    let globex = page.split("name=\"tenant\" value=\"").filter_map(|p| p.split('"').next()).nth(2).unwrap();
    browser.post("/__sidgate/tenant", &format!("tenant={globex}"));
    assert!(browser.get("/").text.contains("user 4 of globex"));

    browser.post("/__sidgate/onboarding", "step=team");
    assert!(browser.get("/").text.contains("needed;step=team"));
    assert_eq!(browser.get("/globex/dashboard").header("location"), Some("/onboarding"));
    browser.post("/__sidgate/onboarding", "");
    assert_eq!(browser.get("/globex/dashboard").status, 200);

    for (end, reason) in [("revoked", "session_revoked"), ("expired", "session_expired")] {
        browser.post("/__sidgate/sign-in", "user=1");
        browser.post("/__sidgate/session", &format!("end={end}"));
        let sent = browser.get("/dashboard");
        let expected = format!("/auth/signin?next=/dashboard&reason={reason}");
        assert_eq!(sent.header("location"), Some(expected.as_str()));
    }
}

#[test]
fn the_switcher_puts_the_backend_into_trouble_for_a_while() {
    let desk = Desk::start(&["--upstream", &application(), "--as", "alice"]);
    let browser = desk.browser();
    assert_eq!(browser.get("/acme/dashboard").status, 200);
    browser.post("/__sidgate/backend", "trouble=down");
    assert_eq!(browser.get("/acme/dashboard").status, 503);
    desk.says("GET /acme/dashboard -> 503 because the session backend does not answer");
    let page = browser.get("/__sidgate/").text;
    assert!(page.contains("data-testid=\"dev-doubt\""), "{page}");
    browser.post("/__sidgate/backend", "trouble=none");
    assert_eq!(browser.get("/acme/dashboard").status, 200, "nobody was signed out");
}

#[test]
fn the_switcher_takes_orders_from_its_own_origin_only() {
    let desk = Desk::start(&["--upstream", &application()]);
    for origin in ["https://evil.example", "http://localhost:3000", "null", ""] {
        let answer = desk.browser().origin(origin).post("/__sidgate/sign-in", "user=1");
        assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{origin}");
    }
    let open = desk.browser().post("/__sidgate/sign-in", "user=1&back=//evil.example/");
    assert_eq!(open.header("location"), Some("/"));
    for (action, form) in [("sign-in", "user=99"), ("sign-in", ""), ("tenant", "tenant=x"), ("session", "end=revoked")]
    {
        assert_eq!(desk.browser().post(&format!("/__sidgate/{action}"), form).status, 400, "{action} {form}");
    }
    assert_eq!(desk.browser().post("/__sidgate/nothing", "").status, 404);
    assert_eq!(desk.browser().get("/__sidgate/nothing").status, 404);
}

#[test]
fn every_redirect_is_explained_and_what_is_let_through_only_with_verbose() {
    let address = application();
    let desk = Desk::start(&["--upstream", &address]);
    let browser = desk.browser();
    for path in ["/acme/dashboard?token=x", "/", "/_next/static/a.js", "/sends/away", "/a%2fb"] {
        browser.get(path);
    }
    desk.says(
        "GET /acme/dashboard -> 302 /auth/signin?next=/acme/dashboard... because there is no session \
         (the route /{tenant}/dashboard/{*rest} is `onboarded`)",
    );
    desk.says("GET /sends/away -> 307 /elsewhere because so says the application, not sidgate");
    desk.says("-> 400 because the path can be read in more than one way");
    browser.post("/__sidgate/sign-in", "user=2");
    browser.get("/acme/dashboard");
    desk.says("302 /globex/dashboard because the address is another tenant's than the session's");
    browser.get("/auth/signin");
    desk.says("GET /auth/signin -> 302 /globex/dashboard because this user is signed in");
    browser.get("/disagrees");
    desk.says("GET /disagrees -> 307 /auth/signin because the application itself sends this user away");
    let page = browser.get("/__sidgate/").text;
    assert!(page.contains("another tenant&#39;s than the session&#39;s"), "{page}");
    let all = desk.said();
    assert!(!all.contains("token") && !all.contains("GET / ") && !all.contains("_next"), "{all}");

    let desk = Desk::start(&["--upstream", &address, "--verbose"]);
    desk.browser().get("/");
    desk.says("GET / -> 200 because there is no session, and none is needed");
    desk.browser().get("/_next/static/a.js");
    desk.says("GET /_next/static/a.js -> 200 because the route is public");
}

#[test]
fn an_application_that_is_not_there_yet_gets_a_page_that_waits() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let desk = Desk::start(&["--upstream", &address]);
    for _ in 0..3 {
        let page = desk.browser().get("/");
        assert_eq!((page.status, page.header("refresh")), (502, Some("1")));
        assert!(page.text.contains("npm run dev") && page.text.contains(&address), "{page:?}");
    }
    let data = desk.browser().fetch("/");
    assert_eq!((data.status, data.header("refresh")), (502, None));
    desk::application_at(&address);
    assert_eq!(desk.browser().get("/").status, 200);
    desk.says(&format!("http://{address} answers"));
    assert_eq!(desk.said().matches("does not answer yet: start it with").count(), 2, "{}", desk.said());
}

/// Certificates, secrets and upstreams of the team's file need not be there.
/// Its users are its own: they sign in at the application, and the switcher only shows.
#[test]
fn a_real_backend_takes_the_place_of_the_embedded_one() {
    let key = "a-secret-of-enough-length";
    let address = desk::backend(key);
    let desk =
        Desk::start_with(&["--upstream", &application(), "--backend", &address], &[("SIDGATE_GATEWAY_KEY", key)]);
    assert!(desk.greeting.contains(&address) && !desk.greeting.contains("correct horse"), "{}", desk.greeting);
    let browser = desk.browser();
    let form = "email=bob%40globex.test&password=correct+horse";
    assert_eq!(browser.post("/api/auth/session-v2", form).header("location"), Some("/globex/dashboard"));
    desk.says("POST /api/auth/session-v2 -> 303 /globex/dashboard because this user is signed in");
    assert!(browser.get("/globex/dashboard").text.contains("user 2 of globex"));
    let page = browser.get("/__sidgate/").text;
    assert!(page.contains("Users are your own backend's") && page.contains("bob@globex.test at globex"), "{page}");
    assert_eq!(browser.post("/__sidgate/sign-in", "user=1").status, 404);
    assert_eq!(browser.post("/__sidgate/sign-out", "").status, 303);
    assert_ne!(browser.get("/globex/dashboard").status, 200);
}

/// Hot reloading hangs on it, and everywhere else it is removed (`spoofing`).
#[test]
fn the_client_of_next_dev_may_name_its_requests() {
    let desk = Desk::start(&["--upstream", &application()]);
    assert!(desk.browser().header("x-nextjs-request-id: 4009c127").fetch("/").text.contains("request 4009c127"));
    assert!(desk.browser().header("x-auth-user-id: 1").fetch("/").text.contains("anonymous"));
}

#[test]
fn a_team_s_own_file_gives_the_routes_and_pages() {
    let text = r#"
        [server]
        trusted_proxies = ["10.0.0.0/8"]
        [admin]
        listen = "127.0.0.1:9"
        [[listener]]
        address = "0.0.0.0:443"
        [[certificate]]
        chain = "/nowhere/chain.pem"
        key = "/nowhere/key.pem"
        [backend]
        url = "http://django.internal:8000"
        gateway_key = "${NOT_SET_HERE}"
        [session]
        cookie = "session"
        domain = "example.com"
        [pages]
        sign_in = "/login"
        home = "/home"
        home_without_tenant = "/home"
        [upstream.web]
        url = "http://web.internal:3000"
        [upstream.admin]
        url = "http://admin.internal:3000"
        [[route]]
        path = "/login"
        access = "guest"
        upstream = "web"
        [[route]]
        path = "/onboarding"
        upstream = "web"
        [[route]]
        path = "/home"
        upstream = "admin"
        [[route]]
        host = "{tenant}.example.com"
        path = "/report"
        access = "onboarded"
        upstream = "web"
        tenant = { parameter = "tenant", match = "slug" }
    "#;
    let (_folder, path) = folder(text);
    let desk = Desk::start(&["--upstream", &application(), "--config", &path, "--as", "alice"]);
    let browser = desk.browser();
    let first = browser.get("/home");
    assert!(first.text.contains("user 1"), "{first:?}");
    assert!(first.headers.contains("session=") && !first.headers.contains("sid="), "{first:?}");
    assert_eq!(browser.get("/elsewhere").status, 404);
    desk.says("GET /elsewhere -> 404 because no [[route]] matches this address");
    let out = browser.post("/__sidgate/sign-out", "");
    assert!(out.headers.contains("session=; Path=/; Max-Age=0"), "{out:?}");
    assert_eq!(desk.browser().fetch("/home").status, 401);
    // A team's host is one under localhost here.
    assert!(desk.greeting.contains("*.localhost:"), "{}", desk.greeting);
    assert!(desk.browser().host("acme.localhost").get("/report").text.contains("user 1 of acme"));
    assert_eq!(desk.browser().host("globex.localhost").get("/report").status, 403);

    let (_folder, path) = folder(&text.replace("access = \"guest\"", "acess = \"guest\""));
    let ca = tempfile::tempdir().unwrap();
    let (code, _, error) = output(&["dev", "--config", &path, "--ca", ca.path().to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(error.contains("gateway.toml:") && error.contains("did you mean `access`?"), "{error}");
}

#[test]
fn there_is_no_switcher_outside_of_dev() {
    let mut demo = sidgate(&["demo", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let demo = Desk::watch(demo.stdout(Stdio::piped()).spawn().unwrap(), None);
    for path in ["/__sidgate", "/__sidgate/", "/__sidgate/button.js"] {
        assert_eq!(demo.browser().get(path).status, 404, "{path}");
    }
    assert_eq!(demo.browser().post("/__sidgate/sign-in", "user=1").status, 404);
    assert_eq!(demo.stop(), Some(0));

    // No word of it is known to a configuration.
    for table in ["[dev]\nswitcher = true\n", "[room]\n"] {
        let (_folder, path) = folder(&(table.to_owned() + GOOD));
        assert_eq!(output(&["check", "--config", &path]).0, 1);
    }
}

#[test]
fn it_ends_when_it_is_told_to() {
    for name in ["-INT", "-TERM"] {
        let desk = Desk::start(&["--upstream", &application()]);
        signal(&desk.child, name);
        assert_eq!(desk.ended(), Some(0));
    }
}
