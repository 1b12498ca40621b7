//! `[assertion]`

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::Place;
use super::table::{Problem, Table};
use super::value::show_duration;

/// `[assertion]`: the signed proof of who a request is from.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    /// `iss`.
    pub issuer: String,
    /// What the session backend is called in `aud`, beside the upstream's name.
    pub backend_audience: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// Where the keys are.
    pub keys: KeySource,
    /// Of keys that are generated.
    pub algorithm: Algorithm,
    /// How long a new key is published before it signs.
    pub activate_after: Duration,
    /// How old the newest key gets before another is generated.
    pub rotate_every: Option<Duration>,
    /// Where its keys are named.
    pub place: Place,
}

/// Where the keys of the assertion are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A folder of generated keys, which need not exist: then nothing is signed.
    Folder(PathBuf),
    /// Files of one's own: the first one signs, all are published.
    Files(Vec<PathBuf>),
}

/// How an assertion is signed (RFC 7518, RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256: every library has it.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// As in `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl Default for Assertion {
    fn default() -> Self {
        Self {
            issuer: "sidgate".into(),
            backend_audience: "backend".into(),
            lifetime: Duration::from_secs(60),
            keys: KeySource::Folder("keys".into()),
            algorithm: Algorithm::Es256,
            activate_after: Duration::from_secs(600),
            rotate_every: None,
            place: Place::default(),
        }
    }
}

/// Receivers refuse one that lives longer.
const LIFETIME: RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(60);
const ACTIVATE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(24 * 3600);
const ROTATE: RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(400 * 24 * 3600);

impl Assertion {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let words = [("ES256", Algorithm::Es256), ("EdDSA", Algorithm::EdDsa)];
        let base = table.reader.base;
        let folder = table.text("keys", "the path of a folder", |text| Ok(base.join(text)));
        let files = table.list("key_files", "the path of a file", |text| Ok(base.join(text)));
        let assertion = Self {
            issuer: table.text("issuer", ISSUER, |text| word(text, ISSUER)).unwrap_or(default.issuer),
            backend_audience: table
                .text("backend_audience", AUDIENCE, |text| word(text, AUDIENCE))
                .unwrap_or(default.backend_audience),
            lifetime: table.duration("lifetime", default.lifetime, LIFETIME),
            keys: match files {
                Some(files) => KeySource::Files(files),
                None => KeySource::Folder(folder.unwrap_or_else(|| base.join("keys"))),
            },
            algorithm: table.one_of("algorithm", &words, default.algorithm),
            activate_after: table.duration("activate_after", default.activate_after, ACTIVATE),
            rotate_every: table.optional_duration("rotate_every", ROTATE),
            place: Place(table.place(if table.has("key_files") { "key_files" } else { "keys" })),
        };
        table.finish();
        assertion.check(table);
        assertion
    }

    fn check(&self, table: &mut Table<'_>) {
        if let KeySource::Files(files) = &self.keys {
            if table.has("keys") {
                let hint = "keep `keys` for generated keys, or `key_files` for your own";
                table.contradiction("key_files", "stands beside `keys`", hint);
            } else if files.is_empty() {
                table.contradiction("key_files", "is empty", "name at least one; `keys` names a folder of them");
            } else if table.has("rotate_every") {
                let hint = "it is for generated keys: name their folder with `keys`";
                table.contradiction("rotate_every", "has no effect on `key_files`", hint);
            }
        }
        if let Some(every) = self.rotate_every
            && table.good(&["rotate_every", "activate_after"])
            && every < 2 * self.activate_after
        {
            let [every, after] = [every, self.activate_after].map(show_duration);
            let reason = format!("rotate_every ({every}) must be at least twice activate_after ({after})");
            table.contradiction("rotate_every", reason, "a key must sign for a while before the next one does");
        }
    }
}

const ISSUER: &str = "the name of this gateway";
const AUDIENCE: &str = "the name of the backend";

/// What receivers compare exactly: no blank that cannot be seen, no quote to escape.
fn word(text: &str, what: &str) -> Result<String, Problem> {
    let good = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if text.is_empty() || text.len() > 200 || !text.bytes().all(good) {
        return Err(Problem::expected_text(what, text).hint("printable ASCII without blanks, up to 200 characters"));
    }
    Ok(text.to_owned())
}
