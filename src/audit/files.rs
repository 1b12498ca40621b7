//! The files of a trail: `audit.log` is written; `audit-000000000001-20261124T120000Z.log` was, from its line 1 on.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// `audit.log` -> `audit.log.key`
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// The name that a file gets when it is rotated. Names sort by the first line.
pub(super) fn rotated(path: &Path, first: u64, now: Timestamp) -> PathBuf {
    let (stem, extension) = parts(path);
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    path.with_file_name(format!("{stem}-{first:012}-{time}{extension}"))
}

/// Rotated files, the oldest first, each with the number of its first line.
pub(super) fn all_rotated(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let (stem, extension) = parts(path);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let first = name.to_str().and_then(|name| {
            let middle = name.strip_prefix(&*stem)?.strip_prefix('-')?.strip_suffix(&*extension)?;
            let (first, time) = middle.split_once('-')?;
            let is_time = time.len() == 16 && time.ends_with('Z') && time.as_bytes()[8] == b'T';
            (is_time && first.len() >= 12).then(|| first.parse().ok())?
        });
        found.extend(first.map(|first: u64| (first, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// Every file of a trail, the oldest first and the current one last, open: a rotation meanwhile takes none away.
pub(super) fn open_all(path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    loop {
        let rotated = all_rotated(path)?;
        let mut all = Vec::with_capacity(rotated.len() + 1);
        for (_, name) in &rotated {
            all.push((name.clone(), File::open(name)?));
        }
        match File::open(path) {
            Ok(file) => all.push((path.to_owned(), file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if all_rotated(path)? == rotated {
            return Ok(all);
        }
    }
}

fn parts(path: &Path) -> (String, String) {
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    (text(path.file_stem()), extension)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the folder of a file, for its owner alone.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder(path))
}

/// A name that was made, changed or removed survives the end of the machine only after this.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_found_in_the_order_of_their_lines_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let now = Timestamp::now();
        let names = [rotated(&path, 1_000, now), rotated(&path, 1, now), rotated(&path, 200, now)];
        for name in names.iter().chain([&path, &with_suffix(&path, "key"), &folder.path().join("audit-x.log")]) {
            fs::write(name, "").unwrap();
        }
        let found = all_rotated(&path).unwrap();
        assert_eq!(found.iter().map(|(first, _)| *first).collect::<Vec<_>>(), [1, 200, 1_000]);
        let mut sorted = names.to_vec();
        sorted.sort();
        assert_eq!(found.into_iter().map(|(_, path)| path).collect::<Vec<_>>(), sorted);
    }
}
