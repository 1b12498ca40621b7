//! The targets, for the programs of `src/bin`.

#[path = "../../legacy/encode.rs"]
mod encode;
mod targets;

/// Gives the bytes to a target.
pub fn run(target: &str, data: &[u8]) {
    debug_assert!(targets::TARGETS.contains(&target));
    targets::run(target, data);
}
