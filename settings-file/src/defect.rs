//! Everything that can be wrong with a file, in words for its author.

use proto::excerpt::Excerpt;
use thiserror::Error;

use crate::MAX_FILE_BYTES;

/// A defect of a file, with what would be right.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum Defect {
    /// The file could not be read.
    #[error("this file cannot be read: {0}")]
    Unreadable(String),
    /// The file is larger than [`MAX_FILE_BYTES`], and was not read at all.
    #[error("this file has more than {MAX_FILE_BYTES} bytes, which is the most that is read")]
    TooLarge,
    /// The file is not TOML. Nothing after this place was read.
    #[error("this is not valid TOML: {0}")]
    Syntax(Excerpt),
    /// A key that this table does not have.
    #[error("unknown key `{key}`; {}", remedy(section, *nearest, keys))]
    UnknownKey {
        /// The key.
        key: Excerpt,
        /// The thing that the table describes, with its article.
        section: &'static str,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
        /// All keys that the table may have.
        keys: Vec<&'static str>,
    },
    /// A required key is missing.
    #[error("{this} has no `{key}`; add one, such as {example}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// The thing that the table describes, as in "this rule".
        this: String,
        /// A valid example line.
        example: &'static str,
    },
    /// A value whose type its key does not accept.
    #[error("`{key}` is {found}; write it like {example}")]
    WrongType {
        /// The key.
        key: Excerpt,
        /// The type of the value, with its article.
        found: &'static str,
        /// A valid example line.
        example: String,
    },
    /// A number that its key does not accept.
    #[error("`{key}` is {found}; it may be {least} to {most}")]
    OutOfRange {
        /// The key.
        key: Excerpt,
        /// The number.
        found: Excerpt,
        /// The smallest number.
        least: u64,
        /// The largest number.
        most: u64,
    },
    /// A word that is not one of the few that its key accepts.
    #[error("`{key}` is \"{found}\"; use one of {}", words.join(", "))]
    UnknownWord {
        /// The key.
        key: Excerpt,
        /// The word.
        found: Excerpt,
        /// The words that the key accepts.
        words: Vec<&'static str>,
    },
    /// A text that does not have the form that its key requires.
    #[error("`{key}` is \"{found}\"; {reason}")]
    Form {
        /// The key.
        key: Excerpt,
        /// The text.
        found: Excerpt,
        /// The defect of the text, or the right form.
        reason: String,
    },
    /// A secret that does not have the form that its key requires.
    #[error("`{key}` is not what it should be; {reason}")]
    SecretForm {
        /// The key.
        key: Excerpt,
        /// The defect of the text, or the right form.
        reason: String,
    },
    /// An empty text, or one of white space only.
    #[error("`{key}` is empty; fill it in, or leave it out if it is optional")]
    EmptyText {
        /// The key.
        key: Excerpt,
    },
    /// A text that is too long.
    #[error("`{key}` has {bytes} bytes; a text has at most {most}")]
    LongText {
        /// The key.
        key: Excerpt,
        /// The size of the text.
        bytes: usize,
        /// The maximum size.
        most: usize,
    },
    /// A character that could garble a terminal or a report.
    #[error("`{key}` holds the character {}, which is not printable; remove it", code(*character))]
    Unprintable {
        /// The key.
        key: Excerpt,
        /// The first such character.
        character: char,
    },
    /// A defect that only this kind of file can have, in the words of the code that reads it.
    #[error("{0}")]
    Other(String),
}

impl Defect {
    /// Returns a defect that only this kind of file can have, with what would be right.
    pub fn other(told: impl std::fmt::Display) -> Self {
        Self::Other(told.to_string())
    }

    pub(crate) fn syntax(message: &str) -> Self {
        let message = message.trim_end().replace('\n', "; ");
        Self::Syntax(Excerpt::cut(&message, MAX_MESSAGE_CHARS))
    }
}

/// Quotes a piece of the file.
pub(crate) fn excerpt(text: &str) -> Excerpt {
    Excerpt::cut(text, MAX_EXCERPT_CHARS)
}

fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

fn remedy(section: &str, nearest: Option<&str>, keys: &[&str]) -> String {
    match nearest {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("{section} has {}", keys.join(", ")),
    }
}

/// The longest quotation: enough to recognise the place, and short enough for one line.
const MAX_EXCERPT_CHARS: usize = 60;

/// The maximum length of an explanation by the TOML parser. The longest ones list what the parser expected.
const MAX_MESSAGE_CHARS: usize = 300;
