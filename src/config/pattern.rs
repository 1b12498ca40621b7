//! Patterns of paths and hosts: `/{tenant}/dashboard/{*rest}`, `{tenant}.example.com`.
//!
//! A segment is a literal, one parameter, or (last only) the rest. No parts of segments and no regular expressions:
//! which of two patterns is the more specific stays obvious to a person, and matching stays linear.

/// One segment of a path, or one label of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text, in canonical spelling.
    Literal(String),
    /// One segment, any text but the empty one.
    Parameter(String),
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
        self.segments.iter().any(|s| matches!(s, Segment::Parameter(n) if n == name))
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
        return Ok(Segment::Parameter(name(inner, part)?));
    }
    if part.is_empty() {
        return Err("the pattern has an empty segment (`//`, or a `/` at its end)".into());
    }
    if part.contains(['{', '}', '*']) {
        return Err(format!(
            "`{part}` mixes text and a parameter; a segment is either, such as `{{name}}` or `{{*rest}}`"
        ));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()+,=:@".contains(&b);
    if !part.bytes().all(plain) || part == "." || part == ".." {
        return Err(format!(
            "`{part}` cannot match: write it as requests arrive after normalisation (letters, digits and -._~!$&'()+,=:@)"
        ));
    }
    Ok(Segment::Literal(part.to_owned()))
}

fn name(text: &str, part: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good { Ok(text.to_owned()) } else { Err(format!("`{part}`: a parameter's name is letters, digits and `_`")) }
}

fn distinct(segments: &[Segment]) -> Result<(), String> {
    let mut names: Vec<&str> = Vec::new();
    for s in segments {
        if let Segment::Parameter(n) | Segment::Rest(n) = s {
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
        if text.contains('/') || text.contains(':') && !text.starts_with('[') {
            return Err("a host pattern has neither scheme, port nor path".into());
        }
        if text.starts_with('[') {
            return Ok(Self { labels: vec![Segment::Literal(text.to_ascii_lowercase())] });
        }
        let mut labels = Vec::new();
        for part in text.split('.') {
            labels.push(match segment(part, false)? {
                Segment::Literal(l) => {
                    if !l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                        return Err(format!("`{l}` is no label of a host name"));
                    }
                    Segment::Literal(l.to_ascii_lowercase())
                }
                other => other,
            });
        }
        distinct(&labels)?;
        Ok(Self { labels })
    }

    /// Whether the pattern has a parameter of this name.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.labels.iter().any(|s| matches!(s, Segment::Parameter(n) if n == name))
    }
}
