//! `[backend]`: where sessions are asked, and how its answers read.
//!
//! Shops differ, so everything that one call or answer may have in another form is a key. A [`Preset`] sets those keys
//! together for a shape that is known.

mod fields;
mod paths;
mod preset;

use std::time::Duration;

use super::table::{Problem, Table};
use super::{ClientTls, LONG, PathPattern, SHORT, Secret, Target};
pub use fields::BackendFields;
pub(super) use fields::pointer;
pub use paths::BackendPaths;
pub use preset::{Capability, Preset, TokenIn};

/// `[backend]`
#[derive(Debug, Clone, PartialEq)]
pub struct Backend {
    /// Where it is reached.
    pub url: Target,
    /// For an https one.
    pub tls: ClientTls,
    /// The shape of its calls and answers.
    pub preset: Preset,
    /// Sent as `X-Gateway-Key` with every call. Contract v1 requires it.
    pub gateway_key: Option<Secret>,
    /// `Authorization` of calls about one session; `{sid}` stands for the sid.
    pub authorization: String,
    /// Statuses that refuse a session without saying why. The cookie is kept: a failure may look the same.
    pub refused_statuses: Vec<u16>,
    /// Statuses of a sign-out that was taken.
    pub signed_out_statuses: Vec<u16>,
    /// How an access token is sent at sign-in.
    pub access_token_in: TokenIn,
    /// The session is read once after a sign-in: the answer to that does not have all of it.
    pub read_after_sign_in: bool,
    /// Paths that are answered 404 from outside, whatever the routes say.
    pub blocked_paths: Vec<PathPattern>,
    /// Longest to connect.
    pub connect_timeout: Duration,
    /// Longest for an answer about a session.
    pub timeout: Duration,
    /// Longest for a sign-in.
    pub sign_in_timeout: Duration,
    /// Calls about sessions at once.
    pub max_concurrent: usize,
    /// Lookups that may wait for one of those.
    pub max_waiting: usize,
    /// Bytes of one answer.
    pub max_body: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// `[backend.paths]`
    pub paths: BackendPaths,
    /// `[backend.fields]`
    pub fields: BackendFields,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            url: Target::Http("127.0.0.1:8000".into()),
            tls: ClientTls::default(),
            preset: Preset::V1,
            gateway_key: None,
            authorization: "Session {sid}".into(),
            refused_statuses: Vec::new(),
            signed_out_statuses: vec![200, 202, 204],
            access_token_in: TokenIn::Body,
            read_after_sign_in: false,
            blocked_paths: Vec::new(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(3),
            sign_in_timeout: Duration::from_secs(15),
            max_concurrent: 64,
            max_waiting: 1024,
            max_body: 256 * 1024,
            idle_timeout: Duration::from_millis(1500),
            paths: BackendPaths::default(),
            fields: BackendFields::default(),
        }
    }
}

impl Backend {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let preset = table.one_of("preset", &Preset::WORDS, Preset::V1);
        let default = Self::of(preset);
        if preset == Preset::V1 {
            table.require("gateway_key", "for example \"${SIDGATE_GATEWAY_KEY}\" or \"file:secrets/gateway-key\"");
        }
        let words = [("body", TokenIn::Body), ("bearer", TokenIn::Bearer)];
        let backend = Self {
            url: table.target("url").unwrap_or(default.url),
            tls: ClientTls::read(table),
            preset,
            gateway_key: table.secret("gateway_key"),
            authorization: table.text("authorization", CREDENTIAL, credential).unwrap_or(default.authorization),
            refused_statuses: table.numbers("refused_statuses", REFUSED, refused).unwrap_or(default.refused_statuses),
            signed_out_statuses: table
                .numbers("signed_out_statuses", SIGNED_OUT, signed_out)
                .unwrap_or(default.signed_out_statuses),
            access_token_in: table.one_of("access_token_in", &words, default.access_token_in),
            read_after_sign_in: table.flag("read_after_sign_in", default.read_after_sign_in),
            blocked_paths: table.list("blocked_paths", BLOCKED, blocked).unwrap_or(default.blocked_paths),
            connect_timeout: table.duration("connect_timeout", default.connect_timeout, SHORT),
            timeout: table.duration("timeout", default.timeout, SHORT),
            sign_in_timeout: table.duration("sign_in_timeout", default.sign_in_timeout, SHORT),
            max_concurrent: table.number("max_concurrent", default.max_concurrent, 1..=100_000),
            max_waiting: table.number("max_waiting", default.max_waiting, 0..=1_000_000),
            max_body: table.size("max_body", default.max_body, 1024..=64 * 1024 * 1024),
            idle_timeout: table.duration("idle_timeout", default.idle_timeout, LONG),
            paths: table.table("paths", |table| BackendPaths::read(table, preset)),
            fields: table.table("fields", |table| BackendFields::read(table, preset)),
        };
        table.finish();
        backend.tls.check(table, &["url"], std::slice::from_ref(&backend.url));
        backend
    }
}

const CREDENTIAL: &str = "a credential such as \"Session {sid}\"";
const REFUSED: &str = "a status such as 401";
const SIGNED_OUT: &str = "a status such as 204";
const BLOCKED: &str = "a path pattern such as \"/api/sessions/debug/{*rest}\"";

fn credential(text: &str) -> Result<String, Problem> {
    let problem = |hint: &str| Err(Problem::expected_text(CREDENTIAL, text).hint(hint));
    if text.matches("{sid}").count() != 1 || text.replace("{sid}", "").contains(['{', '}']) {
        return problem("{sid} stands in it once, and is the only placeholder");
    }
    if text.trim() != text || !text.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return problem("printable ASCII, no blanks at its ends");
    }
    Ok(text.to_owned())
}

fn refused(number: i64) -> Result<u16, Problem> {
    match u16::try_from(number) {
        Ok(408 | 425 | 429) => Err(Problem::new(format!("{number} says that the backend is busy, and refuses nobody"))),
        Ok(status @ 400..=499) => Ok(status),
        _ => {
            Err(Problem::new(format!("expected {REFUSED}, found {number}"))
                .hint("from 400 to 499: the rest are failures"))
        }
    }
}

fn signed_out(number: i64) -> Result<u16, Problem> {
    match u16::try_from(number) {
        Ok(status @ (200..=299 | 404 | 410)) => Ok(status),
        _ => Err(Problem::new(format!("expected {SIGNED_OUT}, found {number}"))
            .hint("2xx, or 404 and 410 where a session that is gone answers so")),
    }
}

fn blocked(text: &str) -> Result<PathPattern, Problem> {
    PathPattern::parse(text).map_err(|why| Problem::new(why).hint("for example \"/api/sessions/debug/{*rest}\""))
}
