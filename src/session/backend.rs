//! The client of the session backend.
//!
//! Two ways out: validation, which is hot, over our own [`Pool`]; sign-in and sign-out, which are rare, over reqwest.
//! Every call carries the gateway's key and exactly one credential of the user; never the whole `Cookie` header.

mod renew;
mod sign_in;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Empty, Limited};

use super::lookup::Unavailable;
use super::types::SessionId;
use super::wire::{self, Answer};
use crate::config;
use crate::connect::{self, Connector, Tls};
use crate::pool::{Lease, Pool, PoolConfig};
pub use renew::Renewed;
pub use sign_in::{Credentials, SignInAnswer, SignInRefusal};

const GATEWAY_KEY: HeaderName = HeaderName::from_static("x-gateway-key");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const CLIENT_IP: HeaderName = HeaderName::from_static("x-client-ip");

/// The browser's request that a call starts from.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its address; the unspecified one for a call of the gateway's own.
    pub client: IpAddr,
    /// Its `User-Agent`.
    pub user_agent: Option<HeaderValue>,
    /// `X-Request-Id`
    pub request_id: HeaderValue,
    /// `traceparent`
    pub traceparent: HeaderValue,
}

/// What a sign-out came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignOutAnswer {
    /// The backend has taken it.
    Done,
    /// It has not yet; it is repeated until it does.
    Pending,
}

/// The client.
#[derive(Debug)]
pub(super) struct Backend {
    config: config::Backend,
    pool: Arc<Pool<Empty<Bytes>>>,
    control: reqwest::Client,
    /// What the addresses of `control` begin with.
    base: String,
    host: HeaderValue,
    key: Option<HeaderValue>,
    /// It was said that there is no connection.
    unreachable: AtomicBool,
}

impl Backend {
    pub(super) fn new(config: &config::Backend) -> Result<Self, String> {
        let named = |e: String| format!("[backend]: {e}");
        let tls = Tls::for_targets(std::slice::from_ref(&config.url), &config.tls).map_err(named)?;
        let pool = Pool::new(PoolConfig {
            connector: Connector::new(&config.url, tls.as_ref(), config.connect_timeout).map_err(named)?,
            idle_timeout: config.idle_timeout,
            max_idle: config.max_concurrent,
        });
        let (control, base) =
            connect::control::client(&config.url, tls.as_ref(), config.connect_timeout, config.idle_timeout)
                .map_err(named)?;
        let key = config.gateway_key.as_ref().map(|key| secret(key.expose())).transpose();
        let key = key.map_err(|_| "backend.gateway_key holds a character that no header can carry".to_owned())?;
        let host = HeaderValue::from_str(config.url.authority()).map_err(|_| "backend.url names no host".to_owned())?;
        Ok(Self { config: config.clone(), pool, control, base, host, key, unreachable: AtomicBool::new(false) })
    }

    /// Whether there is a call for this.
    pub(super) fn supports(&self, capability: config::Capability) -> bool {
        self.config.supports(capability)
    }

    /// Asks whose the sid is.
    pub(super) async fn validate(&self, sid: &SessionId, caller: &Caller) -> Answer {
        let work = self.ask(sid, caller);
        match tokio::time::timeout(self.config.timeout, work).await {
            Ok(Ok((status, body))) => wire::answer(status, &body, &self.config.fields, sid),
            Ok(Err(why)) => Answer::Unavailable(why),
            Err(_) => Answer::Unavailable(Unavailable::Timeout),
        }
    }

    async fn ask(&self, sid: &SessionId, caller: &Caller) -> Result<(u16, Bytes), Unavailable> {
        let mut lease = self.reached(self.pool.lease().await)?;
        let request = || self.validation(sid, caller).ok_or(Unavailable::Malformed);
        let mut answer = lease.send(request()?).await;
        if answer.is_err() && lease.reused {
            // A validation changes nothing, so it may be repeated once on a connection that is surely alive.
            lease = self.reached(self.pool.connect().await)?;
            answer = lease.send(request()?).await;
        }
        let answer = answer.map_err(|_| Unavailable::Connect)?;
        let status = answer.status().as_u16();
        let body = self.collect(answer.into_body(), lease).await?;
        Ok((status, body))
    }

