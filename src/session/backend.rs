//! The client of the session backend.
//!
//! Two ways out: validation, which is hot, over our own [`Pool`]; sign-in and sign-out, which are rare, over reqwest.
//! Every call carries the gateway's key and exactly one credential of the user; never the whole `Cookie` header.

mod activity;
mod devices;
mod migrate;
mod renew;
mod sign_in;
mod sign_out;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::{BodyExt, Empty, Limited};

use super::lookup::Unavailable;
use super::types::{Onboarding, SessionId};
use super::wire::{self, Answer};
use crate::audit::Event;
use crate::config;
use crate::connect::{self, Connector, Tls};
use crate::context::RequestId;
use crate::http1::Head;
use crate::pool::{Lease, Pool, PoolConfig};
pub use devices::{Device, DevicesAnswer, Which};
pub use migrate::{Ending, MigrateAnswer};
pub use renew::Renewed;
pub use sign_in::{Credentials, SignInAnswer, SignInRefusal};
pub use sign_out::SignOutAnswer;
pub(super) use sign_out::SignedOut;

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

impl Caller {
    /// The event, with what is known of the browser's request.
    pub(crate) fn audited(&self, event: Event) -> Event {
        if self.client.is_unspecified() {
            return event;
        }
        let agent = self.user_agent.as_ref().map(HeaderValue::as_bytes);
        event.request(self.request_id.to_str().unwrap_or_default(), self.client, agent)
    }
}

impl Caller {
    /// The gateway itself.
    pub(super) fn of_gateway() -> Self {
        let id = RequestId::new();
        Self {
            client: Ipv4Addr::UNSPECIFIED.into(),
            user_agent: None,
            request_id: id.header(),
            traceparent: id.traceparent().header(),
        }
    }
}

/// The client.
#[derive(Debug)]
pub(super) struct Backend {
    config: config::Backend,
    pool: Arc<Pool>,
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
        match self.read(&self.config.paths.validate, self.authorization(sid), sid, caller).await {
            Ok((status, body)) => wire::answer(status, &body, &self.config, sid),
            Err(why) => Answer::Unavailable(why),
        }
    }

    /// Whether there is a call whose word on onboarding wins over that of the validation.
    pub(super) fn rechecks(&self) -> bool {
        !self.config.paths.recheck.is_empty()
    }

    /// Asks how far the user of a session is with onboarding, and whether the answer contradicts itself. Nothing when
    /// there is no answer that says so.
    pub(super) async fn recheck(&self, sid: &SessionId, caller: &Caller) -> Option<(Onboarding, bool)> {
        let path = &self.config.paths.recheck;
        // The sid once, in the path or as the credential.
        let credential = if path.contains("{sid}") { None } else { self.authorization(sid) };
        let (status, body) = self.read(path, credential, sid, caller).await.ok()?;
        let json = (status == 200).then(|| serde_json::from_slice(&body).ok())??;
        wire::onboarding(&json, &self.config.fields)
    }

    /// `GET`s within the time limit.
    async fn read(
        &self,
        path: &str,
        credential: Option<HeaderValue>,
        sid: &SessionId,
        caller: &Caller,
    ) -> Result<(u16, Bytes), Unavailable> {
        let uri: Uri = self.path(path, sid).parse().map_err(|_| Unavailable::Malformed)?;
        let mut headers = self.headers(caller);
        headers.insert(HOST, self.host.clone());
        headers.extend(credential.map(|credential| (AUTHORIZATION, credential)));
        let target = uri.path_and_query().ok_or(Unavailable::Malformed)?;
        let work = self.ask(Head::of(&Method::GET, target, &headers));
        tokio::time::timeout(self.config.timeout, work).await.unwrap_or(Err(Unavailable::Timeout))
    }

    async fn ask(&self, head: Head) -> Result<(u16, Bytes), Unavailable> {
        // The limit is on the whole, and `read` keeps it.
        let send = |lease: Lease| lease.send(&head, Empty::<Bytes>::new(), HeaderMap::new(), Duration::MAX);
        let lease = self.reached(self.pool.lease().await)?;
        let reused = lease.reused;
        let mut answer = send(lease).await;
        if answer.is_err() && reused {
            // It changes nothing, so it may be repeated once on a connection that is surely alive.
            answer = send(self.reached(self.pool.connect().await)?).await;
        }
        let mut answer = answer.map_err(|_| Unavailable::Connect)?;
        let status = answer.status().as_u16();
        let limited = Limited::new(answer.body_mut(), self.config.max_body);
        let body = limited.collect().await.map_err(|_| Unavailable::Malformed)?.to_bytes();
        answer.into_body().give_back();
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

    /// The user's credential. The sid is plain ASCII and the rest was checked, so there always is one.
    fn authorization(&self, sid: &SessionId) -> Option<HeaderValue> {
        secret(&self.config.authorization.replace("{sid}", &sid.expose())).ok()
    }

    fn path(&self, template: &str, sid: &SessionId) -> String {
        if template.contains("{sid}") { template.replace("{sid}", &sid.expose()) } else { template.to_owned() }
    }
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
