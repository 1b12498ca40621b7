//! A check: its name, the contract's sentence, and what it does.

use std::pin::Pin;
use std::time::Instant;

use super::report::{Line, Outcome};
use super::suite::Suite;

/// Why a check did not end well.
pub(super) enum Stop {
    /// The backend does not do what the contract says.
    Fail { expected: String, got: String },
    /// It cannot be tried; why.
    Skip(String),
}

/// What a check comes to.
pub(super) type Done = Result<(), Stop>;

/// A check under way.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Done> + Send + 'a>>;

/// One check.
pub(super) struct Check {
    /// The call, and what of it: `rotate.old-sid`.
    pub(super) name: &'static str,
    /// The contract's sentence.
    pub(super) contract: &'static str,
    pub(super) run: for<'a> fn(&'a Suite) -> Running<'a>,
}

impl Check {
    /// Does it, and ends the sessions that it began.
    pub(super) async fn run(&self, suite: &Suite) -> Line {
        let began = Instant::now();
        let outcome = match (self.run)(suite).await {
            Ok(()) => Outcome::Pass,
            Err(Stop::Fail { expected, got }) => Outcome::Fail { expected, got },
            Err(Stop::Skip(why)) => Outcome::Skip(why),
        };
        let took = began.elapsed();
        suite.tidy_up().await;
        Line { name: self.name, contract: self.contract, outcome, took }
    }
}

/// A check out of its name, the sentence and an `async fn(&Suite) -> Done`, with what else that takes.
macro_rules! check {
    ($name:literal, $contract:expr, $run:path $(, $more:expr)*) => {
        $crate::conformance::check::Check {
            name: $name,
            contract: $contract,
            run: |suite| Box::pin($run(suite $(, $more)*)),
        }
    };
}
pub(super) use check;
