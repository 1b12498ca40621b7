//! `[[legacy.carrier]]`: cookies that may hold a session, and how they are read.

use crate::config::session::{COOKIE, token};
use crate::config::table::{Problem, Table};
use crate::config::{Place, Secret};

/// `[[legacy.carrier]]`
#[derive(Debug, Clone, PartialEq)]
pub struct LegacyCarrier {
    /// In logs, metrics and the audit trail.
    pub name: String,
    /// The cookies' names, without the number of a chunk.
    pub cookies: Vec<String>,
    /// What is in them.
    pub format: LegacyFormat,
    /// What they are encrypted with. There is one for each format that needs it, where `[legacy]` is enabled.
    pub key: Option<Secret>,
    /// How the key is made from that.
    pub key_from: KeyFrom,
    /// Where things stand in JSON.
    pub pointers: JsonPointers,
    /// Where the carrier is named.
    pub place: Place,
}

/// JSON pointers (RFC 6901); of the first three the first that is there wins, of `expires` all count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPointers {
    /// To the backend's session UUID.
    pub session_id: Vec<String>,
    /// To an access token (JWT).
    pub access_token: Vec<String>,
    /// To a token that only the backend can judge.
    pub opaque: Vec<String>,
    /// To times from which on the cookie is worth nothing: seconds, milliseconds, or RFC 3339.
    pub expires: Vec<String>,
}

impl Default for JsonPointers {
    fn default() -> Self {
        let of = super::owned;
        Self {
            session_id: of(&["/sessionToken"]),
            access_token: of(&["/accessToken", "/tokenSet/accessToken"]),
            opaque: Vec::new(),
            expires: of(&["/expiresAt", "/accessTokenExpiresAt", "/tokenSet/expiresAt", "/exp"]),
        }
    }
}

/// What a cookie holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegacyFormat {
    /// The backend's session UUID.
    SessionId,
    /// An access token (JWT).
    AccessToken,
    /// A token that only the backend can judge.
    Opaque,
    /// `base64(iv) ":" base64(ciphertext)` of JSON, without a MAC.
    Aes256Cbc,
    /// `base64(iv ciphertext tag)` of JSON.
    Aes256Gcm,
    /// `base64(JSON)`.
    Base64Json,
    /// JWE (RFC 7516), `dir` with `A256GCM`.
    Jwe,
    /// JWE of Auth.js and NextAuth.
    Authjs,
}

impl LegacyFormat {
    const WORDS: [(&str, Self); 8] = [
        ("session_id", Self::SessionId),
        ("access_token", Self::AccessToken),
        ("opaque", Self::Opaque),
        ("aes_256_cbc", Self::Aes256Cbc),
        ("aes_256_gcm", Self::Aes256Gcm),
        ("base64_json", Self::Base64Json),
        ("jwe", Self::Jwe),
        ("authjs", Self::Authjs),
    ];

    /// As in `gateway.toml`.
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }

    /// Whether it is encrypted.
    pub fn has_key(self) -> bool {
        matches!(self, Self::Aes256Cbc | Self::Aes256Gcm | Self::Jwe | Self::Authjs)
    }

    /// Whether there is JSON in it.
    pub fn has_json(self) -> bool {
        self.has_key() || self == Self::Base64Json
    }
}

/// How the 32 bytes of a key are made from a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFrom {
    /// They are the secret: 32 characters, or 64 hexadecimal digits.
    Bytes,
    /// SHA-256 of it.
    Sha256,
    /// PBKDF2 with HMAC-SHA256 (RFC 8018).
    Pbkdf2 {
        /// Not secret.
        salt: String,
        /// Rounds.
        iterations: u32,
    },
    /// HKDF with SHA-256 (RFC 5869).
    Hkdf {
        /// Not secret; may be empty.
        salt: String,
        /// What the key is for.
        info: String,
    },
    /// As Auth.js and NextAuth do: HKDF with the cookie's name.
    Authjs,
}

