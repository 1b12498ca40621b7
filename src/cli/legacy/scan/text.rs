//! What stands around a place in a source, whatever its language: the call, subscript or list that it is in.

/// How far back is looked, in bytes: a long list of names, or a call with many arguments.
const FAR: usize = 4000;

/// What a place is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opener {
    /// `callee(`
    Call,
    /// `object[`, or a list.
    Square,
    /// `{`
    Curly,
}

/// The innermost bracket that is open at `at`, and where.
pub(super) fn opener(source: &[u8], at: usize) -> Option<(Opener, usize)> {
    let from = at.saturating_sub(FAR);
    let (mut round, mut square, mut curly) = (0_usize, 0_usize, 0_usize);
    for i in (from..at).rev() {
        match source.get(i)? {
            b')' => round += 1,
            b']' => square += 1,
            b'}' => curly += 1,
            b'(' if round == 0 => return Some((Opener::Call, i)),
            b'[' if square == 0 => return Some((Opener::Square, i)),
            b'{' if curly == 0 => return Some((Opener::Curly, i)),
            b'(' => round -= 1,
            b'[' => square -= 1,
            b'{' => curly -= 1,
            _ => {}
        }
    }
    None
}

/// The path that ends at `at`: `cookies().get`, `request.COOKIES`, `(await cookies()).get`. Type arguments and blanks
/// before `at` are no part of it.
pub(super) fn path_before(source: &str, at: usize) -> &str {
    let bytes = source.as_bytes();
    let mut end = at;
    while end > 0 && bytes.get(end - 1).is_some_and(|b| b" \t\r\n?!".contains(b)) {
        end -= 1;
    }
    let mut start = end;
    while start > 0 {
        let Some(byte) = bytes.get(start - 1) else { break };
        match byte {
            b'.' | b'?' | b'$' | b'_' => start -= 1,
            b if b.is_ascii_alphanumeric() => start -= 1,
            b')' | b']' => {
                // Back over what is in the brackets.
                let Some((_, open)) = opener(bytes, start - 1) else { break };
                start = open;
            }
            // A chain of calls, a line each.
            b' ' | b'\t' | b'\n' | b'\r' if bytes.get(start) == Some(&b'.') => {
                let Some((_, last)) = before(bytes, start) else { break };
                start = last + 1;
            }
            _ => break,
        }
    }
    source.get(start..end).unwrap_or_default()
}

/// The byte before `at` that is no blank, and where.
pub(super) fn before(source: &[u8], at: usize) -> Option<(u8, usize)> {
    (0..at).rev().find_map(|i| source.get(i).filter(|b| !b.is_ascii_whitespace()).map(|b| (*b, i)))
}

/// The text from `at` on, without blanks before it.
pub(super) fn after(source: &str, at: usize) -> &str {
    source.get(at..).unwrap_or_default().trim_start()
}

/// The text of a line, and its number, by a place in it.
pub(super) fn line_of(source: &str, at: usize) -> (usize, &str) {
    let before = source.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    let line = source.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    (before.bytes().filter(|b| *b == b'\n').count() + 1, line)
}
