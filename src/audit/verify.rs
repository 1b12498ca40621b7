//! Is the trail whole, and as it was written? From its files and the public key alone.
//!
//! Every line must have the hash that it says, follow the line before it, and be signed for by the next checkpoint; the
//! first one must be line 1, or one that retention is written to have left; the last one must be the newest that the
//! checkpoint beside the log has seen. Bytes that are no line must be those that a later line names as a crash's.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use serde_json::Value;

use super::chain::{self, Head, Link};
use super::files;
use super::key::PublicKey;
use super::recover::{self, Side};
use crate::escape::escape;

/// Faults that are told; who has more has seen enough.
const MOST_FAULTS: usize = 100;

/// What verifying a trail came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Files that were read.
    pub files: usize,
    /// Whole lines in them.
    pub lines: u64,
    /// The number of the first one, 0 where there is none.
    pub first: u64,
    /// The number of the last one.
    pub last: u64,
    /// Signatures that are right.
    pub checkpoints: u64,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What the trail itself tells of crashes, gaps and retention; no fault.
    pub notes: Vec<Fault>,
}

/// One place, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1; 0: the file as a whole.
    pub line: u64,
    /// In words.
    pub what: String,
}

/// Verifies the trail whose current file is `path`, with its rotated files. Lines before `from`, if any, may be elsewhere.
///
/// # Errors
/// A file that cannot be read, or none at all.
pub fn verify(path: &Path, keys: &[PublicKey], from: Option<u64>) -> io::Result<Report> {
    // First what was true a moment ago, then the log, which may be written meanwhile.
    let side = side(path);
    let all = files::open_all(path)?;
    if all.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such trail"));
    }
    let mut state = State {
        report: Report::default(),
        keys,
        from,
        at: Place::default(),
        newest: None,
        signed: 0,
        retained: Vec::new(),
        side: None,
        side_seen: false,
        torn: None,
    };
    state.at.file = Side::path(path);
    state.side(side);
    for (name, file) in all {
        state.at = Place { file: name, line: 0, offset: 0 };
        state.report.files += 1;
        state.file(file)?;
    }
    state.vouched_for(path);
    state.end();
    Ok(state.report)
}

/// The checkpoint beside the log. It may be read while it is written over: then once more.
fn side(path: &Path) -> io::Result<String> {
    let mut text = Side::text(path)?;
    for _ in 0..3 {
        let again = Side::text(path)?;
        if again == text {
            break;
        }
        text = again;
    }
    Ok(text)
}

struct State<'k> {
    report: Report,
    keys: &'k [PublicKey],
    from: Option<u64>,
    at: Place,
    /// The line before.
    newest: Option<Head>,
    /// The newest line that a signature vouches for.
    signed: u64,
    /// Lines that tell of retention, and the first line that each says it has left.
    retained: Vec<(u64, u64)>,
    side: Option<Head>,
    side_seen: bool,
    torn: Option<Torn>,
}

#[derive(Default)]
struct Place {
    file: PathBuf,
    line: u64,
    offset: u64,
}

/// Bytes that are no line.
struct Torn {
    at: u64,
    line: u64,
    bytes: u64,
    /// Over all of them but `last`.
    hash: digest::Context,
    last: Option<u8>,
}

