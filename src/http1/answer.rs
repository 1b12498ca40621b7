//! Reads the head of an answer (RFC 9112 sections 4 to 6), as strictly as hyper does.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::ext::ReasonPhrase;

use super::decoder::Decoder;
use super::{Fault, is_hop_by_hop};

/// Bytes of one head.
pub(super) const MAX_HEAD: usize = 256 * 1024;
/// Fields of one head: as many as nearly every one has ...
const FIELDS: usize = 48;
/// ... and as many as one may have.
const MAX_FIELDS: usize = 256;

/// The head of a final answer. The fields of this one connection are read and not in it, except for the `Upgrade` of a
/// switch of protocols.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) reason: Option<ReasonPhrase>,
    pub(super) headers: HeaderMap,
    pub(super) decoder: Decoder,
    /// The server will take another request on this connection.
    pub(super) keep_alive: bool,
}

/// Takes a head out of the buffer if it is there whole; interim answers (1xx) before it are dropped. Its fields go into
/// `spare`, an emptied map.
pub(super) fn parse(buffer: &mut BytesMut, to_head: bool, spare: &mut HeaderMap) -> Result<Option<Answer>, Fault> {
    loop {
        let mut few = [Field::default(); FIELDS];
        let mut many = Vec::new();
        let (line, fields) = match start::<FIELDS>(buffer, &mut few)? {
            Parsed::Partial if buffer.len() > MAX_HEAD => return Err(Fault::Head),
            Parsed::Partial => return Ok(None),
            Parsed::Head(line) => (line, &few[..]),
            Parsed::TooMany => {
                many.resize(MAX_FIELDS, Field::default());
                match start::<MAX_FIELDS>(buffer, &mut many)? {
                    Parsed::Head(line) => (line, &many[..]),
                    Parsed::Partial if buffer.len() > MAX_HEAD => return Err(Fault::Head),
                    Parsed::Partial => return Ok(None),
                    Parsed::TooMany => return Err(Fault::Head),
                }
            }
        };
        if line.length > MAX_HEAD {
            return Err(Fault::Head);
        }
        let head = buffer.split_to(line.length).freeze();
        if line.status.is_informational() && line.status != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        let mut answer = read(&head, &line, &fields[..line.fields], std::mem::take(spare), to_head)?;
        answer.reason = line.reason.and_then(|(from, to)| ReasonPhrase::try_from(&head[from..to]).ok());
        return Ok(Some(answer));
    }
}

/// Where a field's name and value stand.
#[derive(Debug, Clone, Copy, Default)]
struct Field {
    name: (u32, u32),
    value: (u32, u32),
}

struct Line {
    length: usize,
    fields: usize,
    status: StatusCode,
    http_11: bool,
    /// Where the reason stands, if it is not the usual one.
    reason: Option<(usize, usize)>,
}

enum Parsed {
    Head(Line),
    Partial,
    TooMany,
}

fn start<const N: usize>(buffer: &[u8], places: &mut [Field]) -> Result<Parsed, Fault> {
    let mut room = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; N];
    let mut found = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let length = match config.parse_response_with_uninit_headers(&mut found, buffer, &mut room) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Ok(Parsed::TooMany),
        Err(_) => return Err(Fault::Head),
    };
    let place = |part: &[u8]| {
        let from = part.as_ptr() as usize - buffer.as_ptr() as usize;
        (from, from + part.len())
    };
    let narrow = |(from, to): (usize, usize)| Some((u32::try_from(from).ok()?, u32::try_from(to).ok()?));
    for (at, field) in places.iter_mut().zip(&*found.headers) {
        let (name, value) = (narrow(place(field.name.as_bytes())), narrow(place(field.value)));
        *at = Field { name: name.ok_or(Fault::Head)?, value: value.ok_or(Fault::Head)? };
    }
    let status = found.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Fault::Head)?;
    let reason = found.reason.filter(|r| !r.is_empty() && Some(*r) != status.canonical_reason());
    Ok(Parsed::Head(Line {
        length,
        fields: found.headers.len(),
        status,
        http_11: found.version == Some(1),
        reason: reason.map(|r| place(r.as_bytes())),
    }))
}

