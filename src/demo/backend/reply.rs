//! How the backend answers: JSON, or a refusal with its code.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};

/// An answer, whole in memory.
pub(super) type Answer = Response<Full<Bytes>>;

/// An answer, or why not.
pub(super) type Reply = Result<Answer, Refused>;

/// A refusal: `{"code": ...}`, and the faults of fields when it is about those.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    fields: Map<String, Value>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str) -> Self {
        Self { status, code, fields: Map::new() }
    }

    /// 400 about some fields: pairs of a name and what is wrong with it.
    pub(super) fn fields(faults: &[(&str, &str)]) -> Self {
        let fields = faults.iter().map(|(name, fault)| ((*name).to_owned(), json!([fault]))).collect();
        Self { status: StatusCode::BAD_REQUEST, code: "invalid", fields }
    }

    /// There is no such thing, or not for you.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found")
    }

    pub(super) fn into_response(self) -> Answer {
        let mut body = json!({ "code": self.code });
        if !self.fields.is_empty() {
            body["fields"] = Value::Object(self.fields);
        }
        json_response(self.status, &body)
    }
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Answer {
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) fn no_content() -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
