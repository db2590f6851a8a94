//! One row per path.

use probe_core::judge::Outcome;
use serde::Serialize;

use super::port::PortRow;

/// A path, with the number of its ports for each result.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct PathRow {
    /// The path: `direct`, or the proxy's URL.
    pub path: String,
    pub as_expected: usize,
    pub not_as_expected: usize,
    pub undecided: usize,
}

/// Returns one row for each path of `ports`, in their order.
pub(super) fn rows(ports: &[PortRow]) -> Vec<PathRow> {
    let mut rows: Vec<PathRow> = Vec::new();
    for port in ports {
        let at = rows.iter().position(|row| row.path == port.path);
        let at = at.unwrap_or_else(|| {
            rows.push(PathRow {
                path: port.path.clone(),
                as_expected: 0,
                not_as_expected: 0,
                undecided: 0,
            });
            rows.len() - 1
        });
        match port.outcome {
            Outcome::AsExpected => rows[at].as_expected += 1,
            Outcome::NotAsExpected => rows[at].not_as_expected += 1,
            Outcome::Undecided => rows[at].undecided += 1,
        }
    }
    rows
}
