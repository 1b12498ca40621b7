//! Hides what may be a secret in text that is going to be printed.
//!
//! A configuration that is shown because of its faults may hold a secret as plain text, and that may be the very
//! fault; or the fault is that the key in front of it is misspelt, or the quotation mark behind it missing. So this
//! does not ask the parsed tree, which knows no more than the parser understood, but looks at the text itself, and
//! rather hides too much. Every byte becomes one asterisk, so that places stay true.

use std::ops::Range;

/// Bytes of a dotted key that are looked at, so that no text takes quadratic time.
const LONGEST_KEY: usize = 256;

/// The text with asterisks in place of values of secret keys and of passwords in addresses.
pub(super) fn secrets(text: &str) -> String {
    let mut masked = text.as_bytes().to_vec();
    for range in values(text).into_iter().chain(userinfo(text)) {
        for byte in &mut masked[range] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    // Ranges end at ASCII characters or at the end, so no character is ever cut.
    String::from_utf8(masked).unwrap_or_default()
}

/// Ranges of the values behind keys that sound like secrets, in order.
pub(super) fn values(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut ranges = Vec::new();
    let mut at = 0;
    // Whether what stands here belongs to [[legacy.carrier]], or looks like it.
    let mut carrier = false;
    while at < bytes.len() {
        if bytes[at] == b'[' && (at == 0 || bytes[at - 1] == b'\n') {
            carrier = false;
        }
        let word = at..at + run(&bytes[at..], is_word);
        if word.is_empty() {
            at += 1;
            continue;
        }
        at = word.end;
        let name = &text[word.clone()];
        carrier |= NAMES_CARRIERS.iter().any(|part| name.contains(part));
        if let Some(value) =
            (sensitive(name) || carrier && key_of_carrier(name)).then(|| value_behind(text, word.end)).flatten()
        {
            at = value.end.max(at);
            ranges.push(value);
        }
    }
    ranges
}

/// Our keys that are named after a secret and hold none.
const HOLD_NONE: [&str; 2] = ["access_token_in", "sign_in_token"];

/// Parts of `legacy.carrier`, of which one may be misspelt.
const NAMES_CARRIERS: [&str; 2] = ["legacy", "carrier"];

/// `key` is a secret there, and the path of a file elsewhere.
fn key_of_carrier(word: &str) -> bool {
    !matches!(word, "key_from" | "keep") && word.len() <= 8 && strsim::damerau_levenshtein(word, "key") <= 2
}

fn sensitive(word: &str) -> bool {
    if word.len() > 64 || HOLD_NONE.contains(&word) {
        return false;
    }
    let word = word.to_ascii_lowercase().replace('-', "_");
    ["secret", "passw", "token"].iter().any(|w| word.contains(w))
        // The path of a file, like the `key` of a [[certificate]].
        || word.ends_with("_key") && word != "client_key"
        || strsim::damerau_levenshtein(&word, "gateway_key") <= 3
}

/// The value behind a key that ends at `at`; nothing when none follows, or when it only names where the secret is.
fn value_behind(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = at + usize::from(matches!(bytes.get(at), Some(b'"' | b'\'')));
    if bytes.get(at) == Some(&b'.') {
        at += run(&bytes[at..], |b| is_word(b) || b".\"' \t".contains(&b)).min(LONGEST_KEY);
    }
    at += run(&bytes[at..], is_blank);
    match bytes.get(at)? {
        b'=' | b':' => at += 1,
        b'"' | b'\'' => {}
        _ => return None,
    }
    at += run(&bytes[at..], is_blank);
    let next = at + run(&bytes[at..], |b| b.is_ascii_whitespace());
    if matches!(bytes.get(next), Some(b'"' | b'\'')) {
        at = next;
    }
    let rest = &text[at..];
    let length = if is_reference(rest) { 0 } else { value_length(rest) };
    (length > 0).then_some(at..at + length)
}

fn value_length(rest: &str) -> usize {
    let closed = |open: usize, close: &str| rest[open..].find(close).map_or(rest.len(), |i| open + i + close.len());
    if rest.starts_with("\"\"\"") {
        closed(3, "\"\"\"")
    } else if rest.starts_with("'''") {
        closed(3, "'''")
    } else if rest.starts_with('[') {
        closed(1, "]")
    } else if rest.starts_with('{') {
        closed(1, "}")
    } else {
        rest.find('\n').unwrap_or(rest.len())
    }
}

/// `"${NAME}"` or `"file:PATH"`: says where the secret is, not what.
fn is_reference(rest: &str) -> bool {
    let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return false };
    let Some((inner, _)) = rest[1..].split_once(quote) else { return false };
    let variable = inner.strip_prefix("${").and_then(|i| i.strip_suffix('}'));
    !inner.contains('\n') && (inner.starts_with("file:") || variable.is_some_and(|v| v.bytes().all(is_word)))
}

/// Ranges of `user:password` in `scheme://user:password@host`.
fn userinfo(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (i, scheme_end) in text.match_indices("://") {
        let start = i + scheme_end.len();
        let length = run(&text.as_bytes()[start..], |b| !b.is_ascii_whitespace() && !b"/\"'".contains(&b));
        if let Some(at) = text[start..start + length].rfind('@') {
            ranges.push(start..start + at);
        }
    }
    ranges
}

fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| wanted(**b)).count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::secrets;

    #[test]
    fn hides_values_of_secret_keys_however_they_are_written() {
        for text in [
            "gateway_key = \"hunter2\"",
            "gatewaykey=hunter2",
            "gateway_ky = 'hunter2'",
            "\"gateway_key\" = \"hunter2",
            "gateway_key: \"hunter2\"",
            "gateway_key \"hunter2\"",
            "gateway_key.x = \"hunter2\"",
            "gateway_key =\n  \"hunter2\"",
            "gateway_key = \"\"\"\nhunter2\\q\n\"\"\"",
            "gateway_key = [\n\"hunter2\"]",
            "backend = { gateway_key = \"hunter2\", ttl = 3 }",
            "gateway_key = \"${hunter2 ö\"",
            "url = \"http://me:hunter2@host/\"",
            "[[legacy.carrier]]\nname = \"a\"\nkey = \"hunter2\"",
            "[legacy]\n[[legcy.carrier]]\nkeys = \"hunter2\"",
            "legacy = { carrier = [{ key = \"hunter2\" }] }",
            "[[legacy.carier]]\n[x]\n[[legacy.carrier]]\nkye = 'hunter2'",
        ] {
            let masked = secrets(text);
            assert!(!masked.contains("hunter2"), "{masked}");
            assert_eq!(masked.len(), text.len());
        }
    }

    #[test]
    fn leaves_everything_else() {
        for text in [
            "gateway_key = \"${NAME}\" # from the environment",
            "gateway_key = \"file:secrets/key\"",
            "key = \"certs/dev.key\"",
            "[[legacy.carrier]]\nkey = \"${NAME}\"\nkey_from = \"sha256\"\n[[certificate]]\nkey = \"certs/dev.key\"",
            "sid = [\"/sid\", \"/session_token\", \"/x\"]",
            "access_token_in = \"bearer\"",
            "sign_in_token = \"/api/sessions/create/\"",
            "url = \"http://host:80\" # a@b",
        ] {
            assert_eq!(secrets(text), text);
        }
    }
}
