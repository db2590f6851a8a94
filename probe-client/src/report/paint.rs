//! Colour that carries meaning, or none; how wide a line may be, and paragraphs of that width.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use probe_core::excerpt::printable;

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

    /// `text` may be from a saved report, and that from anywhere.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        let text = printable(text).into_owned();
        if !self.colour || text.is_empty() {
            return text;
        }
        let style = match tone {
            Tone::Plain => return text,
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Undecided => AnsiColor::Yellow.on_default(),
            Tone::Heading => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// `text` wrapped to the look's width behind a label, indented.
pub(super) fn paragraph(
    out: &mut dyn Write,
    look: Look,
    label: &str,
    text: &str,
) -> io::Result<()> {
    let first = format!("  {label}");
    let rest = " ".repeat(first.len());
    let width = usize::from(look.width.clamp(40, 100));
    let options = textwrap::Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(&rest)
        // Options, dates and paths are not to be torn at their hyphens.
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    for (index, line) in textwrap::wrap(&printable(text), options).iter().enumerate() {
        match line.strip_prefix(&first) {
            Some(body) if index == 0 => {
                writeln!(out, "{}{body}", look.paint(Tone::Faint, &first))?;
            }
            Some(_) | None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}
