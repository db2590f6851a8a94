//! Everything that can be wrong with a profile file, each with its place and its remedy.

use std::fmt;

use super::date::InvalidDate;
use super::id::InvalidId;
use super::port::InvalidPort;
use super::via::InvalidVia;
use super::{MAX_FILE_BYTES, MAX_TEXT_BYTES};
use crate::excerpt::Excerpt;
use crate::session_kind::SessionKind;

/// All errors of one file, in the order of the file. Never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileErrors {
    file: String,
    errors: Vec<ProfileError>,
}

/// One error in a file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{line}:{column}: {defect}")]
pub struct ProfileError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong at this place.
    pub defect: Defect,
}

/// What is wrong, and what would be valid.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Defect {
    /// The file is larger than [`MAX_FILE_BYTES`], and was not read at all.
    #[error("the file has {bytes} bytes; a profile has at most {MAX_FILE_BYTES}")]
    FileTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The file is not TOML. Nothing after this place was read.
    #[error("this is not valid TOML: {message}")]
    Syntax {
        /// The TOML parser's own message.
        message: Excerpt,
    },
    /// A key that profiles do not have.
    #[error("unknown key `{key}`; {}", remedy(section, *nearest, keys))]
    UnknownKey {
        /// The key.
        key: Excerpt,
        /// What the table describes: `profile`, `note` or `rule`.
        section: &'static str,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
        /// All keys that the table may have.
        keys: Vec<&'static str>,
    },
    /// A required key is missing.
    #[error("this {section} has no `{key}`; add one, such as {example}")]
    MissingKey {
        /// The key.
        key: &'static str,
        /// What the table describes.
        section: &'static str,
        /// A valid example line.
        example: &'static str,
    },
    /// A value whose type its key does not accept.
    #[error("`{key}` is {found}; write it like {example}")]
    WrongType {
        /// The key.
        key: &'static str,
        /// The type of the value, with its article.
        found: &'static str,
        /// A valid example line.
        example: &'static str,
    },
    /// A number that is not a port.
    #[error("`{key}` is {found}; {reason}")]
    Port {
        /// The key.
        key: &'static str,
        /// The number.
        found: Excerpt,
        /// What a port is.
        reason: InvalidPort,
    },
    /// A word that is not one of the few that its key accepts.
    #[error("`{key}` is \"{found}\"; use one of {}", words.join(", "))]
    UnknownWord {
        /// The key.
        key: &'static str,
        /// The word.
        found: Excerpt,
        /// The words that the key accepts.
        words: Vec<&'static str>,
    },
    /// A text that does not have the form that its key requires.
    #[error("`{key}` is \"{found}\"; {reason}")]
    Form {
        /// The key.
        key: &'static str,
        /// The text.
        found: Excerpt,
        /// What is wrong with it.
        reason: Malformed,
    },
    /// An empty text, or one of white space only.
    #[error("`{key}` is empty; fill it in, or leave it out if it is optional")]
    EmptyText {
        /// The key.
        key: &'static str,
    },
    /// A text longer than a report can show.
    #[error("`{key}` has {bytes} bytes; a text has at most {MAX_TEXT_BYTES}")]
    LongText {
        /// The key.
        key: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// A character that could garble a terminal or a report.
    #[error("`{key}` holds the character {}, which is not printable; remove it", code(*character))]
    Unprintable {
        /// The key.
        key: &'static str,
        /// The first such character.
        character: char,
    },
    /// A profile without rules.
    #[error("this profile has no rules; add at least one [[rules]] table")]
    NoRules,
    /// An id that an earlier rule already has.
    #[error("rule id `{id}` is taken in line {first}; give each rule an id of its own")]
    DuplicateId {
        /// The id.
        id: Excerpt,
        /// The line of the earlier rule.
        first: usize,
    },
    /// A rule that asks for the same as an earlier one.
    #[error(
        "this rule repeats the one in line {first}: transport, direction, port, session, via_uri, \
         nettcp_mode and destination are the same; remove one of the two"
    )]
    DuplicateRule {
        /// The line of the earlier rule.
        first: usize,
    },
    /// Another name that is the profile's id, or is listed twice.
    #[error("`{name}` names this profile already; remove it")]
    DuplicateName {
        /// The name.
        name: Excerpt,
    },
    /// A Via or its mode in a rule that cannot use it.
    #[error(
        "`{key}` belongs to session = \"nettcp\", and this rule's session is {session}; remove it"
    )]
    OnlyForNettcp {
        /// The key.
        key: &'static str,
        /// The rule's session kind.
        session: SessionKind,
    },
    /// A TCP session kind, or a part of one, on a UDP rule.
    #[error("`{key}` describes a TCP session, and this rule's transport is udp; remove it")]
    OnlyForTcp {
        /// The key.
        key: &'static str,
    },
}

/// Why a text does not have the form that its key requires.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(transparent)]
pub enum Malformed {
    /// It is not an id.
    Id(#[from] InvalidId),
    /// It is not a Via template.
    Via(#[from] InvalidVia),
    /// It is not a date.
    Date(#[from] InvalidDate),
}

impl Excerpt {
    pub(super) fn new(text: &str) -> Self {
        Self::cut(text, MAX_EXCERPT_CHARS)
    }

    /// Quotes an explanation of the TOML parser, which may be longer than a quotation from a file.
    pub(super) fn message(text: &str) -> Self {
        Self::cut(text, MAX_MESSAGE_CHARS)
    }
}

impl ProfileErrors {
    pub(super) fn new(file: &str, errors: Vec<ProfileError>) -> Self {
        let file = file.to_owned();
        Self { file, errors }
    }

    /// Returns the file name as the caller gave it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the errors, in the order of the file.
    pub fn errors(&self) -> &[ProfileError] {
        &self.errors
    }
}

impl fmt::Display for ProfileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, error) in self.errors.iter().enumerate() {
            let separator = if count == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{error}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProfileErrors {}

fn code(character: char) -> String {
    format!("U+{:04X}", u32::from(character))
}

fn remedy(section: &str, nearest: Option<&str>, keys: &[&str]) -> String {
    match nearest {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("a {section} has {}", keys.join(", ")),
    }
}

/// The longest quotation: enough to recognise the place, and short enough for one line.
const MAX_EXCERPT_CHARS: usize = 60;

/// The longest explanation by the TOML parser; its longest ones list what it expected.
const MAX_MESSAGE_CHARS: usize = 300;