    /// Why there is no connection (a certificate that is not taken, a socket that is not there) is said once.
    fn reached<T>(&self, connected: std::io::Result<T>) -> Result<T, Unavailable> {
        let failed = connected.is_err();
        let news = self.unreachable.load(Relaxed) != failed && self.unreachable.swap(failed, Relaxed) != failed;
        if let (true, Err(error)) = (news, &connected) {
            tracing::warn!(%error, url = %self.config.url, "no connection to the backend");
        }
        connected.map_err(|_| Unavailable::Connect)
    }

    async fn collect(&self, body: hyper::body::Incoming, lease: Lease<Empty<Bytes>>) -> Result<Bytes, Unavailable> {
        let body = Limited::new(body, self.config.max_body).collect().await.map_err(|_| Unavailable::Malformed)?;
        lease.give_back();
        Ok(body.to_bytes())
    }

    fn validation(&self, sid: &SessionId, caller: &Caller) -> Option<Request<Empty<Bytes>>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.path(&self.config.paths.validate, sid).parse().ok()?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.extend(self.headers(caller));
        headers.insert(AUTHORIZATION, authorization(sid)?);
        Some(request)
    }

    /// Signs out; `Ok` when the backend has taken it, or the session was gone already.
    pub(super) async fn sign_out(&self, sid: &SessionId, caller: &Caller) -> Result<(), Unavailable> {
        let path = self.path(&self.config.paths.sign_out, sid);
        let credential = authorization(sid).ok_or(Unavailable::Malformed)?;
        let call = self
            .control
            .request(Method::DELETE, format!("{}{path}", self.base))
            .headers(self.headers(caller))
            .header(AUTHORIZATION, credential)
            .timeout(self.config.timeout);
        let (status, _, body) = self.send(call).await?;
        match (status, wire::answer(status, &body, &self.config.fields, sid)) {
            (200 | 202 | 204, _) | (_, Answer::Refused(_)) => Ok(()),
            (_, Answer::Unavailable(why)) => Err(why),
            (status, Answer::Session(_)) => Err(Unavailable::Status(status)),
        }
    }

    async fn send(&self, call: reqwest::RequestBuilder) -> Result<(u16, HeaderMap, Vec<u8>), Unavailable> {
        let why = |e: reqwest::Error| if e.is_timeout() { Unavailable::Timeout } else { Unavailable::Connect };
        let mut answer = call.send().await.map_err(why)?;
        let status = answer.status().as_u16();
        let headers = std::mem::take(answer.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(why)? {
            if body.len() + chunk.len() > self.config.max_body {
                return Err(Unavailable::Malformed);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, headers, body))
    }

    fn headers(&self, caller: &Caller) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        if let Some(key) = &self.key {
            headers.insert(GATEWAY_KEY, key.clone());
        }
        headers.insert(REQUEST_ID, caller.request_id.clone());
        headers.insert(TRACEPARENT, caller.traceparent.clone());
        // A call of the gateway's own starts from nobody's request.
        if !caller.client.is_unspecified()
            && let Ok(address) = HeaderValue::try_from(caller.client.to_string())
        {
            headers.insert(CLIENT_IP, address);
        }
        if let Some(agent) = &caller.user_agent {
            headers.insert(USER_AGENT, agent.clone());
        }
        headers
    }

    fn path(&self, template: &str, sid: &SessionId) -> String {
        if template.contains("{sid}") { template.replace("{sid}", &sid.expose()) } else { template.to_owned() }
    }
}

fn authorization(sid: &SessionId) -> Option<HeaderValue> {
    secret(&format!("Session {}", sid.expose())).ok()
}

/// A value that is never printed, nor kept in HTTP/2's table.
fn secret(text: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A code goes into addresses and logs, so it is a word.
fn is_word(code: &str) -> bool {
    let part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    (1..=64).contains(&code.len()) && code.bytes().all(part)
}
