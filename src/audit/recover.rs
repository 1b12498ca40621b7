//! At the start: where the chain stands, and what a crash left.
//!
//! A crash can leave bytes behind the last whole line (half a line, or after the end of the machine anything at all).
//! They stay where they are, as evidence; the next line names their number and hash, and `verify` takes them for what
//! they are. What the checkpoint beside the log has seen and the log has not is lost, and told as that.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::chain::{self, Head};
use super::event::{Event, Kind};
use super::file::shown;
use super::key::Signer;
use super::{files, key};

/// Bytes that are looked through first, from the end.
const WINDOW: u64 = 256 * 1024;

pub(super) struct Recovered {
    pub(super) head: Head,
    /// Bytes of the file.
    pub(super) len: u64,
    /// The number of its first line, and when it was written.
    pub(super) first: Option<u64>,
    pub(super) began: Option<Timestamp>,
    pub(super) events: Vec<Event>,
}

/// Where the log ends.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// The last whole line.
    pub(super) head: Option<Head>,
    /// Where it ends, its newline included.
    pub(super) end: u64,
    /// Its newline is missing.
    pub(super) unended: bool,
}

/// The newest line, as it is remembered beside the log.
pub(super) struct Side;

/// Reads the log's end, and seals it.
pub(super) fn recover(path: &Path, file: &mut File, signer: Option<&Signer>) -> io::Result<Recovered> {
    let mut events = Vec::new();
    let len = file.metadata()?.len();
    let tail = tail(file, len)?;
    let torn = len - tail.end.min(len);
    if tail.unended {
        file.write_all(b"\n")?;
        events.push(Event::new(Kind::Sealed).count("torn_at", tail.end).count("torn_bytes", 0));
    } else if torn > 0 {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(tail.end))?;
        (&*file).take(torn).read_to_end(&mut bytes)?;
        if bytes.last() != Some(&b'\n') {
            file.write_all(b"\n")?;
        }
        let event = Event::new(Kind::Sealed).count("torn_at", tail.end).count("torn_bytes", torn);
        events.push(event.text("torn_sha256", &shown(&bytes)));
    }
    let last = match tail.head {
        Some(head) => Some(head),
        None => newest_rotated(path)?,
    };
    let side = Side::read(path, signer, &mut events);
    let head = reconcile(last, side, &mut events);
    if let (Some(last), Some(Ok(side))) = (last, side) {
        events.extend(unseen(path, file, last, side)?);
    }
    file.sync_all()?;
    let (first, began) = beginning(file)?;
    Ok(Recovered { head, len: file.metadata()?.len(), first, began, events })
}

/// The log's last line, and what the checkpoint beside it says was there.
fn reconcile(last: Option<Head>, side: Option<Result<Head, ()>>, events: &mut Vec<Event>) -> Head {
    let lost = |reason: &str| Event::new(Kind::Lost).reason(reason);
    match (last, side) {
        (None, None) => Head::default(),
        (Some(last), Some(Ok(side))) if side.seq <= last.seq => last,
        (Some(last), Some(Ok(side))) => {
            events.push(lost("cut").count("from", last.seq + 1).count("to", side.seq));
            Head { seq: side.seq, ..last }
        }
        (None, Some(Ok(side))) => {
            events.push(lost("removed").count("from", 1).count("to", side.seq));
            side
        }
        (last, side) => {
            events.push(lost(if side.is_some() { "checkpoint_unreadable" } else { "checkpoint_missing" }));
            last.unwrap_or_default()
        }
    }
}

/// Lines that the checkpoint beside the log has not seen: a crash came before it was written, or somebody without the key
/// has written them. They stay, and are told of, before the next signature covers them.
fn unseen(path: &Path, file: &mut File, last: Head, side: Head) -> io::Result<Option<Event>> {
    if side.seq > last.seq || side == last {
        return Ok(None);
    }
    let mut there = line_at(file, side.seq)?;
    if let (None, Some((_, newest))) = (there, files::all_rotated(path)?.pop()) {
        there = line_at(&mut File::open(newest)?, side.seq)?;
    }
    Ok(Some(match there {
        Some(there) if there == side => {
            Event::new(Kind::Sealed).count("unsigned_from", side.seq + 1).count("unsigned_to", last.seq)
        }
        _ => Event::new(Kind::Lost).reason("rewritten").count("from", side.seq).count("to", side.seq),
    }))
}

