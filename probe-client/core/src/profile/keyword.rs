//! The closed vocabularies of a profile: each word is defined once, for files, reports and error texts alike.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings_file::{Field, Problems, Read};

use crate::session_kind::SessionKind;

/// A value that a profile writes as one of a few words.
pub(super) trait Keyword: Copy + Sized + 'static {
    const ALL: &'static [Self];

    fn word(self) -> &'static str;
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd,
            Serialize,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl Keyword for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

vocabulary! {
    /// The transport protocol of a rule.
    Transport {
        /// TCP, which this tool probes.
        Tcp = "tcp",
        /// UDP, which a profile lists to be complete, and which reports show as not tested.
        Udp = "udp",
    }
}

vocabulary! {
    /// The side that opens the connection, seen from the machine that the profile is about.
    Direction {
        /// That machine opens the connection.
        Outbound = "outbound",
        /// Another host connects to that machine.
        Inbound = "inbound",
    }
}

vocabulary! {
    /// The behaviour of the network that a rule expects for its traffic.
    Expectation {
        /// The network lets the traffic through.
        Open = "open",
        /// The network stops the traffic.
        Blocked = "blocked",
    }
}

vocabulary! {
    /// How a net.tcp channel is used: the MC-NMF mode record (section 2.2.3.2).
    NettcpMode {
        /// NetTcpBinding with buffered transfer.
        Duplex = "duplex",
        /// NetTcpBinding with streamed transfer, "singleton-unsized" on the wire.
        Streamed = "streamed",
    }
}

vocabulary! {
    /// How well a fact is founded.
    Sourcing {
        /// The fact was read in the source that is named with it.
        Verified = "verified",
        /// The fact is common knowledge, not looked up.
        FromMemory = "from-memory",
        /// The fact is concluded from verified facts.
        Inferred = "inferred",
    }
}

impl Sourcing {
    /// Returns the caveat to show for a fact that is not verified; `None` for a verified one.
    pub const fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Verified => None,
            Self::FromMemory => Some("unconfirmed: from memory"),
            Self::Inferred => Some("unconfirmed: inferred from what the source says"),
        }
    }
}

impl Expectation {
    /// Reads the word for an expectation.
    pub(crate) fn read(field: Field<'_>, problems: &mut Problems<'_>) -> Read<Self> {
        field.word(Self::ALL, Keyword::word, problems)
    }
}

impl Keyword for SessionKind {
    const ALL: &'static [Self] = &Self::ALL;

    fn word(self) -> &'static str {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agrees<K: Keyword + PartialEq + fmt::Debug + Serialize + fmt::Display>() {
        for value in K::ALL {
            assert_eq!(serde_json::to_value(value).unwrap(), value.word());
            assert_eq!(value.to_string(), value.word());
        }
    }

    #[test]
    fn files_reports_and_display_use_the_same_words() {
        agrees::<Transport>();
        agrees::<Direction>();
        agrees::<Expectation>();
        agrees::<NettcpMode>();
        agrees::<Sourcing>();
        agrees::<SessionKind>();
    }

    #[test]
    fn only_a_verified_fact_has_no_caveat() {
        let caveats = Sourcing::ALL.iter().map(|c| c.caveat().is_none());
        assert_eq!(caveats.collect::<Vec<_>>(), [true, false, false]);
    }
}
