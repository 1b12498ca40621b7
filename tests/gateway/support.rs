//! The language of the tests: a real gateway, a scripted backend, a scripted upstream, and clients that can say
//! exactly what they send.

pub(crate) mod backend;
pub(crate) mod client;
pub(crate) mod django;
pub(crate) mod flat;
pub(crate) mod gateway;
#[expect(dead_code, reason = "formats that no test needs yet")]
pub(crate) mod legacy;
pub(crate) mod nested;
pub(crate) mod pki;
pub(crate) mod program;
pub(crate) mod shaped;
pub(crate) mod store;
pub(crate) mod upstream;
pub(crate) mod wire;
pub(crate) mod world;

pub(crate) use client::{Answer, Client};
pub(crate) use django::Django;
pub(crate) use gateway::Gateway;
pub(crate) use shaped::Shaped;
pub(crate) use upstream::{Step, Upstream};
pub(crate) use wire::Wire;
pub(crate) use world::World;
