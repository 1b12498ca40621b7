//! The cookies of a browser that has not been there since the old days: a session in AES-256-CBC, as the old application
//! encrypted it, and everything else that it left behind.

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Characters of the largest session cookie: browsers drop what is over 4096 bytes, name and attributes included.
pub(crate) const LARGEST: usize = 3800;
/// Characters of one that is as large as it gets.
pub(crate) const NEARLY: std::ops::RangeInclusive<usize> = LARGEST - 40..=LARGEST;

/// What `encodeURIComponent` leaves as it is.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// As Next.js writes a cookie's value.
pub(crate) fn encoded(value: &str) -> String {
    utf8_percent_encode(value, COMPONENT).to_string()
}

/// `base64(iv) ":" base64(ciphertext)`, under SHA-256 of a secret.
pub(crate) fn cbc(secret: &str, session: &Value) -> String {
    cbc_under(digest(&SHA256, secret.as_bytes()).as_ref(), &session.to_string())
}

/// The same under a key of 32 bytes, of any text.
pub(crate) fn cbc_under(key: &[u8], text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let sealed = UnboundCipherKey::new(&AES_256, key)
        .and_then(PaddedBlockEncryptingKey::cbc_pkcs7)
        .and_then(|key| key.encrypt(&mut bytes));
    // Only a key of another length can fail, and that is the caller's slip: an empty cookie shows it.
    match &sealed {
        Ok(DecryptionContext::Iv128(iv)) => {
            let iv: &[u8; 16] = iv.as_ref();
            format!("{}:{}", STANDARD.encode(iv), STANDARD.encode(bytes))
        }
        _ => String::new(),
    }
}

/// What stood in a session cookie: whose it was, what they had, and the backend's id of the session, or none.
pub(crate) fn session(session_id: Option<&str>) -> Value {
    let tenant = "11111111-1111-4111-8111-111111111111";
    json!({
        "user": {
            "sub": "auth0|somebody", "email": "somebody@example.test", "name": "Somebody \u{dc}n\u{ef}code",
            "email_verified": true, "needsOnboarding": true, "needs_onboarding": false,
            "onboardingCompleted": false, "onboarding_completed": true,
            "tenantId": tenant, "tenant_id": tenant, "subscriptionPlan": "free", "subscription_plan": "professional",
        },
        "idToken": "none",
        "sessionToken": session_id,
        "createdAt": 1_750_000_000_000_u64,
        "expiresAt": 4_102_444_800_000_u64,
    })
}

/// Names and values of a full jar: a session cookie of [`LARGEST`] characters, over fifteen others that contradict it and
/// each other, and what must stay.
pub(crate) fn full(secret: &str, session_id: &str) -> Vec<(String, String)> {
    let mut of_session = session(Some(session_id));
    // How many characters of base64 are percent-encoded is chance: filled until it is nearly reached.
    let mut sealed = encoded(&cbc(secret, &of_session));
    let mut filling = 0;
    while !NEARLY.contains(&sealed.len()) {
        filling = (filling + LARGEST * 5 / 7).saturating_sub(sealed.len() * 5 / 7 + 8);
        of_session["user"]["picture"] = json!("p".repeat(filling));
        sealed = encoded(&cbc(secret, &of_session));
    }
    let unprotected =
        json!({ "user": { "email": "somebody@example.test", "needsOnboarding": true }, "currentStep": "plan" });
    let status = json!({ "needsOnboarding": true, "onboardingCompleted": true, "currentStep": "business_info" });
    let mut jar = vec![
        ("theme".to_owned(), "dark".to_owned()),
        ("dott_auth_session".to_owned(), sealed),
        ("appSession".to_owned(), encoded(&STANDARD.encode(unprotected.to_string()))),
        ("onboarding_status".to_owned(), encoded(&status.to_string())),
    ];
    for (name, value) in [
        ("session_pending", "true"),
        ("businessInfoCompleted", "true"),
        ("onboardingStep", "business_info"),
        ("onboardingCompleted", "true"),
        ("onboardedStatus", "NOT_STARTED"),
        ("onboarding_just_completed", "false"),
        ("onboardingInProgress", "true"),
        ("setupCompleted", "false"),
        ("setupProgress", "40"),
        ("subscriptionCompleted", "true"),
        ("subscriptionPlan", "free"),
        ("tenantId", "22222222-2222-4222-8222-222222222222"),
        ("tenant_id", "11111111-1111-4111-8111-111111111111"),
        ("businessName", "Somebody%20Ltd"),
        ("businessType", "Other"),
        ("userRole", "owner"),
        ("userEmail", "somebody%40example.test"),
        ("hasSession", "true"),
        ("i18nextLng", "de"),
        ("csrftoken", "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3"),
    ] {
        jar.push((name.to_owned(), value.to_owned()));
    }
    jar
}

/// The jar as one `Cookie` line.
pub(crate) fn line(jar: &[(String, String)]) -> String {
    let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}
