//! Request ids and trace context.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use uuid::{NoContext, Timestamp, Uuid};

/// The id of one request: a UUID version 7, so that ids sort by time. It is the trace id too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "every one is different")]
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), now.subsec_nanos())))
    }

    /// When it was made, in Unix seconds (RFC 9562, section 5.7: its first 48 bits are milliseconds).
    pub fn seconds(&self) -> i64 {
        i64::try_from((self.0.as_u128() >> 80) / 1000).unwrap_or(i64::MAX)
    }

    /// For `X-Request-Id`.
    pub fn header(&self) -> HeaderValue {
        let mut buffer = Uuid::encode_buffer();
        let text = self.0.hyphenated().encode_lower(&mut buffer);
        let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        // No secret, but as one it is never put into HTTP/2's table of headers (RFC 7541 section 6.2.3), where a value
        // that does not come again would push out those that do.
        value.set_sensitive(true);
        value
    }

    /// `traceparent` of a trace that begins here (W3C Trace Context, version 00, sampled flag unset).
    pub fn traceparent(&self) -> TraceParent {
        let mut buffer = Uuid::encode_buffer();
        let trace = self.0.simple().encode_lower(&mut buffer);
        let mut out = [b'0'; TraceParent::LENGTH];
        out[2] = b'-';
        out[3..35].copy_from_slice(trace.as_bytes());
        out[35] = b'-';
        // The span's id is the random half of the trace's: it differs from request to request, and that is enough.
        out[36..52].copy_from_slice(&trace.as_bytes()[16..]);
        out[52] = b'-';
        TraceParent(out)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent([u8; Self::LENGTH]);

impl TraceParent {
    const LENGTH: usize = 55;

    /// A trusted peer's, if it is one: of version 00 to fe, with ids that are not zero.
    pub(super) fn read(value: &HeaderValue) -> Option<Self> {
        let bytes: [u8; Self::LENGTH] = value.as_bytes().try_into().ok()?;
        let spelled = bytes.iter().enumerate().all(|(i, b)| match i {
            2 | 35 | 52 => *b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        });
        let good = spelled
            && !bytes.starts_with(b"ff")
            && bytes[3..35].iter().any(|b| *b != b'0')
            && bytes[36..52].iter().any(|b| *b != b'0');
        good.then_some(Self(bytes))
    }

    /// As it is written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For a map of headers.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}
