//! Colours, line width, and paragraphs wrapped to that width. Colour always has a meaning, and can be off.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use probe_core::excerpt::printable;

/// The appearance of a text report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub colour: bool,
    /// Line width in columns.
    pub width: u16,
    /// Whether the table shows all evidence of every failure, even if it is longer than a screen.
    pub whole: bool,
}

/// The meaning of a piece of text, which decides its colour.
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
    /// The look of a file: no colour, 80 columns, which most screens can show, and all evidence.
    pub const PLAIN: Self = Self {
        colour: false,
        width: 80,
        whole: true,
    };

    /// Returns `text` in the colour of `tone`. Control characters are escaped, since `text` may come from a saved
    /// report of any origin.
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

/// Returns how paragraphs are folded to `width` columns: at blanks only. Ids, options, dates and names of hosts contain
/// hyphens, and a reader who searches for one or copies it needs it whole.
pub fn folding<'t>(width: usize) -> textwrap::Options<'t> {
    textwrap::Options::new(width).word_splitter(textwrap::WordSplitter::NoHyphenation)
}

/// Writes `text` after a label, indented and wrapped to the look's width.
pub(crate) fn paragraph(
    out: &mut dyn Write,
    look: Look,
    label: &str,
    text: &str,
) -> io::Result<()> {
    let first = format!("  {label}");
    let rest = " ".repeat(first.len());
    let painted = look.paint(Tone::Faint, &first);
    hanging(out, look, (&first, &painted), &rest, text)
}

/// Writes `text` after a beginning, which is given plain and painted. Lines after the first one begin with `rest`.
pub(super) fn hanging(
    out: &mut dyn Write,
    look: Look,
    (first, painted): (&str, &str),
    rest: &str,
    text: &str,
) -> io::Result<()> {
    let width = usize::from(look.width.clamp(40, 100));
    let options = folding(width).initial_indent(first).subsequent_indent(rest);
    for (index, line) in textwrap::wrap(&printable(text), options).iter().enumerate() {
        match line.strip_prefix(first) {
            Some(body) if index == 0 => writeln!(out, "{painted}{body}")?,
            Some(_) | None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_with_hyphens_is_never_broken() {
        let sentence = "1 of 2 as expected, but reachable-with-loss 5902";
        let lines = textwrap::wrap(sentence, folding(34));
        assert_eq!(
            lines,
            ["1 of 2 as expected, but", "reachable-with-loss 5902"]
        );
    }
}
