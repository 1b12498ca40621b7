//! Lines on standard output, between those of the access log: `"kind"` and `"hash"` tell them apart.

use std::io::{self, Write};

use super::writer::{Line, Output};

pub(super) struct StdoutOutput(io::Stdout);

impl StdoutOutput {
    pub(super) fn new() -> Self {
        Self(io::stdout())
    }
}

impl Output for StdoutOutput {
    fn append(&mut self, lines: &[Line]) -> (usize, io::Result<()>) {
        // Held over the whole, so that nothing comes between a line and its newline.
        let mut out = self.0.lock();
        for (i, line) in lines.iter().enumerate() {
            if let Err(error) = out.write_all(&line.bytes) {
                return (i, Err(error));
            }
        }
        match out.flush() {
            Ok(()) => (lines.len(), Ok(())),
            // How many came through, nobody knows; the chain goes on after all of them, and a reader sees which are missing.
            Err(error) => (lines.len(), Err(error)),
        }
    }
}
