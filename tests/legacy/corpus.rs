//! The corpus of the fuzz targets (tests/fuzz), through the same code: what was found once stays found.

use std::path::Path;

use super::targets::{TARGETS, run};

#[test]
fn the_corpus_of_every_target_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for target in TARGETS {
        let files: Vec<_> = std::fs::read_dir(folder.join(target)).unwrap().map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{target}");
        for file in files {
            run(target, &std::fs::read(&file).unwrap());
        }
    }
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/src/bin");
    assert_eq!(std::fs::read_dir(programs).unwrap().count(), TARGETS.len(), "each has its program");
}
