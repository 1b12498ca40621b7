//! Small values with a written form: durations, sizes, rates.

use std::time::Duration;

/// So many in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how much time.
    pub per: Duration,
}

const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `300ms`, `5s`, `1.5h`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    quantity(text, &DURATION_UNITS, 1_000_000).map(Duration::from_nanos)
}

/// `512 B`, `64 KiB`, `1.5 MiB`.
pub(super) fn size(text: &str) -> Option<usize> {
    quantity(text, &SIZE_UNITS, 1).and_then(|bytes| usize::try_from(bytes).ok())
}

/// `10/s`, `60/m`, `100/h`.
pub(super) fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let seconds = match unit.trim() {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let count = count.trim();
    let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    let count = digits.then(|| count.parse().ok()).flatten()?;
    Some(Rate { count, per: Duration::from_secs(seconds) })
}

/// `20%`, up to `100%`.
pub(super) fn percent(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('%')?.trim_end();
    let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    whole.then(|| digits.parse().ok()).flatten().filter(|share| *share <= 100)
}

/// The written form of a duration, in the largest unit that needs no fraction.
pub(super) fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    show(millis, &DURATION_UNITS, "s", "")
}

/// The written form of a size, in the largest unit that needs no fraction.
pub(super) fn show_size(bytes: usize) -> String {
    show(u64::try_from(bytes).unwrap_or(u64::MAX), &SIZE_UNITS, "B", " ")
}

fn show(amount: u64, units: &[(&str, u64)], zero: &str, gap: &str) -> String {
    match units.iter().find(|(_, factor)| amount >= *factor && amount.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{gap}{unit}", amount / factor),
        None => format!("{amount}{gap}{zero}"),
    }
}

/// A whole or decimal number with a unit, times `scale`; whatever is smaller than one of that is dropped.
fn quantity(text: &str, units: &[(&str, u64)], scale: u64) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(split);
    let factor = units.iter().find(|(name, _)| *name == unit.trim_start())?.1;
    let factor = u128::from(factor) * u128::from(scale);
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (number, ""),
    };
    // More digits than these say nothing in any unit, and would overflow.
    if whole.is_empty() || whole.len() > 18 || fraction.len() > 9 || fraction.contains('.') {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let tenths = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    u64::try_from(whole * factor + part * factor / tenths).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("300ms"), Some(Duration::from_millis(300)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2 m"), Some(Duration::from_secs(120)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for wrong in ["", "5", "s", "-5s", "5 seconds", "1m 30s", ".5s", "5.s", "1.2.3s", "99999999999999999d", "+1s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("512 B"), Some(512));
        assert_eq!(size("64KiB"), Some(65536));
        assert_eq!(size("1.5 MiB"), Some(1_572_864));
        for wrong in ["64 KB", "64", "64k", "B", "1e3 B"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate("60/m"), Some(Rate { count: 60, per: Duration::from_secs(60) }));
        for wrong in ["60", "/m", "60/d", "-1/s", "+1/s", "99999999999/s"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["1500ms", "5s", "2m", "12h", "1d", "0s"] {
            assert_eq!(duration(text).map(show_duration).as_deref(), Some(text));
        }
        for text in ["512 B", "64 KiB", "1 MiB", "0 B"] {
            assert_eq!(size(text).map(show_size).as_deref(), Some(text));
        }
    }
}
