//! Values as they stand in a header: percent-encoded or raw, quoted or not, and base64 as browsers and libraries write
//! it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;

/// With padding or without, and whatever the last bits are: as Node reads it.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
/// RFC 7515, section 2.
const JOSE: GeneralPurpose = base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The text that the application wrote: without the quotation marks of RFC 6265, and decoded once if it is
/// percent-encoded throughout. Nothing if that is no text.
pub(super) fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = value.strip_prefix(b"\"").and_then(|v| v.strip_suffix(b"\"")).unwrap_or(value);
    if value.contains(&b'%') && is_encoded(value) {
        return percent_decode(value).decode_utf8().ok().map(|text| Cow::Owned(text.into_owned()));
    }
    std::str::from_utf8(value).ok().map(Cow::Borrowed)
}

/// Whether two hex digits follow each `%`.
fn is_encoded(value: &[u8]) -> bool {
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
    let good = |i: usize| digit(value.get(i + 1)) && digit(value.get(i + 2));
    value.iter().enumerate().all(|(i, b)| *b != b'%' || good(i))
}

/// Base64 in either alphabet (RFC 4648), padded or not.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).ok()
}

/// Base64url without padding, and no other spelling.
pub(super) fn base64url(text: &str) -> Option<Vec<u8>> {
    JOSE.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        for (sent, meant) in [
            ("plain", Some("plain")),
            ("a%2Bb%3d", Some("a+b=")),
            ("\"a=b\"", Some("a=b")),
            ("%22a%22", Some("\"a\"")),
            ("100%", Some("100%")),
            ("%zz%41", Some("%zz%41")),
            ("%2541", Some("%41")),
            ("\"", Some("\"")),
            ("", Some("")),
            ("%ff", None),
        ] {
            assert_eq!(text(sent.as_bytes()).as_deref(), meant, "{sent}");
        }
        assert_eq!(text(b"\xff"), None);
    }

    #[test]
    fn base64_is_read_in_every_spelling() {
        for same in ["+/+/AA==", "+/+/AA", "-_-_AA==", "-_-_AA", "-_-_AB"] {
            assert_eq!(base64(same).as_deref(), Some(&[0xfb, 0xff, 0xbf, 0][..]), "{same}");
        }
        for bad in ["+/-_", "a", "a b=", "ä", "a===="] {
            assert_eq!(base64(bad), None, "{bad}");
        }
        assert_eq!(base64url("-_8"), Some(vec![0xfb, 0xff]));
        for bad in ["-_8=", "+/8", "-_9"] {
            assert_eq!(base64url(bad), None, "{bad}");
        }
    }
}
