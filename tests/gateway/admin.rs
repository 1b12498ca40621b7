//! The operators' listener.

use crate::support::gateway::{ROUTES, base};
use crate::support::{Client, Gateway};

/// A page of `attacker.test:9901` may ask that origin, and where its name leads is the attacker's to say.
#[tokio::test]
async fn no_name_that_a_web_page_can_have_is_answered_unless_it_is_listed() {
    let nobody = "127.0.0.1:9".parse().unwrap();
    let listed = base(nobody, nobody).replace("[admin]\n", "[admin]\nhosts = [\"gateway.shop.test\"]\n");
    let gateway = Gateway::start(&(listed + ROUTES)).await;
    let admin = Client::http(gateway.admin);
    for path in ["/metrics", "/readyz", "/jwks.json", "/nowhere"] {
        let rebound = admin.get(path).header("host", "attacker.test:9901").send().await;
        assert_eq!(rebound.status, 421, "{path}");
        assert!(rebound.text().contains("[admin] hosts"), "{}", rebound.text());
    }
    let alive = admin.get("/livez").header("host", "attacker.test").send().await;
    assert_eq!((alive.status, alive.text().as_str()), (200, "ok\n"), "that it runs is no secret");
    for host in ["127.0.0.1:9901", "sidgate:9901", "sidgate.shop.svc.cluster.local", "gateway.shop.test:9901"] {
        assert_eq!(admin.get("/metrics").header("host", host).send().await.status, 200, "{host}");
    }
}
