//! Ids of profiles and rules: lower-case words joined by hyphens, safe in file names and URLs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is not an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidId {
    /// The id is empty.
    #[error("it is empty")]
    Empty,
    /// The id is longer than [`MAX_ID_BYTES`].
    #[error("it is longer than {MAX_ID_BYTES} characters")]
    TooLong,
    /// The id contains something other than `a` to `z`, `0` to `9`, and single hyphens between them.
    #[error("it may contain only lower-case letters and digits, in words joined by single hyphens")]
    NotKebab,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
        )]
        #[serde(try_from = "String")]
        #[schemars(!try_from)]
        pub struct $name(#[schemars(regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$"), length(max = 64))] String);

        impl $name {
            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                check(&text).map(|()| Self(text))
            }
        }
    };
}

id! {
    /// The id of a profile, or one of its other names.
    ProfileId
}

id! {
    /// The id of a rule, unique in its profile.
    RuleId
}

fn check(text: &str) -> Result<(), InvalidId> {
    let kebab = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if text.is_empty() {
        Err(InvalidId::Empty)
    } else if text.len() > MAX_ID_BYTES {
        Err(InvalidId::TooLong)
    } else if text.split('-').all(kebab) {
        Ok(())
    } else {
        Err(InvalidId::NotKebab)
    }
}

/// The longest id: it becomes a table column, a JUnit test name and part of a file name.
pub const MAX_ID_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_id_and_what_is_not() {
        for good in ["a", "hpc-2008r2-sp1", "3389-rdp", &"x".repeat(64)] {
            assert_eq!(good.parse::<RuleId>().unwrap().as_str(), good);
        }
        assert_eq!("".parse::<RuleId>(), Err(InvalidId::Empty));
        assert_eq!("x".repeat(65).parse::<RuleId>(), Err(InvalidId::TooLong));
        for bad in ["A", "a b", "-a", "a-", "a--b", "a_b", "ä", "a\n"] {
            assert_eq!(bad.parse::<ProfileId>(), Err(InvalidId::NotKebab), "{bad}");
        }
    }

    #[test]
    fn a_report_with_a_bad_id_is_refused() {
        assert_eq!(
            serde_json::from_str::<RuleId>("\"http-80\"").unwrap(),
            "http-80".parse().unwrap()
        );
        serde_json::from_str::<RuleId>("\"../etc\"").unwrap_err();
    }
}
