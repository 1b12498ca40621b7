//! Where sids come from: a file, or signing in. They are never printed.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{Method, response};
use serde_json::json;

use crate::Fault;
use crate::options::{Kind, Options};
use crate::target::{SESSION, Target};

/// Sids, and people who can sign in.
pub(crate) struct Sids {
    pub(crate) sids: Arc<[String]>,
    pub(crate) users: Arc<[User]>,
    /// Sessions of the old days, and the secret of their cookies.
    pub(crate) proofs: Arc<[String]>,
    pub(crate) legacy_secret: Arc<str>,
}

/// Somebody who can sign in.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) password: String,
}

impl Sids {
    pub(crate) fn len(&self) -> usize {
        self.sids.len()
    }
}

/// Reads the files; without one of sids, signs every user in once.
pub(crate) async fn load(options: &Options, target: &Target) -> Result<Sids, Fault> {
    let read = |path: &std::path::Path, what: &str| {
        std::fs::read_to_string(path).map_err(|e| format!("--{what} {}: {e}", path.display()))
    };
    let users: Vec<User> = match &options.users {
        Some(path) => lines(&read(path, "users")?)
            .filter_map(|line| line.split_once(char::is_whitespace))
            .map(|(email, password)| User { email: email.to_owned(), password: password.trim().to_owned() })
            .collect(),
        None => Vec::new(),
    };
    let mut sids: Vec<String> = match &options.sids {
        Some(path) => lines(&read(path, "sids")?).map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let proofs: Vec<String> = match &options.proofs {
        Some(path) => lines(&read(path, "proofs")?).map(str::to_owned).collect(),
        None => Vec::new(),
    };
    let legacy_secret = match &options.legacy_secret {
        Some(path) => read(path, "legacy-secret")?.trim().into(),
        None => "".into(),
    };
    if let Some((number, _)) = sids.iter().enumerate().find(|(_, sid)| uuid::Uuid::try_parse(sid).is_err()) {
        return Err(format!("--sids: the sid number {} is no UUID of 36 characters", number + 1));
    }
    if sids.is_empty() && options.kinds().iter().any(|kind| !matches!(kind, Kind::SignIn | Kind::Migrate)) {
        for user in &users {
            sids.push(sign_in(target, user).await?);
        }
    }
    Ok(Sids { sids: sids.into(), users: users.into(), proofs: proofs.into(), legacy_secret })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

async fn sign_in(target: &Target, user: &User) -> Result<String, Fault> {
    let body = json!({ "email": user.email, "password": user.password }).to_string();
    let request = target.request(Method::POST, SESSION, None, body.into());
    let (parts, _) = target.once(request).await.map_err(|why| format!("signing in as {}: {why}", user.email))?;
    sid_of(&parts, target.cookie()).ok_or_else(|| {
        let hint = if parts.status.as_u16() == 429 { "; the gateway limits sign-ins, so use --sids FILE" } else { "" };
        format!("signing in as {}: the gateway answered {}{hint}", user.email, parts.status)
    })
}

/// The sid that an answer sets.
pub(crate) fn sid_of(parts: &response::Parts, cookie: &str) -> Option<String> {
    let lines = parts.headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    let values = lines.filter_map(|line| line.split(';').next()?.split_once('='));
    let mut named = values.filter(|(name, _)| *name == cookie || name.strip_prefix("__Host-") == Some(cookie));
    named.find(|(_, value)| value.len() == 36).map(|(_, value)| value.to_owned())
}

/// How often the gateway has asked the backend about a sid, as its admin listener says; none where nobody can tell.
pub(crate) async fn backend_calls(options: &Options) -> Option<u64> {
    const NAME: &str = "sidgate_backend_validations_total ";
    metrics(options).await?.lines().find_map(|line| line.strip_prefix(NAME)?.trim().parse().ok())
}

/// What came of migrations so far, as the gateway counts them; none where nobody can tell.
pub(crate) async fn migrations(options: &Options) -> Option<BTreeMap<String, u64>> {
    const NAME: &str = "sidgate_legacy_migrations_total{";
    let mut found = BTreeMap::new();
    for line in metrics(options).await?.lines() {
        let Some((labels, count)) = line.strip_prefix(NAME).and_then(|rest| rest.split_once('}')) else { continue };
        let outcome = labels.split("outcome=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        *found.entry(outcome.to_owned()).or_default() += count.trim().parse::<u64>().unwrap_or_default();
    }
    Some(found)
}

async fn metrics(options: &Options) -> Option<String> {
    let admin = options.admin.as_ref()?;
    let mut metrics = options.clone();
    metrics.target = Some(format!("{}/metrics", admin.trim_end_matches('/')));
    (metrics.http2, metrics.resolve) = (false, None);
    let target = Target::new(&metrics).ok()?;
    let (_, body) = target.once(target.get(None)).await.ok()?;
    Some(String::from_utf8_lossy(&body).into_owned())
}
