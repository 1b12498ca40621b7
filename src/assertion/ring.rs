//! The keys together: which one signs, and which ones receivers may need.
//!
//! A key of the folder is published first and signs `activate_after` later, when every receiver has had the time to
//! fetch the key set anew; the first of all signs at once. The one before it stays published until everything that it
//! signed has expired. All of it follows from when the keys were made, so that gateways which share them agree.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::folder;
use super::key::{Jwk, Key};
use crate::config::{self, KeySource};

/// Seconds that a replaced key stays published beyond the lifetime of what it signed: for clocks that differ, and for
/// gateways that have not read the folder yet.
const GRACE: i64 = 300;

/// Bytes: no key is larger.
const LARGEST: u64 = 16 * 1024;

/// All keys, in the order in which they sign.
#[derive(Debug)]
pub(super) struct Ring {
    /// Differs from that of every other ring; 0 for the empty one. What another ring signed is not sent any more.
    pub(super) number: u64,
    pub(super) keys: Vec<Held>,
    times: Option<Times>,
}

/// A key and where it is from.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: Key,
    pub(super) file: PathBuf,
    /// In Unix seconds; 0 where nobody says.
    pub(super) made: i64,
    /// Whether everybody on this machine can read it.
    pub(super) exposed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    activate_after: i64,
    retire_after: i64,
}

/// What a key does at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Published; signs from then on.
    Next(i64),
    /// Signs.
    Signing,
    /// Signs no more, but what it signed may still be under way: published until then.
    Previous(Option<i64>),
    /// Of no use any more.
    Retired,
}

impl Ring {
    /// Reads the keys that the configuration names; none is no fault.
    ///
    /// # Errors
    /// In words, with the file.
    pub(super) fn load(config: &config::Assertion) -> Result<Self, String> {
        let (files, times) = match &config.keys {
            KeySource::Folder(path) => {
                let lifetime = seconds(config.lifetime);
                let activate_after = seconds(config.activate_after);
                (folder::list(path)?, Some(Times { activate_after, retire_after: lifetime + GRACE }))
            }
            KeySource::Files(files) => (files.iter().map(|file| (0, file.clone())).collect(), None),
        };
        let keys = files.into_iter().map(|(made, file)| Held::load(made, file)).collect::<Result<Vec<_>, _>>()?;
        for (i, held) in keys.iter().enumerate() {
            if let Some(other) = keys[..i].iter().find(|other| other.key.kid == held.key.kid) {
                let (one, other) = (held.file.display(), other.file.display());
                return Err(format!("{one} holds the same key as {other}; remove one of them"));
            }
        }
        static RINGS: AtomicU64 = AtomicU64::new(1);
        let number = if keys.is_empty() { 0 } else { RINGS.fetch_add(1, Relaxed) };
        Ok(Self { number, keys, times })
    }

    /// The key that signs; there is one unless the ring is empty.
    pub(super) fn signing(&self, now: i64) -> Option<&Key> {
        let at = (0..self.keys.len()).find(|i| self.state(*i, now) == State::Signing);
        at.map(|i| &self.keys[i].key)
    }

    /// What receivers may need.
    pub(super) fn published(&self, now: i64) -> Vec<Jwk> {
        let needed = (0..self.keys.len()).filter(|i| self.state(*i, now) != State::Retired);
        needed.map(|i| self.keys[i].key.jwk()).collect()
    }

    /// What a key does at some time.
    pub(super) fn state(&self, index: usize, now: i64) -> State {
        let Some(times) = self.times else {
            return if index == 0 { State::Signing } else { State::Previous(None) };
        };
        let signs_from = |i: usize| match i {
            0 => i64::MIN,
            i => self.keys[i].made.saturating_add(times.activate_after),
        };
        if signs_from(index) > now {
            return State::Next(signs_from(index));
        }
        match (index + 1 < self.keys.len()).then(|| signs_from(index + 1)).filter(|next| *next <= now) {
            None => State::Signing,
            Some(next) if next + times.retire_after > now => State::Previous(Some(next + times.retire_after)),
            Some(_) => State::Retired,
        }
    }

    /// Whether it has all keys of another: then nothing that those signed is to be taken back.
    pub(super) fn has_all_of(&self, other: &Self) -> bool {
        other.keys.iter().all(|old| self.keys.iter().any(|new| new.key.kid == old.key.kid))
    }
}

