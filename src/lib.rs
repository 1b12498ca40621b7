//! sidgate

pub mod config;
