//! The name of an authority, out of its certificate. Only what this program and `certs/dev.sh` write is read: an
//! organisation and a common name in UTF-8 or plain ASCII.

use rcgen::{DistinguishedName, DnType, DnValue};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT: u8 = 0x06;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;

/// Reads the inside of a `Name` (RFC 5280 section 4.1.2.4). `None` for any other form.
pub(super) fn read(mut name: &[u8]) -> Option<DistinguishedName> {
    let mut out = DistinguishedName::new();
    while !name.is_empty() {
        let (set, rest) = inside(name, SET)?;
        let (pair, more) = inside(set, SEQUENCE)?;
        let (kind, text) = inside(pair, OBJECT)?;
        let kind = match kind {
            [0x55, 4, 3] => DnType::CommonName,
            [0x55, 4, 10] => DnType::OrganizationName,
            _ => return None,
        };
        // The issuer of a certificate is compared byte by byte with this, so the text keeps its kind.
        let value = match *text.first()? {
            UTF8 => DnValue::Utf8String(string(text, UTF8)?),
            PRINTABLE => DnValue::PrintableString(string(text, PRINTABLE)?.try_into().ok()?),
            _ => return None,
        };
        if !more.is_empty() {
            return None;
        }
        out.push(kind, value);
        name = rest;
    }
    Some(out)
}

fn string(input: &[u8], tag: u8) -> Option<String> {
    let (text, []) = inside(input, tag)? else { return None };
    String::from_utf8(text.to_vec()).ok()
}

/// The inside of the first element, and what follows it. Lengths from 128 on have a form that no name needs here.
fn inside(input: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, length, rest @ ..] = input else { return None };
    (*found == tag && *length < 128).then(|| rest.split_at_checked(usize::from(*length)))?
}
