//! What stands on both sides of the gateway while it is measured: an application, and a session backend.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// An application that answers everything with a kibibyte.
pub(crate) async fn application() -> SocketAddr {
    serve(|_| answer("text/plain", Bytes::from(vec![b'x'; 1024]))).await
}

/// A backend that knows every sid: each is of a user of its own.
pub(crate) async fn backend() -> SocketAddr {
    serve(|request| {
        let sid = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let user = sid.rsplit(' ').next().unwrap_or_default();
        let session = serde_json::json!({
            "user": { "id": user, "email": "ada@example.com", "role": "owner" },
            "tenant": { "id": "t-1", "slug": "acme" },
            "onboarding": { "needed": false },
            "permissions": ["invoices.view", "invoices.edit"],
        });
        answer("application/json", session.to_string().into())
    })
    .await
}

fn answer(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

async fn serve(respond: fn(Request<Incoming>) -> Response<Full<Bytes>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let service = service_fn(move |request| {
                let answer = respond(request);
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// A gateway before them, with the routes that a measurement uses. Its files are in `folder`.
pub(crate) fn config(
    folder: &std::path::Path,
    listen: SocketAddr,
    application: SocketAddr,
    backend: SocketAddr,
) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (key_file, chain, key) = (folder.join("gateway-key"), chain.display(), key.display());
    std::fs::write(&key_file, "bench-gateway-key-0123456789").unwrap();
    let key_file = key_file.display();
    format!(
        r#"
[server]
worker_threads = 1
[admin]
listen = "127.0.0.1:0"
[log]
level = "warn"
access = false
[[listener]]
address = "{listen}"
[[certificate]]
chain = "{chain}"
key = "{key}"
[backend]
url = "http://{backend}"
gateway_key = "file:{key_file}"
[session]
ttl = "5s"
[upstream.app]
url = "http://{application}"
[[route]]
path = "/public/{{*rest}}"
access = "public"
upstream = "app"
[[route]]
path = "/auth/signin"
access = "guest"
upstream = "app"
[[route]]
path = "/{{*rest}}"
access = "signed_in"
kind = "api"
upstream = "app"
"#
    )
}
