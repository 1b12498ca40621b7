//! What each target does with any bytes. The ordinary tests replay the corpus through the same code.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use sidgate::config::{self, JsonPointers, KeyFrom, LegacyCarrier, LegacyFormat, Place, Secret};
use sidgate::legacy::{Carriers, Claims, Jar, MAX_PROOFS, Verdict};

use crate::encode;

/// Every target.
pub(crate) const TARGETS: [&str; 9] =
    ["jar", "session_id", "access_token", "opaque", "base64_json", "aes_256_cbc", "aes_256_gcm", "jwe", "authjs"];

const SECRET: &str = "a secret of the fuzz targets, known to everybody";
const COOKIE_NAME: &str = "c";
const GCM: &str = r#"{"alg":"dir","enc":"A256GCM"}"#;
const CBC: &str = r#"{"alg":"dir","enc":"A256CBC-HS512"}"#;

/// Gives the bytes to a target. The formats that are encrypted get them twice: as what a stranger sends, and as what
/// stands in a cookie that the application could have written, which no fuzzer comes to by itself.
///
/// # Panics
/// When a promise does not hold: that is what it is for.
pub(crate) fn run(target: &str, data: &[u8]) {
    if target == "jar" {
        return jar(data);
    }
    let format = format(target);
    let carriers = &ALONE.iter().find(|(f, _)| *f == format).expect("each has its own").1;
    check(&carriers.read(&Jar::single(COOKIE_NAME, data), now()));
    if let Some(sealed) = sealed(format, data) {
        check(&carriers.read(&Jar::single(COOKIE_NAME, sealed.as_bytes()), now()));
        check(&carriers.read(&Jar::single(COOKIE_NAME, encode::percent(&sealed).as_bytes()), now()));
    }
}

/// A whole header, in as many lines as it has, for all carriers at once.
fn jar(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|b| *b == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    let jar = Jar::of(&headers);
    let claims = TOGETHER.read(&jar, now());
    check(&claims);
    assert!(TOGETHER.any(&jar) || claims.candidates.is_empty(), "only what is there is read");
}

fn check(claims: &Claims) {
    let proofs = claims.proofs();
    assert!(proofs.len() <= MAX_PROOFS, "at most three");
    for (candidate, proof) in proofs {
        let value = proof.value.expose();
        assert!(!value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic()), "a proof fits into a header");
        assert!(!["backend_session", "session-token", "session-v2-active"].contains(&value), "no sentinel");
        assert_eq!(candidate.verdict.as_str(), proof.kind.as_str());
        match proof.kind.as_str() {
            "session_id" => assert!(value.len() == 36 && value.to_lowercase() == value, "one spelling"),
            "access_token" => assert_eq!(value.split('.').count(), 3, "a JWT"),
            _ => {}
        }
        assert!(value.len() < 16 || !format!("{claims:?}").contains(value), "it is not printed");
    }
    for candidate in &claims.candidates {
        assert_eq!(candidate.verdict.why().is_none(), matches!(candidate.verdict, Verdict::Proof(_)));
    }
}

fn sealed(format: LegacyFormat, plain: &[u8]) -> Option<String> {
    let key = encode::sha256(SECRET);
    let authjs = || encode::hkdf::<64>(SECRET, COOKIE_NAME, "Auth.js Generated Encryption Key (c)");
    Some(match format {
        LegacyFormat::Base64Json => encode::base64_json(plain),
        LegacyFormat::Aes256Cbc => encode::cbc(&key, [1; 16], plain),
        LegacyFormat::Aes256Gcm => encode::gcm(&pbkdf2(), [1; 12], plain),
        LegacyFormat::Jwe => encode::jwe(&encode::hkdf::<32>(SECRET, "", "JWE CEK"), GCM, [1; 12], plain),
        // Both of its encryptions, by the length.
        LegacyFormat::Authjs if plain.len().is_multiple_of(2) => encode::jwe(&authjs()[..32], GCM, [1; 12], plain),
        LegacyFormat::Authjs => encode::jwe_cbc(&authjs(), CBC, [1; 16], plain),
        LegacyFormat::SessionId | LegacyFormat::AccessToken | LegacyFormat::Opaque => return None,
    })
}

fn pbkdf2() -> [u8; 32] {
    let mut key = [0; 32];
    let algorithm = aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256;
    aws_lc_rs::pbkdf2::derive(algorithm, NonZeroU32::MIN, b"salt", SECRET.as_bytes(), &mut key);
    key
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time")
}

static ALONE: LazyLock<Vec<(LegacyFormat, Carriers)>> =
    LazyLock::new(|| TARGETS[1..].iter().map(|name| (format(name), carriers(vec![carrier(name)]))).collect());

static TOGETHER: LazyLock<Carriers> =
    LazyLock::new(|| carriers(TARGETS[1..].iter().map(|name| carrier(name)).collect()));

fn carriers(all: Vec<LegacyCarrier>) -> Carriers {
    Carriers::new(&config::Legacy { enabled: true, carriers: all, ..config::Legacy::default() })
}

fn carrier(name: &str) -> LegacyCarrier {
    let format = format(name);
    LegacyCarrier {
        name: name.into(),
        cookies: vec![COOKIE_NAME.into(), format!("{COOKIE_NAME}.session")],
        format,
        key: Some(Secret::new(SECRET)),
        key_from: match format {
            LegacyFormat::Aes256Gcm => KeyFrom::Pbkdf2 { salt: "salt".into(), iterations: 1 },
            LegacyFormat::Jwe => KeyFrom::Hkdf { salt: String::new(), info: "JWE CEK".into() },
            LegacyFormat::Authjs => KeyFrom::Authjs,
            _ => KeyFrom::Sha256,
        },
        pointers: JsonPointers { opaque: vec!["/o".into(), "/a/0/b".into()], ..JsonPointers::default() },
        place: Place::default(),
    }
}

fn format(name: &str) -> LegacyFormat {
    match name {
        "session_id" => LegacyFormat::SessionId,
        "access_token" => LegacyFormat::AccessToken,
        "opaque" => LegacyFormat::Opaque,
        "base64_json" => LegacyFormat::Base64Json,
        "aes_256_cbc" => LegacyFormat::Aes256Cbc,
        "aes_256_gcm" => LegacyFormat::Aes256Gcm,
        "jwe" => LegacyFormat::Jwe,
        "authjs" => LegacyFormat::Authjs,
        other => panic!("there is no target {other}"),
    }
}
