//! Text that others wrote, in lines of ours.

use std::fmt::Write;

/// JSON string escapes; everything but printable ASCII is written as `\u`, bidirectional controls and the like too.
pub(crate) fn escape(out: &mut String, value: &str) {
    if value.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\') {
        out.push_str(value);
        return;
    }
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b @ (b'"' | b'\\')) => {
                out.push('\\');
                out.push(char::from(b));
            }
            Ok(b @ b' '..=b'~') => out.push(char::from(b)),
            _ => {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_client_writes_can_begin_a_line_or_a_field() {
        let mut out = String::new();
        escape(&mut out, "\n{\"event\":\"login_ok\"}\u{202e}\u{1f600}\\");
        assert_eq!(out, r#"\u000a{\"event\":\"login_ok\"}\u202e\ud83d\ude00\\"#);
        let back: String = serde_json::from_str(&format!("\"{out}\"")).unwrap();
        assert_eq!(back, "\n{\"event\":\"login_ok\"}\u{202e}\u{1f600}\\");
    }
}
