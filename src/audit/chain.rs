//! The hash chain: what a line looks like, and how one is read back.
//!
//! The hash is over the bytes of the line as they stand, up to `,"hash":`. So nothing has to be put into a canonical
//! form, and no byte of a line is outside of it: what is behind it has one possible form.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256.
pub(super) type Hash = [u8; 32];

/// `,"hash":"` + 64 digits + `"}`
const TAIL: usize = 9 + 64 + 2;
/// Bytes of one line; what is longer is no line of ours.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// Where a chain stands: its newest line. Before the first one: 0 and zeros.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

impl Head {
    /// The next line, with its newline, after which the chain stands at it. `json` is an event's, or more fields.
    pub(super) fn append(&mut self, json: &str) -> Vec<u8> {
        let mut line = String::with_capacity(json.len() + 192);
        let _ = write!(line, "{{\"seq\":{},\"prev\":\"{}\",{json}", self.seq + 1, hex(&self.hash));
        let hash = sha256(line.as_bytes());
        let _ = writeln!(line, ",\"hash\":\"{}\"}}", hex(&hash));
        *self = Self { seq: self.seq + 1, hash };
        line.into_bytes()
    }
}

/// A line whose hash is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) head: Head,
    pub(super) prev: Hash,
}

/// Reads a line, without its newline. Nothing when it is not whole, or not as it was written.
pub(super) fn read(line: &[u8]) -> Option<Link> {
    let body = line.get(..line.len().checked_sub(TAIL)?)?;
    let hash = line.get(body.len()..)?.strip_prefix(b",\"hash\":\"")?.strip_suffix(b"\"}")?;
    let hash = unhex(hash)?;
    if sha256(body) != hash {
        return None;
    }
    let rest = body.strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let seq = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
    let prev = rest.get(digits..)?.strip_prefix(b",\"prev\":\"")?.get(..64)?;
    Some(Link { head: Head { seq, hash }, prev: unhex(prev)? })
}

pub(super) fn sha256(bytes: &[u8]) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

/// The word of the line's kind.
pub(super) fn kind(line: &[u8]) -> &str {
    const KEY: &[u8] = b",\"kind\":\"";
    let start = line.windows(KEY.len()).position(|window| window == KEY).map(|at| at + KEY.len());
    let rest = start.and_then(|start| line.get(start..)).unwrap_or_default();
    let word = rest.split(|b| *b == b'"').next().unwrap_or_default();
    std::str::from_utf8(word).ok().filter(|word| !word.is_empty()).unwrap_or("-")
}

/// Lower case only: another spelling is another byte.
pub(super) fn unhex(text: &[u8]) -> Option<Hash> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut out = Hash::default();
    if text.len() != 2 * out.len() {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_no_other_byte_does() {
        let mut head = Head::default();
        let first = head.append("\"kind\":\"start\"");
        let second = head.append("\"kind\":\"stop\"");
        let line = second.strip_suffix(b"\n").unwrap();
        let link = read(line).unwrap();
        assert_eq!(link.head, head);
        assert_eq!(link.prev, read(first.strip_suffix(b"\n").unwrap()).unwrap().head.hash);
        for i in 0..line.len() {
            let mut changed = line.to_vec();
            changed[i] ^= 1;
            assert!(read(&changed).is_none(), "byte {i}");
            assert!(read(&line[..i]).is_none(), "cut at {i}");
        }
    }

    #[test]
    fn the_kind_of_a_line_is_its_message_id() {
        assert_eq!(kind(br#"{"seq":1,"time":"x","kind":"sign_in","hash":"y"}"#), "sign_in");
        assert_eq!(kind(b"{}"), "-");
    }
}
