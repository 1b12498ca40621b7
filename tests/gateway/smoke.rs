//! The whole way, once.

use std::net::SocketAddr;

use sidgate::demo::{Backend, Front};
use tokio::net::TcpListener;

use crate::support::Gateway;
use crate::support::gateway::{KEY, ROUTES, base};

async fn parts() -> (SocketAddr, SocketAddr) {
    let backend = Backend::new(KEY);
    let (for_backend, for_front) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let addresses = (for_backend.local_addr().unwrap(), for_front.local_addr().unwrap());
    tokio::spawn(backend.clone().serve(for_backend, std::future::pending::<()>()));
    tokio::spawn(Front::new(backend).serve(for_front, std::future::pending::<()>()));
    addresses
}

#[tokio::test]
async fn anonymous_then_signed_in_then_signed_out() {
    let (backend, upstream) = parts().await;
    let gateway = Gateway::start(&(base(backend, upstream) + ROUTES)).await;
    for client in [gateway.client(), gateway.client().h2()] {
        let page = client.get("/acme/dashboard").navigate().send().await;
        assert_eq!((page.status, page.header("location")), (302, Some("/auth/signin?next=/acme/dashboard")));
        let credentials = serde_json::json!({"email": "alice@acme.test", "password": "correct horse"});
        let signed_in =
            client.call(http::Method::POST, "/api/auth/session-v2").same_origin().json(&credentials).send().await;
        assert_eq!(signed_in.json()["redirectTo"], "/acme/dashboard");
        let sid = format!("sid={}", signed_in.sid().unwrap());
        let page = client.get("/acme/dashboard").navigate().cookie(&sid).send().await;
        assert_eq!(page.status, 200, "{}", page.text());
        let gone = client.call(http::Method::DELETE, "/api/auth/session-v2").same_origin().cookie(&sid).send().await;
        assert_eq!(gone.status, 204);
        let page = client.get("/acme/dashboard").navigate().cookie(&sid).send().await;
        assert_eq!(page.header("location"), Some("/auth/signin?next=/acme/dashboard&reason=session_revoked"));
    }
}
