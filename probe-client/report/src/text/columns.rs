//! Parts that all tables of a text report share: the colours of outcomes, and cells cut to their width.

use probe_core::judge::Outcome;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::paint::Tone;
use crate::rows::Mark;

/// Returns `text`, cut to `width` with an ellipsis if it is too long.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        if short.width() + character.width().unwrap_or(0) + 1 > width {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

/// Returns `text` in exactly `width` columns: cut, or followed by blanks.
pub(crate) fn padded(text: &str, width: usize) -> String {
    let mut text = shortened(text, width);
    text.push_str(&" ".repeat(width.saturating_sub(text.width())));
    text
}

/// Returns the colour of a mark. A result that is as expected but needs an explanation is not green.
pub(super) const fn tone(mark: Mark) -> Tone {
    match mark {
        Mark::Ok => Tone::Good,
        Mark::Warned | Mark::Undecided => Tone::Undecided,
        Mark::Fail => Tone::Bad,
    }
}

/// Returns the word and the colour for an outcome.
pub(crate) const fn outcome(outcome: Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::AsExpected => ("ok", Tone::Good),
        Outcome::NotAsExpected => ("FAIL", Tone::Bad),
        Outcome::Undecided => ("?", Tone::Undecided),
    }
}

/// The space between two columns.
pub(crate) const GAP: &str = "  ";
