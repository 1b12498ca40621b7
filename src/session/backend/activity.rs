//! Which sessions are in use: a call of the gateway's own.

use http::Method;
use serde_json::Value;

use super::super::lookup::Unavailable;
use super::super::wire;
use super::{Backend, Caller};

impl Backend {
    /// Sends one batch.
    pub(in crate::session) async fn activity(&self, batch: &Value) -> Result<(), Unavailable> {
        let call = self
            .control
            .request(Method::POST, format!("{}{}", self.base, self.config.paths.activity))
            .headers(self.headers(&Caller::of_gateway()))
            .timeout(self.config.timeout)
            .json(batch);
        match self.send(call).await? {
            (200..=299, ..) => Ok(()),
            (_, _, body) if wire::code(&body).as_deref() == Some("gateway_key_invalid") => Err(Unavailable::GatewayKey),
            (status, ..) => Err(Unavailable::Status(status)),
        }
    }
}
