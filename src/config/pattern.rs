//! Patterns of paths and hosts: `/{tenant}/dashboard/{*rest}`, `/{tenant:uuid}/{*rest}`, `{tenant}.example.com`.
//!
//! A segment is a literal, one parameter (of a path: any text, or a UUID), or (last only) the rest. No parts of segments and no regular expressions:
//! which of two patterns is the more specific stays obvious to a person, and matching stays linear.

use std::net::Ipv6Addr;

/// One segment of a path, or one label of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, in canonical spelling.
    Literal(String),
    /// One segment, any text but the empty one.
    Parameter(String),
    /// One segment of a path that is a UUID in its usual spelling, in upper or lower case.
    Uuid(String),
    /// All further segments, none included.
    Rest(String),
}

/// A path pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    /// In order; empty for `/`.
    pub segments: Vec<Segment>,
}

impl PathPattern {
    /// `/{*name}`
    pub(crate) fn rest(name: &str) -> Self {
        Self { segments: vec![Segment::Rest(name.to_owned())] }
    }

    /// Reads a pattern as written in `gateway.toml`. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(inner) = text.strip_prefix('/') else {
            return Err("a path pattern begins with `/`".into());
        };
        let mut segments = Vec::new();
        if !inner.is_empty() {
            let parts: Vec<&str> = inner.split('/').collect();
            let last = parts.len() - 1;
            for (i, part) in parts.iter().enumerate() {
                segments.push(segment(part, i == last)?);
            }
        }
        distinct(&segments)?;
        Ok(Self { segments })
    }

    /// Whether the pattern has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.segments.iter().any(|s| matches!(s, Segment::Parameter(n) | Segment::Uuid(n) if n == name))
    }
}

fn segment(part: &str, last: bool) -> Result<Segment, String> {
    if let Some(inner) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        if let Some(rest) = inner.strip_prefix('*') {
            if !last {
                return Err(format!("`{part}` takes the rest of the path, so it can only stand last"));
            }
            return Ok(Segment::Rest(name(rest, part)?));
        }
        return match inner.split_once(':') {
            None => Ok(Segment::Parameter(name(inner, part)?)),
            Some((inner, "uuid")) => Ok(Segment::Uuid(name(inner, part)?)),
            Some((inner, kind)) => Err(format!(
                "`{part}`: there is no kind of parameter `{kind}`; it is `{{{inner}}}` or `{{{inner}:uuid}}`"
            )),
        };
    }
    if part.is_empty() {
        return Err("the pattern has an empty segment (`//`, or a `/` at its end)".into());
    }
    if part.contains(['{', '}', '*']) {
        return Err(format!(
            "`{part}` mixes text and a parameter; a segment is either, such as `{{name}}` or `{{*rest}}`"
        ));
    }
    Ok(Segment::Literal(canonical(part)?))
}

/// Whether a byte stands for itself in the canonical spelling of a segment: unreserved characters, sub-delims but `;`,
/// `:` and `@` (RFC 3986 section 3.3). All others are percent-encoded, with upper-case hex digits.
pub(crate) const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

/// The one spelling of a segment that requests are compared in.
fn canonical(part: &str) -> Result<String, String> {
    if part.contains(['?', '#', '\\']) {
        return Err(format!("`{part}` has one of `?`, `#`, `\\`, which no path of a request has; encode it"));
    }
    let bytes = decoded(part)?;
    if matches!(bytes.as_slice(), b"." | b"..") {
        return Err(format!("`{part}` cannot match: requests are compared after such segments are resolved"));
    }
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'/' | b'\\' | 0 => {
                return Err(format!("`{part}` cannot match: encoded `/`, `\\` and NUL are refused in requests"));
            }
            b if is_plain(b) => text.push(char::from(b)),
            b => text.push_str(percent_encoding::percent_encode_byte(b)),
        }
    }
    Ok(text)
}

fn decoded(part: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = part.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digit = |i: usize| after.get(i).and_then(|d| char::from(*d).to_digit(16));
        let value = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(value.ok_or_else(|| format!("`{part}`: `%` is followed by two hex digits, or written `%25`"))?);
        rest = &after[2..];
    }
    Ok(bytes)
}

/// Whether a segment is a UUID as RFC 9562 section 4 spells it, of any version.
pub(crate) fn is_uuid(segment: &str) -> bool {
    let good = |(i, b): (usize, u8)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { b.is_ascii_hexdigit() };
    segment.len() == 36 && segment.bytes().enumerate().all(good)
}

fn name(text: &str, part: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good { Ok(text.to_owned()) } else { Err(format!("`{part}`: a parameter's name is letters, digits and `_`")) }
}

