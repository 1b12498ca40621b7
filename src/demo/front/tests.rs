use serde_json::Value;

use super::*;

/// One request, told to come from a user (empty: from nobody) of acme.
async fn get(path: &str, user: &str) -> (StatusCode, String) {
    let mut request = Request::get(path).header("host", "localhost").header("cookie", "theme=dark; a<b=secret");
    if !user.is_empty() {
        request = request.header("x-auth-status", "authenticated").header("x-auth-user-id", user);
        request = request.header("x-auth-tenant-slug", "acme").header("x-auth-onboarding", "complete");
        request = request.header("x-auth-assertion", "eyJhbGciOiJFUzI1NiJ9.secret.part");
    }
    send(request.body(Full::<Bytes>::default()).unwrap()).await
}

async fn send(request: Request<Full<Bytes>>) -> (StatusCode, String) {
    let response = Front::new(Backend::new("key")).answer(request).await;
    let status = response.status();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn every_page_is_filled_in_and_escapes_what_it_shows() {
    let evil = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let signin = format!("/auth/signin?error={evil}&next={evil}");
    let pages =
        ["/", &signin, "/onboarding?error=x", "/dashboard", "/acme/dashboard", "/acme/dashboard/live", "/no/such/page"];
    for path in pages {
        for user in ["", "1", "<script>alert(1)</script>"] {
            let (_, html) = get(path, user).await;
            assert!(!html.contains("{{") && !html.contains("<script>alert"), "{path}");
            assert!(!html.contains("secret"), "{path}: neither a cookie's value nor the assertion");
        }
    }
    assert_eq!(get("/no/such/page", "1").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn identity_comes_from_the_headers_and_only_when_they_say_authenticated() {
    assert!(get("/", "7").await.1.contains("user 7 of acme"));
    let request = Request::get("/").header("x-auth-user-id", "7").body(Full::default()).unwrap();
    assert!(send(request).await.1.contains("not signed in"));
    assert!(!get("/acme/dashboard", "1").await.1.contains("should not be here"));
    assert!(get("/globex/dashboard", "1").await.1.contains("should not be here"));
}

#[tokio::test]
async fn a_code_is_asked_for_when_the_gateway_says_so() {
    let plain = get("/auth/signin", "").await.1;
    assert!(plain.contains("<div data-challenge hidden>") && plain.contains("name=\"challenge_id\" value=\"\""));
    let due = get("/auth/signin?challenge=c%22-1&kind=fixed_code", "").await.1;
    assert!(due.contains("<div data-challenge>") && due.contains("name=\"challenge_id\" value=\"c&quot;-1\""));
    assert!(due.contains(crate::demo::CODE));
}

#[tokio::test]
async fn whoami_tells_headers_and_names_of_cookies() {
    let told: Value = serde_json::from_str(&get("/api/whoami", "1").await.1).unwrap();
    assert_eq!(told["headers"]["x-auth-user-id"], "1");
    assert_eq!(told["headers"]["host"], "localhost");
    assert_eq!(told["headers"]["x-auth-assertion"], "eyJhbGciOiJF... (32 characters)");
    assert_eq!(told["cookies"], serde_json::json!(["theme", "a<b"]));
    let twice = Request::get("/api/whoami").header("x-auth-user-id", "1").header("x-auth-user-id", "2");
    let told: Value = serde_json::from_str(&send(twice.body(Full::default()).unwrap()).await.1).unwrap();
    assert_eq!(told["headers"]["x-auth-user-id"], serde_json::json!(["1", "2"]));
}

#[tokio::test]
async fn finishing_onboarding_answers_303_home_and_orders_the_gateway_to_ask_again() {
    let front = Front::new(Backend::new("key"));
    let finish = |body: &'static str, user: &str| {
        let request = Request::post("/onboarding/finish").header("x-auth-status", "authenticated");
        let request = request.header("x-auth-user-id", user).body(Full::<Bytes>::from(body)).unwrap();
        let front = front.clone();
        async move { front.answer(request).await }
    };
    let done = finish("company=Hooli+%26+Co", "3").await;
    assert_eq!(
        (done.status(), &done.headers()["location"]),
        (StatusCode::SEE_OTHER, &"/hooli-co/dashboard".parse().unwrap())
    );
    assert_eq!(done.headers()["x-auth-session-changed"], "1");
    let empty = finish("company=+", "3").await;
    assert_eq!(empty.headers()["location"], "/onboarding?error=company");
    assert!(empty.headers().get("x-auth-session-changed").is_none());
    assert_eq!(finish("company=x", "").await.headers()["location"], "/auth/signin");
    let (status, _) = get("/onboarding/finish", "3").await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn events_are_served_over_a_socket_until_the_stop() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(Front::new(Backend::new("key")).serve(listener, stopped));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut seen = String::new();
    while !seen.contains("\"n\":2") {
        let mut buffer = [0; 1024];
        let read = client.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0);
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(seen.contains("content-type: text/event-stream"));
    drop(stop);
    tokio::time::timeout(std::time::Duration::from_secs(5), serving).await.unwrap().unwrap();
}
