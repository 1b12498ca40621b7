//! The trail's promises, on real files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::{AuditFile, Fsync, OnFailure};

mod crashes;
mod forged;
mod speed;
mod syslog;

pub(super) fn config(folder: &Path) -> config::Audit {
    let file = AuditFile { path: folder.join("audit.log"), fsync: Fsync::Never, ..AuditFile::default() };
    config::Audit { file: Some(file), checkpoint_lines: 7, ..config::Audit::default() }
}

fn event(n: usize) -> Event {
    Event::new(Kind::SignIn).outcome("signed_in").user(&n.to_string()).detail(&"x".repeat(n % 40))
}

/// Writes events one after the other, and ends well.
pub(super) async fn write(config: &config::Audit, numbers: std::ops::Range<usize>) {
    let audit = Audit::open(config).unwrap();
    for n in numbers {
        audit.record(vec![event(n)]).await.unwrap();
    }
    audit.close().await;
}

pub(super) fn faults(folder: &Path) -> Vec<String> {
    let path = folder.join("audit.log");
    let key = PublicKey::load(&folder.join("audit.log.key.pub")).unwrap();
    let report = verify(&path, &[key], None).unwrap();
    report.faults.into_iter().map(|fault| fault.what).collect()
}

pub(super) fn notes(folder: &Path) -> Vec<String> {
    let key = PublicKey::load(&folder.join("audit.log.key.pub")).unwrap();
    let report = verify(&folder.join("audit.log"), &[key], None).unwrap();
    report.notes.into_iter().map(|note| note.what).collect()
}

/// A trail of 60 events in several files, ended well.
async fn trail() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.file.as_mut().unwrap().rotate_size = 6_000;
    write(&config, 0..40).await;
    write(&config, 40..60).await;
    let path = folder.path().join("audit.log");
    let mut files: Vec<PathBuf> = files::all_rotated(&path).unwrap().into_iter().map(|(_, path)| path).collect();
    files.push(path);
    assert!(files.len() >= 3, "{files:?}");
    (folder, files)
}

fn made() -> (tempfile::TempDir, Vec<PathBuf>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(trail())
}

/// Whether a change of the files shows; they are put back.
fn shows(folder: &Path, files: &[PathBuf], change: impl FnOnce(&mut Vec<Option<Vec<u8>>>)) -> bool {
    let before: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut after: Vec<Option<Vec<u8>>> = before.iter().cloned().map(Some).collect();
    change(&mut after);
    if before.iter().zip(&after).all(|(before, after)| after.as_ref() == Some(before)) {
        return true;
    }
    for (file, bytes) in files.iter().zip(&after) {
        match bytes {
            Some(bytes) => fs::write(file, bytes).unwrap(),
            None => fs::remove_file(file).unwrap(),
        }
    }
    let shown = !faults(folder).is_empty();
    files.iter().zip(before).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    shown
}

fn lines(files: &[Option<Vec<u8>>]) -> Vec<Vec<u8>> {
    let whole: Vec<u8> = files.iter().flatten().flatten().copied().collect();
    whole.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect()
}

/// The same lines in one file less of structure: everything in the last one.
fn put(files: &mut [Option<Vec<u8>>], lines: &[Vec<u8>]) {
    let sizes: Vec<usize> =
        files.iter().map(|f| f.as_ref().map_or(0, |f| f.split_inclusive(|b| *b == b'\n').count())).collect();
    let mut rest = lines.iter();
    let last = files.len() - 1;
    for (i, file) in files.iter_mut().enumerate() {
        let count = if i == last { usize::MAX } else { sizes[i] };
        *file = Some(rest.by_ref().take(count).flatten().copied().collect());
    }
}

#[tokio::test]
async fn a_trail_as_it_was_written_is_whole() {
    let (folder, files) = trail().await;
    let key = PublicKey::load(&folder.path().join("audit.log.key.pub")).unwrap();
    let report = verify(&folder.path().join("audit.log"), &[key], None).unwrap();
    assert_eq!(report.faults, []);
    assert_eq!((report.files, report.first), (files.len(), 1));
    assert_eq!(report.last, report.lines);
    assert!(report.lines > 60 && report.checkpoints > 8, "{report:?}");
    use std::os::unix::fs::PermissionsExt;
    for file in files.iter().chain([&folder.path().join("audit.log.key")]) {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn every_change_of_one_byte_shows() {
    let (folder, mut files) = made();
    files.push(Side::of(folder.path()));
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(file: prop::sample::Index, at: prop::sample::Index, byte: u8)| {
        let shown = shows(folder.path(), &files, |files| {
            let file = file.get_mut(files).as_mut().unwrap();
            let at = at.index(file.len());
            file[at] = byte;
        });
        prop_assert!(shown);
    });
}

#[test]
fn every_line_that_is_removed_repeated_or_swapped_shows() {
    let (folder, files) = made();
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(what in 0..4, a: prop::sample::Index, b: prop::sample::Index)| {
        let shown = shows(folder.path(), &files, |files| {
            let mut all = lines(files);
            let (a, b) = (a.index(all.len()), b.index(all.len()));
            match what {
                0 => drop(all.remove(a)),
                1 => all.insert(b, all[a].clone()),
                2 => all.swap(a, b),
                _ => { all.remove(a.min(all.len() - 2)); all.remove(a.min(all.len() - 1)); }
            }
            put(files, &all);
        });
        prop_assert!(shown);
    });
}

