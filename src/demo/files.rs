//! A certificate as the files that a configuration names.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use super::Certificate;

/// The files, in a folder that nobody else can read; they are gone once the configuration has been read.
pub(crate) struct Files {
    folder: PathBuf,
    /// The chain.
    pub(crate) chain: PathBuf,
    /// The key.
    pub(crate) key: PathBuf,
}

impl Files {
    pub(crate) fn write(made: &Certificate) -> std::io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("sidgate-{}", uuid::Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let files = Self { chain: folder.join("chain.pem"), key: folder.join("key.pem"), folder };
        std::fs::write(&files.chain, &made.chain)?;
        std::fs::write(&files.key, &made.key)?;
        Ok(files)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
