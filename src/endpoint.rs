//! What the gateway answers itself: the session API.
//!
//! Exact paths under `/api/auth/`, matched before the routes. Everything here is `private, no-store`, and every call
//! with an unsafe method must come from a page of our own origin.

mod body;
mod described;
mod devices;
mod fix;
mod jwks;
mod migrate;
mod origin;
mod script;
mod session;
mod tenant;

use http::header::{CACHE_CONTROL, COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde::Serialize;

use crate::body::Body;
use crate::context::Context;
use crate::gateway::Gateway;
use crate::identity::{self, Presented};
use crate::rejection::Rejection;

pub(crate) use body::collect as body_of;
pub(crate) use fix::{Truth, fix};
pub(crate) use jwks::{JWKS, NO_KEY, jwks};
pub(crate) use origin::{is_own_origin, is_same_origin};

/// The session API's paths.
const SESSION: &str = "/api/auth/session-v2";
/// Switches the tenant.
pub(crate) const TENANT: &str = "/api/auth/session-v2/tenant";

/// A user's sessions.
const DEVICES: &str = "/api/auth/sessions";
/// Puts cookies in order.
const FIX: &str = "/api/auth/fix-session";

/// Makes legacy cookies a session.
const MIGRATE: &str = "/api/auth/migrate-session";
/// The session API as a module for browsers.
const SCRIPT: &str = "/api/auth/session.js";

/// An endpoint of the gateway's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET`, `POST` and `DELETE` of the session.
    Session,
    /// `POST` switches its tenant.
    Tenant,
    /// `GET` and `DELETE` of the user's sessions.
    Devices,
    /// `DELETE` of one of them.
    Device,
    /// `POST` puts a browser's cookies in order; `GET` is a page with the button for it.
    Fix,
    /// `POST` makes legacy cookies a session.
    Migrate,
    /// `GET` of the module for browsers.
    Script,
}

impl Endpoint {
    /// The endpoint at a canonical path.
    pub fn at(path: &str) -> Option<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            SESSION => Some(Self::Session),
            TENANT => Some(Self::Tenant),
            DEVICES => Some(Self::Devices),
            FIX => Some(Self::Fix),
            MIGRATE => Some(Self::Migrate),
            SCRIPT => Some(Self::Script),
            path => {
                let one = path.strip_prefix(DEVICES)?.strip_prefix('/')?;
                (!one.contains('/')).then_some(Self::Device)
            }
        }
    }

    /// Its path, for the log.
    pub fn path(self) -> &'static str {
        match self {
            Self::Session => SESSION,
            Self::Tenant => TENANT,
            Self::Devices => DEVICES,
            Self::Fix => FIX,
            Self::Migrate => MIGRATE,
            Self::Device => "/api/auth/sessions/{publicId}",
            Self::Script => SCRIPT,
        }
    }

    /// No page of another site can send this one in a person's name: what signs it is a header that no browser sends by
    /// itself, and there is no cookie.
    fn is_safe_from_pages(self, gateway: &Gateway, cx: &Context, headers: &HeaderMap) -> bool {
        let ours = match self {
            Self::Session => cx.method == Method::DELETE,
            Self::Devices | Self::Device => true,
            Self::Tenant | Self::Fix | Self::Migrate | Self::Script => false,
        };
        ours && gateway.accepts_header()
            && !headers.contains_key(COOKIE)
            && identity::presented(headers) != Presented::Nothing
    }

    /// Answers.
    pub(crate) async fn answer(
        self,
        gateway: &Gateway,
        cx: &mut Context,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Rejection> {
        if !cx.safe_method()
            && !self.is_safe_from_pages(gateway, cx, request.headers())
            && !is_same_origin(request.headers(), &gateway.origin(cx))
        {
            return Err(Rejection::cross_origin());
        }
        match (self, &cx.method) {
            (Self::Session, &Method::GET | &Method::HEAD) => session::get(gateway, cx, request.headers()).await,
            (Self::Session, &Method::POST) => session::post(gateway, cx, request).await,
            (Self::Session, &Method::DELETE) => session::delete(gateway, cx, request.headers()).await,
            (Self::Session, _) => Err(Rejection::method("GET, POST, DELETE".into())),
            (Self::Tenant, &Method::POST) => tenant::post(gateway, cx, request).await,
            (Self::Tenant, _) => Err(Rejection::method("POST".into())),
            (Self::Devices, &Method::GET | &Method::HEAD) => devices::list(gateway, cx, request.headers()).await,
            (Self::Devices, &Method::DELETE) => devices::end_several(gateway, cx, request.headers()).await,
            (Self::Devices, _) => Err(Rejection::method("GET, DELETE".into())),
            (Self::Device, &Method::DELETE) => devices::end_one(gateway, cx, request.headers()).await,
            (Self::Device, _) => Err(Rejection::method("DELETE".into())),
            (Self::Fix, &Method::GET | &Method::HEAD) => Ok(fix::get()),
            (Self::Fix, &Method::POST) => fix::post(gateway, cx, request).await,
            (Self::Fix, _) => Err(Rejection::method("GET, POST".into())),
            (Self::Migrate, &Method::POST) => migrate::post(gateway, cx, request.headers()).await,
            (Self::Migrate, _) => Err(Rejection::method("POST".into())),
            (Self::Script, &Method::GET | &Method::HEAD) => Ok(script::get()),
            (Self::Script, _) => Err(Rejection::method("GET".into())),
        }
    }
}

/// Nothing under `/api/auth/` is ever kept by a cache.
pub(crate) fn no_store(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // Texts and numbers always have a JSON form.
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut answer = Response::new(Body::Own(text.into()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    answer
}
