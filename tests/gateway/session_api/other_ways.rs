//! Sign-in that is not e-mail and password: an access token, the answer to a challenge. And that every kind is counted.

use super::*;
use crate::support::backend::{Act, SIGN_IN};

const FREE: &str = "[sign_in]\nper_client = \"1000/s\"\nper_email = \"1000/s\"\n";
const DAVE: &str = "dave@acme.test";

async fn form(world: &World, body: &str) -> Answer {
    let call = world.client().call(Method::POST, API).same_origin().navigate();
    call.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await
}

async fn counted(world: &World, method: &str, outcome: &str) -> f64 {
    world.metric(&format!("sidgate_sign_ins_total{{method=\"{method}\",outcome=\"{outcome}\"}}")).await
}

fn session_with(sid: &str) -> Act {
    says(201, &json!({"sid": sid, "user": {"id": 7}, "tenant": {"id": 1, "slug": "acme"}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_signs_in_like_a_password() {
    let world = World::with(FREE).await;
    let (old, new) = (world.sid(ALICE).await, made_up());
    world.backend.on(SIGN_IN, session_with(&new));
    let call = world.client().call(Method::POST, API).same_origin().fetch().cookie(&cookie(&old));
    let answer = call.json(&json!({"accessToken": "token-secret", "next": "/acme/dashboard/x"})).send().await;
    assert_eq!((answer.status, answer.sid()), (200, Some(new.clone())));
    assert_eq!(answer.json()["redirectTo"], "/acme/dashboard/x");
    let asked = world.backend.seen(SIGN_IN).pop().unwrap();
    let late = world.client().get(API).fetch().cookie(&cookie(&old)).send().await;
    assert_eq!(late.json()["reason"], "session_rotated");
    let mut body = asked.json();
    // The public name of the session that ends with it, which is no credential.
    assert!(body.as_object_mut().unwrap().remove("replaces").is_some_and(|id| id != old.as_str()));
    assert_eq!(body, json!({"access_token": "token-secret"}), "and nothing else");
    assert!(asked.header("authorization").is_none() && asked.header("cookie").is_none());
    assert_eq!(world.client().get("/dashboard").navigate().cookie(&cookie(&new)).send().await.status, 200);
    let said = world.gateway.log_lines(3).await.join("\n");
    assert!(said.contains("\"sign_in\":\"access_token\",\"sign_in_outcome\":\"signed_in\""), "{said}");
    assert!(!said.contains("token-secret"));
    assert_eq!(counted(&world, "access_token", "signed_in").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_good_says_so_in_its_own_words() {
    let world = World::with(FREE).await;
    let body = json!({"accessToken": "made-up-token"});
    let answer = post(&world.client(), &body).await;
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, &error["code"]), (401, &json!("invalid_credentials")));
    assert_eq!(error["message"], "The access token was not accepted.");
    // "Don't know" is not "no": the identity provider may be what does not answer.
    for act in [Act::Answer(503, "{\"code\":\"identity_provider_unavailable\"}".into(), Vec::new()), Act::Drop] {
        world.backend.on(SIGN_IN, act);
        assert_eq!(post(&world.client(), &body).await.status, 503);
    }
    assert_eq!(counted(&world, "access_token", "refused").await, 1.0);
    assert_eq!(counted(&world, "access_token", "unavailable").await, 2.0);
    for bad in [json!({"accessToken": ""}), json!({"accessToken": 7}), json!({"accessToken": ["x"]})] {
        assert_eq!(post(&world.client(), &bad).await.status, 400, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_limited_per_client() {
    let world = World::with("[sign_in]\nper_client = \"3/m\"\nper_email = \"1/m\"\n").await;
    for n in 0..3 {
        let answer = post(&world.client(), &json!({ "accessToken": format!("t{n}") })).await;
        assert_eq!(answer.status, 401, "no limit per address: nobody knows whose it is");
    }
    let answer = post(&world.client(), &json!({"accessToken": "t4"})).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (429, &json!("rate_limited")));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(world.backend.count(SIGN_IN), 3);
    assert_eq!(counted(&world, "access_token", "limited").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_and_answered() {
    let world = World::with(FREE).await;
    let answer = post(&world.client(), &credentials(DAVE)).await;
    let challenge = answer.json()["challenge"].clone();
    assert_eq!((answer.status, answer.set_cookies().len()), (202, 0));
    let mut body = credentials(DAVE);
    body["challenge"] = json!({"id": challenge["id"], "code": "000000"});
    let wrong = post(&world.client(), &body).await;
    assert_eq!((wrong.status, &wrong.json()["error"]["code"]), (401, &json!("invalid_challenge")));
    body["challenge"]["code"] = json!(sidgate::demo::CODE);
    let answer = post(&world.client(), &body).await;
    assert_eq!((answer.status, &answer.json()["redirectTo"]), (200, &json!("/acme/dashboard")));
    assert_eq!(post(&world.client(), &body).await.status, 401, "it is good once");
    let lines = world.gateway.log_lines(4).await.join("\n");
    assert!(lines.contains("\"sign_in\":\"password\",\"sign_in_outcome\":\"challenged\""), "{lines}");
    assert!(lines.contains("\"sign_in\":\"challenge\",\"sign_in_outcome\":\"signed_in\""), "{lines}");
    assert!(!lines.contains(sidgate::demo::CODE) && !lines.contains(challenge["id"].as_str().unwrap()));
    assert_eq!(counted(&world, "password", "challenged").await, 1.0);
    assert_eq!(counted(&world, "challenge", "refused").await, 2.0);
    assert_eq!(counted(&world, "challenge", "signed_in").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_works_from_a_form() {
    let world = World::with(FREE).await;
    let sent = form(&world, &format!("email={DAVE}&password=correct+horse&next=/acme/dashboard/x")).await;
    let to = sent.header("location").unwrap().to_owned();
    let id = to.strip_prefix("/auth/signin?next=/acme/dashboard/x&challenge=").unwrap().split('&').next().unwrap();
    assert!(sent.status == 303 && sent.set_cookies().is_empty() && to.ends_with("&kind=fixed_code"), "{to}");
    let again = |code: &str| {
        format!("email={DAVE}&password=correct+horse&next=/acme/dashboard/x&challenge_id={id}&challenge_code={code}")
    };
    let wrong = form(&world, &again("000000")).await;
    let back = format!("/auth/signin?next=/acme/dashboard/x&challenge={id}&error=invalid_challenge");
    assert_eq!(wrong.header("location"), Some(back.as_str()), "the code may be typed again");
    let right = form(&world, &again(sidgate::demo::CODE)).await;
    assert_eq!((right.status, right.header("location")), (303, Some("/acme/dashboard/x")));
    assert!(right.sid().is_some());
    // A form that always has the fields answers no challenge with them.
    let plain = format!("email={ALICE}&password=correct+horse&challenge_id=&challenge_code=");
    assert!(form(&world, &plain).await.sid().is_some());
    assert!(world.backend.seen(SIGN_IN).pop().unwrap().json().get("challenge").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_to_a_challenge_is_not_taken_for_none() {
    let world = World::with(FREE).await;
    let long = "x".repeat(257);
    for challenge in [
        json!("c-1"),
        json!({}),
        json!({"id": "c-1"}),
        json!({"code": "1"}),
        json!({"id": "", "code": "1"}),
        json!({"id": {"a": 1}, "code": "1"}),
        json!({"id": "c-1", "code": ["1"]}),
        json!({"id": long, "code": "1"}),
    ] {
        let mut body = credentials(ALICE);
        body["challenge"] = challenge.clone();
        assert_eq!(post(&world.client(), &body).await.status, 400, "{challenge}");
    }
    assert_eq!(world.backend.count(SIGN_IN), 0);
    let mut body = credentials(ALICE);
    body["challenge"] = Value::Null;
    assert_eq!(post(&world.client(), &body).await.status, 200);
}
