//! Causes that would have left the same evidence as the cause that a verdict names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Another cause that the evidence does not exclude. A verdict with one is never of high confidence.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Alternative {
    /// The server answered, and its answer was refused immediately on the way back.
    AnswerRefused,
    /// The server answered, and its own host let no answer out.
    AnswerHeldBack,
    /// The server's host drops the SYN before the server sees it.
    ServerHostsFirewall,
    /// Another instance of the server behind the same address.
    AnotherInstance,
    /// A device sends these connections elsewhere, and hides the hops after it.
    SentElsewhere,
    /// The last device before the server's host, which answers from the same distance.
    LastDevice,
    /// A device on the path that answers in the server's name.
    AnswersInItsName,
    /// A handshake began at the server's host, which keeps no trace of an incomplete handshake.
    HandshakeUnseen,
    /// Software on one of the two hosts that looks into connections.
    SoftwareOnAHost,
    /// State that was lost once, by a restart or a change of route.
    StateLostOnce,
    /// A device between this host and the proxy.
    BeforeTheProxy,
    /// A device between the proxy and the server, if the proxy reports success before it dials.
    BehindTheProxy,
    /// A service on the server's host, or right before it, that speaks on this port.
    AnotherService,
    /// A device that opens TLS and presents its own certificate, with the server behind it.
    OpensTls,
    /// A limit, loss by chance, or a fault of single flows, which the run could not exclude without second looks.
    NoSecondLook,
}

impl Alternative {
    pub const ALL: [Self; 15] = [
        Self::AnswerRefused,
        Self::AnswerHeldBack,
        Self::ServerHostsFirewall,
        Self::AnotherInstance,
        Self::SentElsewhere,
        Self::LastDevice,
        Self::AnswersInItsName,
        Self::HandshakeUnseen,
        Self::SoftwareOnAHost,
        Self::StateLostOnce,
        Self::BeforeTheProxy,
        Self::BehindTheProxy,
        Self::AnotherService,
        Self::OpensTls,
        Self::NoSecondLook,
    ];

    /// Returns the cause that a fact of the evidence names as not excluded; `None` if the fact was seen.
    pub fn named_by(fact: &str) -> Option<&str> {
        fact.strip_prefix(NOT_EXCLUDED)
    }

    /// Returns a sentence for the evidence: which cause is not excluded, and why.
    pub fn words(self) -> &'static str {
        match self {
            Self::AnswerRefused => {
                "not excluded: the SYN arrived, and the server's answer was refused at once on the \
                 way back, by a device or by this host; the server keeps nothing of such a \
                 connection, and so cannot report it. A witness (`witness = true` in the \
                 server's configuration) sees the SYN"
            }
            Self::AnswerHeldBack => {
                "not excluded: the server host's own firewall lets no answer out. A witness \
                 (`witness = true` in the server's configuration) sees whether the answer leaves"
            }
            Self::ServerHostsFirewall => {
                "not excluded: the server host's own firewall drops the SYN before the server sees \
                 it. A witness (`witness = true` in the server's configuration) sees it first"
            }
            Self::AnotherInstance => {
                "not excluded: the connection led to another instance of the server behind this \
                 address, and the report is not that instance's"
            }
            Self::SentElsewhere => {
                "not excluded: a device on the way sends these connections to another destination, \
                 and so hides the hops behind it"
            }
            Self::LastDevice => {
                "not excluded: the last device before the server's host answers, from as far away \
                 as that host does"
            }
            Self::AnswersInItsName => {
                "not excluded: a device on the way answers in the server's name; the distance of \
                 the answer was not measured, or equals the server's"
            }
            Self::HandshakeUnseen => {
                "not excluded: its SYNs reached the server's host, and what followed was lost on \
                 the way; that host cannot report unfinished handshakes (SYN cookies, or it does \
                 not look)"
            }
            Self::SoftwareOnAHost => {
                "not excluded: software on this host or on the server's, such as a security suite, \
                 does what a device on the way would"
            }
            Self::StateLostOnce => {
                "not excluded: a device on the way, or the way itself, changed once during the \
                 silence; a second run at another time shows which"
            }
            Self::BeforeTheProxy => {
                "not excluded: a device between this host and the proxy does it, not the proxy"
            }
            Self::BehindTheProxy => {
                "not excluded: the proxy reports success before it has dialled, and its own \
                 connection is stopped behind it"
            }
            Self::AnotherService => {
                "not excluded: another program on the server's host, or right before it, takes the \
                 connection"
            }
            Self::OpensTls => OPENS_TLS,
            Self::NoSecondLook => NO_SECOND_LOOK,
        }
    }
}

/// The beginning of each sentence about a cause that is not excluded.
const NOT_EXCLUDED: &str = "not excluded: ";

const OPENS_TLS: &str = "not excluded: a device on the way opens TLS and presents this \
                         certificate, and the echo server is behind it";

const NO_SECOND_LOOK: &str = "not excluded: a limit, packets lost by chance, or a fault of some \
                              connections alone; --quick leaves out the second looks that tell \
                              them apart";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_that_it_is_not_excluded_and_no_two_say_the_same() {
        let mut words: Vec<&str> = Alternative::ALL.iter().map(|a| a.words()).collect();
        let named = |text: &&str| Alternative::named_by(text).is_some();
        assert!(words.iter().all(named));
        assert_eq!(Alternative::named_by("the server saw no SYN"), None);
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Alternative::ALL.len());
    }
}