/// More are a mistake, and would cost every request.
const MOST: usize = 16;

const LABEL: &str = "a label such as \"auth-session\"";
const POINTER: &str = "a JSON pointer such as \"/sessionToken\"";
const TEXT: &str = "a text";

pub(super) fn read(table: &mut Table<'_>, enabled: bool) -> Vec<LegacyCarrier> {
    let carriers = table.tables("carrier", |table| LegacyCarrier::read(table, enabled));
    if carriers.len() > MOST {
        table.contradiction("carrier", format!("more than {MOST} carriers"), "one carrier may name several cookies");
    }
    let twice = |(i, c): (usize, &LegacyCarrier)| carriers.iter().take(i).any(|other| other.name == c.name);
    if let Some((_, carrier)) = carriers.iter().enumerate().find(|(i, c)| !c.name.is_empty() && twice((*i, c))) {
        let reason = format!("two are called \"{}\"", carrier.name);
        table.contradiction("carrier", reason, "the name tells them apart in logs and metrics");
    }
    carriers
}

impl LegacyCarrier {
    /// The names under which its cookies are sent, as far as they have no number: over https Auth.js puts a prefix in
    /// front of its own (RFC 6265bis, section 4.1.3).
    pub fn sent_as(&self) -> impl Iterator<Item = String> {
        const PREFIXES: [&str; 3] = ["", "__Secure-", "__Host-"];
        let prefixes = if self.format == LegacyFormat::Authjs { &PREFIXES[..] } else { &PREFIXES[..1] };
        self.cookies.iter().flat_map(move |name| prefixes.iter().map(move |prefix| format!("{prefix}{name}")))
    }

    fn read(table: &mut Table<'_>, enabled: bool) -> Self {
        table.require("name", "what logs and metrics call it, for example \"auth-session\"");
        table.require("cookies", "the names of the cookies, for example [\"session_token\"]");
        table.require("format", "what is in them, for example \"session_id\"");
        let format = table.one_of("format", &LegacyFormat::WORDS, LegacyFormat::SessionId);
        let place = Place(table.place("name"));
        let carrier = Self {
            name: table.text("name", LABEL, label).unwrap_or_default(),
            cookies: table.list("cookies", COOKIE, token).unwrap_or_default(),
            format,
            key: key(table, format, enabled),
            key_from: key_from(table, format),
            pointers: pointers(table),
            place,
        };
        table.finish();
        carrier.check(table);
        carrier
    }

    fn check(&self, table: &mut Table<'_>) {
        if !table.good(&["format"]) {
            return;
        }
        if table.good(&["cookies"]) && !(1..=MOST).contains(&self.cookies.len()) {
            let reason = format!("names {} cookies: from 1 to {MOST}", self.cookies.len());
            table.contradiction("cookies", reason, "for example [\"session_token\"]");
        }
        let format = self.format.as_str();
        let needless = |keys: &[&'static str], has: bool| keys.iter().copied().find(|key| !has && table.has(key));
        let key = needless(&["key", "key_from", "salt", "iterations", "info"], self.format.has_key());
        let json = needless(&["session_id", "access_token", "opaque", "expires"], self.format.has_json());
        if let Some(key) = key {
            table.contradiction(key, format!("has no effect with format = \"{format}\""), "it is not encrypted");
        }
        if let Some(key) = json {
            table.contradiction(key, format!("has no effect with format = \"{format}\""), "there is no JSON in it");
        }
        self.check_key(table);
    }

    fn check_key(&self, table: &mut Table<'_>) {
        if !self.format.has_key() || !table.good(&["key", "key_from"]) {
            return;
        }
        let word = self.key_from.as_str();
        let takes = |key: &str| match self.key_from {
            KeyFrom::Pbkdf2 { .. } => matches!(key, "salt" | "iterations"),
            KeyFrom::Hkdf { .. } => matches!(key, "salt" | "info"),
            KeyFrom::Authjs => false,
            KeyFrom::Bytes | KeyFrom::Sha256 => false,
        };
        if let Some(key) = ["salt", "iterations", "info"].into_iter().find(|key| table.has(key) && !takes(key)) {
            let hint = "`salt` and `iterations` are for \"pbkdf2\", `salt` and `info` for \"hkdf\"";
            table.contradiction(key, format!("has no effect with key_from = \"{word}\""), hint);
        }
        let bytes = self.key.as_ref().map(|key| key.expose()).filter(|_| self.key_from == KeyFrom::Bytes);
        let fits = |key: &str| key.len() == 32 || key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
        if bytes.is_some_and(|key| !fits(key)) {
            let hint = "key_from = \"sha256\" makes 32 bytes of any secret";
            table.contradiction("key", "is not 32 characters, or 64 hexadecimal digits", hint);
        }
    }
}

impl KeyFrom {
    /// As in `gateway.toml`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Sha256 => "sha256",
            Self::Pbkdf2 { .. } => "pbkdf2",
            Self::Hkdf { .. } => "hkdf",
            Self::Authjs => "authjs",
        }
    }
}