#[test]
fn every_cut_shows_wherever_it_is_made() {
    let (folder, files) = made();
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(head: bool, at: prop::sample::Index)| {
        let shown = shows(folder.path(), &files, |files| {
            let whole: Vec<u8> = files.iter().flatten().flatten().copied().collect();
            let mut left = at.index(whole.len());
            for file in files {
                let bytes = file.take().unwrap();
                let here = left.min(bytes.len());
                left -= here;
                *file = match (head, here) {
                    (true, here) if here == bytes.len() => None,
                    (true, here) => Some(bytes[here..].to_vec()),
                    (false, 0) => None,
                    (false, here) => Some(bytes[..here].to_vec()),
                };
            }
        });
        prop_assert!(shown);
    });
}

#[test]
fn a_tail_that_is_cut_at_the_end_of_a_line_shows_and_a_start_tells_of_it() {
    let (folder, files) = made();
    let last = files.last().unwrap();
    let bytes = fs::read(last).unwrap();
    let end = bytes[..bytes.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    fs::write(last, &bytes[..end]).unwrap();
    assert!(faults(folder.path())[0].starts_with("the tail is cut: lines"), "{:?}", faults(folder.path()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write(&config(folder.path()), 0..3));
    let told = faults(folder.path());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("were gone at a start of the gateway"), "{told:?}");
}

#[tokio::test]
async fn a_checkpoint_that_is_removed_or_of_another_key_shows() {
    let (folder, _) = trail().await;
    let (other, _) = trail().await;
    let side = Side::of(folder.path());
    let own = fs::read(&side).unwrap();
    fs::copy(Side::of(other.path()), &side).unwrap();
    assert!(faults(folder.path())[0].contains("signed with the key"), "{:?}", faults(folder.path()));
    fs::remove_file(&side).unwrap();
    assert!(faults(folder.path())[0].contains("is missing"), "{:?}", faults(folder.path()));
    write(&config(folder.path()), 0..1).await;
    assert!(faults(folder.path())[0].contains("was gone at a start"), "{:?}", faults(folder.path()));
    fs::write(&side, own).unwrap();
    assert!(!faults(folder.path()).is_empty());
}

#[tokio::test]
async fn retention_is_no_fault_and_a_file_that_it_has_not_removed_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let file = config.file.as_mut().unwrap();
    (file.rotate_size, file.keep) = (4_000, 2);
    write(&config, 0..60).await;
    let path = folder.path().join("audit.log");
    let rotated = files::all_rotated(&path).unwrap();
    assert_eq!(rotated.len(), 2);
    assert!(rotated[0].0 > 1);
    assert_eq!(faults(folder.path()), Vec::<String>::new());
    fs::remove_file(&rotated[0].1).unwrap();
    assert!(faults(folder.path())[0].contains("no line says that retention removed them"));
    let key = PublicKey::load(&folder.path().join("audit.log.key.pub")).unwrap();
    assert_eq!(verify(&path, &[key], Some(rotated[1].0)).unwrap().faults, []);
}

#[tokio::test]
async fn a_file_that_is_in_use_is_refused_and_can_be_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let audit = Audit::open(&config).unwrap();
    assert!(Audit::open(&config).unwrap_err().contains("another process"));
    audit.record(vec![event(1)]).await.unwrap();
    let path = folder.path().join("audit.log");
    fs::rename(&path, folder.path().join("audit-000000000001-20260101T000000Z.log")).unwrap();
    audit.record(vec![event(2)]).await.unwrap();
    audit.close().await;
    assert!(fs::read_to_string(&path).unwrap().contains("moved or removed the file"));
    assert_eq!(faults(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn addresses_are_hashed_with_a_key_unless_it_is_said_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let text = || fs::read_to_string(folder.path().join("audit.log")).unwrap();
    let failed = || Event::new(Kind::SignIn).outcome("refused").email(" Alice@acme.test");
    let audit = Audit::open(&config).unwrap();
    audit.record(vec![failed()]).await.unwrap();
    audit.close().await;
    let hash = hash_of_email(&config, "alice@acme.test").unwrap();
    assert!(text().contains(&hash) && !text().to_lowercase().contains("acme"), "{}", text());
    drop(audit);
    config.emails = AuditEmails::Plain;
    let audit = Audit::open(&config).unwrap();
    audit.record(vec![failed()]).await.unwrap();
    audit.close().await;
    assert!(text().contains("\"email\":\" Alice@acme.test\""));
}

#[tokio::test]
async fn what_a_sink_drops_is_counted_and_told_when_it_works_again() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("log");
    let syslog =
        config::AuditSyslog { address: config::SyslogAddress::Unix(socket.clone()), on_failure: OnFailure::Drop };
    let config = config::Audit { syslog: vec![syslog], ..config::Audit::default() };
    let audit = Audit::open(&config).unwrap();
    for n in 0..3 {
        assert_eq!(audit.record(vec![event(n)]).await, Ok(()));
    }
    until(|| audit.sinks()[0].dropped == 3 && audit.sinks()[0].failing).await;
    assert!(audit.accepts());
    let server = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    server.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let read = tokio::task::spawn_blocking(move || {
        let mut buffer = [0; 8192];
        let length = server.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    });
    assert!(read.await.unwrap().contains("\"kind\":\"gap\",\"dropped\":3"));
    until(|| !audit.sinks()[0].failing).await;
}

pub(super) async fn until(condition: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it did not come to that within ten seconds");
}

struct Side;

impl Side {
    fn of(folder: &Path) -> PathBuf {
        folder.join("audit.log.checkpoint")
    }
}