fn read(head: &Bytes, line: &Line, fields: &[Field], mut headers: HeaderMap, to_head: bool) -> Result<Answer, Fault> {
    let mut connection = OfConnection::default();
    let mut framing = Framing::default();
    for field in fields {
        let text = &head[field.name.0 as usize..field.name.1 as usize];
        let name = HeaderName::from_bytes(text).map_err(|_| Fault::Head)?;
        let bytes = head.slice(field.value.0 as usize..field.value.1 as usize);
        let value = HeaderValue::from_maybe_shared(bytes).map_err(|_| Fault::Head)?;
        if name == CONTENT_LENGTH {
            // One line, also where an answer says the same several times.
            if framing.length(&value)? {
                headers.append(name, value);
            }
        } else if name == TRANSFER_ENCODING {
            framing.transfer_encoding(&value);
        } else if name == CONNECTION {
            connection.read(&value);
        } else if !is_hop_by_hop(name.as_str()) || name == UPGRADE && line.status == StatusCode::SWITCHING_PROTOCOLS {
            headers.append(name, value);
        }
    }
    for name in connection.named {
        headers.remove(name);
    }
    let decoder = framing.decoder(line, to_head, &mut headers)?;
    let keep_alive = if line.http_11 { !connection.close } else { connection.keep_alive && !connection.close };
    Ok(Answer {
        status: line.status,
        reason: None,
        keep_alive: keep_alive && decoder != Decoder::Close && line.status != StatusCode::SWITCHING_PROTOCOLS,
        headers,
        decoder,
    })
}

/// What the fields say of the connection.
#[derive(Default)]
struct OfConnection {
    close: bool,
    keep_alive: bool,
    named: Vec<HeaderName>,
}

impl OfConnection {
    fn read(&mut self, value: &HeaderValue) {
        for token in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if !token.eq_ignore_ascii_case(b"upgrade") {
                self.named.extend(HeaderName::from_bytes(token));
            }
        }
    }
}

/// What the fields say of the body's length.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    /// Whether `chunked` was the last of the codings.
    encoded: Option<bool>,
}