/// A secret that need not be there as long as nothing is decoded. However short: it was chosen long ago, and what it
/// decrypts is judged by the backend all the same.
fn key(table: &mut Table<'_>, format: LegacyFormat, enabled: bool) -> Option<Secret> {
    if !enabled {
        return table.text("key", "\"${NAME}\" or \"file:PATH\"", |_| Ok(())).and(None);
    }
    if format.has_key() {
        table.require("key", "what the application encrypts with, for example \"${SESSION_ENCRYPTION_KEY}\"");
    }
    table.secret_of_any_length("key")
}

fn key_from(table: &mut Table<'_>, format: LegacyFormat) -> KeyFrom {
    let usual = match format {
        LegacyFormat::Aes256Gcm => "pbkdf2",
        LegacyFormat::Jwe => "hkdf",
        LegacyFormat::Authjs => "authjs",
        _ => "sha256",
    };
    let words = ["bytes", "sha256", "pbkdf2", "hkdf", "authjs"].map(|word| (word, word));
    // For Auth.js there is but one way.
    let words = if format == LegacyFormat::Authjs { &words[4..] } else { &words[..4] };
    let salt = table.text("salt", TEXT, text);
    let info = table.text("info", TEXT, text);
    let iterations = table.number("iterations", 100_000, 1..=10_000_000);
    match table.one_of("key_from", words, usual) {
        "bytes" => KeyFrom::Bytes,
        "pbkdf2" => KeyFrom::Pbkdf2 { salt: salt.unwrap_or_else(|| "dott-session-salt".into()), iterations },
        "hkdf" => KeyFrom::Hkdf { salt: salt.unwrap_or_default(), info: info.unwrap_or_else(|| "JWE CEK".into()) },
        "authjs" => KeyFrom::Authjs,
        _ => KeyFrom::Sha256,
    }
}

fn pointers(table: &mut Table<'_>) -> JsonPointers {
    let default = JsonPointers::default();
    let mut list = |key, default| table.list(key, POINTER, |text| pointer(text, POINTER)).unwrap_or(default);
    JsonPointers {
        session_id: list("session_id", default.session_id),
        access_token: list("access_token", default.access_token),
        opaque: list("opaque", default.opaque),
        expires: list("expires", default.expires),
    }
}

fn pointer(text: &str, what: &str) -> Result<String, Problem> {
    crate::config::backend::pointer(text, what)
}

fn label(text: &str) -> Result<String, Problem> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    if text.is_empty() || text.len() > 40 || !text.bytes().all(good) {
        return Err(Problem::expected_text(LABEL, text).hint("letters, digits, `-` and `_`, up to 40"));
    }
    Ok(text.to_owned())
}

fn text(text: &str) -> Result<String, Problem> {
    Ok(text.to_owned())
}
