//! `backend.preset`: backends of other shapes, by configuration alone.

mod django;
mod flat;
mod nested;
mod refusals;

use serde_json::{Value, json};

use crate::support::backend::made_up;
use crate::support::flat::Flat;
use crate::support::nested::Nested;
use crate::support::{Answer, Shaped};

async fn nested(more: &str) -> (Nested, Shaped) {
    let backend = Nested::default();
    let shaped = Shaped::start(backend.inner(), "preset = \"nested\"\n", more).await;
    (backend, shaped)
}

async fn flat(more: &str) -> (Flat, Shaped) {
    let backend = Flat::default();
    let shaped = Shaped::start(backend.inner(), "preset = \"flat\"\n", more).await;
    (backend, shaped)
}

fn token(name: &str) -> Value {
    json!({ "accessToken": format!("token of {name}") })
}

/// Of an `Answer`, what a browser keeps of the sid.
fn cookie_untouched(answer: &Answer) -> bool {
    !answer.set_cookies().iter().any(|line| line.starts_with("sid="))
}
