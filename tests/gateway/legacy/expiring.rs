//! Out of the browser, out of what the application sees, and not back in: in every scope, only what was sent, and at most
//! 8 KB of it in one answer. Held against a model of a browser's cookie store.

use proptest::prelude::*;
use sidgate::config::{Legacy, Session};
use sidgate::cookie::Scopes;
use sidgate::legacy::Names;

use super::*;
use crate::support::legacy::{full, line};
use crate::support::store::{Entry, Store};

const HOST: &str = "www.app.test";
const PAGE: &str = "/acme/dashboard";
const LIMIT: usize = 8 * 1024;
/// Beside which there is room for what an application says, where a hundred fields are the limit.
const LINES: usize = 88;

/// A name in every scope where the old application and its scripts put it.
fn everywhere(name: &str) -> Vec<Entry> {
    let cookie = || Entry::new(name, "legacy", HOST);
    let script = Entry { secure: false, ..cookie() };
    vec![cookie(), cookie().domain("app.test"), cookie().domain(HOST), script.path("/acme")]
}

/// Goes there as a browser with this store does.
async fn visit(world: &World, store: &mut Store, path: &str) -> Answer {
    let call = world.client().named(HOST).get(path).navigate();
    let answer = call.cookie(&store.line(HOST, path, true)).send().await;
    let size: usize = answer.set_cookies().iter().map(|line| "set-cookie: \r\n".len() + line.len()).sum();
    assert!(size <= LIMIT, "{size} bytes");
    store.take(HOST, path, true, &answer.set_cookies());
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn after_one_page_the_browser_holds_the_sid_and_what_must_stay() {
    let world = world("mode = \"enforce\"\ndomains = [\"app.test\"]").await;
    for first_visit in [true, false] {
        let sid = world.sid(ALICE).await;
        let mut store = Store::default();
        let kept = ["theme", "csrftoken", "auth0_state", "admin_view", "cf_clearance", "unheard-of"];
        kept.iter().flat_map(|name| everywhere(name)).for_each(|entry| store.put(entry));
        for name in ["onboardingStep", "tenantId", "role", "__session__0", "CognitoIdentityServiceProvider.a@b.c"] {
            everywhere(name).into_iter().for_each(|entry| store.put(entry));
        }
        if first_visit {
            store.put(Entry::new("session_token", &sid, HOST).domain("app.test"));
        } else {
            store.put(Entry::new("sid", &sid, HOST));
        }
        // For a page that was not asked for: not sent, so not expired.
        store.put(Entry::new("role", "elsewhere", HOST).path("/settings"));
        let answer = visit(&world, &mut store, PAGE).await;
        assert_eq!(answer.status, 200);
        assert_eq!(store.named("sid").len(), 1);
        let wanted = kept.len() * 4 + 2;
        assert_eq!(store.0.len(), wanted, "{store:#?}");
        let seen = cookies_seen(&world.front, PAGE);
        assert!(kept.iter().all(|name| seen.contains(name)) && seen.split("; ").count() == kept.len() * 4, "{seen}");
        assert!(answer.header("cache-control").unwrap().contains("private"));
        let again = visit(&world, &mut store, PAGE).await;
        assert!(again.set_cookies().is_empty(), "nothing is left to say: {:?}", again.set_cookies());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_one_answer_follows_with_the_next_and_carriers_go_first() {
    let world = enforcing().await;
    for h2 in [false, true] {
        let mut store = Store::default();
        // As full as a jar can be: names from the beginning to the end of the list, each in two scopes.
        for name in Legacy::default().clear.iter().filter(|name| !name.ends_with('*')) {
            store.put(Entry::new(name, "x", HOST));
            store.put(Entry::new(name, "y", HOST).domain("app.test"));
        }
        let (old, legacy) = (world.sid(ALICE).await, store.0.len());
        store.put(Entry::new("session_token", &old, HOST));
        store.0.retain(|entry| entry.value != "y" || entry.name != "session_token");
        let mut left = Vec::new();
        while left.last() != Some(&1) {
            assert!(left.len() < 5, "{left:?}");
            let client = if h2 { world.client().named(HOST).h2() } else { world.client().named(HOST) };
            let answer = client.get(PAGE).navigate().cookie(&store.line(HOST, PAGE, true)).send().await;
            let size: usize = answer.set_cookies().iter().map(|line| "set-cookie: \r\n".len() + line.len()).sum();
            let full = size > LIMIT / 2 || answer.set_cookies().len() > LINES - 16 || !left.is_empty();
            assert!(answer.status == 200 && size <= LIMIT && answer.set_cookies().len() <= LINES && full, "{size}");
            store.take(HOST, PAGE, true, &answer.set_cookies());
            assert!(store.named("dott_auth_session").is_empty() && store.named("session_token").is_empty());
            assert!(store.0.iter().all(|e| e.name == "sid" || store.named(&e.name).len() == 2), "all scopes or none");
            left.push(store.0.len());
        }
        assert!(left.len() > 1 && left[0] < legacy, "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_legitimate_jar_is_gone_in_one_answer() {
    let world = enforcing().await;
    let jar = full(KEY, &world.sid(ALICE).await);
    let answer = world.client().named(HOST).get(PAGE).navigate().cookie(&line(&jar)).send().await;
    assert_eq!(answer.status, 200);
    let names = expired(&answer);
    let cleared = Names::new(&Legacy::default(), &Session::default());
    for (name, _) in &jar {
        assert_eq!(names.contains(name), cleared.cleared().contains(name.as_bytes()), "{name}");
    }
    assert!(names.len() > 15, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_a_prefix_go_by_the_rules_that_browsers_have_for_them() {
    let mine = ["session_token", "dott_auth_session", "appSession", "__Secure-authjs.session-token", "__Host-old"];
    let world = world(&format!("mode = \"enforce\"\nclear = {mine:?}")).await;
    let mut store = Store::default();
    for name in &mine[3..] {
        store.put(Entry::new(name, "x", HOST));
    }
    store.put(Entry::new(mine[3], "y", HOST).domain("app.test"));
    store.put(Entry::new("sid", &world.sid(ALICE).await, HOST));
    visit(&world, &mut store, PAGE).await;
    assert_eq!((store.0.len(), store.named("sid").len()), (1, 1), "{store:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_applications_lines_are_dropped_one_by_one_and_the_rest_passes_as_it_is() {
    let routes = "[[route]]\npath = \"/old/{*rest}\"\naccess = \"public\"\nupstream = \"app\"\nforward_sid = true\n";
    for (mode, dropped) in [("enforce", 2.0), ("dual", 0.0)] {
        let more = legacy(&format!("mode = \"{mode}\""));
        let world = World::routed(&more, &(crate::support::gateway::ROUTES.to_owned() + routes)).await;
        let line = |text: &str| ("set-cookie", text.to_owned());
        let lines = vec![
            line("session_token=again; Path=/; HttpOnly"),
            line("lang=en; Expires=Wed, 01 Jan 2031 00:00:00 GMT"),
            line("CognitoIdentityServiceProvider.x=y"),
            line("auth0_state=z"),
            line("lang2=de"),
        ];
        world.front.on("GET /old/", Act::Answer(200, "old".into(), lines));
        let sid = world.sid(ALICE).await;
        let jar = format!("role=admin; sid={sid}; theme=dark; \"role\"=x");
        let answer = world.client().get("/old/x").navigate().cookie(&jar).send().await;
        let kept = ["lang=en; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "auth0_state=z", "lang2=de"];
        let seen = cookies_seen(&world.front, "/old/x");
        if mode == "enforce" {
            assert_eq!(answer.set_cookies(), kept, "public: nothing of ours");
            assert_eq!(seen, format!("sid={sid}; theme=dark"), "with forward_sid too");
            assert_eq!(world.metric("sidgate_legacy_set_cookie_dropped_total").await, dropped);
            let line = world.gateway.log_lines(1).await.pop().unwrap();
            assert!(line.contains("\"legacy_set_cookie_dropped\":2"), "{line}");
        } else {
            assert_eq!((answer.set_cookies().len(), seen), (5, jar));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_expires_what_came_unless_the_migration_only_watches() {
    for (mode, expires) in [("observe", false), ("dual", true), ("enforce", true)] {
        let world = world(&format!("mode = \"{mode}\"")).await;
        for path in [API, "/api/auth/sessions?scope=all"] {
            let sid = world.sid(ALICE).await;
            let mut store = Store::default();
            store.put(Entry::new("sid", &sid, HOST));
            store.put(Entry::new("theme", "dark", HOST));
            everywhere("hasSession").into_iter().for_each(|entry| store.put(Entry { path: "/".into(), ..entry }));
            let legacy = store.0.len() - 2;
            let client = world.client().named(HOST);
            let call = client.call(Method::DELETE, path).same_origin().fetch();
            let answer = call.cookie(&store.line(HOST, path, true)).send().await;
            assert!(answer.status < 300, "{} {}", answer.status, answer.text());
            store.take(HOST, "/api/auth/x", true, &answer.set_cookies());
            assert_eq!(store.0.len(), 1 + if expires { 0 } else { legacy }, "{mode} {path} {store:?}");
        }
    }
}

/// Cookies of any name in scopes of this host, or what may look like it.
fn entry() -> impl Strategy<Value = Entry> {
    let names = [
        "session_token",
        "appSession.0",
        "__session__1",
        "role",
        "email",
        "CognitoIdentityServiceProvider.u.idToken",
        "sid",
        "__Host-sid",
        "__Host-sidgate-reloaded",
        "theme",
        "csrftoken",
        "admin_x",
        "unheard-of",
        "Role",
    ];
    let name = proptest::sample::select(names.to_vec());
    let domain = proptest::sample::select(vec![None, Some("a.b.shop.test"), Some("b.shop.test"), Some("shop.test")]);
    let path = proptest::sample::select(vec!["/", "/", "/x", "/x/y", "/other"]);
    (name, domain, path, any::<bool>()).prop_map(|(name, domain, path, secure)| {
        let entry = Entry::new(name, "v", "a.b.shop.test");
        if name.starts_with("__Host-") {
            return entry;
        }
        let entry = Entry { secure, ..entry.path(path) };
        domain.map_or(entry.clone(), |domain| entry.domain(domain))
    })
}

proptest! {
    /// Whatever a browser holds: what is legacy and was set as applications and scripts set it goes with one answer, and
    /// nothing else is touched.
    #[test]
    fn any_store_is_rid_of_what_is_legacy_and_keeps_the_rest(entries in proptest::collection::vec(entry(), 0..40)) {
        let names = Names::new(&Legacy::default(), &Session::default());
        let mut store = Store::default();
        entries.into_iter().for_each(|entry| store.put(entry));
        let (host, path) = ("a.b.shop.test", "/x/y/page");
        let before = store.clone();
        let mut headers = http::HeaderMap::new();
        headers.insert("cookie", store.line(host, path, true).parse().unwrap());
        let scopes = Scopes::new(host, path, "https", &[]);
        for name in names.sent(&headers) {
            let lines: Vec<String> =
                [scopes.expire(name), scopes.expire_below(name)].concat().iter().map(|line| line.to_str().unwrap().to_owned()).collect();
            store.take(host, path, true, &lines);
        }
        // Under a parent domain and another path than `/` nobody sets one; with neither was one sent.
        let reached = |e: &Entry| names.cleared().contains(e.name.as_bytes()) && (e.host_only || e.path == "/");
        let sent = |e: &Entry| before.line(host, path, true).split("; ").any(|p| p.starts_with(&format!("{}=", e.name)));
        let wanted: Vec<&Entry> =
            before.0.iter().filter(|e| !(reached(e) && sent(e) && e.path != "/other")).collect();
        prop_assert_eq!(store.0.iter().collect::<Vec<_>>(), wanted);
    }
}
