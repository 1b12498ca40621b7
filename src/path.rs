//! The one canonical path: what rules see and what goes upstream.
//!
//! A gateway is bypassed where it reads a path differently from the application behind it. So a path is brought into
//! one spelling before anything looks at it, and that spelling is what is forwarded. What cannot be read in one way
//! only is refused: dot segments (browsers resolve them themselves, RFC 3986 section 5.2.4, so nobody honest sends
//! one), encoded separators, backslashes, NUL and controls, overlong or broken UTF-8, path parameters (`;`), and
//! segments that end in a dot or a space (some servers drop those).
//!
//! Next.js knows a page under further addresses (`/x.rsc`, `/x.segments/..`, `/_next/data/<build>/x.json`);
//! [`page_of`] gives the page such an address belongs to, so that it falls under the page's own rule as well;
//! [`image_of`] the same for the picture that the image optimizer is asked for.

mod image;
mod page;

use std::borrow::Cow;
use std::fmt;

use crate::config::{Paths, is_plain};
pub use image::image_of;
pub use page::page_of;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathFault {
    /// Does not begin with `/` (`*`, or an authority).
    NotAbsolute,
    /// `.` or `..`, in any spelling, or a segment that ends in a dot or a space.
    DotSegment,
    /// An encoded `/`, `\`, NUL, control character, or one of `% ? # ;` that `allow_encoded` does not list.
    Encoded,
    /// A `%` without two hex digits.
    BadEscape,
    /// Not UTF-8 after decoding.
    NotUtf8,
    /// `\`, `;` or a control character as it stands, or what ends a path: `?`, `#`.
    Character,
    /// One Next.js spelling inside another.
    NestedSpelling,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "the path does not begin with a slash",
            Self::DotSegment => "the path has a segment that is or ends in a dot or a space",
            Self::Encoded => "the path has an encoded character that may not be encoded",
            Self::BadEscape => "the path has a % without two hex digits",
            Self::NotUtf8 => "the path is not UTF-8",
            Self::Character => "the path has a backslash, a semicolon or a control character",
            Self::NestedSpelling => "the path is a page's data address inside another",
        })
    }
}

/// Brings a path (without query) into its canonical spelling.
///
/// Empty segments are merged (`//x` is `/x`), what may stand for itself is decoded (`/%73` is `/s`, `/%40` is `/@`), other
/// escapes are written in upper case, and characters that may not stand for themselves are encoded. A path that is canonical
/// already is borrowed.
///
/// # Errors
/// A [`PathFault`] for what cannot be read in one way only.
pub fn canonical<'a>(raw: &'a str, rules: &Paths) -> Result<Cow<'a, str>, PathFault> {
    if !raw.starts_with('/') {
        return Err(PathFault::NotAbsolute);
    }
    if is_canonical(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    let text = respell(raw.as_bytes(), rules)?;
    for segment in text.split('/') {
        if segment.ends_with('.') || segment.ends_with("%20") {
            return Err(PathFault::DotSegment);
        }
    }
    check_utf8(&text)?;
    Ok(Cow::Owned(text))
}

/// One pass over the common case: plain characters, no empty segment, no segment that ends in a dot.
fn is_canonical(path: &[u8]) -> bool {
    let mut previous = 0;
    for &b in path {
        if !PLAIN[usize::from(b)] || (b == b'/' && matches!(previous, b'/' | b'.')) {
            return false;
        }
        previous = b;
    }
    previous != b'.'
}

/// What stands for itself, and `/`.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = is_plain(byte) || byte == b'/';
        byte += 1;
    }
    table
};

fn respell(raw: &[u8], rules: &Paths) -> Result<String, PathFault> {
    let mut out = String::with_capacity(raw.len() + 8);
    let mut i = 0;
    while i < raw.len() {
        let b = raw[i];
        i += 1;
        match b {
            b'/' if out.ends_with('/') => {}
            b'\\' | b';' | b'?' | b'#' | 0..=0x1f | 0x7f => {
                if b != b';' || !rules.allow_encoded.contains(&';') {
                    return Err(PathFault::Character);
                }
                out.push(';');
            }
            b'%' => {
                let decoded = escape(raw, i).ok_or(PathFault::BadEscape)?;
                i += 2;
                push_decoded(&mut out, decoded, rules)?;
            }
            _ if PLAIN[usize::from(b)] => out.push(char::from(b)),
            _ => push_escape(&mut out, b),
        }
    }
    Ok(out)
}

fn escape(raw: &[u8], at: usize) -> Option<u8> {
    let high = char::from(*raw.get(at)?).to_digit(16)?;
    let low = char::from(*raw.get(at + 1)?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}

fn push_decoded(out: &mut String, decoded: u8, rules: &Paths) -> Result<(), PathFault> {
    match decoded {
        b'/' | b'\\' | 0..=0x1f | 0x7f => return Err(PathFault::Encoded),
        b'%' | b'?' | b'#' | b';' if !rules.allow_encoded.contains(&char::from(decoded)) => {
            return Err(PathFault::Encoded);
        }
        // `/%40admin` is `/@admin` to an application that decodes, so it is to the rules.
        _ if is_plain(decoded) => out.push(char::from(decoded)),
        _ => push_escape(out, decoded),
    }
    Ok(())
}

fn push_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Overlong forms, surrogates and stray bytes are not UTF-8 (RFC 3629 section 3).
fn check_utf8(text: &str) -> Result<(), PathFault> {
    if !text.contains('%') {
        return Ok(());
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| PathFault::NotUtf8)?;
    // C1 controls and the like come only through UTF-8, so they are looked for here.
    if decoded.chars().any(char::is_control) { Err(PathFault::Encoded) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
