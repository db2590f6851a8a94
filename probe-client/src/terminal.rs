//! The user's terminal: whether there is one, how wide it is, and whether to use colour.

use std::io::{self, IsTerminal as _, Write as _};

use probe_core::excerpt::{printable_lines, without_error_numbers};
use probe_report::Look;

use crate::arguments::Colour;
use crate::progress::Screen;

/// Returns the appearance of standard output.
pub(crate) fn look(colour: Colour) -> Look {
    let terminal = io::stdout().is_terminal();
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    Look {
        colour: match colour {
            Colour::Always => true,
            Colour::Never => false,
            // The variable counts if it is present and not empty (https://no-color.org).
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        },
        width: match width {
            Some(width) if terminal => width.max(Look::PLAIN.width),
            Some(_) | None => Look::PLAIN.width,
        },
        whole: true,
    }
}

/// Returns the screen of standard error, on which live progress can be shown; `None` if it is not a terminal.
pub(crate) fn screen(colour: Colour) -> Option<Screen> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let choice = anstream::AutoStream::choice(&io::stderr());
    // If the size of the terminal is unknown, the smallest common size is used.
    let size = terminal_size::terminal_size_of(io::stderr());
    let (width, height) = size.map_or((80, 24), |(width, height)| (width.0, height.0));
    Some(Screen {
        look: Look {
            colour: match colour {
                Colour::Always => true,
                Colour::Never => false,
                Colour::Auto => choice != anstream::ColorChoice::Never,
            },
            // A line that fills the screen would move the cursor to the next one.
            width: width.saturating_sub(1),
            ..Look::PLAIN
        },
        height,
    })
}

/// Writes to standard output. A reader that has gone away (`| head`) is not an error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    // Consoles before Windows 10 do not know escape sequences, so anstream sets their colours.
    let mut out = anstream::AutoStream::new(io::stdout(), anstream::ColorChoice::Always);
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes to standard error. Control characters in text from files or the network are escaped, so that the terminal
/// obeys none. Error numbers of the operating system are left out.
pub(crate) fn tell(text: &str) {
    // If standard error is closed, the user cannot be notified.
    let text = without_error_numbers(text);
    let _ = writeln!(io::stderr(), "{}", printable_lines(&text));
}
