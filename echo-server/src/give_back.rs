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
        if tide.has_ebbed(load.strangers + load.sessions) {
            // This walks through all free memory, so it must not run on a serving thread. It fails only if the runtime
            // is shutting down.
            let _ = tokio::task::spawn_blocking(socket_facts::give_back_memory).await;
        }
    }
}

/// The largest number of connections since memory was last given back.
#[derive(Debug, Default)]
struct Tide {
    height: usize,
}

impl Tide {
    /// Returns whether half of a large number of connections have ended.
    fn has_ebbed(&mut self, present: usize) -> bool {
        self.height = self.height.max(present);
        let ebbed = self.height >= MANY && present <= self.height / 2;
        if ebbed {
            self.height = present;
        }
        ebbed
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// The smallest number of connections that leave enough memory to be worth the walk.
const MANY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_when_half_of_many_are_gone_and_once_for_each_half() {
        let mut tide = Tide::default();
        let crowd = [0, 10, 0, 100, 60, 51, 50, 50, 26, 25, 300, 160, 0, 0, 31, 0];
        let ebbed = crowd.map(|present| tide.has_ebbed(present));
        let expected = crowd.map(|_| false);
        let mut expected = expected;
        for at in [6, 9, 12] {
            expected[at] = true;
        }
        assert_eq!(ebbed, expected);
    }
}
