//! What can be wrong with a file, in words for its author.

use thiserror::Error;

use super::MAX_FILE_BYTES;

/// A problem, with what would be right.
#[derive(Debug, Error)]
pub enum Defect {
    #[error("this file cannot be read: {0}")]
    Unreadable(std::io::Error),
    #[error("this file has more than {MAX_FILE_BYTES} bytes; it is no such file")]
    TooLarge,
    #[error("this is not valid TOML: {0}")]
    Syntax(String),
    #[error("unknown key `{key}`; {section} has {}", known.join(", "))]
    UnknownKey {
        key: String,
        section: &'static str,
        known: Vec<&'static str>,
    },
    #[error("{section} has no `{key}`; add one, such as {example}")]
    MissingKey {
        key: &'static str,
        section: &'static str,
        example: &'static str,
    },
    #[error("`{key}` is {found}; write it like {example}")]
    WrongType {
        key: &'static str,
        found: &'static str,
        example: &'static str,
    },
    #[error("`{key}` is {found}; it may be {least} to {most}")]
    OutOfRange {
        key: &'static str,
        found: String,
        least: u64,
        most: u64,
    },
    #[error("`{key}` is {found}, and so more than `{whole}`, which is {most} {}; lower the one or \
             raise the other", place(*.line))]
    MoreThanWhole {
        key: &'static str,
        found: usize,
        whole: &'static str,
        most: usize,
        /// The line of the whole, or `None` if it is a default.
        line: Option<usize>,
    },
    #[error("`{key}` is \"{found}\"; {wanted}")]
    Form {
        key: &'static str,
        found: String,
        wanted: String,
    },
    /// A text with the wrong form, which must not be shown.
    #[error("`{key}` is not what it should be; {wanted}")]
    SecretForm {
        key: &'static str,
        wanted: &'static str,
    },
    #[error("{what} is there already, in line {first}; remove one of the two")]
    Twice { what: String, first: usize },
}

fn place(line: Option<usize>) -> String {
    line.map_or_else(|| "by default".to_owned(), |line| format!("in line {line}"))
}

/// Returns a piece of the file, cut short and made printable, so that a message can repeat it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for (count, character) in text.trim_end().chars().enumerate() {
        if count == MAX_QUOTED_CHARS {
            quoted.push('…');
            break;
        }
        if character == '\n' {
            quoted.push_str("; ");
        } else if character.is_control() {
            quoted.extend(character.escape_unicode());
        } else {
            quoted.push(character);
        }
    }
    quoted
}

/// The maximum length of a quoted piece: one and a half lines of a terminal.
const MAX_QUOTED_CHARS: usize = 120;
