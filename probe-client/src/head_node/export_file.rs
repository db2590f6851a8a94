//! Reads a registry export as a source.

use std::io::Read as _;
use std::path::Path;

use head_node::registry::{ExportError, MAX_EXPORT_BYTES};
use head_node::{HeadNode, Origin, SourceRead, SourceState};

use crate::given_file;

/// Adds the content of `path`, or the reason why it cannot be read.
pub(super) fn read(path: &Path, node: &mut HeadNode) {
    let origin = Origin::ExportedFile(path.display().to_string());
    match load(path) {
        Err(why) => {
            let state = SourceState::Unreadable { why };
            node.sources.push(SourceRead { origin, state });
        }
        Ok(bytes) => node.read_export(&bytes, origin),
    }
}

/// Reads a file, and never more than one byte above the limit.
fn load(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    let limit = u64::try_from(MAX_EXPORT_BYTES).unwrap_or(u64::MAX);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err("it is a directory; expected the file that `reg export` wrote".to_owned());
    }
    if metadata.len() > limit {
        return Err(ExportError::TooLarge(metadata.len()).to_string());
    }
    let mut bytes = Vec::new();
    given_file::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    Ok(bytes)
}
