//! Legacy cookies become a session on the first visit, and then they are gone.

mod audited;
mod endpoints;
mod expiring;
mod failures;
mod first_visit;
mod fleet;
mod jars;
mod modes;
mod once;
mod presets;
mod wire;

use http::Method;
use serde_json::{Value, json};

use crate::support::backend::{ALICE, API, Act, BOB, SIGN_OUT, Scripted, World, cookie, made_up};
use crate::support::gateway::KEY;
use crate::support::legacy::{base64_json, cbc, encoded, session, token};
use crate::support::{Answer, Client};

/// `POST` of a migration.
const MIGRATE: &str = "POST /api/sessions/migrate/";
/// The gateway's endpoint for it.
const ON_DEMAND: &str = "/api/auth/migrate-session";

/// As the documentation has them; what is encrypted is so with [`KEY`].
const CARRIERS: &str = r#"
[[legacy.carrier]]
name = "uuid"
cookies = ["session_token"]
format = "session_id"
[[legacy.carrier]]
name = "cbc"
cookies = ["dott_auth_session", "appSession"]
format = "aes_256_cbc"
key = "file:key"
[[legacy.carrier]]
name = "jwt"
cookies = ["session_token"]
format = "access_token"
[[legacy.carrier]]
name = "plain"
cookies = ["dott_auth_session", "appSession"]
format = "base64_json"
"#;

/// `[legacy]` with these keys.
fn legacy(keys: &str) -> String {
    format!("[legacy]\nenabled = true\n{keys}\n{CARRIERS}")
}

async fn world(keys: &str) -> World {
    shown(World::with(&legacy(keys)).await)
}

/// With a page that is for everybody, and the same for everybody.
fn shown(world: World) -> World {
    world.front.on("GET /optional", Act::Answer(200, "shown".into(), Vec::new()));
    world
}

async fn enforcing() -> World {
    world("mode = \"enforce\"").await
}

/// The cookie that holds the id of an old session.
fn uuid_cookie(old: &str) -> String {
    format!("session_token={old}")
}

/// The encrypted cookie with it.
fn cbc_cookie(old: &str) -> String {
    format!("dott_auth_session={}", encoded(&cbc(KEY, &session(Some(old)))))
}

/// As a browser goes to an address.
async fn page(world: &World, path: &str, jar: &str) -> Answer {
    world.client().get(path).navigate().cookie(jar).send().await
}

/// As `fetch` asks who is signed in.
async fn who(client: &Client, jar: &str) -> Answer {
    client.get(API).fetch().cookie(jar).send().await
}

async fn on_demand(world: &World, jar: &str) -> Answer {
    world.client().call(Method::POST, ON_DEMAND).same_origin().fetch().cookie(jar).send().await
}

/// Whether the session of a sid lives at the backend, whatever the gateway remembers.
async fn lives(world: &World, sid: &str) -> bool {
    let request = http::Request::get("/api/sessions/current/").header("x-gateway-key", KEY);
    let request = request.header("authorization", format!("Session {sid}"));
    world.demo.answer(request.body(http_body_util::Full::<bytes::Bytes>::default()).unwrap()).await.status() == 200
}

/// The names of cookies that an answer expires.
fn expired(answer: &Answer) -> Vec<String> {
    let lines = answer.set_cookies().into_iter().filter(|line| line.contains("Max-Age=0"));
    let mut names: Vec<String> = lines.map(|line| line.split('=').next().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// The cookies that the application saw in its last request of this path.
fn cookies_seen(front: &Scripted, path: &str) -> String {
    let seen = front.seen(&format!("GET {path}")).pop().unwrap();
    seen.header("cookie").unwrap_or_default().to_owned()
}

/// What the application was told of the user in its last request of this path.
fn user_seen(front: &Scripted, path: &str) -> Option<String> {
    front.seen(&format!("GET {path}")).pop().unwrap().header("x-auth-user-id").map(str::to_owned)
}
