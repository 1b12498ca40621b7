//! The checks, call by call, in the order in which they run.

mod activity;
mod answers;
mod bounds;
mod challenge;
mod devices;
mod end_devices;
mod key;
mod limit;
mod migrate;
mod revoke;
mod revoke_whom;
mod rotate;
mod session;
mod sign_in;
mod sign_in_refused;
mod sign_out;
mod tenant;
mod validate;

use super::check::Check;

/// All checks.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    let groups: [&'static [Check]; 18] = [
        key::CHECKS,
        validate::CHECKS,
        session::CHECKS,
        sign_in::CHECKS,
        sign_in_refused::CHECKS,
        challenge::CHECKS,
        sign_out::CHECKS,
        rotate::CHECKS,
        tenant::CHECKS,
        devices::CHECKS,
        end_devices::CHECKS,
        migrate::CHECKS,
        revoke::CHECKS,
        revoke_whom::CHECKS,
        activity::CHECKS,
        limit::CHECKS,
        bounds::CHECKS,
        // What all the others have seen.
        answers::CHECKS,
    ];
    groups.into_iter().flatten()
}
