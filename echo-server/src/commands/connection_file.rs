//! A connection string in a file of its own, as `fwprobe run --connection-file` reads it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use proto::connection_string::ConnectionString;
use tempfile::NamedTempFile;

/// A file that only its owner can read (mode 0600). It appears under its name once it is complete, and never replaces
/// another file.
#[derive(Debug)]
pub(super) struct ConnectionFile {
    unnamed: NamedTempFile,
    path: PathBuf,
}

impl ConnectionFile {
    /// Creates the file in the directory of `path`, before a key is made, so that most failures show before that.
    ///
    /// # Errors
    /// A file with this name exists, or none can be created in that directory.
    pub(super) fn prepare(path: &Path) -> anyhow::Result<Self> {
        if path.symlink_metadata().is_ok() {
            bail!(
                "{} exists already and is left unchanged; give --output a new file",
                path.display()
            );
        }
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        let unnamed = NamedTempFile::new_in(directory)
            .with_context(|| format!("no file can be created in {}", directory.display()))?;
        Ok(Self {
            unnamed,
            path: path.to_owned(),
        })
    }

    /// Writes `string` and gives the file its name.
    ///
    /// # Errors
    /// The file cannot be written, or another file with this name has appeared since.
    pub(super) fn keep(mut self, string: &ConnectionString) -> anyhow::Result<PathBuf> {
        let path = self.path;
        let written = writeln!(self.unnamed, "{}", string.expose())
            .and_then(|()| self.unnamed.as_file().sync_all())
            .and_then(|()| self.unnamed.persist_noclobber(&path).map_err(|e| e.error));
        written.with_context(|| {
            format!(
                "the key is made, and its connection string cannot be written to {}; get \
                 another one with `fwprobe-echo identity add-key`",
                path.display()
            )
        })?;
        Ok(path)
    }
}
