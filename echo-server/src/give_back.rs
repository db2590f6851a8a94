//! Gives memory back to the host after many strangers have left. The allocator would keep that free memory for the next
//! ones.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::instance::Instance;

/// Gives memory back whenever it is due, for as long as the server runs.
pub(crate) async fn give_back_on(instance: Arc<Instance>) {
    let mut tide = Tide::default();
    loop {
        sleep(BETWEEN_LOOKS).await;
        let load = instance.admission.load();
        if tide.is_due(load.strangers + load.sessions) {
            // This walks through all free memory, so it must not run on a serving thread. It fails only if the runtime
            // is shutting down.
            let _ = tokio::task::spawn_blocking(socket_facts::give_back_memory).await;
        }
    }
}

/// The largest number of connections at the same time since memory was last given back.
#[derive(Debug, Default)]
struct Tide {
    height: usize,
    /// Whether half of the connections had ended at the last look.
    ebbed: bool,
}

impl Tide {
    /// Returns whether half of a large number of connections have ended, now or at the last look: a connection that is no
    /// longer counted may free its memory a moment later.
    fn is_due(&mut self, present: usize) -> bool {
        self.height = self.height.max(present);
        let ebbed = self.height >= MANY && present <= self.height / 2;
        if ebbed {
            self.height = present;
        }
        std::mem::replace(&mut self.ebbed, ebbed) || ebbed
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// The minimum number of connections whose memory is worth the time that giving it back takes.
const MANY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_twice_when_half_of_many_are_gone() {
        let mut tide = Tide::default();
        let crowd = [0, 10, 0, 100, 60, 51, 50, 50, 26, 25, 300, 160, 0, 0, 31, 0];
        let due = crowd.map(|present| tide.is_due(present));
        let expected = crowd.map(|_| false);
        let mut expected = expected;
        for at in [6, 9, 12] {
            expected[at] = true;
            expected[at + 1] = true;
        }
        assert_eq!(due, expected);
    }
}
