//! Reads files that the user names, up to a size limit. Anything that could block for ever is refused.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use settings_file::{FileError, Problems, Reading, Section, Table};

/// Opens the file `path`.
///
/// # Errors
///
/// The file does not exist, may not be read, or is not a file. A pipe that the shell hands over as `/dev/stdin` or
/// `/dev/fd/N` is accepted, since it has a writer. A named pipe is refused, since opening it waits for a writer.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let kind = std::fs::metadata(path)?.file_type();
    // A directory is opened too, since reading it gives the system's own error.
    if kind.is_file() || kind.is_dir() || is_handed_over(path) {
        return File::open(path);
    }
    let what = format!("it is {}, not a file", named(kind));
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Reads the bytes of the file `path`.
///
/// # Errors
///
/// The errors of [`open`](open()), or the file has more than `limit` bytes.
pub(crate) fn bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    within(&mut open(path)?, limit)
}

/// Reads the bytes of `file`. A file that is too large is not read at all if the system states its size.
fn within(file: &mut File, limit: u64) -> io::Result<Vec<u8>> {
    let too_large = || {
        let what = format!("it has more than {limit} bytes");
        io::Error::new(io::ErrorKind::FileTooLarge, what)
    };
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > limit {
        return Err(too_large());
    }
    // A pipe has no length. Of a file that grows meanwhile, the rest is read too.
    let length = usize::try_from(metadata.len().min(limit)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(length);
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Reads the text of the file `path`, without the byte order mark that editors on Windows write before it.
///
/// # Errors
///
/// The errors of [`bytes`], or the text is not UTF-8.
pub(crate) fn text(path: &Path, limit: u64) -> io::Result<String> {
    let bytes = bytes(path, limit)?;
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    if is_utf16(&bytes) {
        return Err(wrong(
            "it is UTF-16, as Windows PowerShell writes with `>`: save it as UTF-8, or let fwprobe \
             write files itself (`--output FILE`)",
        ));
    }
    // `contains` looks at many bytes at once, and nearly every file has no zero.
    if bytes.contains(&0)
        && let Some(at) = bytes.iter().position(|byte| *byte == 0)
    {
        let what = format!(
            "byte {} of it is 0, so it is not text: a full disk or a crash leaves such files",
            at + 1
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
    if text.starts_with(BYTE_ORDER_MARK) {
        text.drain(..BYTE_ORDER_MARK.len_utf8());
    }
    Ok(text)
}

/// Returns whether `bytes` begin like UTF-16: with its byte order mark, or with characters of which one half is 0.
fn is_utf16(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(LOOKED_AT)];
    let mut pairs = begin.chunks_exact(2);
    let halves = |pair: &[u8]| (pair[0] == 0, pair[1] == 0);
    matches!(*begin, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || begin.len() > 1
            && (pairs.clone().all(|pair| halves(pair) == (false, true))
                || pairs.all(|pair| halves(pair) == (true, false)))
}

/// Bytes by which UTF-16 is recognised. What fwprobe reads begins with ASCII characters.
const LOOKED_AT: usize = 16;

/// Reads the TOML file `path` with `build`; `section` describes its root table.
pub(crate) fn toml<T>(
    path: &Path,
    section: &Section,
    build: impl FnOnce(&Table<'_>, &mut Problems<'_>) -> T,
) -> Reading<T> {
    let shown = path.display().to_string();
    match text(path, BY_HAND) {
        Ok(text) => settings_file::read(&shown, &text, section, build),
        Err(error) => Reading::failed(FileError::unreadable(&shown, error)),
    }
}

/// Returns the permission bits of a file; `None` for a pipe or a device, whose bits say nothing.
#[cfg(unix)]
pub(crate) fn mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;
    metadata
        .is_file()
        .then(|| metadata.permissions().mode() & 0o777)
}

/// Returns `None`: on Windows access lists decide, which std does not read.
#[cfg(not(unix))]
pub(crate) fn mode(_: &Metadata) -> Option<u32> {
    None
}

fn is_handed_over(path: &Path) -> bool {
    let open_already = ["/dev/fd", "/proc/self/fd", "/dev/stdin"];
    cfg!(unix) && open_already.iter().any(|folder| path.starts_with(folder))
}

#[cfg(unix)]
fn named(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn named(_: FileType) -> &'static str {
    "a pipe or a device"
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Maximum size in bytes of a file written by hand: a hundred times the usual size.
pub(crate) const BY_HAND: u64 = settings_file::MAX_FILE_BYTES as u64;

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Seek as _, Write as _};
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_named_pipe_and_a_device_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let told = |path: &Path| text(path, BY_HAND).unwrap_err().to_string();
        assert_eq!(told(&pipe), "it is a named pipe, not a file");
        assert_eq!(told(Path::new("/dev/zero")), "it is a device, not a file");
    }

    #[test]
    fn a_pipe_that_was_handed_over_is_read_to_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"text").unwrap();
        drop(writer);
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        assert_eq!(text(Path::new(&path), BY_HAND).unwrap(), "text");
    }

    #[test]
    fn a_file_of_the_limit_is_read_and_a_larger_one_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(bytes(file.path(), 5).unwrap(), b"12345");
        let error = bytes(file.path(), 4).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 4 bytes");
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_at_all() {
        let mut file = tempfile::tempfile().unwrap();
        file.set_len(1024 * 1024).unwrap();
        let error = within(&mut file, 4).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 4 bytes");
        assert_eq!(file.stream_position().unwrap(), 0);
    }

    #[test]
    fn no_more_than_the_limit_is_read_of_a_pipe_whose_size_is_not_known() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"12345").unwrap();
        drop(writer);
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let error = bytes(Path::new(&path), 4).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 4 bytes");
    }
}
