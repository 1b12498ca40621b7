//! A browser that is sent round in circles is told so, whoever sends it.

use std::collections::BTreeMap;

use crate::support::backend::{ALICE, API, Act, NEWBIE, VALIDATE, World, cookie, made_up, says};
use crate::support::{Answer, Client};

/// As many as Chromium and Firefox follow.
const REDIRECTS: usize = 20;
const COUNTER: &str = "__Host-sidgate-redirects";

/// Follows redirects with its cookies, as a browser does.
struct Browser {
    client: Client,
    jar: BTreeMap<String, String>,
    router: bool,
}

impl Browser {
    fn new(client: Client, cookies: &str) -> Self {
        let pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        Self { client, jar: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(), router: false }
    }

    /// As the router of Next.js fetches a page.
    fn fetching(self) -> Self {
        Self { router: true, ..self }
    }

    async fn ask(&mut self, path: &str) -> Answer {
        let call = self.client.get(path);
        let call = if self.router { call.fetch().header("rsc", "1") } else { call.navigate() };
        let cookies: Vec<String> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let call = if cookies.is_empty() { call } else { call.cookie(&cookies.join("; ")) };
        let answer = call.send().await;
        for line in answer.set_cookies() {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Gives how many redirects it followed, and what it got in the end.
    async fn open(&mut self, path: &str) -> (usize, Answer) {
        let mut path = path.to_owned();
        for followed in 0..=REDIRECTS {
            let answer = self.ask(&path).await;
            match answer.header("location") {
                Some(to) => path = to.strip_prefix(&self.client.origin()).unwrap_or(to).to_owned(),
                None => return (followed, answer),
            }
        }
        panic!("too many redirects: {:?}", self.jar);
    }
}

fn away(to: &str) -> Act {
    Act::Answer(307, String::new(), vec![("location", to.into()), ("cache-control", "s-maxage=60".into())])
}

/// An application of contradictory cookies: onboarded by one, not onboarded by the other.
fn bounces(world: &World, one: &str, other: &str) {
    world.front.on(&format!("GET {one}"), away(other));
    world.front.on(&format!("GET {other}"), away(one));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_sends_people_to_onboarding_and_back_is_stopped_with_a_page() {
    let world = World::start().await;
    for client in [world.client(), world.client().h2()] {
        let sid = world.sid(ALICE).await;
        bounces(&world, "/dashboard", "/onboarding");
        let mut browser = Browser::new(client, &format!("{}; theme=dark", cookie(&sid)));
        let (followed, page) = browser.open("/dashboard").await;
        assert_eq!((followed, page.status), (10, 508));
        assert!(page.header("cache-control").unwrap().contains("no-store"));
        let text = page.text();
        for said in [
            "setup of your account",
            "The last redirect was from /dashboard to /onboarding, by the application.",
            "you are signed in, and stay so",
            "<a href=\"/dashboard\">Go on</a>",
            &format!("request {}", page.header("x-request-id").unwrap()),
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("<script"), "{text}");
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        assert!(!browser.jar.contains_key(COUNTER), "the way on begins anew");
        assert_eq!(browser.jar.get("sid"), Some(&sid), "nobody is signed out by it");
        world.front.well();
        let (followed, page) = browser.open("/dashboard").await;
        assert_eq!((followed, page.status), (0, 200), "once the application is well");
    }
    let (_, metrics) = world.gateway.admin("/metrics").await;
    let counted = "sidgate_redirect_loops_total{cause=\"application_to_onboarding\"} 2";
    assert!(metrics.lines().any(|line| line == counted), "{metrics}");
    let lines = world.gateway.log_lines(24).await;
    assert_eq!(lines.iter().filter(|l| l.contains("\"redirect_loop\":\"application_to_onboarding\"")).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_wrong_is_put_in_order_and_said() {
    let world = World::start().await;
    let (live, ended) = (world.sid(ALICE).await, made_up());
    bounces(&world, "/optional", "/?from=optional");
    world.front.on("GET /?", away("/optional"));
    let client = world.client();
    // Twins: a browser keeps the one that was tossed from a sibling host beside its own.
    let mut counter = None;
    for _ in 0..11 {
        for path in ["/optional", "/?from=optional"] {
            let jar = [Some(format!("sid={live}; sid={ended}; __Host-sidgate-sent-on=1")), counter.clone()];
            let jar: Vec<String> = jar.into_iter().flatten().collect();
            let answer = client.get(path).navigate().cookie(&jar.join("; ")).send().await;
            let set = answer.set_cookies();
            if answer.status == 508 {
                let text = answer.text();
                assert!(text.contains("put in order: sid, __Host-sidgate-sent-on"), "{text}");
                let twin = "sid=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax; Domain=localhost";
                assert!(set.iter().any(|line| line.starts_with(&cookie(&live))), "{set:?}");
                assert!(!set.iter().any(|line| line == twin) && set.iter().any(|l| l.starts_with("sid=;")), "{set:?}");
                assert!(set.iter().any(|line| line.starts_with("__Host-sidgate-sent-on=;")), "{set:?}");
                return;
            }
            let line = set.iter().find(|line| line.starts_with(COUNTER)).unwrap();
            counter = Some(line.split(';').next().unwrap().to_owned());
        }
    }
    panic!("never stopped");
}

/// Where both go on side by side, contradictory cookies of the old application are what people go round by.
#[tokio::test(flavor = "multi_thread")]
async fn legacy_cookies_that_led_round_are_expired_and_the_person_stays_signed_in() {
    let carrier = "[[legacy.carrier]]\nname = \"uuid\"\ncookies = [\"session_token\"]\nformat = \"session_id\"\n";
    let world = World::with(&format!("[legacy]\nenabled = true\nmode = \"dual\"\n{carrier}")).await;
    let old = world.sid(ALICE).await;
    bounces(&world, "/dashboard", "/onboarding");
    let jar = format!("session_token={old}; onboardingCompleted=false; setupComplete=true; theme=dark");
    let mut browser = Browser::new(world.client(), &jar);
    let (followed, page) = browser.open("/dashboard").await;
    assert_eq!((followed, page.status), (10, 508));
    let text = page.text();
    assert!(
        text.contains("stay so") && text.contains("onboardingCompleted") && text.contains("setupComplete"),
        "{text}"
    );
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["sid", "theme"]);
    world.front.well();
    assert_eq!(browser.open("/dashboard").await.1.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_signed_in_is_offered_the_way_to_sign_in() {
    let world = World::start().await;
    bounces(&world, "/optional", "/auth/signin");
    let (followed, page) = Browser::new(world.client(), "session_token=left-over").open("/optional").await;
    assert_eq!((followed, page.status), (10, 508));
    assert!(page.text().contains("<a href=\"/auth/signin?next=/optional\">Sign in</a>"), "{}", page.text());
    assert!(page.text().contains("you are not signed in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_goes_on_with_onboarding() {
    let world = World::start().await;
    let sid = world.sid(NEWBIE).await;
    bounces(&world, "/dashboard", "/optional");
    let (_, page) = Browser::new(world.client(), &cookie(&sid)).open("/dashboard").await;
    assert_eq!(page.status, 508);
    assert!(page.text().contains("<a href=\"/onboarding\">Go on with setting up</a>"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_backend_does_not_answer_nothing_is_touched() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    bounces(&world, "/optional", "/auth/signin");
    world.backend.on("GET /api/sessions/", Act::Answer(500, String::new(), Vec::new()));
    let mut browser = Browser::new(world.client(), &cookie(&sid));
    let (_, page) = browser.open("/optional").await;
    assert_eq!(page.status, 508);
    assert!(page.text().contains("nothing was changed") && page.text().contains("<a href=\"/optional\">Go on</a>"));
    assert_eq!(browser.jar.into_iter().collect::<Vec<_>>(), [("sid".to_owned(), sid)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_does_not_see_that_it_is_https_already_is_stopped() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    let itself = format!("{}/dashboard", world.client().origin());
    world.front.on("GET /dashboard", away(&itself));
    let (followed, page) = Browser::new(world.client(), &cookie(&sid)).open("/dashboard").await;
    assert_eq!((followed, page.status), (5, 508));
    assert!(page.text().contains("from /dashboard to /dashboard"), "{}", page.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_changes_its_mind_with_every_question_is_stopped() {
    let world = World::with("[session]\nttl = \"1ms\"\nrefresh_ahead = \"0s\"\nrefusal_ttl = \"0s\"\n").await;
    let sid = world.sid(ALICE).await;
    let mut browser = Browser::new(world.client(), &cookie(&sid));
    let mut path = "/auth/signin".to_owned();
    for followed in 0..REDIRECTS {
        // Replicas that lag behind: one has the session, the other has not.
        let refused = says(401, &serde_json::json!({"code": "session_unknown"}));
        world.backend.well();
        if path != "/auth/signin" {
            world.backend.on(VALIDATE, refused);
        }
        browser.jar.insert("sid".into(), sid.clone());
        // Until the answer before is forgotten.
        let now = if path == "/auth/signin" { 200 } else { 401 };
        while world.client().get(API).fetch().cookie(&cookie(&sid)).send().await.status != now {}
        let answer = browser.ask(path.split('?').next().unwrap()).await;
        let Some(to) = answer.header("location") else {
            assert_eq!((followed, answer.status), (10, 508), "{}", answer.text());
            assert!(answer.text().contains("kept changing"), "{}", answer.text());
            return;
        };
        path = to.split('?').next().unwrap().to_owned();
    }
    panic!("never stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_that_grows_with_every_round_does_not_hide_the_loop() {
    let world = World::start().await;
    let mut browser = Browser::new(world.client(), "");
    for i in 0.. {
        let path = format!("/optional?next={}", "x".repeat(i));
        world.front.on("GET /optional", away(&format!("{path}x")));
        if browser.ask(&path).await.status == 508 {
            assert_eq!(i, 5);
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_router_of_a_page_gets_json_and_the_document_after_it_the_page() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    bounces(&world, "/dashboard", "/onboarding");
    let mut browser = Browser::new(world.client(), &cookie(&sid)).fetching();
    let (followed, data) = browser.open("/dashboard").await;
    assert_eq!((followed, data.status), (10, 508));
    let error = &data.json()["error"];
    assert_eq!((&error["code"], &error["reason"]), (&"redirect_loop".into(), &"application_to_onboarding".into()));
    let redirect = &error["redirect"];
    assert_eq!((&redirect["from"], &redirect["by"]), (&"/dashboard".into(), &"application".into()));
    assert_eq!(redirect["times"], 6);
    assert_eq!(data.header("content-type"), Some("application/json"));
    let mut browser = Browser { router: false, ..browser };
    let (followed, page) = browser.open("/dashboard").await;
    assert_eq!((followed, page.status), (0, 508), "at once");
    assert!(!browser.jar.contains_key(COUNTER));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_somebody_made_up_counts_nothing() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    bounces(&world, "/dashboard", "/onboarding");
    for value in ["", "x", "////", &"A".repeat(100), &"A".repeat(5000), "AQAAAAAAAAAAAAAAAAAA"] {
        let jar = format!("{}; {COUNTER}={value}", cookie(&sid));
        let answer = world.client().get("/dashboard").navigate().cookie(&jar).send().await;
        assert_eq!(answer.status, 307, "{value}");
    }
    let full = {
        let mut browser = Browser::new(world.client(), &cookie(&sid));
        for path in ["/dashboard", "/onboarding"].into_iter().cycle().take(10) {
            assert_eq!(browser.ask(path).await.status, 307);
        }
        browser.jar[COUNTER].clone()
    };
    let broken = format!("{}{}", if full.starts_with('A') { "B" } else { "A" }, &full[1..]);
    for (value, status) in [(&broken, 307), (&full, 508)] {
        let jar = format!("{}; {COUNTER}={value}", cookie(&sid));
        assert_eq!(world.client().get("/dashboard").navigate().cookie(&jar).send().await.status, status);
    }
    let plain = format!("{}; sidgate-redirects={full}", cookie(&sid));
    let answer = world.client().get("/dashboard").navigate().cookie(&plain).send().await;
    assert_eq!(answer.status, 307, "a sibling host may have set that one");
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_and_back_twice_and_ten_restored_tabs_are_no_loop() {
    let world = World::start().await;
    let mut browser = Browser::new(world.client(), "");
    for path in ["/dashboard", "/admin/x"] {
        for _ in 0..2 {
            let (followed, page) = browser.open(path).await;
            assert_eq!((followed, page.status), (1, 200), "to the sign-in page");
        }
        let sid = world.sid(ALICE).await;
        browser.jar.insert("sid".into(), sid);
        assert_eq!(browser.open("/auth/signin").await.1.status, 200, "home");
        browser.jar.remove("sid");
    }
    // All tabs are of the same page, and they have one jar.
    let mut restored = Browser::new(world.client(), "");
    for tab in 0..9 {
        assert_eq!(restored.open("/dashboard").await.0, 1, "{tab}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_both_go_round_are_both_stopped() {
    let world = World::start().await;
    let sid = world.sid(ALICE).await;
    bounces(&world, "/dashboard", "/onboarding");
    world.front.on("GET /optional", away("/?two"));
    world.front.on("GET /?two", away("/optional"));
    let mut browser = Browser::new(world.client(), &cookie(&sid));
    let mut stopped = [false; 2];
    for i in 0..40 {
        let tabs = [["/dashboard", "/onboarding"], ["/optional", "/?two"]];
        for (tab, round) in tabs.iter().enumerate() {
            stopped[tab] |= browser.ask(round[i % 2]).await.status == 508;
        }
    }
    assert_eq!(stopped, [true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn public_redirects_stay_cacheable_and_nobody_without_redirects_gets_a_cookie() {
    let world = World::start().await;
    world.front.on("GET /public/old", away("/public/new"));
    let answer = world.client().get("/public/old").navigate().send().await;
    assert!(answer.set_cookies().is_empty() && answer.header("cache-control") == Some("s-maxage=60"), "{answer:?}");
    world.front.on("GET /optional", away("/"));
    let fetched = world.client().get("/optional").fetch().send().await;
    assert!(fetched.set_cookies().is_empty(), "a script follows its own redirects");
    let ahead = world.client().get("/optional").fetch().header("rsc", "1").header("next-router-prefetch", "1");
    assert!(ahead.send().await.set_cookies().is_empty(), "nobody goes anywhere by that");
    let counted = world.client().get("/optional").navigate().send().await;
    assert!(counted.set_cookies()[0].starts_with(COUNTER));
    assert_eq!(counted.header("cache-control"), Some("private"), "what a cookie is set with is for nobody else");
    let ours = world.client().get("/dashboard").navigate().send().await;
    assert!(ours.status == 302 && ours.set_cookies().is_empty(), "nobody but who goes round needs one");
    let shown = world.client().get("/").navigate().cookie(counted.set_cookies()[0].split(';').next().unwrap());
    assert!(shown.send().await.set_cookies().is_empty());
    // A loop that a public page is part of.
    world.front.on("GET /public/old", away("/optional"));
    world.front.on("GET /optional", away("/public/old"));
    let (followed, page) = Browser::new(world.client(), "").open("/optional").await;
    assert_eq!((followed, page.status), (10, 508));
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_of_a_fleet_count_together() {
    let worlds = [World::start().await, World::start().await];
    let mut browsers = worlds.each_ref().map(|world| {
        bounces(world, "/optional", "/?two");
        world.front.on("GET /?two", away("/optional"));
        Browser::new(world.client(), "")
    });
    for i in 0..REDIRECTS {
        let answer = browsers[i % 2].ask(["/optional", "/?two"][i % 2]).await;
        let jar = browsers[i % 2].jar.clone();
        browsers[(i + 1) % 2].jar = jar;
        if answer.status == 508 {
            return assert_eq!(i, 10);
        }
    }
    panic!("never stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_turned_off_and_set_as_the_configuration_says() {
    let off = World::with("[redirect_loop]\nenabled = false\n").await;
    bounces(&off, "/optional", "/?two");
    let answer = off.client().get("/optional").navigate().send().await;
    assert!(answer.status == 307 && answer.set_cookies().is_empty());
    let few = World::with("[redirect_loop]\nmax = 2\nwindow = \"1m\"\n").await;
    few.front.on("GET /optional", away("/optional"));
    let first = few.client().get("/optional").navigate().send().await;
    assert!(first.set_cookies()[0].contains("; Max-Age=60;"));
    assert_eq!(Browser::new(few.client(), "").open("/optional").await.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_passes_https_on_to_the_redirecting_listener_is_told() {
    let more = "[[listener]]\naddress = \"127.0.0.1:0\"\nmode = \"redirect\"\n";
    let more = format!("{more}{more}https_port = 8443\n");
    let world = World::with(&more).await;
    let ask = async |listener: usize, host: &str, proto: &str| {
        let client = Client::http(world.gateway.addresses[listener]);
        client.get("/x").header("host", host).header("x-forwarded-proto", proto).send().await
    };
    for (listener, host, proto) in
        [(1, "app.test", "https"), (1, "app.test:443", "http, HTTPS"), (2, "app.test:8443", "https")]
    {
        let answer = ask(listener, host, proto).await;
        assert_eq!((answer.status, answer.header("location")), (508, None), "{host} {proto}");
        assert!(answer.text().contains("mode = \"serve\""), "{}", answer.text());
    }
    for (listener, host, proto) in [(1, "app.test", "http"), (1, "app.test", "https, http"), (2, "app.test", "https")] {
        assert_eq!(ask(listener, host, proto).await.status, 308, "{host} {proto}");
    }
}
