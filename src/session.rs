//! Sessions: the words, and the one door to them.
//!
//! [`Sessions`] answers "whose is this `sid`?" with a [`Lookup`]. Behind it stand the cache (`cache`), the client of
//! the session backend (`backend`) and the reading of its answers (`wire`). Nobody else asks the backend.

mod activity;
mod assertions;
mod backend;
mod cache;
mod door;
mod lookup;
mod proof;
mod types;
mod wire;

pub(crate) use assertions::KeptAssertion;
pub use backend::{
    Caller, Credentials, Device, DevicesAnswer, Ending, MigrateAnswer, Renewed, SignInAnswer, SignInRefusal,
    SignOutAnswer, Which,
};
pub use door::{Counts, Resolved, Sessions};
pub use lookup::{Found, Freshness, Lookup, RefusalCode, Unavailable};
pub use proof::{Proof, ProofKind};
pub use types::{Fingerprint, Onboarding, Session, SessionId, SidHash, Tenant, User};
