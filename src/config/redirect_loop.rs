//! `[redirect_loop]`: when a browser that is sent round in circles gets a page instead.

use std::time::Duration;

use super::table::Table;

/// `[redirect_loop]`
#[derive(Debug, Clone, PartialEq)]
pub struct RedirectLoop {
    /// Whether redirects are counted at all.
    pub enabled: bool,
    /// How often the same redirect may follow within the window. Browsers give up after 20 in a row, Safari after 16.
    pub max: u8,
    /// How long a browser remembers its redirects.
    pub window: Duration,
}

impl Default for RedirectLoop {
    fn default() -> Self {
        Self { enabled: true, max: 5, window: Duration::from_secs(20) }
    }
}

impl RedirectLoop {
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let default = Self::default();
        let window = Duration::from_secs(2)..=Duration::from_secs(600);
        let read = Self {
            enabled: table.flag("enabled", default.enabled),
            max: table.number("max", default.max, 2..=20),
            window: table.duration("window", default.window, window),
        };
        table.finish();
        read
    }
}
