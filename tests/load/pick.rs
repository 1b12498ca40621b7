//! How often each sid is asked with.

use crate::options::Pick;

/// Cumulated shares of `count` sids.
pub(crate) fn shares(count: usize, pick: Pick) -> Vec<f64> {
    let weight = |i: usize| match pick {
        Pick::Uniform => 1.0,
        Pick::Zipf => 1.0 / (i + 1) as f64,
    };
    let whole: f64 = (0..count).map(weight).sum();
    let mut sum = 0.0;
    (0..count)
        .map(|i| {
            sum += weight(i) / whole;
            sum
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_end_at_one_and_zipf_prefers_the_first() {
        let uniform = shares(4, Pick::Uniform);
        assert_eq!(uniform.iter().map(|s| (s * 100.0).round()).collect::<Vec<_>>(), [25.0, 50.0, 75.0, 100.0]);
        let zipf = shares(1000, Pick::Zipf);
        assert!(zipf[0] > 0.13 && (zipf[999] - 1.0).abs() < 1e-9);
    }
}
