//! What came of the checks, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The backend does what the contract says.
    Pass,
    /// It does not.
    Fail {
        /// What the contract asks for.
        expected: String,
        /// What there was instead. No sid and no password is in it.
        got: String,
    },
    /// It was not tried; why.
    Skip(String),
}

/// One check and its outcome.
#[derive(Debug, Clone)]
pub struct Line {
    /// The call, and what of it.
    pub name: &'static str,
    /// The contract's sentence.
    pub contract: &'static str,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
}

/// All of them.
#[derive(Debug)]
pub struct Report {
    /// The backend's address.
    pub backend: String,
    /// In the order in which they ran.
    pub lines: Vec<Line>,
}

impl Line {
    /// `PASS`, `FAIL` or `SKIP`.
    pub fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Pass => "PASS",
            Outcome::Fail { .. } => "FAIL",
            Outcome::Skip(_) => "SKIP",
        }
    }

    /// For people: one line, and three more under a failure.
    pub fn render(&self) -> String {
        let mut text = format!("{}  {}", self.word(), self.name);
        match &self.outcome {
            Outcome::Pass => {}
            Outcome::Skip(why) => {
                let _ = write!(text, ": {why}");
            }
            Outcome::Fail { expected, got } => {
                let _ = write!(
                    text,
                    "\n      contract  {}\n      expected  {expected}\n      got       {got}",
                    self.contract
                );
            }
        }
        text
    }

    fn json(&self) -> Value {
        let mut line = json!({
            "check": self.name,
            "outcome": self.word().to_lowercase(),
            "contract": self.contract,
            "ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        });
        match &self.outcome {
            Outcome::Pass => {}
            Outcome::Skip(why) => line["reason"] = json!(why),
            Outcome::Fail { expected, got } => {
                line["expected"] = json!(expected);
                line["got"] = json!(got);
            }
        }
        line
    }
}

impl Report {
    /// How many checks came to this word.
    pub fn count(&self, word: &str) -> usize {
        self.lines.iter().filter(|line| line.word() == word).count()
    }

    /// Whether nothing failed, and something was tried.
    pub fn good(&self) -> bool {
        self.count("FAIL") == 0 && self.count("PASS") > 0
    }

    /// The last line, for people.
    pub fn summary(&self) -> String {
        let (passed, failed, skipped) = (self.count("PASS"), self.count("FAIL"), self.count("SKIP"));
        let verdict = if self.good() { "keeps contract v1" } else { "does not keep contract v1" };
        let verdict = if passed + failed == 0 { "was not asked anything" } else { verdict };
        format!("{passed} passed, {failed} failed, {skipped} skipped: {} {verdict}", self.backend)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({
            "contract": "v1",
            "backend": self.backend,
            "good": self.good(),
            "passed": self.count("PASS"),
            "failed": self.count("FAIL"),
            "skipped": self.count("SKIP"),
            "checks": self.lines.iter().map(Line::json).collect::<Vec<_>>(),
        })
    }
}
