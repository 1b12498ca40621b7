//! A scripted server: the demo's backend or application, with a script over it that can delay an answer, replace it,
//! drop the connection or hang; and a record of what it got.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sidgate::demo::{Backend, Front, PASSWORD, SessionPolicy};
use tokio::net::TcpListener;

use super::gateway::{KEY, ROUTES, base};
use super::{Client, Gateway};

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
/// What answers where the script does not.
pub(crate) type Inner =
    Arc<dyn Fn(Request<Full<Bytes>>) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync>;

/// What to do with a call instead of answering it, or before.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers after a while, as it was when the call came: the answer is made first.
    Delay(Duration),
    /// Status, body, headers.
    Answer(u16, String, Vec<(&'static str, String)>),
    /// Closes the connection without a word.
    Drop,
    /// Never answers.
    Hang,
}

/// An answer of JSON.
pub(crate) fn says(status: u16, body: &Value) -> Act {
    Act::Answer(status, body.to_string(), vec![("content-type", "application/json".into())])
}

/// One call as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next().map(|v| v.to_str().unwrap());
        assert!(all.next().is_none(), "{name} came twice: {self:?}");
        first
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// The server. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    rules: Vec<(String, Act)>,
    seen: Vec<Seen>,
}

impl Scripted {
    /// With the demo's backend behind the script.
    pub(crate) async fn of(demo: &Backend) -> Self {
        let demo = demo.clone();
        Self::start(Arc::new(move |request| {
            let demo = demo.clone();
            Box::pin(async move { demo.answer(request).await.map(BodyExt::boxed_unsync) })
        }))
        .await
    }

    pub(crate) async fn start(inner: Inner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let server = this.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, inner) = (server.clone(), inner.clone());
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move {
                    let service = service_fn(|request| server.answer(request, &inner));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        this
    }

    async fn answer(&self, request: Request<Incoming>, inner: &Inner) -> Result<Response<Body>, std::io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let line = format!("{} {}", parts.method, parts.uri);
        let act = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(Seen { line: line.clone(), headers: parts.headers.clone(), body: body.clone() });
            state.rules.iter().rev().find(|(start, _)| line.starts_with(start)).map(|(_, act)| act.clone())
        };
        let answer = |request| inner(request);
        match act {
            None => Ok(answer(Request::from_parts(parts, Full::new(body))).await),
            Some(Act::Delay(wait)) => {
                let made = answer(Request::from_parts(parts, Full::new(body))).await;
                tokio::time::sleep(wait).await;
                Ok(made)
            }
            Some(Act::Answer(status, body, headers)) => {
                let mut answer = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
                *answer.status_mut() = status.try_into().unwrap();
                for (name, value) in headers {
                    answer.headers_mut().append(name, value.parse().unwrap());
                }
                Ok(answer)
            }
            Some(Act::Drop) => Err(std::io::Error::other("dropped")),
            Some(Act::Hang) => std::future::pending().await,
        }
    }

    /// From now on calls whose `METHOD /path` begins like this are treated so.
    pub(crate) fn on(&self, start: &str, act: Act) {
        self.state.lock().unwrap().rules.push((start.to_owned(), act));
    }

    /// From now on every call is answered by the thing itself again.
    pub(crate) fn well(&self) {
        self.state.lock().unwrap().rules.clear();
    }

    /// The calls that began like this.
    pub(crate) fn seen(&self, start: &str) -> Vec<Seen> {
        self.state.lock().unwrap().seen.iter().filter(|s| s.line.starts_with(start)).cloned().collect()
    }

    pub(crate) fn count(&self, start: &str) -> usize {
        self.seen(start).len()
    }
}

/// `GET` of a validation.
pub(crate) const VALIDATE: &str = "GET /api/sessions/current/";
/// `POST` of a sign-in.
pub(crate) const SIGN_IN: &str = "POST /api/sessions/";
/// `POST` of a switch of the tenant.
pub(crate) const SWITCH: &str = "POST /api/sessions/current/tenant/";
/// `DELETE` of a sign-out.
pub(crate) const SIGN_OUT: &str = "DELETE /api/sessions/current/";
/// The gateway's session API.
pub(crate) const API: &str = "/api/auth/session-v2";

/// A gateway between a scripted backend and a scripted application.
pub(crate) struct World {
    pub(crate) demo: Backend,
    pub(crate) backend: Scripted,
    pub(crate) front: Scripted,
    pub(crate) gateway: Gateway,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With more tables: those of `[backend]` go on where `base` ends.
    pub(crate) async fn with(more: &str) -> Self {
        Self::routed(more, ROUTES).await
    }

    pub(crate) async fn routed(more: &str, routes: &str) -> Self {
        Self::headed("", more, routes).await
    }

    /// With keys that stand before any table, too.
    pub(crate) async fn headed(head: &str, more: &str, routes: &str) -> Self {
        Self::of(Backend::new(KEY), head, more, routes).await
    }

    /// With a policy for sessions.
    pub(crate) async fn with_policy(policy: SessionPolicy, more: &str) -> Self {
        Self::of(Backend::with_policy(KEY, policy), "", more, ROUTES).await
    }

    async fn of(demo: Backend, head: &str, more: &str, routes: &str) -> Self {
        let for_front = Front::new(demo.clone());
        let backend = Scripted::of(&demo).await;
        let front = Scripted::start(Arc::new(move |request| {
            let front = for_front.clone();
            Box::pin(async move { front.answer(request).await })
        }))
        .await;
        let gateway = Gateway::start(&(head.to_owned() + &base(backend.address, front.address) + more + routes)).await;
        Self { demo, backend, front, gateway }
    }

    pub(crate) fn client(&self) -> Client {
        self.gateway.client()
    }

    /// A sid that the backend has made and the gateway has not seen.
    pub(crate) async fn sid(&self, email: &str) -> String {
        let body = json!({ "email": email, "password": PASSWORD }).to_string();
        let request = Request::builder().method(Method::POST).uri("/api/sessions/").header("x-gateway-key", KEY);
        let answer = self.demo.answer(request.body(Full::new(Bytes::from(body))).unwrap()).await;
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&body).unwrap()["sid"].as_str().unwrap().to_owned()
    }

    /// Ends a session at the backend, without a word to the gateway.
    pub(crate) async fn revoke(&self, sid: &str) {
        let request = Request::builder().method(Method::DELETE).uri("/api/sessions/current/");
        let request = request.header("x-gateway-key", KEY).header("authorization", format!("Session {sid}"));
        assert_eq!(self.demo.answer(request.body(Full::<Bytes>::default()).unwrap()).await.status(), 204);
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.gateway.admin("/metrics").await;
        let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// `sid=...`
pub(crate) fn cookie(sid: &str) -> String {
    format!("sid={sid}")
}

/// A sid that nobody has.
pub(crate) fn made_up() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether an answer expires the session cookie.
pub(crate) fn drops(answer: &super::Answer) -> bool {
    answer.set_cookies().iter().any(|line| line.starts_with("sid=;"))
}

pub(crate) const ALICE: &str = "alice@acme.test";
pub(crate) const BOB: &str = "bob@globex.test";
/// Belongs to Acme, where a sign-in leads, and to Globex.
pub(crate) const CAROL: &str = "carol@acme.test";
pub(crate) const NEWBIE: &str = "newbie@example.test";
