//! The runs that clients have opened, for logs and metrics. The table has a fixed size; the oldest run makes room for a
//! new one.

use std::collections::VecDeque;

use proto::key::KeyId;
use proto::wire::OpenRunRequest;
use thiserror::Error;

use crate::session::RunId;
use crate::time::UnixMillis;

/// A run that a client has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRun {
    pub id: RunId,
    pub key: KeyId,
    pub opened: UnixMillis,
}

/// The open runs of this instance.
#[derive(Debug)]
pub struct Runs {
    capacity: usize,
    runs: VecDeque<OpenRun>,
}

impl Runs {
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            runs: VecDeque::new(),
        }
    }

    /// Opens a run under `key`, or returns `None` if it is open already. If another key has a run with this id, `key`
    /// gets a separate run.
    ///
    /// # Errors
    /// The id is not 16 bytes long.
    pub fn open(
        &mut self,
        request: OpenRunRequest,
        key: &KeyId,
        wall: UnixMillis,
    ) -> Result<Option<&OpenRun>, InvalidRunId> {
        let id = RunId(request.run_id.try_into().map_err(|_| InvalidRunId)?);
        if self.runs.iter().any(|r| r.id == id && r.key == *key) {
            return Ok(None);
        }
        if self.runs.len() == self.capacity {
            self.runs.pop_front();
        }
        self.runs.push_back(OpenRun {
            id,
            key: key.clone(),
            opened: wall,
        });
        Ok(self.runs.back())
    }

    /// Iterates over the runs, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &OpenRun> {
        self.runs.iter()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a run id has 16 bytes")]
pub struct InvalidRunId;

/// The number of runs kept: more than any site has in an hour.
pub const DEFAULT_RUNS: usize = 1024;
