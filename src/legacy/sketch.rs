//! How many different ones, without remembering which: HyperLogLog (Flajolet et al., 2007) with 1024 registers, off by
//! about 3 %. Sketches of several gateways, and of several days, are put together by taking the greater of each register.
//!
//! Rejected: a set of hashes (without a bound, or with one that says "at least"), and a crate (these are sixty lines).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Bits of a hash that choose the register.
const BITS: u32 = 10;
const REGISTERS: usize = 1 << BITS;

/// A count of different hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch(Box<[u8; REGISTERS]>);

impl Default for Sketch {
    fn default() -> Self {
        Self(Box::new([0; REGISTERS]))
    }
}

impl Sketch {
    /// Counts a hash; one that was counted before changes nothing.
    pub fn add(&mut self, hash: u64) {
        // 64 bits that depend on every one of the hash's, whatever it was made by (the finaliser of SplitMix64).
        let mut h = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
        h = (h ^ (h >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        h = (h ^ (h >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        h ^= h >> 31;
        let register = (h >> (64 - BITS)) as usize;
        let rank = ((h << BITS) | (1 << (BITS - 1))).leading_zeros() as u8 + 1;
        if let Some(highest) = self.0.get_mut(register) {
            *highest = rank.max(*highest);
        }
    }

    /// Counts all that the other one has counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0.iter()) {
            *mine = (*mine).max(*theirs);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|rank| *rank == 0)
    }

    /// About how many were counted.
    pub fn count(&self) -> u64 {
        let m = REGISTERS as f64;
        let alpha = 0.7213 / (1.0 + 1.079 / m);
        let sum: f64 = self.0.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
        let raw = alpha * m * m / sum;
        let empty = self.0.iter().filter(|rank| **rank == 0).count();
        // Few: the empty registers say more.
        let estimate = if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw };
        estimate.round() as u64
    }

    /// For the audit trail: six bits per register, or the numbers of those few that are not empty.
    pub fn encode(&self) -> String {
        let filled: Vec<(usize, u8)> = self.0.iter().copied().enumerate().filter(|(_, rank)| *rank > 0).collect();
        if filled.len() <= 128 {
            let bytes: Vec<u8> =
                filled.iter().flat_map(|(i, rank)| ((*i as u16) << 6 | u16::from(*rank)).to_be_bytes()).collect();
            return format!("s{}", STANDARD_NO_PAD.encode(bytes));
        }
        let packed = self.0.chunks_exact(4).flat_map(|four| {
            let word = four.iter().fold(0_u32, |word, rank| word << 6 | u32::from(*rank));
            let [_, a, b, c] = word.to_be_bytes();
            [a, b, c]
        });
        format!("d{}", STANDARD_NO_PAD.encode(packed.collect::<Vec<u8>>()))
    }

    /// Reads it back.
    pub fn decode(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(1)?;
        let bytes = STANDARD_NO_PAD.decode(rest).ok()?;
        let mut sketch = Self::default();
        match kind {
            "s" => {
                let pairs = bytes.chunks_exact(2);
                pairs.remainder().is_empty().then_some(())?;
                for pair in pairs {
                    let word = u16::from_be_bytes(pair.try_into().ok()?);
                    *sketch.0.get_mut(usize::from(word >> 6))? = (word & 63) as u8;
                }
            }
            "d" if bytes.len() == REGISTERS * 3 / 4 => {
                for (four, bytes) in sketch.0.chunks_exact_mut(4).zip(bytes.chunks_exact(3)) {
                    let word = bytes.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
                    for (i, register) in four.iter_mut().enumerate() {
                        *register = (word >> (18 - 6 * i) & 63) as u8;
                    }
                }
            }
            _ => return None,
        }
        Some(sketch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::default();
        numbers.for_each(|n| sketch.add(n));
        sketch
    }

    #[test]
    fn it_is_off_by_a_few_percent_at_most() {
        assert_eq!(Sketch::default().count(), 0);
        for many in [1, 2, 10, 100, 1_000, 10_000, 300_000_u64] {
            let counted = of(0..many).count();
            assert!(counted.abs_diff(many) * 100 <= many * 10, "{counted} of {many}");
        }
        assert_eq!(of(0..1).count(), 1);
        assert_eq!(of(0..5).count(), 5);
    }

    #[test]
    fn several_gateways_that_saw_the_same_browsers_count_them_once() {
        let mut all = of(0..6_000);
        all.merge(&of(3_000..9_000));
        assert_eq!(all, of(0..9_000));
    }

    proptest! {
        #[test]
        fn it_reads_back_and_is_short(many in 0..3_000_u64) {
            let sketch = of(0..many);
            let text = sketch.encode();
            prop_assert!(text.len() <= 1025 && text.is_ascii());
            prop_assert_eq!(Sketch::decode(&text), Some(sketch));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = Sketch::decode(&text);
        }
    }
}
