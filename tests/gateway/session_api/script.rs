//! `session.js` for pages without a framework.

use http::Method;

use crate::support::backend::World;

const SCRIPT: &str = "/api/auth/session.js";

#[tokio::test(flavor = "multi_thread")]
async fn the_module_is_the_kits_own_and_asks_the_backend_nothing() {
    let world = World::start().await;
    let kit = std::fs::read_to_string("deploy/nextjs/src/session.js").unwrap();
    let answer = world.client().get(SCRIPT).fetch().cookie("sid=whatever").send().await;
    assert_eq!((answer.status, answer.text().as_ref()), (200, kit.as_str()));
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("set-cookie"), None);
    for name in ["getSession", "signIn", "signOut", "onChange"] {
        assert!(
            kit.contains(&format!("export async function {name}("))
                || kit.contains(&format!("export function {name}("))
        );
    }
    let head = world.client().call(Method::HEAD, SCRIPT).send().await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let post = world.client().call(Method::POST, SCRIPT).same_origin().send().await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET")));
}
