//! The demo's application: what stands where the Next.js application stands in production.
//!
//! It shows what an application behind the gateway has to do about sessions, which is next to nothing: it reads
//! `X-Auth-*` and believes it. It has no sign-in code, reads no cookie (only the names, to show them) and knows the
//! backend for one thing alone, which applications do too: onboarding changes who a user is.
//!
//! Pages work without JavaScript except where they say so. Script and style are inline, under a CSP by hash.

pub(crate) mod page;
mod pages;
mod stream;
mod told;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use tokio::net::TcpListener;

use self::told::Told;
use super::Backend;

/// The body of a page, or of the live events.
pub type FrontBody = UnsyncBoxBody<Bytes, Infallible>;

/// An order to the gateway: ask the backend again before the next request of this session.
const SESSION_CHANGED: HeaderName = HeaderName::from_static("x-auth-session-changed");
/// Bytes of the one form there is.
const MAX_FORM: usize = 16 * 1024;

/// The application. A clone is the same application.
#[derive(Clone)]
pub struct Front {
    backend: Backend,
    policy: Arc<str>,
}

impl Front {
    /// The application, and the backend with which it finishes onboarding.
    pub fn new(backend: Backend) -> Self {
        Self { backend, policy: page::content_security_policy().into() }
    }

    /// Serves on a socket until `stop` is ready.
    pub async fn serve(self, listener: TcpListener, stop: impl Future) {
        let answer = move |request| {
            let front = self.clone();
            async move { front.answer(request).await }
        };
        super::serve::serve(listener, stop, answer).await;
    }

    /// Answers one request. Always an answer.
    pub async fn answer<B: Body>(&self, request: Request<B>) -> Response<FrontBody> {
        let (parts, body) = request.into_parts();
        let told = Told::read(&parts.headers);
        let path = parts.uri.path();
        if path == "/onboarding/finish" {
            return match parts.method {
                Method::POST => self.finish_onboarding(&told, body).await,
                _ => self.not_allowed(&told, "POST"),
            };
        }
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return self.not_allowed(&told, "GET, HEAD");
        }
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match segments.as_slice() {
            [""] => self.page(StatusCode::OK, &pages::home(&told)),
            ["auth", "signin"] => self.page(StatusCode::OK, &pages::sign_in(&told, parts.uri.query())),
            ["onboarding"] => self.page(StatusCode::OK, &pages::onboarding(&told, parts.uri.query())),
            ["dashboard"] => self.page(StatusCode::OK, &pages::dashboard_of_nobody(&told)),
            ["api", "whoami"] => json(told::whoami(&parts).to_string()),
            ["api", "events"] => stream::events(&told),
            [slug, "dashboard"] => self.page(StatusCode::OK, &pages::dashboard(&told, slug)),
            [slug, "dashboard", "live"] => self.page(StatusCode::OK, &pages::live(&told, slug)),
            _ => self.page(StatusCode::NOT_FOUND, &pages::not_found(&told, path)),
        }
    }

    async fn finish_onboarding<B: Body>(&self, told: &Told, body: B) -> Response<FrontBody> {
        let Some(user) = &told.user_id else {
            return see_other("/auth/signin");
        };
        let Some(company) = company(body).await else {
            return see_other("/onboarding?error=company");
        };
        let Some(slug) = self.backend.finish_onboarding(user, &company) else {
            return see_other("/onboarding?error=user");
        };
        let mut response = see_other(&format!("/{slug}/dashboard"));
        response.headers_mut().insert(SESSION_CHANGED, HeaderValue::from_static("1"));
        response
    }

    fn not_allowed(&self, told: &Told, allow: &'static str) -> Response<FrontBody> {
        let mut response = self.page(StatusCode::METHOD_NOT_ALLOWED, &pages::not_allowed(told, allow));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        response
    }

    fn page(&self, status: StatusCode, html: &str) -> Response<FrontBody> {
        let mut response = whole(html.to_owned(), "text/html; charset=utf-8");
        *response.status_mut() = status;
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// The form's one field. `None` when it says nothing, or nobody could read it.
async fn company<B: Body>(body: B) -> Option<String> {
    let body = body.map_err(|_| std::io::Error::other("the body broke off"));
    let form = Limited::new(body, MAX_FORM).collect().await.ok()?.to_bytes();
    let (_, company) = url::form_urlencoded::parse(&form).find(|(name, _)| name == "company")?;
    let company = company.trim();
    (!company.is_empty()).then(|| company.to_owned())
}

fn json(text: String) -> Response<FrontBody> {
    whole(text, "application/json")
}

fn see_other(to: &str) -> Response<FrontBody> {
    let mut response = whole(String::new(), "text/plain; charset=utf-8");
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

fn whole(text: String, kind: &'static str) -> Response<FrontBody> {
    let mut response = Response::new(Full::from(text).boxed_unsync());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

#[cfg(test)]
mod tests;
