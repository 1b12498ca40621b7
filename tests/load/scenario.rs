//! What each request asks, and which answers are right.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, StatusCode, response};
use http_body_util::Full;
use serde_json::json;

use crate::options::{Kind, Options};
use crate::pace::Dice;
use crate::pick::shares;
use crate::sids::{Sids, User, sid_of};
use crate::target::{SESSION, Target};
use crate::{Fault, jar};

/// A load that goes on for a while.
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    pub(crate) rate: f64,
    target: Target,
    sids: Arc<[String]>,
    users: Arc<[User]>,
    /// Mixed: for each sid the share of requests with it or one before it.
    shares: Vec<f64>,
    bad: f64,
    absent: f64,
    seed: u64,
    expect: Vec<u16>,
    proofs: Arc<[String]>,
    legacy_secret: Arc<str>,
    /// Proofs that have the shape of a sid.
    old: HashSet<uuid::Uuid>,
    /// Sids that migrations made.
    made: Mutex<HashSet<uuid::Uuid>>,
    /// Another scenario beside it tells how it goes.
    pub(crate) quiet: bool,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// Somebody with a live session.
    SignedIn,
    /// Somebody without, or with a made-up sid.
    Nobody,
    /// Somebody who signs in.
    SigningIn,
    /// A browser that comes for the first time since the old days.
    Migrating,
}

/// How an answer counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// As it should be.
    Right,
    /// 429: the gateway's limit, which is no fault of its speed.
    Limited,
    /// Anything else.
    Wrong,
}

impl Scenario {
    pub(crate) fn new(kind: Kind, options: &Options, target: &Target, sids: &Sids) -> Result<Self, Fault> {
        let sign_in = kind == Kind::SignIn;
        if sign_in && sids.users.is_empty() {
            return Err("the scenario sign-in needs --users FILE, with `email password` per line".into());
        }
        let migrate = kind == Kind::Migrate;
        if migrate && (sids.proofs.is_empty() || sids.legacy_secret.is_empty()) {
            return Err("the scenario migrate needs --proofs FILE and --legacy-secret FILE".into());
        }
        if !sign_in && !migrate && sids.sids.is_empty() {
            return Err(format!("the scenario {} needs sids: --sids FILE or --users FILE", kind.as_str()));
        }
        Ok(Self {
            kind,
            rate: match kind {
                Kind::SignIn => options.sign_in_rate,
                Kind::Migrate => options.migrate_rate,
                _ => options.rate,
            },
            target: target.clone(),
            sids: sids.sids.clone(),
            users: sids.users.clone(),
            shares: if kind == Kind::Mixed { shares(sids.sids.len(), options.pick) } else { Vec::new() },
            bad: options.bad / 100.0,
            absent: options.absent / 100.0,
            seed: options.seed,
            expect: options.expect.clone(),
            proofs: sids.proofs.clone(),
            legacy_secret: sids.legacy_secret.clone(),
            old: sids.proofs.iter().filter_map(|proof| uuid::Uuid::try_parse(proof).ok()).collect(),
            made: Mutex::default(),
            quiet: false,
        })
    }

    /// Says nothing while it goes.
    pub(crate) fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// How many requests there are, where that is not a matter of time: every browser comes once, over a connection of
    /// its own.
    pub(crate) fn browsers(&self) -> Option<u64> {
        (self.kind == Kind::Migrate).then_some(self.proofs.len() as u64)
    }

    /// How many sessions migrations made.
    pub(crate) fn made(&self) -> usize {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The request of this number: the same in every run with the same seed.
    pub(crate) fn request(&self, number: u64) -> (Request<Full<Bytes>>, Asker) {
        match self.kind {
            Kind::Hot | Kind::Stampede => (self.target.get(self.sids.first().map(String::as_str)), Asker::SignedIn),
            Kind::Mixed => self.mixed(number),
            Kind::SignIn => {
                let user = &self.users[usize::try_from(number).unwrap_or(0) % self.users.len()];
                let body = json!({ "email": user.email, "password": user.password }).to_string();
                (self.target.request(Method::POST, SESSION, None, body.into()), Asker::SigningIn)
            }
            Kind::Migrate => {
                let proof = &self.proofs[usize::try_from(number).unwrap_or(0) % self.proofs.len()];
                (self.target.navigate(&jar::full(&self.legacy_secret, proof)), Asker::Migrating)
            }
        }
    }

    fn mixed(&self, number: u64) -> (Request<Full<Bytes>>, Asker) {
        let mut dice = Dice::new(self.seed ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let who = dice.share();
        if who < self.absent {
            return (self.target.get(None), Asker::Nobody);
        }
        if who < self.absent + self.bad {
            let made_up = uuid::Builder::from_random_bytes(pair(&mut dice)).into_uuid().to_string();
            return (self.target.get(Some(&made_up)), Asker::Nobody);
        }
        let at = dice.share();
        let which = self.shares.partition_point(|share| *share <= at).min(self.sids.len() - 1);
        (self.target.get(Some(&self.sids[which])), Asker::SignedIn)
    }

    /// The outcome's word, and how it counts.
    pub(crate) fn judge(&self, asker: Asker, parts: &response::Parts) -> (String, Judgement) {
        let status = parts.status;
        let judgement = self.judge_status(asker, status);
        if asker != Asker::Migrating || judgement != Judgement::Right {
            return (status.as_str().to_owned(), judgement);
        }
        let sid = sid_of(parts, self.target.cookie()).and_then(|sid| uuid::Uuid::try_parse(&sid).ok());
        match sid {
            None => (format!("{status} without a sid", status = status.as_str()), Judgement::Wrong),
            Some(sid) if self.is_new(sid) => (status.as_str().to_owned(), Judgement::Right),
            Some(_) => (format!("{status} with a sid that is not new", status = status.as_str()), Judgement::Wrong),
        }
    }

    /// One proof makes one session, and never under a sid that a cookie told anybody.
    fn is_new(&self, sid: uuid::Uuid) -> bool {
        !self.old.contains(&sid) && self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(sid)
    }

    fn judge_status(&self, asker: Asker, status: StatusCode) -> Judgement {
        let right = match asker {
            Asker::SignedIn | Asker::Migrating if self.expect.is_empty() => status.is_success(),
            Asker::SignedIn | Asker::Migrating => self.expect.contains(&status.as_u16()),
            // To sign-in, or 401; an open page answers them like anybody.
            Asker::Nobody => status.is_success() || matches!(status.as_u16(), 302 | 303 | 307 | 401),
            Asker::SigningIn => matches!(status.as_u16(), 200 | 202),
        };
        match status {
            _ if right => Judgement::Right,
            StatusCode::TOO_MANY_REQUESTS => Judgement::Limited,
            _ => Judgement::Wrong,
        }
    }
}

fn pair(dice: &mut Dice) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&dice.number().to_le_bytes());
    bytes[8..].copy_from_slice(&dice.number().to_le_bytes());
    bytes
}
