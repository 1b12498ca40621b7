//! sidgate: an auth gateway in front of a Next.js application, with its sessions in a Django backend.
//!
//! # Life of a request
//!
//! 1. **bytes** [`server`]: a permit, the TLS handshake in a task of its own, [`context::ConnectionInfo`].
//! 2. **request** [`gateway`]: `Gateway::handle` always answers, around `Gateway::answer`, which shows every stage;
//!    [`context`] reads host, client and scheme; [`path`] the one canonical path.
//! 3. **route** [`route`]: the rule it falls under. No match is closed.
//! 4. **session** [`cookie`], [`session`]: whose it is. "No" is not "don't know". [`legacy`]: what is claimed without.
//! 5. **decision** [`decision`]: a pure function; the README's table.
//! 6. **outcome** [`endpoint`] answers itself, [`upstream`] forwards (after [`identity`] has stripped and set), or
//!    [`rejection`] refuses and redirects, to the addresses of [`pages`].
//! 7. **record** [`telemetry`]: one line, one set of counters, always; [`audit`]: who did what to which session.
//!
//! What a request may need is read from [`config`]; [`check`] finds what only shows when its parts are seen together.

pub mod assertion;
pub mod audit;
pub mod body;
pub mod certificate;
pub mod check;
pub mod cli;
pub mod config;
pub mod conformance;
pub mod connect;
pub mod context;
pub mod cookie;
pub mod decision;
pub mod demo;
pub mod dev;
pub mod endpoint;
mod escape;
pub mod gateway;
pub mod http1;
pub mod identity;
pub mod legacy;
pub mod limit;
pub mod networks;
pub mod pages;
pub mod path;
pub mod pool;
pub mod rejection;
mod respond;
pub mod route;
pub mod server;
pub mod session;
pub mod telemetry;
pub mod upstream;
