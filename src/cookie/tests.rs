//! Contract v1, "Cookies", and the spellings of attackers.

use super::*;

const A: &str = "9e3779b9-7f4a-4c15-8000-000000000000";
const B: &str = "11111111-1111-4111-8111-111111111111";

fn jar() -> SidCookie {
    SidCookie::new(&config::Session::default())
}

fn headers(lines: &[&[u8]]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for line in lines {
        map.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    map
}

fn sids(line: &str) -> usize {
    jar().read(&headers(&[line.as_bytes()])).iter().count()
}

#[test]
fn only_an_exact_sid_is_a_sid() {
    assert_eq!(sids(&format!("theme=dark; sid={A}; lang=en")), 1);
    for other in
        [format!("SID={A}"), format!("sid ={A}"), format!("\tsid={A}"), format!("=sid={A}"), format!("sid=\"{A}\"")]
    {
        assert_eq!(sids(&other), 0, "{other}");
    }
    let unicode = [b"\xe2\x80\x80sid=".as_slice(), A.as_bytes()].concat();
    assert_eq!(jar().read(&headers(&[&unicode])).iter().count(), 0);
}

#[test]
fn twins_are_seen_and_bounded() {
    let line = format!("sid={A}; sid={A}; sid={B}; sid=junk");
    let read = jar().read(&headers(&[line.as_bytes()]));
    assert_eq!((read.iter().count(), read.sent), (2, 4));
    let many: Vec<String> = (0..9).map(|i| format!("sid={}{i}", &A[..35])).collect();
    let read = jar().read(&headers(&[many.join("; ").as_bytes()]));
    assert_eq!((read.iter().count(), read.sent, read.more), (MAX_TWINS, 9, true));
    let three: Vec<String> = [0, 1, 2, 1, 0].map(|i| format!("sid={}{i}", &A[..35])).into();
    assert!(!jar().read(&headers(&[three.join("; ").as_bytes(), b"sid=junk"])).more);
}

/// What is written behind another line.
fn written(cookie: &SidCookie, map: &HeaderMap, sid: Option<&SessionId>, session_cookies: &[String]) -> String {
    let mut out = b"x: 1\r\n".to_vec();
    cookie.write(map, sid, Hidden { session_cookies, cleared: None }, &mut out);
    String::from_utf8(out.split_off(6)).unwrap()
}

#[test]
fn the_upstream_sees_every_cookie_but_the_session() {
    let map = headers(&[b"a=1; sid=x", b"\tsid=y; sid =z; __Host-sid=w; b=2; =junk", b"\xe2\x80\x80sid=q"]);
    assert_eq!(written(&jar(), &map, None, &[]), "cookie: a=1; b=2\r\n");
    for none in [&headers(&[b"sid=x"]), &headers(&[b""]), &headers(&[])] {
        assert_eq!(written(&jar(), none, None, &[]), "");
    }
    let mut all = Vec::new();
    SidCookie::write_all(&headers(&[b"a=1", b"sid=x; b=2"]), None, &mut all);
    assert_eq!(all, b"cookie: a=1; sid=x; b=2\r\n");
}

#[test]
fn an_upstream_that_reads_the_sid_sees_one_under_its_plain_name() {
    let sid = SessionId::parse(A.as_bytes()).unwrap();
    let twins = format!("a=1; sid={B}; __Host-sid={A}; sid={A}");
    for host_prefix in [false, true] {
        let cookie = SidCookie::new(&config::Session { host_prefix, ..config::Session::default() });
        let map = headers(&[twins.as_bytes(), b"b=2"]);
        assert_eq!(written(&cookie, &map, Some(&sid), &[]), format!("cookie: sid={A}; a=1; b=2\r\n"));
        assert_eq!(written(&cookie, &headers(&[]), Some(&sid), &[]), format!("cookie: sid={A}\r\n"));
    }
}

#[test]
fn cookies_that_it_would_take_for_a_session_are_hidden_in_every_spelling() {
    let map = headers(&[b"a=1; session_token=x; session_token2=y", b"\tsession_token=z; \"session_token\"=q"]);
    assert_eq!(written(&jar(), &map, None, &["session_token".into()]), "cookie: a=1; session_token2=y\r\n");
}

#[test]
fn what_is_being_cleared_the_upstream_neither_sees_nor_sets() {
    let names = NameSet::new(["session_token", "idp.*"], ["idp.state", "sid"]);
    let map =
        headers(&[b"a=1; session_token=x; idp.user=y; idp.state=z", b"\"session_token\"=q; session_token.0=r; sid=s"]);
    let mut out = Vec::new();
    jar().write(&map, None, Hidden { session_cookies: &["a".into()], cleared: Some(&names) }, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "cookie: idp.state=z\r\n");
    let mut all = Vec::new();
    SidCookie::write_all(&map, Some(&names), &mut all);
    assert_eq!(String::from_utf8(all).unwrap(), "cookie: a=1; idp.state=z; sid=s\r\n");
    let mut none = Vec::new();
    SidCookie::write_all(&headers(&[b"session_token=x; session_token=y"]), Some(&names), &mut none);
    assert!(none.is_empty());
    let mut answer = HeaderMap::new();
    for line in
        ["session_token=x; Path=/; HttpOnly", "a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "idp.user=; Max-Age=0"]
    {
        answer.append(SET_COOKIE, HeaderValue::from_static(line));
    }
    for line in ["=session_token=x", " session_token =x", "session_token__1=x", "idp.state=z", "sid=s", "b=2"] {
        answer.append(SET_COOKIE, HeaderValue::from_static(line));
    }
    assert_eq!(drop_set_cookies(&mut answer, &names), 5);
    let kept = ["a=1; Expires=Wed, 01 Jan 2031 00:00:00 GMT", "idp.state=z", "sid=s", "b=2"];
    assert_eq!(answer.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), kept, "each line for itself");
}

#[test]
fn a_long_path_does_not_make_a_long_answer() {
    let total = |lines: Vec<HeaderValue>| lines.iter().map(length).sum::<usize>();
    let host = "a.b.c.d.e.f.g.h.example.com";
    for path in [format!("/{}/x", "p".repeat(4000)), "/x".repeat(200), "/acme/".to_owned() + &"y/".repeat(500)] {
        let twins = jar().expire_twins(host, &path);
        assert!(twins.len() >= MAX_TWINS && twins.len() <= MAX_SID_LINES && total(twins) <= MAX_SID_EXPIRIES, "{path}");
        assert!(total(jar().expire(host, Some(&path))) <= MAX_SID_EXPIRIES);
    }
}

#[test]
fn an_upstream_cannot_set_the_session_cookie() {
    let mut map = HeaderMap::new();
    for line in ["sid=evil; Path=/", "a=1", " sid=evil", "sid =evil", "__Host-sid=evil", "b=2; Secure", "sidecar=1"] {
        map.append(SET_COOKIE, HeaderValue::from_static(line));
    }
    for line in ["=sid=evil", " = sid=evil; Path=/x", "=\"sid=evil", "=c=sid=3", "sid"] {
        map.append(SET_COOKIE, HeaderValue::from_static(line));
    }
    assert!(jar().in_answer(&map));
    assert_eq!(jar().drop_from_answer(&mut map), 7);
    let kept = ["a=1", "b=2; Secure", "sidecar=1", "=c=sid=3", "sid"];
    assert_eq!(map.get_all(SET_COOKIE).iter().collect::<Vec<_>>(), kept);
    assert!(!jar().in_answer(&map));
}

#[test]
fn the_cookie_is_as_the_contract_writes_it() {
    let sid = SessionId::parse(A.as_bytes()).unwrap();
    let at: Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    assert_eq!(
        jar().set(&sid, "app.test", Some(at)).unwrap(),
        format!("sid={A}; Path=/; HttpOnly; Secure; SameSite=Lax; Expires=Tue, 01 Dec 2026 10:00:00 GMT").as_str()
    );
    assert_eq!(A.len(), 36);
    for (far, date) in [(Timestamp::MIN, "Thu, 01 Jan 1970 00:00:00"), (Timestamp::MAX, "Thu, 30 Dec 9999 22:00:00")] {
        assert!(jar().set(&sid, "app.test", Some(far)).unwrap().to_str().unwrap().contains(date));
    }
}

#[test]
fn expiry_reaches_every_scope() {
    let lines = jar().expire("app.shop.example.com", Some("/a/b"));
    let text: Vec<&str> = lines.iter().map(|l| l.to_str().unwrap()).collect();
    assert_eq!(text.len(), 4 * 4, "{text:?}");
    assert!(text.iter().any(|l| l.contains("Path=/a;") && l.ends_with("Domain=example.com")));
    assert!(!text.iter().any(|l| l.ends_with("Domain=com")));
    assert_eq!(jar().expire("localhost", None).len(), 1);
    assert_eq!(jar().expire("127.0.0.1", None).len(), 1);
    let twins = jar().expire_twins("app.shop.localhost", "/");
    assert!(twins.iter().all(|l| l.to_str().unwrap().contains("Domain=")), "{twins:?}");
}

#[test]
fn with_host_prefix_it_wins_and_the_plain_one_has_an_end_date() {
    let date = |s: &str| Some(s.parse().unwrap());
    let config = config::Session { host_prefix: true, ..config::Session::default() };
    let both = headers(&[format!("sid={A}; __Host-sid={B}").as_bytes()]);
    let plain = headers(&[format!("sid={A}").as_bytes()]);
    let read = |until, map: &HeaderMap| {
        let config = config::Session { host_prefix_reads_plain_until: until, ..config.clone() };
        SidCookie::new(&config).read(map).iter().map(|s| s.expose()).collect::<Vec<_>>()
    };
    assert_eq!(read(None, &both), [B]);
    assert_eq!(read(date("2999-01-01"), &both), [B]);
    assert_eq!(read(date("2999-01-01"), &plain), [A]);
    assert!(read(date("2020-01-01"), &plain).is_empty());
    assert!(read(None, &plain).is_empty());
}

#[test]
fn a_shared_domain_reaches_all_hosts_below_it_and_no_others() {
    let sid = SessionId::parse(A.as_bytes()).unwrap();
    let config = config::Session { domain: Some("app.example.com".into()), ..config::Session::default() };
    let jar = SidCookie::new(&config);
    let set = |host| jar.set(&sid, host, None).unwrap().to_str().unwrap().to_owned();
    for host in ["app.example.com", "acme.app.example.com", "a.b.app.example.com"] {
        assert!(set(host).ends_with("; SameSite=Lax; Domain=app.example.com"), "{host}");
        // What lies in our own scope is set again, and so not expired after it; a host-only twin is.
        let lines = jar.expire_twins(host, "/");
        assert!(!lines.iter().any(
            |l| l.to_str().unwrap().contains("Path=/;") && l.to_str().unwrap().ends_with("Domain=app.example.com")
        ));
        assert!(lines.iter().any(|l| l == "sid=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"));
        let gone = jar.expire(host, None);
        assert!(gone.iter().any(|l| l.to_str().unwrap().ends_with("Domain=app.example.com")), "signs out on all hosts");
    }
    // A browser refuses a domain that is not the host's own: the cookie is better host-only than nowhere.
    for host in ["evilapp.example.com", "example.com", "localhost", "127.0.0.1", "shop.acme.test"] {
        assert!(set(host).ends_with("; SameSite=Lax"), "{host}");
        assert!(!jar.expire(host, None).iter().any(|l| l.to_str().unwrap().ends_with("Domain=app.example.com")));
        assert!(
            !jar.expire_twins(host, "/").iter().any(|l| l == "sid=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
        );
    }
}