/// The line of this number, sought from the end.
fn line_at(file: &mut File, seq: u64) -> io::Result<Option<Head>> {
    let (len, mut window) = (file.metadata()?.len(), WINDOW);
    loop {
        let start = len.saturating_sub(window);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&*file).take(len - start).read_to_end(&mut bytes)?;
        let heads = || bytes.split(|b| *b == b'\n').filter_map(chain::read).map(|link| link.head);
        if let Some(head) = heads().find(|head| head.seq == seq) {
            return Ok(Some(head));
        }
        if start == 0 || heads().next().is_some_and(|head| head.seq < seq) {
            return Ok(None);
        }
        window = window.saturating_mul(4);
    }
}

/// The last whole line of a file, sought from its end.
pub(super) fn tail(file: &mut File, len: u64) -> io::Result<Tail> {
    let mut window = WINDOW;
    loop {
        let start = len.saturating_sub(window);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        (&*file).take(len - start).read_to_end(&mut bytes)?;
        if let Some(tail) = last_line(&bytes, start) {
            return Ok(tail);
        }
        if start == 0 {
            return Ok(Tail::default());
        }
        window = window.saturating_mul(4);
    }
}

fn last_line(bytes: &[u8], start: u64) -> Option<Tail> {
    let mut end = bytes.len();
    loop {
        let begin = bytes[..end].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        if let Some(link) = chain::read(&bytes[begin..end]) {
            let unended = end == bytes.len();
            let end = start + end as u64 + u64::from(!unended);
            return Some(Tail { head: Some(link.head), end, unended });
        }
        end = begin.checked_sub(1)?;
    }
}

fn newest_rotated(path: &Path) -> io::Result<Option<Head>> {
    let Some((_, newest)) = files::all_rotated(path)?.pop() else { return Ok(None) };
    let mut file = File::open(newest)?;
    let len = file.metadata()?.len();
    Ok(tail(&mut file, len)?.head)
}

fn beginning(file: &mut File) -> io::Result<(Option<u64>, Option<Timestamp>)> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    (&*file).take(chain::MAX_LINE as u64).read_to_end(&mut bytes)?;
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let first = chain::read(line).map(|link| link.head.seq);
    let json: Option<Value> = serde_json::from_slice(line).ok();
    let time = json.and_then(|json| json.get("time")?.as_str()?.parse().ok());
    Ok((first, time))
}

impl Side {
    /// In the place of the old one, durably, whole or not at all.
    pub(super) fn replace(path: &Path, checkpoint: &str) -> io::Result<File> {
        let (side, new) = (Self::path(path), files::with_suffix(path, "checkpoint.new"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(Self::line(checkpoint).as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &side)?;
        files::sync_folder(path)?;
        Ok(file)
    }

    /// Over the old one: less than a sector, which is never shorter than the one before. A rename costs as much as half
    /// an fsync, and this is done with every batch.
    pub(super) fn overwrite(side: &File, checkpoint: &str) -> io::Result<()> {
        side.write_all_at(Self::line(checkpoint).as_bytes(), 0)
    }

    fn line(checkpoint: &str) -> String {
        format!("{{{checkpoint}}}\n")
    }

    /// What it says; nothing when there is none. One that somebody else has signed is told of.
    fn read(path: &Path, signer: Option<&Signer>, events: &mut Vec<Event>) -> Option<Result<Head, ()>> {
        let text = match fs::read(Self::path(path)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(_) => return Some(Err(())),
        };
        let json: Value = serde_json::from_slice(&text).unwrap_or_default();
        let Some(head) = head(&json) else { return Some(Err(())) };
        let said = |name| json.get(name).and_then(Value::as_str).unwrap_or_default();
        if let Some(public) = signer.map(Signer::public) {
            if said("kid") != public.kid {
                events.push(Event::new(Kind::Sealed).reason("checkpoint_of_another_key"));
            } else if !public.verifies(&head, said("signature")) {
                return Some(Err(()));
            }
        }
        Some(Ok(head))
    }

    /// Its text.
    pub(super) fn text(path: &Path) -> io::Result<String> {
        fs::read_to_string(Self::path(path))
    }

    /// How these values are written.
    pub(super) fn rendered(json: &Value) -> Option<String> {
        let text = |name: &str| json.get(name)?.as_str();
        let (seq, at) = (json.get("checkpoint")?.as_u64()?, text("at")?);
        let (kid, signature) = (text("kid")?, text("signature")?);
        let fields = key::checkpoint(seq, at, kid, signature);
        Some(Self::line(&fields))
    }

    pub(super) fn path(path: &Path) -> std::path::PathBuf {
        files::with_suffix(path, "checkpoint")
    }
}

/// Where a checkpoint says that the chain stood.
pub(super) fn head(json: &Value) -> Option<Head> {
    let seq = json.get("checkpoint")?.as_u64()?;
    let hash = chain::unhex(json.get("at")?.as_str()?.as_bytes())?;
    Some(Head { seq, hash })
}
