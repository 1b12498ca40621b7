//! One line: JSON or text. Cookies, queries and sids are not in it; whatever a client wrote is escaped, so that no
//! value can begin a line or a column of its own.

use std::borrow::Cow;
use std::fmt::Write;

use http::Version;
use jiff::Timestamp;

use crate::config::{LogFormat, is_uuid};
use crate::context::{Context, LegacyFacts, LoopCause};
use crate::escape::escape;

pub(super) fn format(format: LogFormat, cx: &Context, status: u16, sent: u64, whole: bool) -> Vec<u8> {
    let mut line = match format {
        LogFormat::Json => json(cx, status, sent, whole),
        LogFormat::Text => text(cx, status, sent, whole),
    };
    line.push('\n');
    line.into_bytes()
}

fn json(cx: &Context, status: u16, sent: u64, whole: bool) -> String {
    let mut out = String::with_capacity(512);
    // Writing to a String cannot fail.
    let _ = write!(out, "{{\"ts\":\"{}\",\"request_id\":\"{}\",\"client\":\"{}\"", Timestamp::now(), cx.id, cx.client);
    let mut string = |key: &str, value: &str| {
        out.push_str(",\"");
        out.push_str(key);
        out.push_str("\":\"");
        escape(&mut out, value);
        out.push('"');
    };
    string("method", cx.method.as_str());
    string("host", cx.authority.as_str());
    string("path", &shown(&cx.path));
    string("protocol", protocol(cx.version));
    for (key, value) in words(cx) {
        string(key, value);
    }
    for (key, value) in numbers(cx) {
        let _ = write!(out, ",\"{key}\":{value}");
    }
    for (key, set) in flags(cx, whole) {
        if set {
            let _ = write!(out, ",\"{key}\":true");
        }
    }
    let us = cx.started.elapsed().as_micros();
    let _ = write!(out, ",\"status\":{},\"bytes\":{sent},\"duration_us\":{us}}}", status);
    out
}

/// A path as it may be written down. Session backends have calls with the sid in their path (`/api/sessions/{sid}/`), and
/// an application may be that backend: what is a UUID below `sessions` is left out.
fn shown(path: &str) -> Cow<'_, str> {
    let Some((above, below)) = path.split_once("/sessions/") else { return Cow::Borrowed(path) };
    let is_sid = |segment: &str| segment.get(..36).is_some_and(is_uuid);
    if !below.split('/').any(is_sid) {
        return Cow::Borrowed(path);
    }
    let hidden: Vec<&str> = below.split('/').map(|segment| if is_sid(segment) { "{uuid}" } else { segment }).collect();
    Cow::Owned(format!("{above}/sessions/{}", hidden.join("/")))
}

fn text(cx: &Context, status: u16, sent: u64, whole: bool) -> String {
    let mut out = String::with_capacity(256);
    let ms = cx.started.elapsed().as_secs_f64() * 1e3;
    let _ = write!(out, "{} {} {} {}", Timestamp::now(), cx.client, status, cx.method);
    out.push(' ');
    escape(&mut out, cx.authority.as_str());
    escape(&mut out, &shown(&cx.path));
    for (key, value) in words(cx) {
        let _ = write!(out, " {key}=");
        escape(&mut out, value);
    }
    for (key, value) in numbers(cx) {
        let _ = write!(out, " {key}={value}");
    }
    for (key, set) in flags(cx, whole) {
        if set {
            let _ = write!(out, " {key}");
        }
    }
    let _ = write!(out, " bytes={sent} {ms:.1}ms id={}", cx.id);
    out
}

fn words(cx: &Context) -> impl Iterator<Item = (&'static str, &str)> {
    let f = &cx.facts;
    let migration = f.legacy.as_ref().and_then(|legacy| legacy.migration.as_ref());
    [
        ("route", f.route.as_deref()),
        ("access", f.access),
        ("decision", f.decision),
        ("reason", f.reason),
        ("session", f.session),
        ("session_id_hash", f.fingerprint.as_ref().map(|p| p.as_str())),
        ("upstream_instance", f.instance.as_deref()),
        ("upstream_error", f.upstream_error),
        ("sign_in", f.sign_in.map(|(method, _)| method.as_str())),
        ("sign_in_outcome", f.sign_in.map(|(_, outcome)| outcome.as_str())),
        ("legacy_carrier", migration.map(|(carrier, _)| &**carrier)),
        ("legacy_migration", migration.map(|(_, outcome)| outcome.as_str())),
        ("redirect_loop", f.redirect_loop.map(LoopCause::as_str)),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.map(|v| (key, v)))
}

fn numbers(cx: &Context) -> impl Iterator<Item = (&'static str, u64)> {
    let f = &cx.facts;
    let dropped = u64::try_from(f.set_cookie_dropped).ok().filter(|n| *n > 0);
    let legacy = |n: fn(&LegacyFacts) -> u32| f.legacy.as_deref().map(n).filter(|n| *n > 0).map(u64::from);
    [
        ("session_us", f.session_us),
        ("upstream_us", f.upstream_us),
        ("set_cookie_dropped", dropped),
        ("legacy_set_cookie_dropped", legacy(|facts| facts.set_cookie_dropped)),
        ("legacy_expired", legacy(|facts| facts.expired)),
    ]
    .into_iter()
    .filter_map(|(key, value)| value.map(|v| (key, v)))
}

fn flags(cx: &Context, whole: bool) -> [(&'static str, bool); 5] {
    let legacy = |flag: fn(&LegacyFacts) -> bool| cx.facts.legacy.as_deref().is_some_and(flag);
    [
        ("retried", cx.facts.retried),
        ("upstream_disagreed", cx.facts.upstream_disagreed),
        ("legacy_cookies", legacy(|facts| facts.carrying)),
        ("legacy_returned", legacy(|facts| facts.returned)),
        ("cut_off", !whole),
    ]
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sid_in_a_path_is_left_out_and_other_uuids_are_not() {
        let sid = "9e3779b9-7f4a-4c15-8000-000000000000";
        for (path, written) in [
            (format!("/api/sessions/{sid}/"), "/api/sessions/{uuid}/".to_owned()),
            (format!("/x/sessions/public/{sid}.rsc"), "/x/sessions/public/{uuid}".to_owned()),
            (format!("/{sid}/dashboard"), format!("/{sid}/dashboard")),
            ("/api/sessions/current/".into(), "/api/sessions/current/".into()),
        ] {
            assert_eq!(shown(&path), written);
        }
    }
}
