//! Compares a preface or a request head as received with the sent one, byte for byte.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The comparison of a head that the server received with the one that was sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum HeadComparison {
    Same,
    /// The server had room to report only the first `bytes`, and these are the same.
    SameAsFarAsTold {
        bytes: u32,
    },
    Different {
        /// Offset of the first byte that differs. If one head is the beginning of the other, the length of the shorter
        /// one.
        at: u32,
        /// Length of the head that was sent.
        sent: u32,
        /// Length of what the server reported.
        received: u32,
    },
}

/// Compares a head as sent with the same head as received.
///
/// `truncated` means that the server shortened `received`, or another field of the testimony, to make the message fit.
pub(super) fn compare(sent: &[u8], received: &[u8], truncated: bool) -> HeadComparison {
    let same = sent
        .iter()
        .zip(received)
        .take_while(|(a, b)| a == b)
        .count();
    if same == sent.len() && same == received.len() {
        HeadComparison::Same
    } else if same == received.len() && truncated {
        HeadComparison::SameAsFarAsTold {
            bytes: length(same),
        }
    } else {
        HeadComparison::Different {
            at: length(same),
            sent: length(sent.len()),
            received: length(received.len()),
        }
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a head is a few KiB at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        let different = |at, sent, received| HeadComparison::Different { at, sent, received };
        assert_eq!(compare(b"abc", b"abc", false), HeadComparison::Same);
        assert_eq!(compare(b"abc", b"abc", true), HeadComparison::Same);
        assert_eq!(compare(b"abc", b"aXc", true), different(1, 3, 3));
        assert_eq!(compare(b"abc", b"ab", false), different(2, 3, 2));
        assert_eq!(compare(b"abc", b"abcd", true), different(3, 3, 4));
        assert_eq!(
            compare(b"abc", b"ab", true),
            HeadComparison::SameAsFarAsTold { bytes: 2 }
        );
    }
}
