//! Counts SYN-ACKs from this host that were refused immediately, by RST or by an ICMP error that made the kernel give
//! up. These connections are half open for less than a round trip, which is too short for the kernel's list to show
//! them. The kernel's counters include them.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::{Mutex, PoisonError};

/// The kernel's counters of this network namespace, opened before the sandbox hides them.
#[derive(Debug)]
pub(crate) struct RefusedAnswers {
    counters: Option<Mutex<File>>,
}

impl RefusedAnswers {
    pub(crate) fn open() -> Self {
        Self {
            counters: File::open(COUNTERS).ok().map(Mutex::new),
        }
    }

    /// Returns the number of SYN-ACKs that peers have refused so far; `None` if this host does not count them.
    pub(crate) fn count(&self) -> Option<u64> {
        let file = self.counters.as_ref()?.lock();
        // Each reading starts at the beginning of the file, so a panic elsewhere does not matter.
        let mut file = file.unwrap_or_else(PoisonError::into_inner);
        file.rewind().ok()?;
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        refused(&text)
    }
}

/// Reads the counters from a table in which a line of names precedes each line of figures (proc(5),
/// `/proc/net/netstat`).
fn refused(table: &str) -> Option<u64> {
    let mut lines = table.lines();
    let names = lines.find(|line| line.starts_with(GROUP))?;
    let figures = lines.next().filter(|line| line.starts_with(GROUP))?;
    let figure = |wanted: &str| -> Option<u64> {
        let at = names.split_whitespace().position(|name| name == wanted)?;
        figures.split_whitespace().nth(at)?.parse().ok()
    };
    // The kernel counts an ICMP error about an unreachable host or network as a listener's drop (tcp_ipv4.c,
    // tcp_req_err).
    Some(figure("EmbryonicRsts")?.saturating_add(figure("ListenDrops")?))
}

const COUNTERS: &str = "/proc/self/net/netstat";
const GROUP: &str = "TcpExt:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_counters_are_added_up_wherever_they_stand() {
        let table = "TcpExt: SyncookiesSent EmbryonicRsts ListenOverflows ListenDrops\n\
                     TcpExt: 9 3 7 4\n\
                     IpExt: InNoRoutes EmbryonicRsts\nIpExt: 1 100\n";
        assert_eq!(refused(table), Some(7));
    }

    #[test]
    fn a_table_without_them_counts_nothing() {
        for table in [
            "",
            "TcpExt: EmbryonicRsts\nTcpExt: 3\n",
            "TcpExt: EmbryonicRsts ListenDrops\n",
            "TcpExt: EmbryonicRsts ListenDrops\nIpExt: 1 2\n",
            "TcpExt: EmbryonicRsts ListenDrops\nTcpExt: x 2\n",
        ] {
            assert_eq!(refused(table), None, "{table:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernels_own_table_is_read_again_each_time() {
        let counters = RefusedAnswers::open();
        let before = counters.count().expect("Linux counts them");
        assert!(counters.count().expect("still open") >= before);
    }
}
