//! Observe, dual, enforce; for some browsers, until a day, and until too much goes wrong.

use super::*;
use crate::support::backend::says;

#[tokio::test(flavor = "multi_thread")]
async fn off_is_off() {
    for off in ["", "[legacy]\nenabled = false\nmode = \"enforce\"\n"] {
        let world = shown(World::with(off).await);
        let jar = format!("{}; onboardingStep=plan", uuid_cookie(&world.sid(ALICE).await));
        let answer = page(&world, "/optional", &jar).await;
        assert_eq!((answer.set_cookies(), world.backend.count("")), (vec![], 0));
        assert_eq!(cookies_seen(&world.front, "/optional"), jar);
        assert_eq!(on_demand(&world, &jar).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn observe_counts_and_changes_nothing() {
    let world = world("mode = \"observe\"").await;
    let jar = format!("{}; onboardingStep=plan", cbc_cookie(&world.sid(ALICE).await));
    let answer = page(&world, "/optional", &jar).await;
    assert_eq!((answer.set_cookies(), world.backend.count("")), (vec![], 0));
    assert_eq!(cookies_seen(&world.front, "/optional"), jar);
    assert_eq!(page(&world, "/acme/dashboard", &jar).await.status, 302);
    let (_, metrics) = world.gateway.admin("/metrics").await;
    let forecast = "sidgate_legacy_forecast_total{carrier=\"cbc\",verdict=\"session_id\"} 2";
    assert!(metrics.contains(forecast), "{metrics}");
}

/// The old application is asked afterwards as if there had never been a gateway.
#[tokio::test(flavor = "multi_thread")]
async fn taking_the_gateway_out_of_dual_signs_nobody_out() {
    let world = world("mode = \"dual\"").await;
    let old = world.sid(ALICE).await;
    let jar = format!("{}; onboardingStep=plan", cbc_cookie(&old));
    let answer = page(&world, "/acme/dashboard", &jar).await;
    assert_eq!(answer.status, 200);
    let sid = answer.sid().unwrap();
    assert_eq!(expired(&answer), [""; 0], "{:?}", answer.set_cookies());
    assert_eq!(cookies_seen(&world.front, "/acme/dashboard"), jar, "it goes on as it was used to");
    assert_eq!(world.backend.seen(MIGRATE)[0].json()["keep"], json!(true));
    assert!(lives(&world, &old).await && lives(&world, &sid).await);
    // With both, for days.
    let both = format!("{jar}; {}", cookie(&sid));
    for _ in 0..3 {
        let answer = page(&world, "/acme/dashboard", &both).await;
        assert_eq!((answer.status, answer.set_cookies()), (200, vec![]));
    }
    world.gateway.reload(|text| text.replace("enabled = true", "enabled = false")).await.unwrap();
    assert_eq!(page(&world, "/optional", &both).await.status, 200);
    assert!(cookies_seen(&world.front, "/optional").contains("dott_auth_session="));
    assert!(lives(&world, &old).await, "what the old application holds is good");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_in_dual_ends_the_old_session_too_and_so_does_one_of_the_old_application() {
    let world = world("mode = \"dual\"\n[session]\nttl = \"100ms\"\nrefresh_ahead = \"0s\"").await;
    let old = world.sid(ALICE).await;
    let sid = page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.sid().unwrap();
    world.client().call(Method::DELETE, API).same_origin().fetch().cookie(&cookie(&sid)).send().await;
    assert!(!lives(&world, &old).await);

    let old = world.sid(ALICE).await;
    let sid = page(&world, "/acme/dashboard", &uuid_cookie(&old)).await.sid().unwrap();
    world.revoke(&old).await;
    assert!(!lives(&world, &sid).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_enforce_an_application_that_goes_on_setting_its_cookies_does_not_reach_the_browser() {
    let world = enforcing().await;
    let sid = page(&world, "/acme/dashboard", &uuid_cookie(&world.sid(ALICE).await)).await.sid().unwrap();
    let set = ["session_token=x; Path=/", "theme=dark; Path=/", "onboardingStep=1", "dott_auth_session=y; HttpOnly"];
    let set = set.map(|line| ("set-cookie", line.to_owned())).to_vec();
    world.front.on("GET /optional", Act::Answer(200, "shown".into(), set));
    for jar in [cookie(&sid), String::new()] {
        let answer = page(&world, "/optional", &jar).await;
        assert_eq!(answer.set_cookies(), ["theme=dark; Path=/"], "{jar}");
    }
    let (_, metrics) = world.gateway.admin("/metrics").await;
    assert!(metrics.contains("sidgate_legacy_set_cookie_dropped_total 6"), "{metrics}");
    let dual = self::world("mode = \"dual\"").await;
    let set = vec![("set-cookie", "session_token=x; Path=/".to_owned())];
    dual.front.on("GET /optional", Act::Answer(200, "shown".into(), set));
    assert_eq!(page(&dual, "/optional", "").await.set_cookies().len(), 1);
}

/// Each browser is on one side, whatever it asks for, and the other side is one step behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_roll_out_is_for_so_many_percent_of_the_browsers_and_stable() {
    for (mode, percent) in [("dual", 50), ("enforce", 50), ("dual", 0)] {
        let world = world(&format!("mode = \"{mode}\"\nrollout = {percent}\nper_client = \"1000/m\"")).await;
        let (mut reached, all) = (0, 40);
        for _ in 0..all {
            let old = world.sid(ALICE).await;
            // The old application encrypts anew what is the same.
            let answer = page(&world, "/optional", &cbc_cookie(&old)).await;
            let moved =
                |answer: &Answer| if mode == "dual" { answer.sid().is_some() } else { !expired(answer).is_empty() };
            assert_eq!(mode == "enforce" || moved(&answer), answer.sid().is_some(), "one step behind enforce is dual");
            let again = page(&world, "/optional", &cbc_cookie(&old)).await;
            assert_eq!(moved(&again), moved(&answer));
            reached += usize::from(moved(&answer));
        }
        assert!(if percent == 0 { reached == 0 } else { (5..=35).contains(&reached) }, "{mode} {reached} of {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_last_day_they_are_only_cleared() {
    for mode in ["dual", "enforce"] {
        let world = world(&format!("mode = \"{mode}\"\nuntil = \"2020-01-01\"")).await;
        let jar = format!("theme=dark; {}", uuid_cookie(&world.sid(ALICE).await));
        let answer = page(&world, "/optional", &jar).await;
        assert_eq!((answer.sid(), world.backend.count(MIGRATE)), (None, 0));
        assert_eq!(expired(&answer), ["session_token"]);
        assert_eq!(cookies_seen(&world.front, "/optional"), "theme=dark");
    }
    let watched = world("mode = \"observe\"\nuntil = \"2020-01-01\"").await;
    assert_eq!(page(&watched, "/optional", "session_token=x").await.set_cookies(), [""; 0]);
    let later = world("mode = \"enforce\"\nuntil = \"2999-01-01\"").await;
    assert!(page(&later, "/optional", &uuid_cookie(&later.sid(ALICE).await)).await.sid().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_by_itself_when_too_many_fail_and_then_nothing_is_touched() {
    let world = world("mode = \"enforce\"\nper_client = \"1000/m\"\nstop_minimum = 5").await;
    world.backend.on(MIGRATE, says(500, &json!({})));
    for _ in 0..5 {
        assert_eq!(page(&world, "/acme/dashboard", &cbc_cookie(&made_up())).await.status, 503);
    }
    world.backend.well();
    let jar = cbc_cookie(&world.sid(ALICE).await);
    let answer = page(&world, "/optional", &jar).await;
    assert_eq!((answer.set_cookies(), world.backend.count(MIGRATE)), (vec![], 5));
    assert_eq!(cookies_seen(&world.front, "/optional"), jar);
    world.gateway.reload(|text| text.replace("stop_minimum = 5", "stop_minimum = 6")).await.unwrap();
    assert!(page(&world, "/optional", &jar).await.sid().is_some(), "a reload begins anew");
}

/// Whoever is down does not answer anybody; that is no reason to stop what works when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_down_does_not_stop_it() {
    let world = world("mode = \"enforce\"\nper_client = \"1000/m\"\nstop_minimum = 5").await;
    world.backend.on(MIGRATE, Act::Drop);
    for _ in 0..8 {
        assert_eq!(page(&world, "/acme/dashboard", &cbc_cookie(&made_up())).await.status, 503);
    }
    world.backend.well();
    assert_eq!(page(&world, "/acme/dashboard", &cbc_cookie(&world.sid(ALICE).await)).await.status, 200);
}
