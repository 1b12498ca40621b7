//! What `sidgate keys` does.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::folder;
use super::ring::{Ring, State};
use crate::config::{self, KeySource};

/// A key and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// By which receivers find it.
    pub kid: String,
    /// `ES256` or `EdDSA`.
    pub algorithm: &'static str,
    /// Where it is.
    pub file: PathBuf,
    /// What it does now, in words.
    pub state: String,
    /// Everybody on this machine can read it.
    pub exposed: bool,
}

/// Every key, in the order in which they sign.
///
/// # Errors
/// In words: a key that cannot be used.
pub fn list(config: &config::Assertion) -> Result<Vec<Listed>, String> {
    let (ring, now) = (Ring::load(config)?, Timestamp::now().as_second());
    let listed = |(i, held): (usize, &super::ring::Held)| Listed {
        kid: held.key.kid.clone(),
        algorithm: held.key.algorithm().as_str(),
        file: held.file.clone(),
        state: match ring.state(i, now) {
            State::Next(from) => format!("published, signs from {}", time(from)),
            State::Signing => "signs".into(),
            State::Previous(Some(until)) => format!("published until {}", time(until)),
            State::Previous(None) => "published".into(),
            State::Retired => "of no use any more: remove it".into(),
        },
        exposed: held.exposed,
    };
    Ok(ring.keys.iter().enumerate().map(listed).collect())
}

/// Makes a key in the configured folder, and gives it as it is listed.
///
/// # Errors
/// In words: no folder is configured, or it cannot be written.
pub fn create(config: &config::Assertion) -> Result<Listed, String> {
    let folder = folder_of(config)?;
    // After every other, also of this very second: the order is that of the names.
    let newest = folder::list(folder)?.last().map_or(0, |(made, _)| *made);
    let first = Timestamp::now().as_second().max(newest + 1);
    for at in first..first + 10 {
        if let Some(file) = folder::create(folder, config.algorithm, at)? {
            let all = list(config)?;
            return all.into_iter().find(|key| key.file == file).ok_or_else(|| "the new key is gone again".into());
        }
    }
    Err("somebody else makes keys there at this moment; try again".into())
}

/// Removes a key, named by its kid or the beginning of it. One that is in use only with `now`: what it signed is refused
/// as soon as receivers fetch the key set. Gives the key that was made in the place of the last one, too.
///
/// # Errors
/// In words: no such key, or one in use.
pub fn retire(config: &config::Assertion, name: &str, now: bool) -> Result<(Listed, Option<Listed>), String> {
    folder_of(config)?;
    let (ring, time_now) = (Ring::load(config)?, Timestamp::now().as_second());
    let named: Vec<usize> = (0..ring.keys.len()).filter(|i| ring.keys[*i].key.kid.starts_with(name)).collect();
    let index = match named[..] {
        [index] if name.len() >= 4 => index,
        [] => return Err(format!("there is no key `{name}`; `sidgate keys list` shows them")),
        _ => return Err(format!("`{name}` may be several keys; give more of it")),
    };
    let key = list(config)?.swap_remove(index);
    let why = match ring.state(index, time_now) {
        State::Retired | State::Next(_) => None,
        State::Signing => {
            Some("it signs; make another with `sidgate keys new` and wait until that one does".to_owned())
        }
        State::Previous(_) => Some(format!("what it signed is still in use; it is {}", key.state)),
    };
    if let (Some(why), false) = (why, now) {
        return Err(format!("{why}. If it may have leaked: `sidgate keys retire --now {name}`"));
    }
    // A gateway that finds no key at all takes the folder for lost, and goes on with what it has.
    let new = if ring.keys.len() == 1 { Some(create(config)?) } else { None };
    std::fs::remove_file(&key.file).map_err(|e| format!("{} cannot be removed: {e}", key.file.display()))?;
    let all = list(config)?;
    Ok((key, new.and_then(|new| all.into_iter().find(|key| key.kid == new.kid))))
}

fn folder_of(config: &config::Assertion) -> Result<&Path, String> {
    match &config.keys {
        KeySource::Folder(folder) => Ok(folder),
        KeySource::Files(_) => Err("`key_files` names keys of your own, which sidgate does not make or remove; \
                                    edit that list, or name a folder with `keys`"
            .into()),
    }
}

fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}
