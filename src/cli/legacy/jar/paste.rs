//! What people paste: a header line, several of them, the argument of a copied `curl`, or the bare pairs.

/// The values of the `Cookie` lines in a text. Where no line says that it is one, all are.
pub(super) fn cookie_lines(text: &[u8]) -> Vec<&[u8]> {
    let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').map(cleaned).filter(|line| !line.is_empty()).collect();
    let named: Vec<&[u8]> = lines.iter().filter_map(|line| value_of(line)).collect();
    if named.is_empty() { lines } else { named }
}

/// Without what `curl` and terminals put around it.
fn cleaned(line: &[u8]) -> &[u8] {
    let mut line = line.trim_ascii();
    line = line.strip_suffix(b"\\").unwrap_or(line).trim_ascii();
    for start in [&b">"[..], b"-H", b"--header", b"-b", b"--cookie"] {
        line = line.strip_prefix(start).unwrap_or(line).trim_ascii();
    }
    for quote in [b"'", b"\""] {
        line = line.strip_prefix(quote).and_then(|inner| inner.strip_suffix(quote)).unwrap_or(line);
    }
    line.trim_ascii()
}

fn value_of(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"cookie:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    name.eq_ignore_ascii_case(NAME).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_pasted_the_pairs_are_found() {
        for (pasted, pairs) in [
            ("Cookie: a=b; c=d\n", vec!["a=b; c=d"]),
            ("a=b; c=d", vec!["a=b; c=d"]),
            ("> GET / HTTP/1.1\n> Host: x\n> cookie: a=b\n> cookie: c=d\n", vec!["a=b", "c=d"]),
            ("  -H 'Cookie: a=\"b\"; c=d' \\\n", vec!["a=\"b\"; c=d"]),
            ("-b 'a=b; c=d'\r\n", vec!["a=b; c=d"]),
            ("", vec![]),
        ] {
            let found: Vec<_> = cookie_lines(pasted.as_bytes()).into_iter().map(String::from_utf8_lossy).collect();
            assert_eq!(found, pairs, "{pasted}");
        }
    }
}
