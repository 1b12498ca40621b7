//! The values of one cookie: whole ones, twins, and such as were cut into chunks.

use super::Jar;
use crate::legacy::Why;

/// Different values of one name that are looked at: the same cookie may live in as many scopes as there are domains.
const MAX_TWINS: usize = 3;

/// More than these would be longer than any value that is read.
const MAX_CHUNKS: usize = 32;

/// How Auth.js and Auth0 number the chunks of a value that is too long for one cookie.
const NUMBERED: [&str; 2] = [".", "__"];

/// One value as it was sent, or why there is none.
pub(in crate::legacy) type Gathered = Result<Vec<u8>, Why>;

impl Jar<'_> {
    /// The values of this name: first whole cookies, then those in chunks. None is longer than `longest`.
    pub(in crate::legacy) fn values(&self, name: &str, longest: usize) -> Vec<Gathered> {
        let mut values = self.whole(name, longest);
        values.extend(NUMBERED.iter().filter_map(|mark| self.chunked(name, mark, longest)));
        values
    }

    /// Whether there is a cookie of this name, whole or in chunks.
    pub(in crate::legacy) fn has(&self, name: &str) -> bool {
        let chunk = |sent: &str| NUMBERED.iter().any(|mark| number(sent, name, mark).is_some());
        self.names().any(|sent| sent == name || chunk(sent))
    }

    fn whole(&self, name: &str, longest: usize) -> Vec<Gathered> {
        let mut distinct: Vec<&[u8]> = Vec::new();
        for (_, value) in self.iter().filter(|(sent, _)| *sent == name) {
            if distinct.contains(&value) {
                continue;
            }
            if distinct.len() == MAX_TWINS {
                return bounded(&distinct, longest).chain([Err(Why::TooMany)]).collect();
            }
            distinct.push(value);
        }
        bounded(&distinct, longest).collect()
    }

    /// Chunks in the order of their numbers, from 0, without a gap. The same chunk twice is one; two that differ are
    /// two values, and which chunk belongs to which of them nobody knows.
    fn chunked(&self, name: &str, mark: &str, longest: usize) -> Option<Gathered> {
        let mut chunks: [Option<&[u8]>; MAX_CHUNKS] = [None; MAX_CHUNKS];
        let mut sent = self.iter().filter_map(|(sent, value)| Some((number(sent, name, mark)?, value))).peekable();
        sent.peek()?;
        for (number, value) in sent {
            let Some(slot) = chunks.get_mut(number) else { return Some(Err(Why::TooMany)) };
            if slot.is_some_and(|other| other != value) {
                return Some(Err(Why::Chunks));
            }
            *slot = Some(value);
        }
        let count = chunks.iter().take_while(|chunk| chunk.is_some()).count();
        if chunks.iter().skip(count).any(Option::is_some) {
            return Some(Err(Why::Chunks));
        }
        let present = || chunks.iter().copied().flatten();
        if present().map(<[u8]>::len).sum::<usize>() > longest {
            return Some(Err(Why::TooLarge));
        }
        Some(Ok(present().flatten().copied().collect()))
    }
}

fn bounded(values: &[&[u8]], longest: usize) -> impl Iterator<Item = Gathered> {
    values.iter().map(move |value| if value.len() > longest { Err(Why::TooLarge) } else { Ok(value.to_vec()) })
}

/// The number of a chunk of this cookie, as libraries write it: without zeros in front.
fn number(sent: &str, name: &str, mark: &str) -> Option<usize> {
    let digits = sent.strip_prefix(name)?.strip_prefix(mark)?;
    let good = digits == "0" || !digits.starts_with('0') && digits.len() <= 4;
    (good && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::COOKIE;
    use proptest::prelude::*;

    use super::*;

    fn values(line: &str) -> Vec<Result<String, Why>> {
        let headers = HeaderMap::from_iter([(COOKIE, line.parse().unwrap())]);
        let found = Jar::of(&headers).values("s", 12);
        found.into_iter().map(|value| value.map(|v| String::from_utf8(v).unwrap())).collect()
    }

    fn one(value: &str) -> Vec<Result<String, Why>> {
        vec![Ok(value.to_owned())]
    }

    #[test]
    fn chunks_are_joined_in_the_order_of_their_numbers() {
        assert_eq!(values("s.1=b; x=y; s.0=a"), one("ab"));
        assert_eq!(values("s__0=a; s__2=c; s__1=b"), one("abc"));
        let long: Vec<_> = (0..11).rev().map(|i| format!("s.{i}={}", i % 10)).collect();
        assert_eq!(values(&long.join("; ")), one("01234567890"), "by number, not by letter");
    }

    #[test]
    fn a_value_with_a_piece_missing_or_contradicted_is_none() {
        for broken in ["s.1=b", "s.0=a; s.2=c", "s.0=a; s.1=b; s.1=c", "s__0=a; s__0=b"] {
            assert_eq!(values(broken), [Err(Why::Chunks)], "{broken}");
        }
        assert_eq!(values("s.0=a; s.0=a"), one("a"), "the same in two domains");
        assert_eq!(values("s.0=a; s.32=b"), [Err(Why::TooMany)]);
        assert_eq!(values("s.0=0123456; s.1=0123456"), [Err(Why::TooLarge)]);
    }

    #[test]
    fn other_numbers_are_other_cookies() {
        for other in ["s.00=a", "s.=a", "s.-1=a", "s.+1=a", "s.0x=a", "s._0=a", "s0=a", "t.0=a", "S.0=a", "s.99999=a"] {
            assert_eq!(values(other), [], "{other}");
        }
    }

    #[test]
    fn twins_are_values_of_their_own_as_far_as_they_differ() {
        assert_eq!(values("s=a; s=b; s=a"), [Ok("a".into()), Ok("b".into())]);
        assert_eq!(values("s=a; s.0=b; s__0=c"), [Ok("a".into()), Ok("b".into()), Ok("c".into())]);
        let many = values("s=a; s=b; s=c; s=d; s=e");
        assert_eq!(many, [Ok("a".into()), Ok("b".into()), Ok("c".into()), Err(Why::TooMany)]);
        assert_eq!(values("s=0123456789abc"), [Err(Why::TooLarge)]);
    }

    proptest! {
        /// However a value is cut, and in whatever order the pieces come, it is the same value.
        #[test]
        fn cut_and_joined_is_as_before(
            value in "[A-Za-z0-9_.-]{1,2000}",
            size in 70..500_usize,
            mark in prop_oneof![Just("."), Just("__")],
            turn in 0..32_usize,
        ) {
            let mut pieces: Vec<String> = value
                .as_bytes()
                .chunks(size)
                .enumerate()
                .map(|(i, piece)| format!("s{mark}{i}={}", String::from_utf8_lossy(piece)))
                .collect();
            let by = turn % pieces.len();
            pieces.rotate_left(by);
            let headers = HeaderMap::from_iter([(COOKIE, pieces.join("; ").parse().unwrap())]);
            let jar = Jar::of(&headers);
            prop_assert_eq!(jar.values("s", 2000), [Ok(value.clone().into_bytes())]);
            // With one of them gone it is none, or a shorter one where it was the last.
            pieces.remove(by % pieces.len());
            let headers = HeaderMap::from_iter([(COOKIE, pieces.join("; ").parse().unwrap())]);
            let rest = Jar::of(&headers).values("s", 2000);
            prop_assert!(rest.is_empty() || rest[0].as_ref().is_ok_and(|r| value.as_bytes().starts_with(r)) || rest == [Err(Why::Chunks)]);
        }
    }
}
