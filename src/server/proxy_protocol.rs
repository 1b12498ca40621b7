//! The PROXY protocol, versions 1 and 2: a balancer that passes bytes on says whose they are (HAProxy's
//! `proxy-protocol.txt`).
//!
//! The header is the first thing on a connection, before TLS. Exactly its bytes are taken from the socket: they are
//! looked at first (`MSG_PEEK`), so that what comes after them stays there for whoever reads next.
//!
//! There is no "optional" here. A listener that takes a header where there is one lets every browser write its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Bytes of a header of version 1, its CRLF included.
const V1_MAX: usize = 107;
/// Bytes of version 2 before the part whose length it says.
const V2_FIXED: usize = 16;
/// Bytes of that part: addresses, and whatever else a balancer has to tell.
const V2_MAX: usize = 2048;
const V2_SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// `PP2_TYPE_SSL`: how the balancer was connected to.
const SSL: u8 = 0x20;
/// `PP2_CLIENT_SSL`: over TLS.
const OVER_TLS: u8 = 0x01;

/// What a header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Announced {
    /// The far end of the connection that is passed on; none where the balancer speaks for itself (a health check), or
    /// does not know.
    pub(super) source: Option<SocketAddr>,
    /// That connection was TLS, and the balancer has ended it.
    pub(super) tls: bool,
}

/// Reads a connection's header, and not a byte more.
///
/// # Errors
/// What is there is no header, or the connection ended before one was there.
pub(super) async fn read(stream: &mut TcpStream) -> io::Result<Announced> {
    let mut buffer = vec![0; V2_FIXED + V2_MAX];
    let mut taken = 0;
    loop {
        let seen = stream.peek(&mut buffer[taken..]).await?;
        if seen == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended in the PROXY header"));
        }
        let parsed = parse(&buffer[..taken + seen]).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
        let end = parsed.map_or(taken + seen, |(length, _)| length);
        // At once: it is there.
        stream.read_exact(&mut buffer[taken..end]).await?;
        taken = end;
        if let Some((_, announced)) = parsed {
            return Ok(announced);
        }
    }
}

/// Why bytes are no header.
type Malformed = &'static str;

/// A header and its length, if all of it is there. What comes after it is not looked at.
fn parse(bytes: &[u8]) -> Result<Option<(usize, Announced)>, Malformed> {
    if begins(bytes, V2_SIGNATURE) {
        v2(bytes)
    } else if begins(bytes, b"PROXY ") {
        v1(bytes)
    } else {
        Err("no PROXY header")
    }
}

/// Whether bytes begin so, as far as they are there.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let n = bytes.len().min(with.len());
    bytes[..n] == with[..n]
}

/// `PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n`
fn v1(bytes: &[u8]) -> Result<Option<(usize, Announced)>, Malformed> {
    let Some(end) = bytes.iter().take(V1_MAX).position(|b| *b == b'\n') else {
        return if bytes.len() < V1_MAX { Ok(None) } else { Err("a PROXY line without an end") };
    };
    let line = bytes[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let words: Vec<&str> = line.ok_or("a PROXY line that is no text, or ends without CR")?.split(' ').collect();
    let source = match words[..] {
        ["PROXY", "UNKNOWN", ..] => None,
        ["PROXY", "TCP4", from, to, from_port, to_port] => Some(ends::<Ipv4Addr>(from, to, from_port, to_port)?),
        ["PROXY", "TCP6", from, to, from_port, to_port] => Some(ends::<Ipv6Addr>(from, to, from_port, to_port)?),
        _ => return Err("a PROXY line of another form"),
    };
    Ok(Some((end + 1, Announced { source, tls: false })))
}

/// The source; the destination must be as well-formed.
fn ends<A: std::str::FromStr + Into<IpAddr>>(
    from: &str,
    to: &str,
    from_port: &str,
    to_port: &str,
) -> Result<SocketAddr, Malformed> {
    let port = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u16>().ok()).flatten();
    let address = |text: &str| text.parse::<A>().map(Into::into).ok();
    match (address(from), address(to), port(from_port), port(to_port)) {
        (Some(source), Some(_), Some(port), Some(_)) => Ok(SocketAddr::new(source.to_canonical(), port)),
        _ => Err("a PROXY line with a faulty address or port"),
    }
}

/// The binary form: signature, version and command, family and transport, length; addresses; type-length-values.
fn v2(bytes: &[u8]) -> Result<Option<(usize, Announced)>, Malformed> {
    let Some(fixed) = bytes.get(..V2_FIXED) else { return Ok(None) };
    let (version, command) = (fixed[12] >> 4, fixed[12] & 0xf);
    let (family, transport) = (fixed[13] >> 4, fixed[13] & 0xf);
    if version != 2 || command > 1 || family > 3 || transport > 2 {
        return Err("a PROXY header of an unknown version, command, family or transport");
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > V2_MAX {
        return Err("a PROXY header of more than 2 KiB");
    }
    let Some(body) = bytes.get(V2_FIXED..V2_FIXED + length) else { return Ok(None) };
    let local = command == 0;
    let announced = if local || family == 0 { Announced::default() } else { v2_ends(family, body)? };
    Ok(Some((V2_FIXED + length, announced)))
}

fn v2_ends(family: u8, body: &[u8]) -> Result<Announced, Malformed> {
    let short = "a PROXY header too short for its addresses";
    let (source, rest) = match family {
        1 => {
            let (ends, rest) = body.split_first_chunk::<12>().ok_or(short)?;
            let [a, b, c, d, _, _, _, _, high, low, ..] = *ends;
            (Some(SocketAddr::from(([a, b, c, d], u16::from_be_bytes([high, low])))), rest)
        }
        2 => {
            let (ends, rest) = body.split_first_chunk::<36>().ok_or(short)?;
            let source = ends.first_chunk::<16>().map(|a| IpAddr::from(*a).to_canonical());
            let port = u16::from_be_bytes([ends[32], ends[33]]);
            (source.map(|source| SocketAddr::new(source, port)), rest)
        }
        // A path in the file system says of nobody who it is.
        _ => (None, body.get(216..).ok_or(short)?),
    };
    Ok(Announced { source, tls: over_tls(rest)? })
}

fn over_tls(mut values: &[u8]) -> Result<bool, Malformed> {
    let mut tls = false;
    while let [kind, high, low, rest @ ..] = values {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = rest.get(..length).ok_or("a PROXY header with a value beyond its end")?;
        tls |= *kind == SSL && value.first().is_some_and(|client| client & OVER_TLS != 0);
        values = &rest[length..];
    }
    if values.is_empty() { Ok(tls) } else { Err("a PROXY header with a cut value at its end") }
}

#[cfg(test)]
mod tests;
