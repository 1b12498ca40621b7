//! The language of the tests: a real gateway, a scripted backend, a scripted upstream, and clients that can say
//! exactly what they send.

pub(crate) mod client;
pub(crate) mod gateway;

pub(crate) use client::{Answer, Client};
pub(crate) use gateway::Gateway;