impl Held {
    fn load(made: i64, file: PathBuf) -> Result<Self, String> {
        let (text, mode) = read(&file).map_err(|e| format!("the key {} cannot be read: {e}", file.display()))?;
        let key = Key::from_pem(&text).map_err(|e| format!("the key {} cannot be used: {e}", file.display()))?;
        Ok(Self { key, file, made, exposed: mode & 0o007 != 0 })
    }
}

fn read(file: &Path) -> std::io::Result<(Vec<u8>, u32)> {
    use std::io::Read as _;
    let metadata = std::fs::metadata(file)?;
    // Opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    let mut text = Vec::new();
    std::fs::File::open(file)?.take(LARGEST).read_to_end(&mut text)?;
    Ok((text, metadata.permissions().mode()))
}

pub(super) fn seconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Algorithm;

    const T: i64 = 1_795_521_600;

    /// Three keys of which each was made a day after the one before it.
    fn ring(folder: &Path) -> Ring {
        for day in 0..3 {
            folder::create(folder, Algorithm::Es256, T + day * 86_400).unwrap();
        }
        let (lifetime, activate_after) = (Duration::from_secs(60), Duration::from_secs(600));
        let keys = KeySource::Folder(folder.into());
        Ring::load(&config::Assertion { keys, lifetime, activate_after, ..Default::default() }).unwrap()
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after() {
        let folder = tempfile::tempdir().unwrap();
        let ring = ring(folder.path());
        let second = T + 86_400;
        let states = |now: i64| [0, 1].map(|i| ring.state(i, now));
        assert_eq!(states(T), [State::Signing, State::Next(second + 600)]);
        assert_eq!(states(second), [State::Signing, State::Next(second + 600)]);
        assert_eq!(states(second + 599), [State::Signing, State::Next(second + 600)]);
        let until = second + 600 + 60 + GRACE;
        assert_eq!(states(second + 600), [State::Previous(Some(until)), State::Signing]);
        assert_eq!(states(until - 1), [State::Previous(Some(until)), State::Signing]);
        assert_eq!(states(until), [State::Retired, State::Signing]);
    }

    #[test]
    fn at_every_time_one_key_signs_and_it_is_published_ahead() {
        let folder = tempfile::tempdir().unwrap();
        let ring = ring(folder.path());
        for now in (T - 1000..T + 3 * 86_400).step_by(97) {
            let signing = (0..3).filter(|i| ring.state(*i, now) == State::Signing).count();
            assert_eq!(signing, 1, "{now}");
            let kid = &ring.signing(now).unwrap().kid;
            // Whoever fetched the key set up to ten minutes ago has the key.
            for earlier in [0, 300, 599] {
                let set = serde_json::to_string(&ring.published(now - earlier)).unwrap();
                assert!(set.contains(kid), "{now}");
            }
        }
    }

    #[test]
    fn the_first_key_signs_at_once_however_new_it_is() {
        let folder = tempfile::tempdir().unwrap();
        folder::create(folder.path(), Algorithm::EdDsa, T + 1_000_000).unwrap();
        let keys = KeySource::Folder(folder.path().into());
        let ring = Ring::load(&config::Assertion { keys, ..Default::default() }).unwrap();
        assert_eq!(ring.state(0, T), State::Signing);
    }

    #[test]
    fn of_ones_own_files_the_first_signs_and_all_are_published() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [T, T + 1].map(|at| folder::create(folder.path(), Algorithm::EdDsa, at).unwrap().unwrap());
        let load = |files: &[&PathBuf]| {
            let keys = KeySource::Files(files.iter().map(|f| (*f).clone()).collect());
            Ring::load(&config::Assertion { keys, ..Default::default() })
        };
        let (ring, other) = (load(&[&two, &one]).unwrap(), load(&[&one, &two]).unwrap());
        assert_eq!(ring.signing(T).unwrap().kid, ring.keys[0].key.kid);
        assert_eq!(ring.published(T).len(), 2);
        assert_eq!(other.signing(T).unwrap().kid, ring.keys[1].key.kid);
        assert!(ring.has_all_of(&other) && ring.number != other.number);
        assert!(!load(&[&one]).unwrap().has_all_of(&ring));
        assert!(load(&[&one, &one]).unwrap_err().contains("same key"));
    }
}
