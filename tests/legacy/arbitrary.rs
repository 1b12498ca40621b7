//! Anything at all: never a panic, and never a proof that does not stand in what was sent.

use std::sync::OnceLock;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use sidgate::config::{KeyFrom, LegacyFormat};
use sidgate::legacy::{Carriers, Jar, MAX_PROOFS};

use super::{SECRET, carrier, carriers, encode, now, read};

/// One carrier of each format, all of the same cookie.
fn everything() -> &'static Carriers {
    static ALL: OnceLock<Carriers> = OnceLock::new();
    ALL.get_or_init(|| {
        let formats = [
            (LegacyFormat::SessionId, KeyFrom::Sha256),
            (LegacyFormat::Aes256Cbc, KeyFrom::Sha256),
            (LegacyFormat::Aes256Gcm, KeyFrom::Pbkdf2 { salt: "salt".into(), iterations: 10 }),
            (LegacyFormat::Jwe, KeyFrom::Hkdf { salt: String::new(), info: "JWE CEK".into() }),
            (LegacyFormat::AccessToken, KeyFrom::Sha256),
            (LegacyFormat::Base64Json, KeyFrom::Sha256),
            (LegacyFormat::Authjs, KeyFrom::Authjs),
        ];
        let one = |(format, from): (LegacyFormat, KeyFrom)| carrier(format.as_str(), "c", format, Some((SECRET, from)));
        carriers(formats.map(one).into())
    })
}

proptest! {
    #[test]
    fn any_header_is_read(line in prop::collection::vec(any::<u8>(), 0..3000)) {
        if let Ok(value) = HeaderValue::from_bytes(&line) {
            let headers = HeaderMap::from_iter([(COOKIE, value)]);
            let jar = Jar::of(&headers);
            prop_assert!(everything().read(&jar, now()).proofs().len() <= MAX_PROOFS);
            prop_assert_eq!(jar.names().count(), jar.len());
            everything().any(&jar);
        }
    }

    #[test]
    fn any_value_is_read(value in prop::collection::vec(any::<u8>(), 0..3000)) {
        everything().read(&Jar::single("c", &value), now());
    }

    #[test]
    fn anything_that_looks_like_a_cookie_is_read(line in "(c|c\\.[0-9]|c__[0-9]|__Secure-c)=[A-Za-z0-9+/=:%._-]{0,60}(; ?c[._0-9]{0,3}=[e%:.A-Z=]{0,30}){0,9}") {
        read(everything(), &line);
    }

    #[test]
    fn anything_in_a_sealed_cookie_is_read(plain in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = encode::sha256(SECRET);
        let claims = read(everything(), &format!("c={}", encode::cbc(&key, [9; 16], &plain)));
        prop_assert!(claims.proofs().is_empty());
        read(everything(), &format!("c={}", encode::base64_json(&plain)));
    }

    #[test]
    fn any_json_in_a_cookie_is_read(json in "\\{(\"(sessionToken|accessToken|exp|expiresAt|tokenSet)\":(null|true|-?[0-9]{1,20}(\\.[0-9]{1,5})?(e[0-9]{1,3})?|\"[a-z0-9.-]{0,40}\"|\\[\\]|\\{\"accessToken\":\"x\"\\}),?){0,4}\\}") {
        read(everything(), &format!("c={}", encode::base64_json(json.as_bytes())));
    }
}

/// Sizes are bounded before anything is decoded: a header full of cookies costs what reading it costs.
#[test]
fn a_jar_of_any_size_is_bounded() {
    let many: Vec<String> = (0..5000).map(|i| format!("c={i}")).collect();
    let claims = read(everything(), &many.join("; "));
    // For each carrier and name three values, and that there were more.
    assert_eq!(claims.candidates.len(), 7 * 4);
    let long = format!("c={}", "A".repeat(1_000_000));
    let claims = read(everything(), &long);
    assert!(claims.candidates.iter().all(|c| c.verdict.why().is_some_and(|why| why.as_str() == "too_large")));
    let chunks: Vec<String> = (0..5000).map(|i| format!("c.{i}=A")).collect();
    assert!(read(everything(), &chunks.join("; ")).proofs().is_empty());
    let deep = format!("c={}", encode::base64_json(format!("{{\"a\":{}", "[".repeat(5000)).as_bytes()));
    assert!(read(everything(), &deep).proofs().is_empty());
}