fn distinct(segments: &[Segment]) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    for s in segments {
        if let Segment::Parameter(n) | Segment::Uuid(n) | Segment::Rest(n) = s {
            if names.contains(&n.as_str()) {
                return Err(format!("the parameter `{n}` stands twice"));
            }
            names.push(n);
        }
    }
    Ok(())
}

/// A host pattern: labels, leftmost first. A parameter takes exactly one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    /// In order, lower case.
    pub labels: Vec<Segment>,
}

impl HostPattern {
    /// Reads a pattern as written in `gateway.toml`. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(":uuid}") {
            return Err("a label of a host is any text: write `{name}` without `:uuid`".into());
        }
        if text.contains('/') || text.contains(':') && !text.starts_with('[') {
            return Err("a host pattern has neither scheme, port nor path".into());
        }
        if let Some(inner) = text.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|a| a.parse::<Ipv6Addr>().ok());
            let address = address.ok_or_else(|| format!("`{text}` is no IPv6 address"))?;
            return Ok(Self { labels: vec![Segment::Literal(format!("[{address}]"))] });
        }
        let labels = text.split('.').map(label).collect::<Result<Vec<_>, _>>()?;
        distinct(&labels)?;
        Ok(Self { labels })
    }

    /// Whether the pattern has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.labels.iter().any(|s| matches!(s, Segment::Parameter(n) if n == name))
    }
}

fn label(part: &str) -> Result<Segment, String> {
    if part.starts_with("{*") {
        return Err(format!("`{part}`: a parameter takes exactly one label of a host"));
    }
    if let Some(inner) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        return Ok(Segment::Parameter(name(inner, part)?));
    }
    if !part.is_ascii() {
        return Err(format!("`{part}`: write it in its ASCII form (xn--...)"));
    }
    if part.is_empty() || !part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(format!("`{part}` is no label of a host name; a label is either text or one parameter"));
    }
    Ok(Segment::Literal(part.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Result<String, String> {
        PathPattern::parse(&format!("/{text}")).map(|p| match p.segments.as_slice() {
            [Segment::Literal(text)] => text.clone(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn literals_have_one_spelling() {
        for (written, stored) in [
            ("a-b_c.d~e", "a-b_c.d~e"),
            ("é", "%C3%A9"),
            ("%c3%a9", "%C3%A9"),
            ("%41b", "Ab"),
            ("a b", "a%20b"),
            ("a;b", "a%3Bb"),
            ("100%25", "100%25"),
            ("%3f", "%3F"),
            ("%ff", "%FF"),
        ] {
            assert_eq!(literal(written).as_deref(), Ok(stored), "{written}");
        }
        for refused in ["%", "%4", "%zz", "%+1", "%2f", "a%5Cb", "%00", "%2e%2E", "a?b", "a#b", "a\\b", "a{b}", "*"] {
            assert!(literal(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_parameter_may_be_a_uuid() {
        let parsed = PathPattern::parse("/{tenant:uuid}/{*rest}").unwrap();
        assert_eq!(parsed.segments[0], Segment::Uuid("tenant".into()));
        assert!(parsed.has_parameter("tenant"));
        for refused in ["/{tenant:int}", "/{:uuid}", "/{a:uuid}/{a}", "/{*rest:uuid}", "/{a:}"] {
            assert!(PathPattern::parse(refused).is_err(), "{refused}");
        }
        for (text, uuid) in [
            ("0190d6d2-7c2f-7a3b-8c4d-0123456789ab", true),
            ("0190D6D2-7C2F-7A3B-8C4D-0123456789AB", true),
            ("0190d6d27c2f7a3b8c4d0123456789ab", false),
            ("{190d6d2-7c2f-7a3b-8c4d-0123456789a}", false),
            ("0190d6d2-7c2f-7a3b-8c4d-0123456789ag", false),
            ("0190d6d2-7c2f-7a3b-8c4d-0123456789a", false),
            ("", false),
        ] {
            assert_eq!(is_uuid(text), uuid, "{text}");
        }
    }

    #[test]
    fn hosts() {
        assert!(HostPattern::parse("{tenant}.Example.com").is_ok_and(|h| h.has_parameter("tenant")));
        assert!(HostPattern::parse("[::1]").is_ok());
        for refused in
            ["", "a..b", "a.", "https://a", "a:80", "{*rest}.b", "{t:uuid}.c", "a{b}.c", "é.de", "[x]", "{a}.{a}.b"]
        {
            assert!(HostPattern::parse(refused).is_err(), "{refused}");
        }
    }
}
