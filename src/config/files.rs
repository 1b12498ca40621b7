//! Files that the configuration names.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::table::{Problem, Table};

impl Table<'_> {
    /// The path of a file that must be there and readable.
    pub(super) fn file(&mut self, key: &str) -> Option<PathBuf> {
        self.require(key, "the path of a file, relative to this one");
        self.optional_file(key)
    }

    /// The path of a file that may be left out, but must be readable when it is named.
    pub(super) fn optional_file(&mut self, key: &str) -> Option<PathBuf> {
        let base = self.reader.base;
        self.text(key, "the path of a file", |text| {
            let path = base.join(text);
            open(&path).map_err(|error| unreadable(text, &error))?;
            Ok(path)
        })
    }
}

/// Opens a file for reading; a folder is an error here, not at the first read.
pub(super) fn open(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for its other end.
    if std::fs::metadata(path)?.is_file() { File::open(path) } else { Err(io::ErrorKind::IsADirectory.into()) }
}

/// The fault of a file that cannot be read.
pub(super) fn unreadable(path: &str, error: &io::Error) -> Problem {
    let problem = |why: String| Problem::new(format!("cannot read the file {path}: {why}"));
    match explain(error) {
        (why, None) => problem(why),
        (why, Some(hint)) => problem(why).hint(hint),
    }
}

/// Why a file cannot be read, and what to do: the same words on every system.
pub(super) fn explain(error: &io::Error) -> (String, Option<&'static str>) {
    let (why, hint) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            ("it does not exist", Some("paths in a configuration are relative to its folder"))
        }
        io::ErrorKind::PermissionDenied => {
            ("permission denied", Some("the user that runs the gateway must be allowed to read it"))
        }
        io::ErrorKind::IsADirectory => ("it is not a regular file", None),
        io::ErrorKind::InvalidData => ("it is not UTF-8 text", None),
        _ => return (error.to_string(), None),
    };
    (why.to_owned(), hint)
}
