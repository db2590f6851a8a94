//! Writes lines to standard error without error numbers of the operating system, which differ between systems.

use std::io::{self, Write};

use proto::excerpt::without_error_numbers;

/// Standard error. Each call writes whole lines, as those of a log are.
#[derive(Clone, Copy, Debug)]
pub(super) struct StandardError;

impl Write for StandardError {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // The text is written with one call, so that no other thread's line comes between.
        io::stderr().write_all(&plain(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Returns the text without error numbers. A text that is not UTF-8 stays as it is.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(text) {
        Ok(text) => without_error_numbers(text).into_bytes(),
        Err(_) => text.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_error_number() {
        let line = b"cannot be served error=Too many open files (os error 24)\n";
        assert_eq!(plain(line), b"cannot be served error=Too many open files\n");
        assert_eq!(plain(b"\xff (os error 24)\n"), b"\xff (os error 24)\n");
    }
}
