//! Following the folder of keys: new ones are read, and made when the newest is old.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;

use super::ring::{Ring, State, seconds};
use super::{Assertions, folder};
use crate::config::{self, KeySource};

/// Generated keys that have been of no use for so many seconds are removed.
const REMOVED_AFTER: i64 = 24 * 3600;

/// Looks into the folder from time to time, until nobody uses the assertions any more.
pub(super) fn follow(assertions: &Arc<Assertions>) {
    let KeySource::Folder(path) = assertions.config.keys.clone() else { return };
    let every = interval(assertions.config.activate_after);
    let assertions = Arc::downgrade(assertions);
    tokio::spawn(async move {
        let mut told = None;
        loop {
            tokio::time::sleep(every).await;
            let this = Weak::clone(&assertions);
            let path = path.clone();
            // Files may be on a network.
            let looked = tokio::task::spawn_blocking(move || this.upgrade().map(|this| look(&this, &path))).await;
            let Ok(Some(result)) = looked else { return };
            let fault = result.err();
            if let Some(reason) = &fault
                && fault != told
            {
                tracing::error!(reason, "the keys of the assertion stay as they are");
            }
            told = fault;
        }
    });
}

/// Often enough that every gateway has published a key before one signs with it.
fn interval(activate_after: Duration) -> Duration {
    (activate_after / 4).clamp(Duration::from_secs(1), Duration::from_secs(30))
}

fn look(assertions: &Assertions, path: &Path) -> Result<(), String> {
    let now = Timestamp::now().as_second();
    if assertions.config.rotate_every.is_some() {
        rotate(&assertions.config, path, now)?;
    }
    // A file's content never changes: a key is another one, under another name.
    let files: Vec<_> = folder::list(path)?.into_iter().map(|(_, file)| file).collect();
    let known = assertions.ring();
    if !known.keys.iter().map(|held| &held.file).eq(&files) {
        assertions.reload()?;
    }
    Ok(())
}

/// Makes the next key when the newest is old, and removes those that have long been of no use. The time in its name is
/// that of the minute: of gateways that come to it together, one makes it.
fn rotate(config: &config::Assertion, path: &Path, now: i64) -> Result<(), String> {
    let Some(every) = config.rotate_every.map(seconds) else { return Ok(()) };
    let newest = folder::list(path)?.last().map(|(made, _)| *made);
    let Some(newest) = newest else { return Ok(()) };
    if now - newest < every {
        return Ok(());
    }
    if let Some(file) = folder::create(path, config.algorithm, now - now % 60)? {
        tracing::info!(file = %file.display(), "made the next key of the assertion");
    }
    let ring = Ring::load(config)?;
    for (i, held) in ring.keys.iter().enumerate() {
        if ring.state(i, now - REMOVED_AFTER) == State::Retired && std::fs::remove_file(&held.file).is_ok() {
            tracing::info!(file = %held.file.display(), "removed a key of the assertion that is of no use any more");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_795_521_600;

    #[test]
    fn the_next_key_is_made_when_the_newest_is_old_and_once_however_many_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let day = 86_400;
        let keys = KeySource::Folder(path.into());
        let rotate_every = Some(Duration::from_secs(30 * 86_400));
        let config = config::Assertion { keys, rotate_every, ..Default::default() };
        let count = || folder::list(path).unwrap().len();
        rotate(&config, path, T).unwrap();
        assert_eq!(count(), 0, "the first key is made by a person: it turns the assertion on");
        folder::create(path, config.algorithm, T).unwrap();
        rotate(&config, path, T + 30 * day - 1).unwrap();
        assert_eq!(count(), 1);
        for _ in 0..3 {
            rotate(&config, path, T + 30 * day + 7).unwrap();
        }
        assert_eq!(count(), 2);
        rotate(&config, path, T + 60 * day + 70).unwrap();
        let made: Vec<i64> = folder::list(path).unwrap().into_iter().map(|(made, _)| made).collect();
        assert_eq!(made, [T + 30 * day, T + 60 * day + 60], "the first one is of no use any more");
    }

    #[test]
    fn the_folder_is_read_several_times_before_a_key_signs() {
        for (after, every) in [(600, 30), (60, 15), (4, 1), (0, 1)] {
            assert_eq!(interval(Duration::from_secs(after)), Duration::from_secs(every));
        }
    }
}
