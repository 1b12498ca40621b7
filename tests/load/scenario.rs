//! What each request asks, and which answers are right.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use serde_json::json;

use crate::Fault;
use crate::options::{Kind, Options};
use crate::pace::Dice;
use crate::pick::shares;
use crate::sids::{Sids, User};
use crate::target::{SESSION, Target};

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
        if !sign_in && sids.sids.is_empty() {
            return Err(format!("the scenario {} needs sids: --sids FILE or --users FILE", kind.as_str()));
        }
        Ok(Self {
            kind,
            rate: if sign_in { options.sign_in_rate } else { options.rate },
            target: target.clone(),
            sids: sids.sids.clone(),
            users: sids.users.clone(),
            shares: if kind == Kind::Mixed { shares(sids.sids.len(), options.pick) } else { Vec::new() },
            bad: options.bad / 100.0,
            absent: options.absent / 100.0,
            seed: options.seed,
            expect: options.expect.clone(),
        })
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

    pub(crate) fn judge(&self, asker: Asker, status: StatusCode) -> Judgement {
        let right = match asker {
            Asker::SignedIn if self.expect.is_empty() => status.is_success(),
            Asker::SignedIn => self.expect.contains(&status.as_u16()),
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
