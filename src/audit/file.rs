//! Lines in a file: what is written is whole lines or nothing, the newest is remembered beside it, and at the start
//! whatever a crash left is told.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::chain::{Head, hex};
use super::event::{Event, Kind};
use super::key::Signer;
use super::recover::{self, Recovered};
use super::writer::{Line, Opened, Output};
use super::{files, recover::Side};
use crate::config::{AuditFile, Fsync};

pub(super) struct FileOutput {
    config: AuditFile,
    signer: Option<Arc<Signer>>,
    file: File,
    /// Bytes of whole lines.
    len: u64,
    /// Something may stand behind them.
    torn: bool,
    /// The file's first line, and when it was begun.
    first: u64,
    began: Timestamp,
    /// Files that go once it is written that they do.
    expired: Vec<PathBuf>,
    /// The checkpoint beside the log, once it is ours.
    side: Option<File>,
    /// It was said that the newest line could not be remembered.
    forgetful: bool,
    /// Held as long as this runs: nobody else writes the file.
    _lock: File,
}

impl FileOutput {
    /// Opens the file, seals what a crash left, and goes on with its chain.
    pub(super) fn open(config: &AuditFile, signer: Option<Arc<Signer>>) -> Result<Opened, String> {
        let path = &config.path;
        let fault = |e: io::Error| format!("the audit trail {} cannot be written: {e}", path.display());
        files::make_folder(path).map_err(fault)?;
        let lock = open(&files::with_suffix(path, "lock")).map_err(fault)?;
        lock.try_lock().map_err(|_| {
            format!(
                "the audit trail {} is written by another process: give each its own [audit.file] path",
                path.display()
            )
        })?;
        let mut file = open(path).map_err(fault)?;
        let recovered = recover::recover(path, &mut file, signer.as_deref()).map_err(fault)?;
        let Recovered { head, len, first, began, events } = recovered;
        for event in &events {
            tracing::warn!(path = %path.display(), "{}", event.json());
        }
        files::sync_folder(path).map_err(fault)?;
        let output = Self {
            config: config.clone(),
            signer,
            file,
            len,
            torn: false,
            first: first.unwrap_or(head.seq + 1),
            began: began.unwrap_or_else(Timestamp::now),
            expired: Vec::new(),
            side: None,
            forgetful: false,
            _lock: lock,
        };
        Ok(Opened { output: Box::new(output), head, first: events })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.len)?;
            self.torn = false;
        }
        let mut written = self.file.write_all(bytes);
        if written.is_ok() && self.config.fsync == Fsync::Always {
            written = self.file.sync_data();
        }
        match written {
            Ok(()) => self.len += bytes.len() as u64,
            // All or nothing: a part of a line, or lines that may not be safe, are written anew.
            Err(_) => self.torn = self.file.set_len(self.len).is_err(),
        }
        written
    }

    /// Somebody has moved or removed the file.
    fn is_gone(&self) -> bool {
        let same = |here: &fs::Metadata, there: &fs::Metadata| (here.dev(), here.ino()) == (there.dev(), there.ino());
        match (self.file.metadata(), fs::metadata(&self.config.path)) {
            (Ok(here), Ok(there)) => !same(&here, &there),
            _ => true,
        }
    }

    /// What retention takes away, and the first line that stays.
    fn expire(&mut self) -> io::Result<u64> {
        let rotated = files::all_rotated(&self.config.path)?;
        let gone = if self.config.keep == 0 { 0 } else { rotated.len().saturating_sub(self.config.keep) };
        self.expired = rotated.iter().take(gone).map(|(_, path)| path.clone()).collect();
        Ok(rotated.get(gone).map_or(self.first, |(first, _)| *first))
    }
}

impl Output for FileOutput {
    fn append(&mut self, lines: &[Line]) -> (usize, io::Result<()>) {
        let bytes: Vec<u8> = lines.iter().flat_map(|line| line.bytes.iter().copied()).collect();
        match self.write(&bytes) {
            Ok(()) => (lines.len(), Ok(())),
            Err(error) => (0, Err(error)),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn sync_every(&self) -> Option<Duration> {
        match self.config.fsync {
            Fsync::Every(interval) => Some(interval),
            Fsync::Always | Fsync::Never => None,
        }
    }

    fn remember(&mut self, head: &Head, durably: bool) {
        let Some(signer) = &self.signer else { return };
        let checkpoint = signer.checkpoint(head);
        let done = match self.side.take().filter(|_| !durably) {
            Some(side) => Side::overwrite(&side, &checkpoint).map(|()| side),
            None => Side::replace(&self.config.path, &checkpoint),
        };
        match done {
            Ok(side) => (self.side, self.forgetful) = (Some(side), false),
            Err(error) if !self.forgetful => {
                self.forgetful = true;
                tracing::error!(%error, "the checkpoint beside the audit trail cannot be written: a cut tail would not show");
            }
            Err(_) => {}
        }
    }

    fn is_due(&mut self, bytes: usize) -> bool {
        let size = self.len + bytes as u64;
        let full = self.len > 0 && size > self.config.rotate_size as u64;
        let age = Timestamp::now().duration_since(self.began).unsigned_abs();
        let old = self.len > 0 && !self.config.rotate_every.is_zero() && age >= self.config.rotate_every;
        full || old || self.is_gone()
    }

    fn rotate(&mut self, head: &Head) -> io::Result<Option<Event>> {
        let now = Timestamp::now();
        let path = &self.config.path;
        let moved = self.is_gone();
        let name = files::rotated(path, self.first, now);
        if !moved {
            fs::rename(path, &name)?;
        }
        match open(path) {
            Ok(file) => self.file = file,
            Err(error) => {
                if !moved {
                    fs::rename(&name, path)?;
                }
                return Err(error);
            }
        }
        files::sync_folder(path)?;
        self.len = self.file.metadata()?.len();
        (self.torn, self.began) = (false, now);
        self.first = head.seq + 1;
        let expired = self.expire();
        let first = expired.unwrap_or(self.first);
        let mut event = Event::new(Kind::Rotated).count("first", first).count("removes", self.expired.len() as u64);
        event = match name.file_name() {
            Some(name) if !moved => event.text("file", &name.to_string_lossy()),
            _ => event.reason("another program moved or removed the file"),
        };
        Ok(Some(event))
    }

    fn rotated(&mut self) {
        for path in std::mem::take(&mut self.expired) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a file of the audit trail that is too old cannot be removed");
            }
        }
    }
}

/// For appending; made for its owner alone.
fn open(path: &std::path::Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// What a hash looks like in an event.
pub(super) fn shown(bytes: &[u8]) -> String {
    hex(&super::chain::sha256(bytes))
}
