//! Somebody can write the log's folder, and has not the key.

use std::fs;
use std::io::Write as _;

use super::super::chain::{self, Head};
use super::*;

fn last_line(path: &Path) -> Head {
    let bytes = fs::read(path).unwrap();
    let line = bytes.split(|b| *b == b'\n').rfind(|line| !line.is_empty()).unwrap();
    chain::read(line).unwrap().head
}

fn append(path: &Path, json: &str) {
    let line = last_line(path).append(json);
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(&line).unwrap();
}

#[tokio::test]
async fn lines_behind_every_signature_show_and_a_start_tells_of_them_before_it_signs() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    write(&config, 0..5).await;
    append(&folder.path().join("audit.log"), &event(99).json());
    assert!(faults(folder.path())[0].contains("are signed by nobody"), "{:?}", faults(folder.path()));
    write(&config, 5..6).await;
    assert!(notes(folder.path()).iter().any(|note| note.contains("were not signed for")), "{:?}", notes(folder.path()));
    assert_eq!(faults(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_line_about_retention_that_nobody_has_signed_excuses_no_missing_file() {
    let (folder, files) = trail().await;
    let path = folder.path().join("audit.log");
    let first = files::all_rotated(&path).unwrap()[1].0;
    fs::remove_file(&files[0]).unwrap();
    append(&path, &Event::new(Kind::Rotated).count("first", first).count("removes", 1).json());
    let told = faults(folder.path());
    assert!(told.iter().any(|fault| fault.contains("no line says that retention removed them")), "{told:?}");
}

#[tokio::test]
async fn what_was_rewritten_behind_the_last_checkpoint_is_not_signed_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::Audit { checkpoint_lines: 1000, ..config(folder.path()) };
    write(&config, 0..5).await;
    let path = folder.path().join("audit.log");
    let text = fs::read_to_string(&path).unwrap();
    // All but the checkpoint at the end: two lines written anew, and one more, so that the number is not behind.
    let kept: Vec<&str> = text.split_inclusive('\n').take(3).collect();
    fs::write(&path, kept.concat()).unwrap();
    (0..4).for_each(|n| append(&path, &event(40 + n).json()));
    write(&config, 5..6).await;
    let told = faults(folder.path());
    assert!(told.iter().any(|fault| fault.contains("was another one at a start of the gateway")), "{told:?}");
    // Nor with a checkpoint of one's own making.
    fs::write(
        Side::of(folder.path()),
        fs::read_to_string(Side::of(folder.path())).unwrap().replace("\"at\":\"", "\"at\":\"0"),
    )
    .unwrap();
    write(&config, 6..7).await;
    assert!(faults(folder.path()).len() > told.len());
}

#[tokio::test]
async fn what_is_said_of_a_changed_log_cannot_write_on_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    write(&config(folder.path()), 0..5).await;
    let path = folder.path().join("audit.log");
    let head = last_line(&path);
    let checkpoint = key::checkpoint(head.seq, &chain::hex(&head.hash), "\\u001b[2J\\u202e", "x");
    append(&path, &format!("{},{checkpoint}", Event::new(Kind::Checkpoint).json()));
    let told = faults(folder.path()).concat();
    assert!(
        told.contains("signed with the key \\u001b[2J") && told.bytes().all(|b| (b' '..=b'~').contains(&b)),
        "{told}"
    );
}
