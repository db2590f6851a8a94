//! Decides how long a run waits before its first packet, so that the nodes of a cluster do not all begin at once.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::labels::{JOB, Labels, POD};

/// Returns a time from zero up to, but not including, `longest`.
///
/// It follows from the name of the host and from the labels, so that a node waits equally long each time. The labels
/// `job` and `pod` do not count, since launchers give each job new ones.
pub fn start_delay(longest: Duration, host: Option<&str>, labels: &Labels) -> Duration {
    let mut hash = Sha256::new();
    hash.update(host.unwrap_or_default());
    for (key, value) in labels.iter().filter(|(key, _)| ![JOB, POD].contains(key)) {
        // No label contains a zero byte, so that different labels never make the same input.
        for part in ["\0", key, "\0", value] {
            hash.update(part);
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    let first = digest.iter().take(FIRST_BYTES);
    let part = first.fold(0_u128, |part, byte| (part << 8) | u128::from(*byte));
    let nanoseconds = longest.as_nanos().saturating_mul(part) >> (8 * FIRST_BYTES);
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// The number of the digest's bytes that choose the time. No two of a million nodes are likely to share them.
const FIRST_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Label;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    fn labels(texts: &[&str]) -> Labels {
        let given: Vec<Label> = texts.iter().map(|text| text.parse().unwrap()).collect();
        Labels::of(&given, &[]).unwrap()
    }

    fn of_node(node: &str) -> Duration {
        let labels = labels(&[&format!("node={node}")]);
        start_delay(TEN_MINUTES, Some("vm"), &labels)
    }

    #[test]
    fn a_node_waits_equally_long_in_each_job() {
        let wait = |texts: &[&str]| start_delay(TEN_MINUTES, Some("vm"), &labels(texts));
        let first = wait(&["node=n042", "job=17", "pod=probe-x7k2p"]);
        assert_eq!(first, wait(&["node=n042", "job=18", "pod=probe-9qqzw"]));
        assert_eq!(first, of_node("n042"));
        assert_ne!(first, of_node("n043"));
        assert_ne!(first, wait(&["node=n042", "task=1"]));
    }

    #[test]
    fn hosts_without_labels_differ_by_their_names() {
        let wait = |host| start_delay(TEN_MINUTES, host, &Labels::default());
        assert_ne!(wait(Some("n042")), wait(Some("n043")));
        assert_eq!(wait(None), wait(Some("")));
    }

    #[test]
    fn a_longer_time_is_divided_in_the_same_proportion() {
        let labels = labels(&["node=n042"]);
        let wait = |longest| start_delay(longest, Some("vm"), &labels);
        assert_eq!(wait(Duration::ZERO), Duration::ZERO);
        assert!(wait(Duration::MAX) < Duration::MAX);
        let (short, long) = (wait(TEN_MINUTES), wait(TEN_MINUTES * 10));
        assert!(short * 10 <= long && long < short * 10 + Duration::from_micros(1));
    }

    /// A thousand nodes fall evenly into ten parts of the time. By chance, each part has 100 of them, give or take 10.
    #[test]
    fn the_nodes_of_a_cluster_are_spread_over_the_whole_time() {
        let mut parts = [0_u32; 10];
        for number in 1..=1000 {
            let wait = of_node(&format!("n{number:04}"));
            assert!(wait < TEN_MINUTES, "{wait:?}");
            let part = usize::try_from(wait.as_secs() / 60).unwrap();
            parts[part] += 1;
        }
        assert!(
            parts.iter().all(|count| (70..=130).contains(count)),
            "{parts:?}"
        );
    }
}
