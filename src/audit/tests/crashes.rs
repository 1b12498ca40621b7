//! What a crash leaves is sealed, and never lost silently.

use std::fs;
use std::io::Write as _;

use proptest::prelude::*;

use super::*;

/// What is left behind the last line, and a start after it.
fn torn(left: &[u8]) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write(&config, 0..5));
    let path = folder.path().join("audit.log");
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(left).unwrap();
    let before = faults(folder.path());
    runtime.block_on(write(&config, 5..9));
    (folder, before)
}

#[test]
fn a_torn_line_is_reported_and_then_sealed() {
    let (folder, before) = torn(b"{\"seq\":7,\"prev\":\"0123");
    assert!(before[0].contains("21 bytes at the end are no line"), "{before:?}");
    assert_eq!(faults(folder.path()), Vec::<String>::new());
    let told = notes(folder.path());
    assert!(told.contains(&"a crash left 21 bytes that are no line; they are sealed".to_owned()), "{told:?}");
}

#[test]
fn whatever_a_crash_left_is_sealed_and_no_byte_of_it_can_be_changed() {
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(left in prop::collection::vec(prop_oneof![Just(b'\n'), Just(0), any::<u8>()], 1..300), at: prop::sample::Index)| {
        let (folder, before) = torn(&left);
        prop_assert!(!before.is_empty());
        prop_assert_eq!(faults(folder.path()), Vec::<String>::new());
        let path = folder.path().join("audit.log");
        let mut bytes = fs::read(&path).unwrap();
        let start = bytes.windows(left.len()).position(|window| window == left).unwrap();
        bytes[start + at.index(left.len())] ^= 1;
        fs::write(&path, bytes).unwrap();
        prop_assert!(!faults(folder.path()).is_empty());
    });
}

#[test]
fn a_newline_that_is_missing_is_put_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(write(&config, 0..5));
    let path = folder.path().join("audit.log");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(faults(folder.path())[0], "the newline of the last line is missing");
    runtime.block_on(write(&config, 5..6));
    assert_eq!(faults(folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_log_that_is_removed_goes_on_with_its_numbers_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    write(&config, 0..5).await;
    fs::remove_file(folder.path().join("audit.log")).unwrap();
    write(&config, 5..6).await;
    let told = faults(folder.path());
    assert!(told[0].contains("was gone at a start of the gateway"), "{told:?}");
    assert!(told.iter().any(|fault| fault.contains("no line says that retention removed them")), "{told:?}");
}
