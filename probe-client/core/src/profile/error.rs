//! The problems that only a profile file can have, each with its remedy.

use super::RuleId;
use crate::session_kind::SessionKind;

/// A problem of a profile file, and the valid form.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Flaw<'a> {
    /// A profile without rules.
    #[error("this profile has no rules; add at least one [[rules]] table")]
    NoRules,
    /// An id that an earlier rule already has.
    #[error("rule id `{id}` is already used in line {first}; give each rule an id of its own")]
    DuplicateId {
        /// The id.
        id: &'a RuleId,
        /// The line of the earlier rule.
        first: usize,
    },
    /// A rule that asks for the same as an earlier rule.
    #[error(
        "this rule repeats the one in line {first}: transport, direction, port, session, via_uri, \
         nettcp_mode and destination are the same; remove one of the two"
    )]
    DuplicateRule {
        /// The line of the earlier rule.
        first: usize,
    },
    /// Another name that is the profile's id, or is listed twice.
    #[error("`{name}` is already a name of this profile; remove it")]
    DuplicateName {
        /// The name.
        name: &'a str,
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
