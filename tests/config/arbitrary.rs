//! Whatever the text: no panic, and every fault's place lies in it.

use proptest::prelude::*;

use super::{parse, reference};

fn survives(text: &str) {
    let Err(error) = parse(text, "gateway.toml") else { return };
    assert!(!error.faults.is_empty());
    for fault in &error.faults {
        assert!(text.get(fault.place.0.clone()).is_some(), "{fault:?} in {text:?}");
        assert!(!fault.reason.is_empty());
    }
    assert_eq!(error.text.len(), text.len());
    let (plain, colour) = (error.to_string(), error.render(true));
    assert!(plain.contains("fault") && colour.len() >= plain.len());
}

/// What makes TOML break, and what sounds like a secret.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,8}",
        "[\\[\\]{}=\"'#.,\\\\\n\r\t 0-9a-z]{0,6}",
        Just("\"\"\"".to_owned()),
        Just("'''".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\u{0}".to_owned()),
        Just("\\u00e9".to_owned()),
        Just("gateway_key = \"Grüße\n".to_owned()),
        Just("[[route]]\n".to_owned()),
        Just("http://ü:ß@".to_owned()),
        Just("世".to_owned()),
    ]
}

type Edit = (prop::sample::Index, usize, String);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece()), 1..4)
}

fn edited(text: &str, edits: Vec<Edit>) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, removed, inserted) in edits {
        let at = at.index(chars.len() + 1);
        let end = (at + removed).min(chars.len());
        chars.splice(at..end, inserted.chars());
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "(?s).{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(piece(), 0..20)) {
        survives(&pieces.concat());
    }

    #[test]
    fn any_mutation(
        edits in edits(),
        uncomment in any::<bool>(),
    ) {
        let mut text = reference::text();
        if uncomment {
            text = text.replace("\n# ", "\n");
        }
        survives(&edited(&text, edits));
    }

    /// A line with a secret stays hidden whatever is wrong around it.
    #[test]
    fn any_mutation_around_a_secret(before in edits(), after in edits()) {
        let text = reference::text();
        let (head, tail) = text.split_once("# gateway_key").unwrap();
        let (_, tail) = tail.split_once('\n').unwrap();
        let (head, tail) = (edited(head, before), edited(tail, after));
        let text = format!("{head}\ngateway_key = \"correct-horse-battery\"\n{tail}");
        let shown = parse(&text, "gateway.toml").map_or_else(|e| format!("{e:?} {e}"), |c| format!("{c:?}"));
        prop_assert!(!shown.contains("horse"), "{}", shown);
    }
}
