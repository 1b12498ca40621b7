//! A gateway between a backend of another shape, an application that says yes to everything, and that backend once
//! more as an upstream: the Django of a shop often is both.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use serde_json::Value;

use super::backend::{API, Body, Inner, Scripted};
use super::gateway::{ROUTES, base};
use super::{Answer, Client, Gateway};

pub(crate) struct Shaped {
    pub(crate) backend: Scripted,
    pub(crate) front: Scripted,
    pub(crate) gateway: Gateway,
}

/// Tenants of these shapes have an id and no slug.
const MORE: &str = r#"
[pages]
home = "/{tenant_id}/dashboard"
[upstream.django]
url = "http://{django}"
[[route]]
path = "/api/sessions/{*rest}"
access = "public"
upstream = "django"
[[route]]
path = "/_next/image"
access = "public"
upstream = "app"
"#;

impl Shaped {
    /// `preset` goes on where `[backend]` begins, `more` has further tables.
    pub(crate) async fn start(inner: Inner, preset: &str, more: &str) -> Self {
        let backend = Scripted::start(inner).await;
        let front = Scripted::start(Arc::new(|_| Box::pin(async { text(200, "shown") }))).await;
        let base = base(backend.address, front.address).replace("gateway_key = \"file:key\"\n", preset);
        let routes = ROUTES.replace("match = \"slug\"", "match = \"id\"");
        let django = MORE.replace("{django}", &backend.address.to_string());
        let gateway = Gateway::start(&(base + more + &django + &routes)).await;
        Self { backend, front, gateway }
    }

    pub(crate) fn client(&self) -> Client {
        self.gateway.client()
    }

    /// As a browser goes to an address.
    pub(crate) async fn page(&self, sid: &str, path: &str) -> Answer {
        self.client().get(path).navigate().cookie(&format!("sid={sid}")).send().await
    }

    /// As `fetch` asks who is signed in.
    pub(crate) async fn who(&self, sid: &str) -> Answer {
        self.client().get(API).fetch().cookie(&format!("sid={sid}")).send().await
    }

    pub(crate) async fn sign_in(&self, body: &Value) -> Answer {
        self.client().call(http::Method::POST, API).same_origin().fetch().json(body).send().await
    }

    pub(crate) async fn sign_out(&self, sid: &str) -> Answer {
        let call = self.client().call(http::Method::DELETE, API).same_origin().fetch();
        call.cookie(&format!("sid={sid}")).send().await
    }

    /// What the application was told in the last request.
    pub(crate) fn told(&self, name: &str) -> Option<String> {
        self.front.seen("").pop().unwrap().header(name).map(str::to_owned)
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.gateway.admin("/metrics").await;
        let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// An answer of a scripted backend.
pub(crate) fn text(status: u16, body: &str) -> Response<Body> {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_owned())).boxed_unsync());
    *answer.status_mut() = status.try_into().unwrap();
    answer
}

/// The same of JSON.
pub(crate) fn json(status: u16, body: &Value) -> Response<Body> {
    let mut answer = text(status, &body.to_string());
    answer.headers_mut().insert("content-type", "application/json".parse().unwrap());
    answer
}
