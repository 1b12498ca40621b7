//! What is wrong with a value, before it is known which key it belongs to.

use toml::de::DeValue;

use crate::config::mask;

/// Longest piece of the file that a reason quotes.
const QUOTED: usize = 40;

/// What is wrong, and what to do about it.
#[derive(Debug)]
pub(in crate::config) struct Problem {
    pub(in crate::config) reason: String,
    pub(in crate::config) hint: Option<String>,
    /// Whether the reason certainly quotes no secret.
    pub(in crate::config) discreet: bool,
}

impl Problem {
    pub(in crate::config) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None, discreet: false }
    }

    /// The usual one: another kind of value was expected.
    pub(in crate::config) fn expected(what: &str, found: &DeValue<'_>) -> Self {
        Self::new(format!("expected {what}, found {}", describe(found)))
    }

    /// The same for a text that is not of the right form.
    pub(in crate::config) fn expected_text(what: &str, found: &str) -> Self {
        Self::new(format!("expected {what}, found {}", quoted(found)))
    }

    /// What is said in place of a reason that might quote a secret.
    pub(super) fn hidden() -> Self {
        Self::new("faulty, and not shown because it may hold a secret").hint("write the secret on a line of its own")
    }

    /// Vouches that the reason quotes no secret.
    pub(in crate::config) fn discreet(self) -> Self {
        Self { discreet: true, ..self }
    }

    /// Reason and hint in one, for where there is no file to show them in.
    pub(in crate::config) fn sentence(self) -> String {
        match self.hint {
            Some(hint) => format!("{}: {hint}", self.reason),
            None => self.reason,
        }
    }

    pub(in crate::config) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => format!("the number {}", shortened(&number.to_string())),
        DeValue::Float(number) => format!("the number {}", shortened(&number.to_string())),
        DeValue::Boolean(flag) => format!("`{flag}`"),
        DeValue::Datetime(time) => format!("the date or time {time}"),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", shortened(&mask::secrets(text)))
}

/// The beginning of a text, enough to know it again.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