impl Framing {
    /// Whether it is the first to say so.
    fn length(&mut self, value: &HeaderValue) -> Result<bool, Fault> {
        let before = self.length;
        // `5, 5` is what some intermediary made of two equal lines (RFC 9110 section 8.6).
        for item in value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            let digits = !item.is_empty() && item.iter().all(u8::is_ascii_digit);
            let text = std::str::from_utf8(item).ok().filter(|_| digits);
            let length: u64 = text.and_then(|t| t.parse().ok()).ok_or(Fault::Head)?;
            if self.length.is_some_and(|known| known != length) {
                return Err(Fault::Head);
            }
            self.length = Some(length);
        }
        Ok(before.is_none())
    }

    fn transfer_encoding(&mut self, value: &HeaderValue) {
        let last = value.as_bytes().rsplit(|b| *b == b',').next().unwrap_or_default();
        self.encoded = Some(last.trim_ascii().eq_ignore_ascii_case(b"chunked"));
    }

    /// RFC 9112 section 6.3.
    fn decoder(&self, line: &Line, to_head: bool, headers: &mut HeaderMap) -> Result<Decoder, Fault> {
        let none = matches!(line.status.as_u16(), 101 | 204 | 304) || to_head;
        match (self.encoded, self.length) {
            _ if none => Ok(Decoder::Length(0)),
            (Some(_), _) if !line.http_11 => Err(Fault::Head),
            (Some(chunked), length) => {
                if length.is_some() {
                    headers.remove(CONTENT_LENGTH);
                }
                Ok(if chunked { Decoder::chunked() } else { Decoder::Close })
            }
            (None, Some(length)) => {
                if headers.get(CONTENT_LENGTH).is_some_and(|v| v.as_bytes().contains(&b',')) {
                    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
                }
                Ok(Decoder::Length(length))
            }
            (None, None) => Ok(Decoder::Close),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<Answer>, Fault> {
        parse(&mut BytesMut::from(text), false, &mut HeaderMap::new())
    }

    fn whole(text: &str) -> Answer {
        of(text).unwrap().unwrap()
    }

    fn framing(lines: &str) -> Result<(Decoder, bool), ()> {
        let answer = of(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n")).map_err(drop)?.unwrap();
        Ok((answer.decoder, answer.keep_alive))
    }

    #[test]
    fn a_body_has_one_length() {
        assert_eq!(framing("Content-Length: 5\r\n"), Ok((Decoder::Length(5), true)));
        assert_eq!(framing("Content-Length: 5\r\ncontent-length: 5\r\n"), Ok((Decoder::Length(5), true)));
        assert_eq!(framing("Content-Length: 5, 5\r\n"), Ok((Decoder::Length(5), true)));
        assert_eq!(framing("Transfer-Encoding: gzip, Chunked\r\n"), Ok((Decoder::chunked(), true)));
        assert_eq!(
            framing("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            Ok((Decoder::chunked(), true))
        );
        assert_eq!(framing("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Ok((Decoder::chunked(), true)));
        assert_eq!(framing("Transfer-Encoding: gzip\r\n"), Ok((Decoder::Close, false)));
        assert_eq!(framing("Transfer-Encoding: chunked, gzip\r\n"), Ok((Decoder::Close, false)));
        assert_eq!(framing(""), Ok((Decoder::Close, false)));
        for bad in ["5, 6", "+5", "-5", "0x5", "5 5", "", ",5", "5,", "18446744073709551616"] {
            assert!(framing(&format!("Content-Length: {bad}\r\n")).is_err(), "{bad}");
        }
        assert!(framing("Content-Length: 5\r\nContent-Length: 6\r\n").is_err());
        assert!(of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        let headers = whole("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\n").headers;
        assert_eq!(headers.get_all(CONTENT_LENGTH).iter().collect::<Vec<_>>(), ["5"]);
        let both = whole("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(both.headers.is_empty(), "{:?}", both.headers);
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        for status in [101, 204, 304] {
            let answer =
                whole(&format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"));
            assert_eq!(answer.decoder, Decoder::Length(0), "{status}");
        }
        let mut bytes = BytesMut::from("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnext");
        let answer = parse(&mut bytes, true, &mut HeaderMap::new()).unwrap().unwrap();
        assert_eq!((answer.decoder, &answer.headers["content-length"]), (Decoder::Length(0), &HeaderValue::from(5)));
        assert_eq!(&bytes[..], b"next");
    }

    #[test]
    fn a_connection_is_kept_unless_one_side_says_otherwise() {
        for (text, kept) in [
            ("HTTP/1.1 200 OK\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: Close\r\n", false),
            ("HTTP/1.1 200 OK\r\nConnection: x, close\r\nConnection: keep-alive\r\n", false),
            ("HTTP/1.0 200 OK\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n", true),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", false),
        ] {
            assert_eq!(whole(&format!("{text}Content-Length: 0\r\n\r\n")).keep_alive, kept, "{text}");
        }
    }

    #[test]
    fn what_is_of_this_connection_goes_no_further() {
        let answer = whole(
            "HTTP/1.1 200 OK\r\nConnection: X-Mine, close\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nTE: x\r\n\
             Proxy-Authenticate: x\r\nUpgrade: h2c\r\nTrailer: x\r\nX-Other: 1\r\nContent-Length: 0\r\n\r\n",
        );
        let mut names: Vec<&str> = answer.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "x-other"]);
    }

    #[test]
    fn interim_answers_are_passed_over_and_a_part_of_one_is_waited_for() {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\n\r\n";
        let mut buffer = BytesMut::new();
        for (i, byte) in text.bytes().enumerate() {
            buffer.extend_from_slice(&[byte]);
            let answer = parse(&mut buffer, false, &mut HeaderMap::new()).unwrap();
            assert_eq!(answer.is_some(), i + 1 == text.len(), "{i}");
            if let Some(answer) = answer {
                assert_eq!((answer.status, answer.headers.len()), (StatusCode::OK, 0));
                assert_eq!(answer.reason.unwrap().as_bytes(), b"Fine");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_a_fault() {
        for bad in [
            "garbage\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 99\r\n\r\n",
            "HTTP/2.0 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX : 1\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
        ] {
            assert!(of(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_head_may_be_large_but_not_boundless() {
        let lines = |n: usize| "X-A: 1\r\n".repeat(n);
        let fields = |n| of(&format!("HTTP/1.1 200 OK\r\n{}\r\n", lines(n))).ok().map(|a| a.unwrap().headers.len());
        assert_eq!(fields(FIELDS + 1), Some(FIELDS + 1));
        assert_eq!(fields(MAX_FIELDS), Some(MAX_FIELDS));
        assert_eq!(fields(MAX_FIELDS + 1), None);
        assert!(of(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD))).is_err());
        assert!(of(&format!("HTTP/1.1 200 OK\r\n{}X: {}", lines(FIELDS + 1), "x".repeat(MAX_HEAD))).is_err());
    }
}
