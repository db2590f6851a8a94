//! Text of unknown origin, made safe for one line of a report or of an error: shortened, and without anything that a
//! terminal, or a pipeline that prints it to its log, would obey.

use std::borrow::Cow;
use std::fmt;

/// A quotation from a file or from received data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Excerpt(String);

impl Excerpt {
    /// Quotes the first `limit` characters of `text`.
    pub fn cut(text: &str, limit: usize) -> Self {
        match text.char_indices().nth(limit) {
            Some((end, _)) => Self(format!("{}...", printable(&text[..end]))),
            None => Self(printable(text).into_owned()),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<Excerpt> for String {
    fn from(excerpt: Excerpt) -> Self {
        excerpt.0
    }
}

/// Returns `text` with everything that [`first_harmful`] finds escaped.
pub fn printable(text: &str) -> Cow<'_, str> {
    let Some(mut found) = first_harmful(text) else {
        return Cow::Borrowed(text);
    };
    let mut printable = String::new();
    let mut rest = text;
    loop {
        let (at, harmful) = found;
        printable.push_str(&rest[..at]);
        printable.extend(harmful.escape_unicode());
        rest = &rest[at + harmful.len_utf8()..];
        match first_harmful(rest) {
            Some(next) => found = next,
            None => break,
        }
    }
    printable.push_str(rest);
    Cow::Owned(printable)
}

/// Returns the first character that must not be written as it is, and its position in bytes. It is one that is
/// [`unprintable`], or the first one of a command to a pipeline.
///
/// Pipelines obey commands in what a step prints: Azure Pipelines `##vso[…]` and `##[…]`, TeamCity `##teamcity[…]`, GitHub
/// Actions `::error::…`. A text may be wrapped, so a command is harmful anywhere in it.
pub fn first_harmful(text: &str) -> Option<(usize, char)> {
    text.char_indices()
        .find(|&(at, character)| match character {
            '#' => text[at..].starts_with("##"),
            ':' => begins_command(&text[at..]),
            other => unprintable(other),
        })
}

/// Returns whether `text` begins with `::` and a name. After the `::` of an IPv6 address there is at most a group of hex
/// digits.
fn begins_command(text: &str) -> bool {
    let Some(after) = text.strip_prefix("::") else {
        return false;
    };
    let of_name = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = || after.chars().take_while(of_name).take(LONGEST_GROUP + 1);
    after.starts_with(|c: char| c.is_ascii_alphabetic())
        && (name().count() > LONGEST_GROUP || !name().all(|c| c.is_ascii_hexdigit()))
}

/// The most hex digits in a group of an IPv6 address.
const LONGEST_GROUP: usize = 4;

/// Returns `text` with everything that [`first_harmful`] finds escaped, except line feeds.
pub fn printable_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(printable).collect();
    lines.join("\n")
}

/// Returns `text` without the error numbers that std appends to the operating system's words, as in `Connection refused
/// (os error 111)`. They differ between systems, and a reader has no use for them.
pub fn without_error_numbers(text: &str) -> String {
    let mut parts = text.split(NUMBER);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
        match after.strip_prefix(')') {
            Some(rest) => plain.push_str(rest),
            None => plain.extend([NUMBER, part]),
        }
    }
    plain
}

/// The text before an error number.
const NUMBER: &str = " (os error ";

/// Returns whether a character is a control character, or one that invisibly reorders or breaks a line or hides text:
/// zero-width spaces, tag characters. The two joiners, which some scripts need, are printable.
pub fn unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_are_left_out() {
        for (text, plain) in [
            ("Connection refused (os error 111)", "Connection refused"),
            ("a: b (os error -3): c (os error 10061).", "a: b: c."),
            (
                "no (os error) number (os error x)",
                "no (os error) number (os error x)",
            ),
            ("cut (os error 1", "cut (os error 1"),
        ] {
            assert_eq!(without_error_numbers(text), plain);
        }
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        let cut = |text: &str| Excerpt::cut(text, 60).to_string();
        assert_eq!(cut("plain ä"), "plain ä");
        assert_eq!(printable_lines("a\n\u{1b}b\r\n"), "a\n\\u{1b}b\\u{d}\n");
        assert_eq!(cut("\u{1b}[31m\u{202e}"), "\\u{1b}[31m\\u{202e}");
        assert_eq!(cut("a\u{200b}b\u{e0041}"), "a\\u{200b}b\\u{e0041}");
        assert_eq!(cut("می\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(cut(&"x".repeat(60)), "x".repeat(60));
        assert_eq!(cut(&"x".repeat(61)), format!("{}...", "x".repeat(60)));
    }

    #[test]
    fn commands_to_pipelines_are_escaped_and_addresses_are_not() {
        for (text, shown) in [
            (
                "##vso[task.setvariable variable=a]b",
                "\\u{23}#vso[task.setvariable variable=a]b",
            ),
            ("a ###[error]b", "a \\u{23}\\u{23}#[error]b"),
            ("::error file=a::b", "\\u{3a}:error file=a::b"),
            ("x:::add-mask::b", "x:\\u{3a}:add-mask::b"),
            ("::Echo::on", "\\u{3a}:Echo\\u{3a}:on"),
        ] {
            assert_eq!(printable(text), shown);
        }
        for address in [
            "fd73:1::face",
            "::1",
            "::ffff:10.0.0.1",
            "[2001:db8::a]:443",
            "# 1 :: a",
        ] {
            assert_eq!(printable(address), address);
        }
    }
}
