//! What an application encrypts is read, and nothing else is.

use proptest::prelude::*;
use serde_json::json;
use sidgate::config::{JsonPointers, KeyFrom, LegacyFormat};
use sidgate::legacy::{Verdict, Why};

use super::{SECRET, UUID, carrier, carriers, encode, proof, read, verdict};

const GCM_HEADER: &str = r#"{"alg":"dir","enc":"A256GCM"}"#;
const CBC_HEADER: &str = r#"{"alg":"dir","enc":"A256CBC-HS512","kid":"x"}"#;

fn session() -> Vec<u8> {
    json!({"user": {"sub": "alice", "tenantId": "t"}, "sessionToken": UUID, "expiresAt": 4_102_444_800_000_i64})
        .to_string()
        .into_bytes()
}

/// A format with its usual key, and how it is written.
type Written = (LegacyFormat, Option<(&'static str, KeyFrom)>, Box<dyn Fn(&[u8]) -> String>);

fn formats() -> Vec<Written> {
    let salt = "dott-session-salt";
    let pbkdf2 = KeyFrom::Pbkdf2 { salt: salt.into(), iterations: 1000 };
    let hkdf = KeyFrom::Hkdf { salt: String::new(), info: "JWE CEK".into() };
    let mut gcm_key = [0; 32];
    let rounds = std::num::NonZeroU32::new(1000).unwrap();
    let algorithm = aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256;
    aws_lc_rs::pbkdf2::derive(algorithm, rounds, salt.as_bytes(), SECRET.as_bytes(), &mut gcm_key);
    vec![
        (LegacyFormat::Base64Json, None, Box::new(encode::base64_json)),
        (
            LegacyFormat::Aes256Cbc,
            Some((SECRET, KeyFrom::Sha256)),
            Box::new(|plain| encode::cbc(&encode::sha256(SECRET), [7; 16], plain)),
        ),
        (LegacyFormat::Aes256Gcm, Some((SECRET, pbkdf2)), Box::new(move |plain| encode::gcm(&gcm_key, [7; 12], plain))),
        (
            LegacyFormat::Jwe,
            Some((SECRET, hkdf)),
            Box::new(|plain| encode::jwe(&encode::hkdf::<32>(SECRET, "", "JWE CEK"), GCM_HEADER, [7; 12], plain)),
        ),
        (
            LegacyFormat::Authjs,
            Some((SECRET, KeyFrom::Authjs)),
            Box::new(|plain| encode::jwe_cbc(&authjs_key("c"), CBC_HEADER, [7; 16], plain)),
        ),
    ]
}

fn authjs_key(cookie: &str) -> [u8; 64] {
    encode::hkdf(SECRET, cookie, &format!("Auth.js Generated Encryption Key ({cookie})"))
}

/// `authjs` looks for names with a prefix too; here there is one cookie.
fn one(format: LegacyFormat, key: Option<(&str, KeyFrom)>, value: &str) -> Verdict {
    let claims = read(&carriers(vec![carrier("x", "c", format, key)]), &format!("c={value}"));
    claims.candidates.first().unwrap().verdict.clone()
}

#[test]
fn every_format_is_read_raw_encoded_quoted_and_in_chunks() {
    for (format, key, write) in formats() {
        let value = write(&session());
        let encoded = encode::percent(&value);
        let all = carriers(vec![carrier("x", "c", format, key)]);
        let (half, rest) = value.split_at(value.len() / 2);
        let (coded, left) = encoded.split_at(encoded.find('%').map_or(9, |at| at + 1));
        for line in [
            format!("c={value}"),
            format!("c={encoded}"),
            format!("c=\"{value}\""),
            format!("c.1={rest}; c.0={half}"),
            format!("c__0={half}; c__1={rest}"),
            // Cut in the middle of `%2B`.
            format!("c.0={coded}; c.1={left}"),
        ] {
            let claims = read(&all, &line);
            let proofs = claims.proofs();
            assert_eq!(proofs.len(), 1, "{format:?} {line}: {claims:?}");
            assert_eq!((proofs[0].1.kind.as_str(), proofs[0].1.value.expose()), ("session_id", UUID));
            assert_eq!(proofs[0].0.cookie, "c");
        }
    }
}

#[test]
fn another_key_reads_nothing() {
    for (format, key, write) in formats().into_iter().filter(|(_, key, _)| key.is_some()) {
        let key = key.map(|(_, from)| ("another secret of another application", from));
        let verdict = one(format, key, &write(&session()));
        // Padding that is good by chance leaves noise, which is no JSON.
        assert!(matches!(verdict, Verdict::Rejected(Why::Undecryptable | Why::NotJson)), "{format:?} {verdict:?}");
    }
}

#[test]
fn authjs_is_read_under_each_of_its_names_and_with_each_of_its_keys() {
    let names = ["authjs.session-token", "__Secure-authjs.session-token", "__Host-authjs.session-token"];
    let carrier = carrier("authjs", names[0], LegacyFormat::Authjs, Some((SECRET, KeyFrom::Authjs)));
    let all = carriers(vec![carrier]);
    for name in names {
        let key = authjs_key(name);
        for value in [
            encode::jwe_cbc(&key, CBC_HEADER, [1; 16], &session()),
            encode::jwe(&key[..32], GCM_HEADER, [1; 12], &session()),
            encode::jwe(
                &encode::hkdf::<32>(SECRET, "", "NextAuth.js Generated Encryption Key"),
                GCM_HEADER,
                [1; 12],
                &session(),
            ),
        ] {
            let (half, rest) = value.split_at(40);
            for line in [format!("{name}={value}"), format!("{name}.0={half}; {name}.1={rest}")] {
                let claims = read(&all, &line);
                assert_eq!(claims.proofs().len(), 1, "{line}");
                assert_eq!(claims.proofs()[0].0.cookie, name);
            }
        }
        // The name is part of the key: one moved to another name is none.
        let moved = encode::jwe_cbc(&authjs_key("other"), CBC_HEADER, [1; 16], &session());
        assert!(read(&all, &format!("{name}={moved}")).proofs().is_empty());
    }
}

/// What the libraries themselves wrote (@auth/core 0.41 and next-auth 4.24), with this secret and these names.
#[test]
fn cookies_of_the_libraries_are_read() {
    let secret = "synthetic-auth-js-secret-for-tests";
    let mut one = carrier("authjs", "authjs.session-token", LegacyFormat::Authjs, Some((secret, KeyFrom::Authjs)));
    one.cookies.push("next-auth.session-token".into());
    let all = carriers(vec![one]);
    for (name, value) in [("__Secure-authjs.session-token", AUTHJS), ("next-auth.session-token", NEXTAUTH)] {
        let claims = read(&all, &format!("{name}={value}"));
        assert_eq!(claims.proofs().first().map(|(_, proof)| proof.value.expose()), Some(UUID), "{name}");
    }
}

const AUTHJS: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoienkwTmMzbU9oTU5hRDBYR3FFazRMUklfMi13VDdf\
     aEduOGh6OHBQV2wwZFRlSlIxcVloQWpoRVRHaXpuNjNQREs5OGRka2R6RjA5bHR4a2lLY2tuMEEifQ..h3wEAhQm0O59EW_W\
     nACvnQ.z2A9_QCyFqXNNJlyzX5_GbPM0ibjeygLJPQD_Ub6xEaHtbAvA4rVm5a44gottIEl-v8pzwaIqnMuBZY8OOYnRZmCQ\
     tbFHWSuMOecXkx2Ws5-IN7cpZwqd0HohyWdj7HFcuxIoHjdEGJb06Wky3F2WbRRlxI42q-KWs383HvPFSH8M66KbbUtcdGhC\
     4oDCuVfuZgORKzSYMq5hRObpk7Ae4RHwSRy8BGhvqqi7VM1RAg.WFRGXj5nyYtVu4NardvGpixHS7u0zipkFTQcr-yForg";

const NEXTAUTH: &str = "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..Ts3kLOv3cJGKnAiD.FRxSvrs3DxfH6q6RotN9g1eV2ZilNm_TrQ4iVp\
     tEXuddY1n6nBMIPhY-hPe8jNbT45DS0o8s2T4efBoHz_aCiewOHxDudNkuSpzPMpFJ6rCpa7ApkUSqoX0SQyW6jKc7N_zdgK\
     87faDSIIpqNluduQN3k-fWHE7okRyTd9k8Akq57TRKbsLQr57tFeC5xapnN1Uub2e0c6awPmRNT8pJnC1FLg._uCi2Fk1Gur\
     xLLGp3B4R9Q";

#[test]
fn a_jwe_of_another_kind_is_not_tried() {
    let key = encode::hkdf::<32>(SECRET, "", "JWE CEK");
    let from = Some((SECRET, KeyFrom::Hkdf { salt: String::new(), info: "JWE CEK".into() }));
    for header in [
        r#"{"alg":"A256KW","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A128GCM"}"#,
        r#"{"alg":"dir","enc":"A256CBC-HS512"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#,
        r#"{"alg":"none"}"#,
        "{}",
    ] {
        let value = encode::jwe(&key, header, [1; 12], &session());
        assert_eq!(one(LegacyFormat::Jwe, from.clone(), &value), Verdict::Rejected(Why::Algorithm), "{header}");
    }
    let good = encode::jwe(&key, GCM_HEADER, [1; 12], &session());
    for bad in [good.replacen("..", ".AAAA.", 1), good.replace("..", "..="), format!("{good}="), format!("e{good}")] {
        assert_eq!(one(LegacyFormat::Jwe, from.clone(), &bad), Verdict::Rejected(Why::Malformed), "{bad}");
    }
    for other in [format!("{good}.x"), "a.b.c".into(), "....".into()] {
        assert!(proof(&one(LegacyFormat::Jwe, from.clone(), &other)).is_none(), "{other}");
    }
}

/// Format A has no MAC: whoever holds a cookie can change its first block by the IV. What comes out is what would come
/// out of a cookie that they wrote themselves: the proof that stands in it, or none.
#[test]
fn a_bit_flip_of_the_iv_yields_the_proof_inside_or_nothing() {
    let key = encode::sha256(SECRET);
    let from = || Some((SECRET, KeyFrom::Sha256));
    let plain = session();
    let mut yielded = 0;
    for bit in 0..128 {
        let mut iv = [7; 16];
        iv[bit / 8] ^= 1 << (bit % 8);
        let (_, text) =
            encode::cbc(&key, [7; 16], &plain).split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        use base64::Engine as _;
        let flipped = format!("{}:{text}", base64::engine::general_purpose::STANDARD.encode(iv));
        if let Some(found) = proof(&verdict(LegacyFormat::Aes256Cbc, from(), &flipped)) {
            assert_eq!(found, ("session_id", UUID));
            yielded += 1;
        }
    }
    assert!(yielded < 128, "most flips break the JSON");
    // A first block that holds the proof can be made to hold another: as good as forged, which anybody can do in format
    // B, and the backend knows whether there is such a session.
    let pointers = JsonPointers { session_id: vec!["/s".into()], ..JsonPointers::default() };
    let mut short = carrier("x", "c", LegacyFormat::Aes256Cbc, from());
    short.pointers = pointers;
    let json = format!(r#"{{"s":"{UUID}"}}"#);
    let mut iv = [7; 16];
    // `5` becomes `4`.
    iv[6] ^= 1;
    let value = encode::cbc(&key, [7; 16], json.as_bytes());
    use base64::Engine as _;
    let iv = base64::engine::general_purpose::STANDARD.encode(iv);
    let value = format!("{iv}:{}", value.split_once(':').unwrap().1);
    let claims = read(&carriers(vec![short]), &format!("c={value}"));
    assert_eq!(claims.proofs()[0].1.value.expose(), UUID.replacen('5', "4", 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A token of the backend's own comes out as it went in, and one changed byte of what is authenticated nothing.
    #[test]
    fn what_is_sealed_comes_out_as_it_went_in(token in "[!-~]{1,200}", iv: [u8; 12], at: prop::sample::Index, bit in 0..6_u32) {
        let plain = json!({"t": token}).to_string();
        let pointers = JsonPointers { opaque: vec!["/t".into()], ..JsonPointers::default() };
        let read_one = |format, value: &str| {
            let mut one = carrier("x", "c", format, Some((SECRET, KeyFrom::Sha256)));
            one.pointers = pointers.clone();
            read(&carriers(vec![one]), &format!("c={}", encode::percent(value)))
        };
        let key = encode::sha256(SECRET);
        for (format, value) in [
            (LegacyFormat::Aes256Gcm, encode::gcm(&key, iv, plain.as_bytes())),
            (LegacyFormat::Jwe, encode::jwe(&key, GCM_HEADER, iv, plain.as_bytes())),
            (LegacyFormat::Aes256Cbc, encode::cbc(&key, [3; 16], plain.as_bytes())),
            (LegacyFormat::Base64Json, encode::base64_json(plain.as_bytes())),
        ] {
            let claims = read_one(format, &value);
            if token != "null" && token != "undefined" {
                prop_assert_eq!(claims.proofs().first().map(|(_, p)| p.value.expose()), Some(token.as_str()));
            }
            if matches!(format, LegacyFormat::Aes256Gcm | LegacyFormat::Jwe) {
                let mut changed = value.into_bytes();
                let at = at.index(changed.len());
                let was = changed[at];
                changed[at] = was ^ (1 << bit);
                let changed = String::from_utf8_lossy(&changed).into_owned();
                let claims = read_one(format, &changed);
                // The unused bits of the last digit before the padding are no change.
                let unused = format == LegacyFormat::Aes256Gcm && claims.proofs().len() == 1 && at + 4 >= changed.len();
                // `+` and `-`, `/` and `_` are the same digit in two alphabets, which do not mix.
                prop_assert!(claims.proofs().is_empty() || unused, "{} {}", at, changed);
            }
        }
    }
}
