//! The folder that keeps the document of every run. A file is written as a whole and never replaced. Documents that
//! cannot be written, because the disk is full, wait until there is room.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use probe_documents::RunDocument;
use probe_documents::watch::KEPT_RUNS;
use thiserror::Error;

use super::log::{Event, Log};
use super::watched::Watched;
use crate::document_file::{self, FileName};
use crate::keep::Keep;
use crate::prepared::Prepared;
use crate::signed_url::path_without_secrets;
use crate::{run_folder, saved_run};

/// A folder of documents, in use by this watch alone.
#[derive(Debug)]
pub(crate) struct DocumentFolder {
    path: PathBuf,
    /// The lock lasts as long as the open file.
    _lock: File,
    waiting: VecDeque<Waiting>,
    keep: Option<Keep>,
}

/// A document that is not written yet.
#[derive(Debug)]
struct Waiting {
    name: FileName,
    text: Vec<u8>,
}

/// The reason why a folder cannot be used.
#[derive(Debug, Error)]
pub(crate) enum FolderError {
    #[error("--output {}: it is a file; a watch keeps one document per run, so name a folder", path_without_secrets(.0))]
    File(PathBuf),
    #[error("--output {} is in use by another `fwprobe watch`: give each its own folder", path_without_secrets(.0))]
    InUse(PathBuf),
    #[error("--output {} cannot be written: {error}", path_without_secrets(.path))]
    NotWritable { path: PathBuf, error: io::Error },
}

impl DocumentFolder {
    /// Takes the folder `path` for this process, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// Another watch uses the folder, or it cannot be written.
    pub(crate) fn open(path: &Path, keep: Option<Keep>) -> Result<Self, FolderError> {
        let failed = |error| FolderError::NotWritable {
            path: path.to_owned(),
            error,
        };
        if path.is_file() {
            return Err(FolderError::File(path.to_owned()));
        }
        // Finds out before the first run whether files can be created.
        document_file::prepare(path).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK_FILE));
        let lock = lock.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
            waiting: VecDeque::new(),
            keep,
        })
    }

    /// Adds the folder's newest runs to `watched`, if they are of the same profile and servers.
    pub(super) fn recall(&self, prepared: &Prepared, watched: &Watched, log: &Log) {
        let plan = &prepared.config.plan;
        let (mut runs, mut unreadable) = (Vec::new(), 0);
        for path in self.newest() {
            match saved_run::load(&path) {
                Ok(run) if run.run.profile == plan.profile && run.server.hosts == plan.hosts => {
                    runs.push(run);
                }
                Ok(_) | Err(_) => unreadable += 1,
            }
        }
        runs.sort_by(|one, other| one.run.started.cmp(&other.run.started));
        for run in &runs {
            watched.recall(run);
        }
        if !runs.is_empty() || unreadable > 0 {
            let runs = runs.len();
            log.write(&Event::Recalled { runs, unreadable });
        }
    }

    /// Returns the newest files by their names, which begin with a date.
    fn newest(&self) -> Vec<PathBuf> {
        let mut files = run_folder::files(&self.path).unwrap_or_default();
        files.split_off(files.len().saturating_sub(KEPT_RUNS))
    }

    /// Writes the document of a run. If that fails, the document waits, and so do earlier ones that were not written.
    pub(super) fn keep(&mut self, document: &RunDocument, log: &Log) {
        if self.waiting.len() == MOST_WAITING {
            let lost = self.waiting.pop_front();
            let lost = lost.map(|waiting| waiting.name.to_string());
            let lost = lost.unwrap_or_default();
            log.problem(format!(
                "the document {lost} is dropped, to make room for later ones"
            ));
        }
        self.waiting.push_back(Waiting {
            name: FileName::of(document, "json"),
            text: document_file::text(document),
        });
        self.write_waiting(log);
    }

    /// Writes the documents that wait, up to the first that cannot be written.
    pub(super) fn write_waiting(&mut self, log: &Log) {
        while let Some(Waiting { name, text }) = self.waiting.front() {
            match document_file::write(&self.path, name, text) {
                Ok(written) => self.make_room(&written, log),
                Err(error) => {
                    let (count, folder) = (self.waiting.len(), self.path.display());
                    let kept = "they are kept in memory and written when that is possible";
                    log.problem(format!(
                        "{folder} cannot be written: {error}; documents that wait: {count}; {kept}"
                    ));
                    return;
                }
            }
            self.waiting.pop_front();
        }
    }

    /// Deletes the documents that `--keep` no longer keeps.
    fn make_room(&self, written: &Path, log: &Log) {
        if let Some(Err(error)) = self.keep.map(|keep| keep.apply(written)) {
            let folder = self.path.display();
            log.problem(format!(
                "--keep: older files in {folder} cannot be deleted: {error}"
            ));
        }
    }

    /// Returns the number of documents that are not written yet.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// The file whose lock says that a watch uses the folder.
const LOCK_FILE: &str = ".fwprobe-watch.lock";
/// The maximum number of documents that wait, about 10 MB.
const MOST_WAITING: usize = 100;
