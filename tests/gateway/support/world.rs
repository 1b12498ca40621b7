//! A gateway, its scripted upstream and a real backend, together.

use http::Method;
use sidgate::demo::Backend;
use tokio::net::TcpListener;

use super::gateway::{KEY, ROUTES, base};
use super::{Client, Gateway, Upstream};

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) upstream: Upstream,
    pub(crate) backend: Backend,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// With more configuration: tables that [`base`] does not have, and routes. `{upstream}` is the upstream's address.
    pub(crate) async fn with(more: &str) -> Self {
        let upstream = Upstream::start().await;
        let backend = Backend::new(KEY);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(backend.clone().serve(listener, std::future::pending::<()>()));
        let more = more.replace("{upstream}", &upstream.address.to_string());
        let gateway = Gateway::start(&(base(address, upstream.address) + ROUTES + &more)).await;
        Self { gateway, upstream, backend }
    }

    pub(crate) fn client(&self) -> Client {
        self.gateway.client()
    }

    /// HTTP/1.1 and HTTP/2.
    pub(crate) fn clients(&self) -> [Client; 2] {
        [self.client(), self.client().h2()]
    }

    /// Signs in, and gives the cookie.
    pub(crate) async fn sign_in(&self, email: &str) -> String {
        let credentials = serde_json::json!({"email": email, "password": sidgate::demo::PASSWORD});
        let call = self.client().call(Method::POST, "/api/auth/session-v2").same_origin().json(&credentials);
        let answer = call.send().await;
        format!("sid={}", answer.sid().unwrap_or_else(|| panic!("{}", answer.text())))
    }
}
