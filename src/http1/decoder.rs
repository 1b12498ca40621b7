//! Where the body of an answer ends (RFC 9112 sections 6 and 7).

use bytes::{Buf, Bytes, BytesMut};

use super::Fault;

/// Bytes of one line in a chunked body: a size, an extension, a trailer.
const MAX_LINE: usize = 8 * 1024;
/// Bytes of all extensions and trailers of one body.
const MAX_OVERHEAD: usize = 16 * 1024;

/// How a body is delimited, and how far it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    /// So many bytes are to come. None: it is read to its end.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked { state: Chunk, overhead: usize },
    /// Until the server closes.
    Close,
}

/// What comes next in a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
}

/// What the bytes at hand came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    Data(Bytes),
    /// Nothing: more must be read.
    More,
    End,
}

impl Decoder {
    pub(super) fn chunked() -> Self {
        Self::Chunked { state: Chunk::Size, overhead: 0 }
    }

    pub(super) fn is_end(self) -> bool {
        self == Self::Length(0)
    }

    /// Takes what there is of the body out of the buffer. Trailers are read and dropped.
    pub(super) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Decoded, Fault> {
        match self {
            Self::Length(0) => Ok(Decoded::End),
            _ if buffer.is_empty() => Ok(Decoded::More),
            Self::Length(left) => Ok(Decoded::Data(take(buffer, left))),
            Self::Close => Ok(Decoded::Data(buffer.split().freeze())),
            Self::Chunked { state, overhead } => {
                let decoded = chunk(state, overhead, buffer)?;
                if decoded == Decoded::End {
                    *self = Self::Length(0);
                }
                Ok(decoded)
            }
        }
    }

    /// What the server's closing makes of it.
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        match self {
            Self::Length(0) => Ok(()),
            Self::Close => {
                *self = Self::Length(0);
                Ok(())
            }
            _ => Err(Fault::Closed),
        }
    }
}

fn take(buffer: &mut BytesMut, left: &mut u64) -> Bytes {
    let n = usize::try_from(*left).map_or(buffer.len(), |left| left.min(buffer.len()));
    *left -= n as u64;
    buffer.split_to(n).freeze()
}

fn chunk(state: &mut Chunk, overhead: &mut usize, buffer: &mut BytesMut) -> Result<Decoded, Fault> {
    loop {
        match state {
            Chunk::Data(0) => *state = Chunk::DataEnd,
            _ if buffer.is_empty() => return Ok(Decoded::More),
            Chunk::Data(left) => return Ok(Decoded::Data(take(buffer, left))),
            Chunk::DataEnd => {
                if buffer.len() < 2 {
                    return if buffer[0] == b'\r' { Ok(Decoded::More) } else { Err(Fault::Chunk) };
                }
                if !buffer.starts_with(b"\r\n") {
                    return Err(Fault::Chunk);
                }
                buffer.advance(2);
                *state = Chunk::Size;
            }
            Chunk::Size => {
                let Some(line) = line(buffer)? else { return Ok(Decoded::More) };
                let (size, extension) = size(line).ok_or(Fault::Chunk)?;
                let whole = line.len() + 2;
                spend(overhead, extension)?;
                buffer.advance(whole);
                *state = if size == 0 { Chunk::Trailer } else { Chunk::Data(size) };
            }
            Chunk::Trailer => {
                let Some(line) = line(buffer)? else { return Ok(Decoded::More) };
                let whole = line.len() + 2;
                let last = line.is_empty();
                spend(overhead, whole)?;
                buffer.advance(whole);
                if last {
                    return Ok(Decoded::End);
                }
            }
        }
    }
}

fn spend(overhead: &mut usize, bytes: usize) -> Result<(), Fault> {
    *overhead += bytes;
    if *overhead > MAX_OVERHEAD { Err(Fault::Chunk) } else { Ok(()) }
}

/// A line that is there whole, without its end, which is CRLF and nothing else.
fn line(buffer: &[u8]) -> Result<Option<&[u8]>, Fault> {
    let Some(end) = buffer.iter().position(|b| *b == b'\n') else {
        return if buffer.len() > MAX_LINE { Err(Fault::Chunk) } else { Ok(None) };
    };
    let line = buffer[..end].strip_suffix(b"\r").ok_or(Fault::Chunk)?;
    if line.len() > MAX_LINE || line.contains(&b'\r') { Err(Fault::Chunk) } else { Ok(Some(line)) }
}

