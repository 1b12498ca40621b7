//! The calls that the gateway makes on its own account: legacy migration, revocation, activity.

use std::collections::HashSet;

use http::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::super::digest::{Digest, from_hex, sha256};
use super::super::migration::Seen;
use super::super::reply::{Refused, Reply, no_content};
use super::super::request::{Asked, id, required, time};
use super::super::sessions::Session;
use super::super::view::{current_tenant, session_json};
use super::{State, on_device, revoked, with_sid};

impl State {
    pub(super) fn migrate(&mut self, asked: &Asked<'_>) -> Reply {
        let object = asked.object()?;
        let key = required(&object, "idempotency_key")?;
        let proof = object.get("proof").and_then(Value::as_object);
        let Some(proof) = proof else {
            return Err(Refused::fields(&[("proof", "This field is required.")]));
        };
        let (kind, value) = (required(proof, "kind")?, required(proof, "value")?);
        let no = || Refused::new(StatusCode::UNAUTHORIZED, "proof_refused");
        if kind != "session_id" {
            return Err(no());
        }
        let sid = self.migrations.sid(key);
        match self.migrations.seen(key, value, asked.now) {
            Seen::Repeat => {
                let (user, session) = self.live(&sid, asked.now).map_err(|_| no())?;
                return Ok(with_sid(StatusCode::OK, session_json(&self.people, user, session), &sid));
            }
            Seen::OtherProof => return Err(no()),
            Seen::No => {}
        }
        let keep = object.get("keep").and_then(Value::as_bool).unwrap_or(false);
        let old = self.live(value, asked.now).map_err(|_| no())?.1;
        if old.kept_for.is_some() {
            return Err(no());
        }
        let (old, new, successor) = (sha256(value.as_bytes()), sha256(sid.as_bytes()), old.successor(asked.now));
        let answer = self.created(StatusCode::CREATED, sid, on_device(successor, asked), &[]).map_err(|_| no())?;
        if keep {
            self.sessions.keep(&old, new);
        } else {
            self.sessions.supersede(&old, new, asked.now);
        }
        self.migrations.remember(key, value, asked.now);
        Ok(answer)
    }

    pub(super) fn revoke(&mut self, asked: &Asked<'_>) -> Reply {
        let object = asked.object()?;
        let target = Target::read(&object)?;
        // Without a time everything up to now is meant: a revocation that says too little must not spare anybody.
        let before = time(&object, "issued_before")?;
        let issued_before = |session: &Session| before.is_none_or(|before| session.authenticated_at < before);
        let people = &self.people;
        let ended = match target {
            Target::Sids(hashes) => {
                let fits = |hash: &&Digest| self.sessions.by_hash(hash).is_some_and(issued_before);
                let fitting: Vec<Digest> = hashes.iter().filter(fits).copied().collect();
                fitting.iter().filter_map(|hash| self.sessions.end(hash, asked.now)).collect()
            }
            Target::User(id) => self.sessions.end_where(asked.now, |s| s.user == id && issued_before(s)),
            Target::Tenant(id) => self.sessions.end_where(asked.now, |s| {
                let tenant = people.user(s.user).and_then(|user| current_tenant(people, user, s));
                tenant.is_some_and(|tenant| tenant.id == id) && issued_before(s)
            }),
            Target::All => self.sessions.end_where(asked.now, issued_before),
        };
        Ok(revoked(&ended))
    }

    pub(super) fn activity(&mut self, asked: &Asked<'_>) -> Reply {
        let object = asked.object()?;
        let Some(seen) = object.get("seen").and_then(Value::as_array) else {
            return Err(Refused::fields(&[("seen", "This field is required.")]));
        };
        // One bad entry must not cost the rest of a batch that nobody will look at.
        for entry in seen.iter().filter_map(Value::as_object) {
            let public_id = entry.get("public_id").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
            let at = time(entry, "at").ok().flatten().map(|at| at.min(asked.now));
            let (Some(session), Some(at)) = (public_id.and_then(|id| self.sessions.by_public_id(id)), at) else {
                continue;
            };
            // Late news of a session that was still live then keeps it; news from after its end does not bring it back.
            if at >= session.last_activity && !session.idle(at) {
                let text = |name| entry.get(name).and_then(Value::as_str).map(|t| t.chars().take(512).collect());
                session.last_activity = at;
                session.ip = text("ip").or(session.ip.take());
                session.user_agent = text("user_agent").or(session.user_agent.take());
            }
        }
        Ok(no_content())
    }
}

/// Whose sessions a revocation ends.
enum Target {
    Sids(HashSet<Digest>),
    User(String),
    Tenant(String),
    All,
}

impl Target {
    /// Exactly one of the four: two of them would leave open whether both or either is meant.
    fn read(object: &Map<String, Value>) -> Result<Self, Refused> {
        let hash = |value: &Value| value.as_str().and_then(from_hex);
        let found = ["sid_sha256", "user_id", "tenant_id", "all"].map(|name| object.get(name));
        let target = match found {
            [Some(Value::Array(list)), None, None, None] => {
                list.iter().map(hash).collect::<Option<HashSet<Digest>>>().map(Self::Sids)
            }
            [None, Some(user), None, None] => id(user).map(Self::User),
            [None, None, Some(tenant), None] => id(tenant).map(Self::Tenant),
            [None, None, None, Some(Value::Bool(true))] => Some(Self::All),
            _ => None,
        };
        let fault = "Exactly one of `sid_sha256` (64 hex digits each), `user_id`, `tenant_id` and `all`: true.";
        target.ok_or_else(|| Refused::fields(&[("sid_sha256", fault)]))
    }
}