impl State<'_> {
    fn file(&mut self, file: File) -> io::Result<()> {
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let (mut piece, mut unended) = (Vec::new(), false);
        loop {
            piece.clear();
            let read = (&mut reader).take(chain::MAX_LINE as u64).read_until(b'\n', &mut piece)?;
            if read == 0 {
                break;
            }
            self.at.line += 1;
            match piece.strip_suffix(b"\n").and_then(|line| Some((line, chain::read(line)?))) {
                Some((line, link)) => self.line(line, link),
                None => {
                    unended = chain::read(&piece).is_some();
                    self.tear(&piece);
                }
            }
            self.at.offset += read as u64;
        }
        if let Some(torn) = self.torn.take() {
            let what = if unended {
                "the newline of the last line is missing".to_owned()
            } else {
                format!(
                    "{} bytes at the end are no line of the trail; a start of the gateway seals what a crash left",
                    torn.bytes
                )
            };
            self.fault_at(torn.line, what);
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], link: Link) {
        let kind = chain::kind(line);
        let own = matches!(kind, "checkpoint" | "rotated" | "sealed" | "lost" | "gap");
        let json: Value = if own { serde_json::from_slice(line).unwrap_or_default() } else { Value::Null };
        self.untear(kind, &json);
        self.follows(kind, &link);
        let before = Head { seq: link.head.seq.saturating_sub(1), hash: link.prev };
        match kind {
            "checkpoint" => self.checkpoint(&json, &before),
            "lost" => self.lost(&json),
            _ if own => self.tell(kind, &json, link.head.seq),
            _ => {}
        }
        if self.side.is_some_and(|side| side.seq == link.head.seq) {
            self.side_seen = true;
            if self.side != Some(link.head) {
                self.fault("the checkpoint beside the log has seen another line of this number".into());
            }
        }
        self.newest = Some(link.head);
        self.report.lines += 1;
        self.report.last = link.head.seq;
    }

    /// Whether a line comes right after the one before it.
    fn follows(&mut self, kind: &str, link: &Link) {
        let seq = link.head.seq;
        let Some(before) = self.newest else { return self.begins(seq, link) };
        let after = seq > before.seq && before.hash == link.prev;
        let (next, last) = (before.seq + 1, seq.saturating_sub(1));
        if after && (seq == next || kind == "lost") {
            return;
        }
        let what = match () {
            () if seq > next => format!("line {seq} follows line {}: {next} to {last} are missing", before.seq),
            () if seq <= before.seq => format!("line {seq} follows line {}: repeated, or out of order", before.seq),
            () => format!("line {seq} does not follow the line {} before it", before.seq),
        };
        self.fault(what);
    }

    fn begins(&mut self, seq: u64, link: &Link) {
        self.report.first = seq;
        if seq == 1 && link.prev != chain::Hash::default() {
            self.fault("line 1 follows another line".into());
        }
    }

    fn checkpoint(&mut self, json: &Value, before: &Head) {
        let said = recover::head(json);
        if said != Some(*before) {
            return self.fault("the checkpoint is one of another place in the chain".into());
        }
        self.signature(json, before);
    }

    fn signature(&mut self, json: &Value, head: &Head) {
        let text = |name| json.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(key) = self.keys.iter().find(|key| key.kid == text("kid")) else {
            let known: Vec<&str> = self.keys.iter().map(|key| &*key.kid).collect();
            return self.fault(format!("signed with the key {}, and known are: {}", text("kid"), known.join(", ")));
        };
        if key.verifies(head, text("signature")) {
            self.report.checkpoints += 1;
            self.signed = self.signed.max(head.seq);
        } else {
            self.fault(format!("the signature over line {} is wrong", head.seq));
        }
    }

    fn lost(&mut self, json: &Value) {
        let number = |name| json.get(name).and_then(Value::as_u64).unwrap_or_default();
        let what = match json.get("reason").and_then(Value::as_str) {
            Some("cut") => format!("lines {} to {} were gone at a start of the gateway", number("from"), number("to")),
            Some("rewritten") => format!(
                "line {} was another one at a start of the gateway than the checkpoint beside the log has seen",
                number("to")
            ),
            Some("removed") => format!("the log, up to line {}, was gone at a start of the gateway", number("to")),
            _ => "the checkpoint beside the log was gone at a start of the gateway: a cut tail would not have shown"
                .into(),
        };
        self.fault(what);
    }

    fn tell(&mut self, kind: &str, json: &Value, seq: u64) {
        let number = |name| json.get(name).and_then(Value::as_u64).unwrap_or_default();
        let what = match kind {
            "rotated" => {
                self.retained.push((seq, number("first")));
                match number("removes") {
                    0 => return,
                    files => {
                        format!("retention removed {files} files: line {} is the first that stays", number("first"))
                    }
                }
            }
            "sealed" if number("unsigned_to") > 0 => format!(
                "lines {} to {} were not signed for at a start of the gateway: a crash, or somebody without the key",
                number("unsigned_from"),
                number("unsigned_to")
            ),
            "sealed" if json.get("reason").is_some() => {
                "the checkpoint beside the log was of another key at a start of the gateway".into()
            }
            "sealed" => format!("a crash left {} bytes that are no line; they are sealed", number("torn_bytes")),
            _ => format!("{} events could not be written here", number("dropped")),
        };
        let place = self.place(self.at.line, what);
        self.report.notes.push(place);
    }

    /// Bytes that are no line: they must be those that the next line names.
    fn tear(&mut self, piece: &[u8]) {
        let (at, line) = (self.at.offset, self.at.line);
        let fresh = || Torn { at, line, bytes: 0, hash: digest::Context::new(&digest::SHA256), last: None };
        let torn = self.torn.get_or_insert_with(fresh);
        torn.bytes += piece.len() as u64;
        if let Some((last, rest)) = piece.split_last() {
            torn.hash.update(torn.last.as_slice());
            torn.hash.update(rest);
            torn.last = Some(*last);
        }
    }

    fn untear(&mut self, kind: &str, json: &Value) {
        let number = |name| json.get(name).and_then(Value::as_u64);
        let sealed = (kind == "sealed").then(|| (number("torn_at"), number("torn_bytes").unwrap_or_default()));
        let Some(torn) = self.torn.take() else {
            if sealed.is_some_and(|(_, bytes)| bytes > 0) {
                self.fault("the bytes that a crash left, and that this line seals, are gone".into());
            }
            return;
        };
        let is = |bytes: u64, hash: digest::Digest| {
            let named = json.get("torn_sha256").and_then(Value::as_str);
            sealed == Some((Some(torn.at), bytes)) && named == Some(&chain::hex(hash.as_ref()))
        };
        // With or without the newline that was put behind them.
        let without = torn.hash.clone().finish();
        let mut whole = torn.hash.clone();
        whole.update(torn.last.as_slice());
        let ended = torn.last == Some(b'\n');
        if !(is(torn.bytes, whole.finish()) || ended && is(torn.bytes - 1, without)) {
            self.fault_at(torn.line, format!("changed: {} bytes are no line of the trail", torn.bytes));
        }
    }

    /// The checkpoint beside the log, exactly as it is written.
    fn side(&mut self, text: io::Result<String>) {
        let json = text.ok().and_then(|text| {
            let json: Value = serde_json::from_str(&text).ok()?;
            (Side::rendered(&json)? == text).then_some(json)
        });
        match json.as_ref().and_then(|json| Some((json, recover::head(json)?))) {
            Some((json, head)) => {
                self.side = Some(head);
                self.signature(json, &head);
            }
            None => self
                .fault("the checkpoint beside the log is missing, or no checkpoint: a cut tail would not show".into()),
        }
    }

    /// What comes behind every signature is anybody's. Where the gateway writes just now, it has signed for it by now, or
    /// will have in a moment.
    fn vouched_for(&mut self, path: &Path) {
        for _ in 0..5 {
            if self.report.last <= self.signed {
                return;
            }
            let json: Option<Value> = Side::text(path).ok().and_then(|text| serde_json::from_str(&text).ok());
            let newest = json.as_ref().and_then(|json| Some((json, recover::head(json)?)));
            if let Some((json, head)) = newest.filter(|(_, head)| head.seq > self.signed) {
                self.signature(json, &head);
                if self.newest.is_some_and(|newest| newest.seq == head.seq && newest != head) {
                    self.fault("the checkpoint beside the log has seen another line of this number".into());
                }
            } else {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
        if self.report.last > self.signed {
            let (from, to) = (self.signed + 1, self.report.last);
            let what = format!(
                "lines {from} to {to} at the end are signed by nobody: written without the key, or cut off by a crash \
                 just now; a start of the gateway tells of them"
            );
            self.fault_at(0, what);
        }
    }

    fn end(&mut self) {
        let (first, last) = (self.report.first, self.report.last);
        // A line that nobody has signed for excuses nothing.
        let stays = self.retained.iter().filter(|(seq, _)| *seq <= self.signed).map(|(_, first)| *first).max();
        if first > 1 && self.from.is_none_or(|from| first > from) && first > stays.unwrap_or(0) {
            let what = format!("lines 1 to {} are missing, and no line says that retention removed them", first - 1);
            self.fault_at(0, what);
        }
        if let Some(side) = self.side.filter(|side| side.seq > last) {
            let what = format!("the tail is cut: lines {} to {} are missing", last + 1, side.seq);
            self.fault_at(0, what);
        } else if let Some(side) = self.side.filter(|side| side.seq >= first && !self.side_seen) {
            self.fault_at(0, format!("line {} is missing, which the checkpoint beside the log has seen", side.seq));
        }
    }

    fn fault(&mut self, what: String) {
        self.fault_at(self.at.line, what);
    }

    fn fault_at(&mut self, line: u64, what: String) {
        if self.report.faults.len() < MOST_FAULTS {
            let fault = self.place(line, what);
            self.report.faults.push(fault);
        }
    }

    /// Escaped: who has changed the log must not write on the terminal of who verifies it.
    fn place(&self, line: u64, what: String) -> Fault {
        let mut escaped = String::with_capacity(what.len());
        escape(&mut escaped, &what);
        Fault { file: self.at.file.clone(), line, what: escaped }
    }
}
