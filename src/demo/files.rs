//! A certificate and a key for the assertion, as the files that a configuration names.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use super::Certificate;
use crate::config::Algorithm;

/// The files, in a folder that nobody else can read; they are gone once the configuration has been read.
pub(crate) struct Files {
    folder: PathBuf,
    /// The chain.
    pub(crate) chain: PathBuf,
    /// The key.
    pub(crate) key: PathBuf,
    /// A key for the assertion.
    pub(crate) assertion: PathBuf,
}

impl Files {
    pub(crate) fn write(made: &Certificate) -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("sidgate-{}", uuid::Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let files = Self {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
            assertion: folder.join("assertion.pem"),
            folder,
        };
        std::fs::write(&files.chain, &made.chain)?;
        std::fs::write(&files.key, &made.key)?;
        let assertion = crate::assertion::generate(Algorithm::Es256).map_err(std::io::Error::other)?;
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&files.assertion)?
            .write_all(assertion.as_bytes())?;
        Ok(files)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
