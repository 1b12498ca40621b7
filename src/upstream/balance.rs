//! Which instance a request goes to: of two taken at random the one with fewer open requests.
//!
//! Two and not all: with all, every gateway of a fleet would send to the same emptiest one at the same moment
//! (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use super::Instance;

/// The instance for a request.
pub(super) fn pick(instances: &[Instance]) -> &Instance {
    if let [only] = instances {
        return only;
    }
    let first = below(instances.len());
    let second = (first + 1 + below(instances.len() - 1)) % instances.len();
    let (first, second) = (&instances[first], &instances[second]);
    if second.pool.open() < first.pool.open() { second } else { first }
}

/// A random number below `n`, which is not 0.
fn below(n: usize) -> usize {
    let n = u64::try_from(n).unwrap_or(u64::MAX);
    // The upper half of the product: no division, and for so small numbers no bias that counts.
    let scaled = (u128::from(random()) * u128::from(n)) >> 64;
    usize::try_from(scaled).unwrap_or(0)
}

/// xorshift64* (Marsaglia, Vigna): for balancing only.
fn random() -> u64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0) | 1);
    }
    STATE.with(|state| {
        let mut x = state.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        state.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    })
}
