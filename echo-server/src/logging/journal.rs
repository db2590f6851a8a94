//! Writes lines for journald, which reads a line's priority from its prefix (sd-daemon(3)) and would otherwise give all
//! lines the same one.

use std::io::{self, Write};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::plain::plain;

/// Returns whether standard error is the stream that `JOURNAL_STREAM` names. A process whose standard error was
/// redirected later still has the variable, but another stream.
#[cfg(unix)]
pub(super) fn reads_standard_error() -> bool {
    use std::fs::File;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let stream = io::stderr().as_fd().try_clone_to_owned();
    let stream = stream.map(File::from).and_then(|file| file.metadata());
    stream.is_ok_and(|stream| names(&named, stream.dev(), stream.ino()))
}

#[cfg(not(unix))]
pub(super) fn reads_standard_error() -> bool {
    false
}

/// Returns whether `variable` names the stream with this device and inode (systemd.exec(5), `JOURNAL_STREAM`).
#[cfg(unix)]
fn names(variable: &str, device: u64, inode: u64) -> bool {
    variable
        .split_once(':')
        .is_some_and(|(named, named_inode)| {
            named.parse() == Ok(device) && named_inode.parse() == Ok(inode)
        })
}

/// Standard error, with a prefix before each line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Journal;

/// A writer for the lines of one level, each with its priority.
#[derive(Debug)]
pub(super) struct Lines(Level);

impl Lines {
    pub(super) fn of(level: Level) -> Self {
        Self(level)
    }
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Lines;

    fn make_writer(&'a self) -> Lines {
        Lines(Level::INFO)
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Lines {
        Lines(*event.level())
    }
}

impl Write for Lines {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // The text is written with one call, so that no other thread's line comes between.
        io::stderr().write_all(&prefixed(self.0, &plain(text)))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn prefixed(level: Level, text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.flat_map(|line| [prefix(level), line]);
    lines.flatten().copied().collect()
}

fn prefix(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"<3>",
        Level::WARN => b"<4>",
        Level::INFO => b"<6>",
        _ => b"<7>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_how_grave_it_is() {
        for (level, expected) in [
            (Level::ERROR, "<3>one\n<3>two\n"),
            (Level::WARN, "<4>one\n<4>two\n"),
            (Level::INFO, "<6>one\n<6>two\n"),
            (Level::DEBUG, "<7>one\n<7>two\n"),
            (Level::TRACE, "<7>one\n<7>two\n"),
        ] {
            assert_eq!(prefixed(level, b"one\ntwo\n"), expected.as_bytes());
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_variable_means_one_stream_and_no_other() {
        assert!(names("9:123456", 9, 123_456));
        for other in [
            "9:123457",
            "8:123456",
            "9",
            "9:",
            ":123456",
            "9:123456:1",
            "",
        ] {
            assert!(!names(other, 9, 123_456), "{other}");
        }
    }
}
