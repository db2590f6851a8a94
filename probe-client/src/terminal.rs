//! What the user looks at: whether it is a terminal, how wide it is, and whether colour is wanted.

use std::io::{self, IsTerminal as _, Write as _};

use probe_core::excerpt::printable_lines;

use crate::arguments::Colour;
use crate::report::Look;

/// How to write to standard output.
pub(crate) fn look(colour: Colour) -> Look {
    let terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    Look {
        colour: match colour {
            Colour::Always => true,
            Colour::Never => false,
            // https://no-color.org: present and not empty.
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        },
        width: match width {
            Some(width) if terminal => width.max(Look::PLAIN.width),
            Some(_) | None => Look::PLAIN.width,
        },
    }
}

/// Whether live progress can be shown.
pub(crate) fn shows_progress() -> bool {
    io::stderr().is_terminal()
}

/// Writes to standard output; a reader that went away (`| head`) is no error of ours.
pub(crate) fn print(text: &str) -> io::Result<()> {
    // A console older than Windows 10 knows no escape sequences: there anstream sets its colours.
    let mut out = anstream::AutoStream::new(io::stdout(), anstream::ColorChoice::Always);
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Tells the user on standard error. Whatever is quoted from a file or from the network, the terminal obeys none of it.
pub(crate) fn tell(text: &str) {
    // With standard error gone there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", printable_lines(text));
}
