//! Colour that carries meaning, or none; and how wide a line may be.

use anstyle::{AnsiColor, Style};

/// How a report for people should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub colour: bool,
    /// Columns.
    pub width: u16,
}

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    Undecided,
    Heading,
    Faint,
}

impl Look {
    /// Without a terminal: no colour, and lines as long as most of them show.
    pub(crate) const PLAIN: Self = Self {
        colour: false,
        width: 80,
    };

    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Undecided => AnsiColor::Yellow.on_default(),
            Tone::Heading => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}
