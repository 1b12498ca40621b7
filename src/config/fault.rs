//! Faults of a configuration, and how they are shown.

use std::ops::Range;

/// A place in the configuration's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place(pub Range<usize>);

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, in one sentence.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// All faults of a configuration.
#[derive(Debug, Clone)]
pub struct ConfigError {
    /// The file's name as given.
    pub file: String,
    /// Its text.
    pub text: String,
    /// In order of place.
    pub faults: Vec<Fault>,
}
