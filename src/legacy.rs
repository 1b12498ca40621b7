//! Legacy cookies: what a browser claims with them. Decoding only: no clock of its own, no backend, no decision.
//! Beside it stands what watches over migrations: the [`Monitor`] tells of them, and stops them when they go wrong.
//!
//! A [`Jar`] is what a browser sent; [`Carriers`] know by configuration which of its cookies may hold a session, and
//! read [`Claims`] out of them. A claim is a [`Proof`](crate::session::Proof) that the backend judges, and nothing else:
//! who somebody is, their tenant and their onboarding are never taken from a cookie, so there is no place for them here.
//!
//! Every size is bounded before anything is decoded. Why something was not read is for log, metrics and the command
//! line; on the wire all failures are the same.

mod carrier;
mod encoding;
mod format;
mod jar;
mod memory;
mod monitor;
mod names;
mod sketch;
mod stop;
mod verdict;

pub use carrier::Carriers;
pub use format::is_publicly_known;
pub use jar::Jar;
pub use monitor::{Asked, Monitor};
pub use names::Names;
pub use sketch::Sketch;
pub use stop::{Evidence, News, Stop, StopAfter};
pub use verdict::{Candidate, Claims, MAX_PROOFS, Verdict, Why};
