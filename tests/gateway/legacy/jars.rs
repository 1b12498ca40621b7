//! The largest legitimate jar passes over HTTP/1.1 and HTTP/2, and what is left of it is small.

use crate::support::Answer;
use crate::support::backend::{ALICE, World};
use crate::support::legacy::{LARGEST, SECRET, carrying, full, line, tables};

/// `Set-Cookie` of one answer, at most: what proxies and browsers take.
const ANSWER: usize = 8 * 1024;
/// Fields of one answer, at most: HAProxy takes 101, Envoy 100.
const FIELDS: usize = 90;

type Jar = Vec<(String, String)>;

/// The jar as a browser would keep it after an answer.
fn after(jar: &Jar, answer: &Answer) -> Jar {
    let lines = answer.set_cookies();
    let gone = |name: &str| lines.iter().any(|l| l.starts_with(&format!("{name}=;")));
    let mut left: Jar = jar.iter().filter(|(name, _)| !gone(name)).cloned().collect();
    left.extend(answer.sid().map(|sid| ("sid".to_owned(), sid)));
    left
}

/// Every name that ever was, and as many others as a browser keeps for one site.
fn fullest(old: &str) -> Jar {
    let mut jar = full(SECRET, old);
    for name in sidgate::config::Legacy::default().clear {
        let name = name.replace('*', "client.user.idToken");
        if !jar.iter().any(|(known, _)| *known == name)
            && !matches!(&*name, "session_token" | "__session" | "authjs.session-token")
        {
            jar.push((name, "true".repeat(5)));
        }
    }
    for n in 0.. {
        if jar.len() == 180 {
            return jar;
        }
        jar.push((format!("other_{n}"), "x".repeat(120)));
    }
    jar
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_legitimate_jar_migrates_over_both_protocols() {
    let world = World::with(&tables("enforce", "")).await;
    for (client, makes) in [world.client(), world.client().h2()]
        .iter()
        .flat_map(|c| [(c, full as fn(&str, &str) -> Jar), (c, |_, old| fullest(old))])
    {
        let mut jar = makes(SECRET, &world.sid(ALICE).await);
        let largest = jar.iter().map(|(_, value)| value.len()).max().unwrap();
        assert!(jar.len() > 15 && largest > LARGEST - 100 && line(&jar).len() < 40_000);
        let mut answers = 0;
        loop {
            let answer = carrying(client, "/acme/dashboard", &jar).navigate().send().await;
            assert_eq!(answer.status, 200, "HTTP/2: {}, {} cookies: {}", client.h2, jar.len(), answer.text());
            assert!(answer.headers.len() <= FIELDS, "{} fields", answer.headers.len());
            let bytes: usize = answer.set_cookies().iter().map(|l| l.len() + "set-cookie: \r\n".len()).sum();
            assert!(bytes <= ANSWER, "{bytes} bytes of Set-Cookie");
            let seen = world.front.seen("GET /acme/dashboard").pop().unwrap();
            assert_eq!(seen.header("x-auth-status"), Some("authenticated"));
            let cookies = seen.header("cookie").unwrap_or_default();
            assert!(
                !cookies.contains("dott_auth_session") && !cookies.contains("tenantId"),
                "the upstream sees none of it"
            );
            assert!(cookies.contains("theme=dark") && cookies.contains("csrftoken="), "and all that must stay");
            answers += 1;
            assert!(answers == 1 || answer.sid().is_none(), "given out once");
            if answer.set_cookies().is_empty() {
                break;
            }
            jar = after(&jar, &answer);
            assert!(answers < 12, "it comes to an end: {jar:?}");
        }
        let names: Vec<&str> = jar.iter().map(|(name, _)| &**name).collect();
        assert!(names.contains(&"sid") && names.contains(&"i18nextLng"));
        let all = sidgate::config::Legacy::default().clear;
        assert!(all.iter().all(|name| !names.contains(&&**name)), "{names:?}");
    }
}
