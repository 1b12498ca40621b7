//! Which instance a request goes to: of two taken at random the one with fewer open requests.
//!
//! Two and not all: with all, every gateway of a fleet would send to the same emptiest one at the same moment
//! (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").
//!
//! Taken from those that are not out. When all are, from all: to refuse at once would be surely wrong, and one of them
//! may be well again (Envoy calls it panic). Envoy does so from half of them on; but of the two instances of a shop
//! one is out in every redeployment, and the other can bear it.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::Instance;
use super::health::FULL;

/// Most instances of an upstream.
const MOST: usize = u64::BITS as usize;

/// The instances that a request was tried at.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tried(u64);

impl Tried {
    /// Whether there is an instance where it was not tried.
    pub(super) fn some_left(self, instances: &[Arc<Instance>]) -> bool {
        (self.0.count_ones() as usize) < instances.len()
    }
}

/// An instance for a request, if there is one where it was not tried.
pub(super) fn pick<'a>(instances: &'a [Arc<Instance>], tried: &mut Tried) -> Option<&'a Arc<Instance>> {
    let at = match instances.len() {
        1 if tried.0 == 0 => 0,
        1 => return None,
        _ => choose(instances, *tried)?,
    };
    tried.0 |= 1 << at;
    instances.get(at)
}

fn choose(instances: &[Arc<Instance>], tried: Tried) -> Option<usize> {
    let mut shares = [0; MOST];
    let instances = &instances[..instances.len().min(MOST)];
    let mut untried = 0_u64;
    let mut well = 0_u64;
    for (at, instance) in instances.iter().enumerate() {
        let bit = 1 << at;
        if tried.0 & bit == 0 {
            untried |= bit;
            shares[at] = instance.share();
            well |= if shares[at] > 0 { bit } else { 0 };
        }
    }
    let among = if well == 0 { untried } else { well };
    let count = among.count_ones() as usize;
    if count < 2 {
        return (count == 1).then(|| nth(among, 0));
    }
    let first = below(count);
    let second = (first + 1 + below(count - 1)) % count;
    let (first, second) = (nth(among, first), nth(among, second));
    let fewer = instances[second].pool.open() < instances[first].pool.open();
    let (best, other) = if fewer { (second, first) } else { (first, second) };
    // One that has just come back takes only a part of what would be its turn.
    Some(if warm_enough(shares[best], shares[other]) { best } else { other })
}

/// Whether an instance with this share takes its turn from one with the other.
fn warm_enough(share: u32, other: u32) -> bool {
    share >= other || below(FULL as usize) * (other as usize) < (share as usize) * (FULL as usize)
}

/// Place of the bit that has `n` set ones below it.
fn nth(mut bits: u64, n: usize) -> usize {
    for _ in 0..n {
        bits &= bits.wrapping_sub(1);
    }
    bits.trailing_zeros() as usize
}

/// A random number below `n`, which is not 0.
pub(super) fn below(n: usize) -> usize {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::instance::tests::instances;
    use super::*;

    fn counts(instances: &[Arc<Instance>], times: usize) -> Vec<usize> {
        let mut counts = vec![0; instances.len()];
        for _ in 0..times {
            let picked = pick(instances, &mut Tried::default()).unwrap();
            counts[instances.iter().position(|i| Arc::ptr_eq(i, picked)).unwrap()] += 1;
        }
        counts
    }

    #[tokio::test(start_paused = true)]
    async fn idle_instances_get_the_same_and_one_that_is_out_gets_nothing() {
        let three = instances(3);
        assert!(counts(&three, 3000).iter().all(|n| (800..1200).contains(n)), "{:?}", counts(&three, 3000));
        (0..3).for_each(|_| three[1].failed(&"broken"));
        let counted = counts(&three, 2000);
        assert!(counted[1] == 0 && (800..1200).contains(&counted[0]), "{counted:?}");
        for instance in &three {
            (0..3).for_each(|_| instance.failed(&"broken"));
        }
        assert!(counts(&three, 3000).iter().all(|n| (800..1200).contains(n)), "all are out: any is tried");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_back_gets_its_share_little_by_little() {
        let two = instances(2);
        (0..3).for_each(|_| two[0].failed(&"broken"));
        tokio::time::advance(Duration::from_secs(1)).await;
        for (after, least, most) in [(0, 50, 350), (5, 350, 650), (5, 800, 1200)] {
            tokio::time::advance(Duration::from_secs(after)).await;
            let counted = counts(&two, 2000);
            assert!((least..most).contains(&counted[0]), "{after}: {counted:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_tried_at_each_instance_once() {
        let three = instances(3);
        (0..3).for_each(|_| three[1].failed(&"broken"));
        let mut tried = Tried::default();
        let picked: Vec<_> = std::iter::from_fn(|| pick(&three, &mut tried)).map(|i| i.target.to_string()).collect();
        assert_eq!((picked.len(), picked[2].as_str()), (3, "http://127.0.0.1:1"), "the one that is out comes last");
        let one = instances(1);
        let mut tried = Tried::default();
        assert!(pick(&one, &mut tried).is_some() && pick(&one, &mut tried).is_none());
    }
}
