//! What candidates are, in words. Values are not shown: of a session its fingerprint, as logs have it.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::print_faults;
use crate::config::Config;
use crate::legacy::{Candidate, Verdict, Why};
use crate::session::{ProofKind, SessionId};

/// Bytes of what is pasted.
const LONGEST: u64 = 1024 * 1024;

/// The carriers' opinions of one cookie.
pub(super) struct Explained<'a> {
    /// The one that counts: a proof before what is rejected, before what is not the carrier's.
    pub(super) best: Option<One<'a>>,
    pub(super) others: Vec<One<'a>>,
}

/// One of them.
#[derive(Clone, Copy)]
pub(super) struct One<'a>(pub(super) &'a Candidate);

impl<'a> Explained<'a> {
    pub(super) fn of(candidates: &'a [Candidate]) -> Self {
        let rank = |candidate: &Candidate| match candidate.verdict {
            Verdict::Proof(_) => 0,
            Verdict::Rejected(_) => 1,
            Verdict::None(Why::OtherFormat) => 3,
            Verdict::None(_) => 2,
        };
        // The first among equals, as they are tried.
        let best = candidates.iter().min_by_key(|candidate| rank(candidate));
        let others = candidates.iter().filter(|other| !best.is_some_and(|best| std::ptr::eq(*other, best)));
        Self { best: best.map(One), others: others.map(One).collect() }
    }

    pub(super) fn has_proof(&self) -> bool {
        self.best.is_some_and(|best| matches!(best.0.verdict, Verdict::Proof(_)))
    }

    pub(super) fn best_json(&self) -> Value {
        self.best.map_or_else(
            || {
                json!({"carrier": null, "verdict": "none", "reason": "no_carrier",
                       "explanation": "no [[legacy.carrier]] names this cookie"})
            },
            One::json,
        )
    }
}

impl One<'_> {
    pub(super) fn json(self) -> Value {
        let Self(candidate) = self;
        let mut json = json!({
            "carrier": &*candidate.carrier,
            "verdict": candidate.verdict.as_str(),
            "reason": candidate.verdict.why().map(Why::as_str),
            "explanation": self.explanation(),
        });
        if let Some((fingerprint, json)) = self.fingerprint().zip(json.as_object_mut()) {
            json.insert("fingerprint".into(), Value::from(fingerprint));
        }
        json
    }

    /// That of the session, if it is one of the backend's.
    pub(super) fn fingerprint(self) -> Option<String> {
        match &self.0.verdict {
            Verdict::Proof(proof) if proof.kind == ProofKind::SessionId => {
                SessionId::parse(proof.value.expose().as_bytes()).map(|id| id.fingerprint().to_string())
            }
            _ => None,
        }
    }

    pub(super) fn explanation(self) -> &'static str {
        match &self.0.verdict {
            Verdict::Proof(proof) => match proof.kind {
                ProofKind::SessionId => "the backend is asked whether this session lives",
                ProofKind::AccessToken => "the backend is asked whether this access token is good",
                ProofKind::Opaque => "the backend is asked what this is",
            },
            Verdict::None(why) | Verdict::Rejected(why) => of(*why),
        }
    }
}

fn of(why: Why) -> &'static str {
    match why {
        Why::Empty => "there is no value",
        Why::OtherFormat => "not what this carrier reads",
        Why::NoProof => "readable, but there is neither a session nor a token in it",
        Why::Sentinel => "a word that the application put in the place of a session",
        Why::Expired => "its own time is over",
        Why::TooLarge => "longer than legacy.max_value_bytes",
        Why::TooMany => "more cookies of this name, or chunks of one, than are looked at",
        Why::Chunks => "chunks are missing, or contradict each other",
        Why::Malformed => "looks like this format, but is not well-formed",
        Why::Undecryptable => "encrypted with another key, or changed on the way",
        Why::Algorithm => "an algorithm that this format does not use",
        Why::NotJson => "decoded, but not a JSON object",
    }
}

/// What concerns legacy cookies in a configuration.
pub(super) fn load(path: &Path) -> Result<Config, ExitCode> {
    Config::load_only(path, "legacy").map_err(|faults| {
        print_faults(&faults);
        ExitCode::from(2)
    })
}

/// Standard input.
pub(super) fn input() -> Result<Vec<u8>, ExitCode> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        eprintln!("sidgate: paste it, then press Enter and Ctrl-D");
    }
    let mut bytes = Vec::new();
    match stdin.lock().take(LONGEST + 1).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 <= LONGEST => Ok(bytes),
        Ok(_) => Err(failed("standard input is longer than 1 MiB, which no header is")),
        Err(error) => Err(failed(&format!("standard input: {error}"))),
    }
}

fn failed(reason: &str) -> ExitCode {
    eprintln!("sidgate: {reason}");
    ExitCode::from(2)
}
