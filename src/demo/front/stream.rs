//! The live events: an answer that never ends by itself.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::FrontBody;
use super::told::Told;

/// Time between two events.
const BEAT: Duration = Duration::from_millis(300);

/// Server-sent events, the first one at once.
pub(super) fn events(told: &Told) -> Response<FrontBody> {
    let user = told.user_id.clone();
    let mut beat = interval(BEAT);
    // A reader that was slow gets the next event in time, and not a burst of those it missed.
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let events = stream::unfold((beat, 1_u64), move |(mut beat, n)| {
        let user = user.clone();
        async move {
            beat.tick().await;
            let event = json!({ "n": n, "at": Timestamp::now().to_string(), "user": user });
            let frame = Frame::data(Bytes::from(format!("data: {event}\n\n")));
            Some((Ok::<_, Infallible>(frame), (beat, n + 1)))
        }
    });
    let mut response = Response::new(StreamBody::new(events).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}
