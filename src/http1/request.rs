//! The head of a request, in the bytes that are sent.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use hyper::body::Body;

/// How a request says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

impl Framing {
    /// Of a body.
    pub fn of<B: Body>(body: &B) -> Self {
        match body.size_hint().exact() {
            _ if body.is_end_stream() => Self::Empty,
            Some(length) => Self::Length(length),
            None => Self::Chunked,
        }
    }
}

/// A request's head, ready to be written, as often as need be.
#[derive(Debug, Clone)]
pub struct Head {
    /// From the request line to the empty line, with the fields that `framing` stands for.
    pub bytes: Bytes,
    /// Where the body ends.
    pub framing: Framing,
    /// The method is HEAD: its answer has no body, whatever it says.
    pub is_head: bool,
}

impl Head {
    /// Begins a head: the request line.
    pub(crate) fn begin(method: &Method, path: &str, query: Option<&str>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(method.as_str().as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(path.as_bytes());
        if let Some(query) = query {
            bytes.push(b'?');
            bytes.extend_from_slice(query.as_bytes());
        }
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        bytes
    }

    /// Adds a field.
    pub(crate) fn field(bytes: &mut Vec<u8>, name: &str, value: &[u8]) {
        bytes.reserve(name.len() + value.len() + 4);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }

    /// Ends a head with the field that its framing stands for.
    pub(crate) fn end(mut bytes: Vec<u8>, method: &Method, framing: Framing) -> Self {
        match framing {
            Framing::Empty => {}
            Framing::Length(length) => Self::field(&mut bytes, "content-length", length.to_string().as_bytes()),
            Framing::Chunked => Self::field(&mut bytes, "transfer-encoding", b"chunked"),
        }
        bytes.extend_from_slice(b"\r\n");
        Self { bytes: bytes.into(), framing, is_head: method == Method::HEAD }
    }

    /// Of a request without a body, whose fields are these.
    pub fn of(method: &Method, target: &PathAndQuery, headers: &HeaderMap) -> Self {
        let mut bytes = Self::begin(method, target.path(), target.query());
        for (name, value) in headers {
            Self::field(&mut bytes, name.as_str(), value.as_bytes());
        }
        Self::end(bytes, method, Framing::Empty)
    }
}

/// Whether a field is of one connection only (RFC 9110 section 7.6.1). `Expect` is: each side answers it itself.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "expect"
    )
}
