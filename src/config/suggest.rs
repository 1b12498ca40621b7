//! "Did you mean ...?"

/// The candidate that a person most likely meant, as a sentence; nothing when none is near.
pub(super) fn did_you_mean<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(text, candidates).map(|c| format!("did you mean `{c}`?"))
}

/// The nearest candidate, when it is near: a third of the letters, or one, may be off.
pub(super) fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nothing that is written by hand is longer, and the comparison takes quadratic time.
    if text.len() > 64 {
        return None;
    }
    let simple = |s: &str| s.to_lowercase().replace(['-', ' '], "_");
    let text = simple(text);
    let allowed = (text.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&text, &simple(c)), c))
        .filter(|(distance, c)| *distance <= allowed && *distance < c.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_slips_and_nothing_far() {
        let keys = ["ttl", "refusal_ttl", "url", "signed_in"];
        assert_eq!(nearest("tll", keys), Some("ttl"));
        assert_eq!(nearest("ulr", keys), Some("url"));
        assert_eq!(nearest("Signed-In", keys), Some("signed_in"));
        assert_eq!(nearest("refusalttl", keys), Some("refusal_ttl"));
        assert_eq!(nearest("domain", keys), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