/// The size of a chunk, and how many bytes of extension follow it.
fn size(line: &[u8]) -> Option<(u64, usize)> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let (hex, rest) = line.split_at(digits);
    let hex = std::str::from_utf8(hex).ok()?;
    let size = u64::from_str_radix(hex, 16).ok()?;
    let after = rest.trim_ascii_start();
    (after.is_empty() || after[0] == b';').then_some((size, rest.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds bytes in pieces; gives the body, and what is left behind it.
    fn read(mut decoder: Decoder, bytes: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<u8>), Fault> {
        let (mut buffer, mut body) = (BytesMut::new(), Vec::new());
        let mut pieces = bytes.chunks(piece);
        loop {
            match decoder.decode(&mut buffer)? {
                Decoded::Data(data) => body.extend_from_slice(&data),
                Decoded::End => break,
                Decoded::More => match pieces.next() {
                    Some(piece) => buffer.extend_from_slice(piece),
                    None => decoder.close()?,
                },
            }
        }
        Ok((body, [&buffer[..], &pieces.collect::<Vec<_>>().concat()].concat()))
    }

    #[test]
    fn a_chunked_body_ends_where_it_says_in_whatever_pieces_it_comes() {
        let bytes = b"5\r\nhello\r\n00A;x=\"y\"\r\n0123456789\r\n1 \t\r\n!\r\n0\r\nTrailer: dropped\r\n\r\nHTTP/1.1";
        for piece in 1..=bytes.len() {
            let (body, rest) = read(Decoder::chunked(), bytes, piece).unwrap();
            assert_eq!((&body[..], &rest[..]), (&b"hello0123456789!"[..], &b"HTTP/1.1"[..]), "{piece}");
        }
    }

    #[test]
    fn a_chunked_body_that_is_none_is_a_fault() {
        for bad in [
            "5\nhello\r\n0\r\n\r\n",
            "5\r\nhelloX\r\n0\r\n\r\n",
            "5\r\nhello\r\r\n0\r\n\r\n",
            "-5\r\nhello\r\n0\r\n\r\n",
            "+5\r\nhello\r\n0\r\n\r\n",
            "0x5\r\nhello\r\n0\r\n\r\n",
            " 5\r\nhello\r\n0\r\n\r\n",
            "5 5\r\nhello\r\n0\r\n\r\n",
            "\r\nhello\r\n0\r\n\r\n",
            ";x\r\n\r\n0\r\n\r\n",
            "10000000000000000\r\nhello",
            "5;a\rb\r\nhello\r\n0\r\n\r\n",
            "0\r\nX: 1\nY: 2\r\n\r\n",
            "5\r\nhello\r\n0\r\n",
            "5\r\nhel",
            "5",
            "",
        ] {
            for piece in [1, 3, 100] {
                assert!(read(Decoder::chunked(), bad.as_bytes(), piece).is_err(), "{bad:?}");
            }
        }
        let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(MAX_LINE + 1));
        assert!(read(Decoder::chunked(), long.as_bytes(), 100).is_err());
        let many = format!("0\r\n{}\r\n", "X: yyyyyyyyyy\r\n".repeat(2_000));
        assert!(read(Decoder::chunked(), many.as_bytes(), 100).is_err());
    }

    #[test]
    fn a_length_is_kept_to_and_a_close_before_it_is_a_fault() {
        assert_eq!(read(Decoder::Length(5), b"hello, world", 3).unwrap(), (b"hello".to_vec(), b", world".to_vec()));
        assert!(read(Decoder::Length(6), b"hello", 3).is_err());
        assert_eq!(read(Decoder::Close, b"hello", 3).unwrap().0, b"hello");
        assert_eq!(read(Decoder::Close, b"", 3).unwrap().0, b"");
    }

    proptest! {
        #[test]
        fn what_is_chunked_is_read_back(
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 0..8),
            piece in 1usize..64,
        ) {
            let mut bytes = Vec::new();
            for part in &parts {
                bytes.extend_from_slice(format!("{:X}\r\n", part.len()).as_bytes());
                bytes.extend_from_slice(part);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\nnext");
            let (body, rest) = read(Decoder::chunked(), &bytes, piece).unwrap();
            prop_assert_eq!(body, parts.concat());
            prop_assert_eq!(&rest[..], b"next");
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>, piece in 1usize..16) {
            let _ = read(Decoder::chunked(), &bytes, piece);
        }
    }
}
