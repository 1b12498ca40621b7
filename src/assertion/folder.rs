//! The folder of generated keys.
//!
//! A key's file is named by when it was made and how it signs: `20261124T120000Z-es256.pem`. So every gateway that
//! shares the folder reads the same order out of it, whatever a copy did to the files' times; and of two that make a
//! key for the same minute one succeeds, because a file is created whole and never over another.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::key::Key;
use crate::config::Algorithm;

const FORM: &str = "%Y%m%dT%H%M%SZ";

/// The key files, oldest first, each with when it was made. A folder that is not there holds none.
///
/// # Errors
/// In words: unreadable, or a file whose name does not say when it was made.
pub(super) fn list(folder: &Path) -> Result<Vec<(i64, PathBuf)>, String> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("the folder {} cannot be read: {error}", folder.display())),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with('.') || !name.ends_with(".pem") {
            continue;
        }
        let made = made_at(name).ok_or_else(|| {
            format!(
                "{} does not begin with when it was made, such as 20261124T120000Z-es256.pem; keys that are named \
                 otherwise are listed in `key_files`",
                path.display()
            )
        })?;
        files.push((made, path));
    }
    files.sort();
    Ok(files)
}

/// Makes a key. Nothing when there is one of that time and algorithm: another gateway was quicker.
///
/// # Errors
/// In words: the folder cannot be written.
pub(super) fn create(folder: &Path, algorithm: Algorithm, at: i64) -> Result<Option<PathBuf>, String> {
    let time = Timestamp::from_second(at).map_err(|e| e.to_string())?.to_zoned(TimeZone::UTC);
    let path = folder.join(format!("{}-{}.pem", time.strftime(FORM), algorithm.as_str().to_ascii_lowercase()));
    let text = Key::generate(algorithm)?;
    match write(folder, &path, &text) {
        Ok(()) => Ok(Some(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(format!("{} cannot be written: {error}", path.display())),
    }
}

/// Whole or not at all, and the owner's alone.
fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let unfinished = folder.join(format!(".{}", uuid::Uuid::new_v4()));
    let written = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike a renamed file, a link never takes the place of another.
        fs::hard_link(&unfinished, path)?;
        fs::File::open(folder)?.sync_all()
    };
    let result = written();
    let _ = fs::remove_file(&unfinished);
    result
}

fn made_at(name: &str) -> Option<i64> {
    let (time, _) = name.strip_suffix(".pem")?.split_once('-')?;
    let time = DateTime::strptime(FORM, time).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: i64 = 1_795_521_600;

    #[test]
    fn a_key_s_file_says_when_it_was_made_and_is_its_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("a/keys");
        let file = create(&keys, Algorithm::Es256, NOW).unwrap().unwrap();
        assert_eq!(file, keys.join("20261124T120000Z-es256.pem"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(&keys)), (0o600, 0o700));
        assert_eq!(list(&keys).unwrap(), [(NOW, file)]);
        assert_eq!(fs::read_dir(&keys).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn of_two_that_make_a_key_for_the_same_time_one_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let made: Vec<bool> = std::thread::scope(|scope| {
            let one = || create(folder.path(), Algorithm::EdDsa, NOW).unwrap().is_some();
            let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
        assert_eq!(list(folder.path()).unwrap().len(), 1);
    }

    #[test]
    fn the_order_is_that_of_the_names() {
        let folder = tempfile::tempdir().unwrap();
        for at in [NOW, NOW - 86_400, NOW + 60] {
            create(folder.path(), Algorithm::EdDsa, at).unwrap();
        }
        fs::write(folder.path().join("README"), "").unwrap();
        fs::write(folder.path().join(".unfinished"), "").unwrap();
        let times: Vec<i64> = list(folder.path()).unwrap().into_iter().map(|(at, _)| at).collect();
        assert_eq!(times, [NOW - 86_400, NOW, NOW + 60]);
        fs::write(folder.path().join("mine.pem"), "").unwrap();
        assert!(list(folder.path()).unwrap_err().contains("key_files"));
    }

    #[test]
    fn a_folder_that_is_not_there_holds_none() {
        assert!(list(Path::new("/nowhere/at/all")).unwrap().is_empty());
    }
}
