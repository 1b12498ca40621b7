//! What holds for every answer, over all that the other checks have got.

use super::super::api::Seen;
use super::super::check::{Check, Done, Stop, check};
use super::super::suite::Suite;

pub(super) const CHECKS: &[Check] = &[
    check!("answers.no-sid", "`sid` appears only in answers that create or change a session", none, with_sid, NO_SID),
    check!("answers.no-redirect", "Redirects are not followed", none, redirects, "no 3xx"),
    check!("answers.json", "JSON, UTF-8", none, not_json, "Content-Type: application/json on a good answer"),
];

const NO_SID: &str = "no sid in body or headers, except of sign-in, rotate, tenant and migrate";

async fn none(suite: &Suite, which: fn(&Seen) -> &[String], expected: &str) -> Done {
    let seen = suite.api.seen();
    match which(&seen).first() {
        None => Ok(()),
        Some(first) => Err(Stop::Fail { expected: expected.to_owned(), got: first.clone() }),
    }
}

fn with_sid(seen: &Seen) -> &[String] {
    &seen.with_sid
}

fn redirects(seen: &Seen) -> &[String] {
    &seen.redirects
}

fn not_json(seen: &Seen) -> &[String] {
    &seen.not_json
}
