//! One proof makes one session, once; and whoever signs out is signed out.

use super::*;
use crate::support::backend::SIGN_OUT;

async fn sign_out(world: &World, jar: &str) -> Answer {
    world.client().call(Method::DELETE, API).same_origin().fetch().cookie(jar).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_left_behind_does_not_undo_a_sign_out() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"")).await;
        let old = world.sid(ALICE).await;
        let sid = page(&world, "/acme/dashboard", &cbc_cookie(&old)).await.sid().unwrap();
        assert_eq!(sign_out(&world, &cookie(&sid)).await.status, 204);
        for path in ["/acme/dashboard", "/dashboard"] {
            let answer = page(&world, path, &cbc_cookie(&old)).await;
            assert_eq!((answer.status, answer.sid()), (302, None), "{mode}");
        }
        assert_eq!(who(&world.client(), &uuid_cookie(&old)).await.status, 401, "in another cookie");
        assert!(!lives(&world, &old).await && !lives(&world, &sid).await);
        assert_eq!(world.backend.count(MIGRATE), 1, "what became of it is remembered");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_takes_the_legacy_cookies_along() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"")).await;
        let old = world.sid(ALICE).await;
        let sid = page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.sid().unwrap();
        let jar = format!("{}; {}; onboardingStep=1; theme=dark", cookie(&sid), uuid_cookie(&old));
        let answer = sign_out(&world, &jar).await;
        assert_eq!((answer.status, expired(&answer).join(" ").as_str()), (204, "onboardingStep session_token sid"));
        // Before the first visit: what they prove ends, too.
        let old = world.sid(ALICE).await;
        let answer = sign_out(&world, &cbc_cookie(&old)).await;
        assert_eq!((answer.status, answer.sid(), lives(&world, &old).await), (204, None, false));
        let sid = world.sid(ALICE).await;
        let call = world.client().call(Method::DELETE, "/api/auth/sessions?scope=all").same_origin().fetch();
        let answer = call.cookie(&format!("{}; appSession=junk", cookie(&sid))).send().await;
        assert_eq!(expired(&answer), ["appSession", "sid"]);
    }
    let world = world("mode = \"observe\"").await;
    let answer = sign_out(&world, &uuid_cookie(&world.sid(ALICE).await)).await;
    assert_eq!(expired(&answer), ["sid"], "what is only watched stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_in_the_place_of_a_sid_does_not_save_the_old_session_from_a_sign_out() {
    let world = world("mode = \"dual\"").await;
    let old = world.sid(ALICE).await;
    let answer = sign_out(&world, &format!("sid=session-v2-active; {}", cbc_cookie(&old))).await;
    assert_eq!((answer.status, answer.sid(), lives(&world, &old).await), (204, None, false));
}

/// Otherwise the person would be signed in again when it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_takes_them_along_while_the_migration_has_stopped() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"\nper_client = \"1000/m\"\nstop_minimum = 3")).await;
        world.backend.on(MIGRATE, crate::support::backend::says(500, &json!({})));
        for _ in 0..3 {
            page(&world, "/acme/dashboard", &cbc_cookie(&made_up())).await;
        }
        let (sid, jar) = (world.sid(ALICE).await, uuid_cookie(&world.sid(ALICE).await));
        assert_eq!(expired(&page(&world, "/acme/dashboard", &format!("{jar}; {}", cookie(&sid))).await), [""; 0]);
        let answer = sign_out(&world, &format!("{jar}; {}", cookie(&sid))).await;
        assert_eq!(expired(&answer), ["session_token", "sid"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_even_while_the_backend_has_not_heard_of_the_sign_out() {
    let world = world("mode = \"dual\"").await;
    let old = world.sid(ALICE).await;
    let sid = page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.sid().unwrap();
    world.backend.on(SIGN_OUT, Act::Drop);
    assert_eq!(sign_out(&world, &cookie(&sid)).await.status, 202);
    assert_eq!(page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_revoked_elsewhere_is_not_made_again() {
    let world = world("mode = \"dual\"\n[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"").await;
    let old = world.sid(ALICE).await;
    let sid = page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.sid().unwrap();
    world.demo.revoke_user("1");
    let refused = async || page(&world, "/acme/dashboard", &cookie(&sid)).await.status == 302;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while !refused().await {
        assert!(tokio::time::Instant::now() < deadline);
    }
    assert_eq!(page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_gateway_gives_the_same_session_within_a_minute() {
    let world = enforcing().await;
    let other = World::with(&legacy("mode = \"enforce\"")).await;
    let old = world.sid(ALICE).await;
    let jar = uuid_cookie(&old);
    // The same backend, asked by another gateway.
    let address = world.backend.address;
    other
        .gateway
        .reload(|text| {
            let own = format!("http://{}", other.backend.address);
            text.replace(&own, &format!("http://{address}"))
        })
        .await
        .unwrap();
    let (one, two) = (page(&world, "/dashboard", &jar).await, page(&other, "/dashboard", &jar).await);
    assert_eq!((one.status, two.status), (200, 200), "{}", two.text());
    assert_eq!(one.sid(), two.sid());
    assert_eq!(world.backend.count(MIGRATE), 2);
}
