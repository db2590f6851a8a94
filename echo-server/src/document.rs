//! Reads a TOML file of an admin, up to the size limit of `settings-file`.

use std::fmt;
use std::io::{self, Read as _};
use std::path::Path;

use settings_file::{FileError, MAX_FILE_BYTES, Problems, Reading, Section, Table};

/// Reads the file at `path` with `build`; `section` describes its root table.
pub(crate) fn read<T>(
    path: &Path,
    section: &Section,
    build: impl FnOnce(&Table<'_>, &mut Problems<'_>) -> T,
) -> Reading<T> {
    let file = path.display().to_string();
    match text(path) {
        Ok(text) => settings_file::read(&file, &text, section, build),
        Err(error) => Reading::failed(FileError::unreadable(&file, error)),
    }
}

/// Returns the file's text. A file that is too large is cut one byte past the limit, so that `settings-file` reports
/// that it is too large.
fn text(path: &Path) -> io::Result<String> {
    let most = MAX_FILE_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(most)
        .read_to_end(&mut bytes)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// Writes each item on a line of its own.
pub(crate) fn write_lines(f: &mut fmt::Formatter<'_>, all: &[impl fmt::Display]) -> fmt::Result {
    for (count, one) in all.iter().enumerate() {
        let separator = if count == 0 { "" } else { "\n" };
        write!(f, "{separator}{one}")?;
    }
    Ok(())
}
