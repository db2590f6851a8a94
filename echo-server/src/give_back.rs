//! Gives memory back to the host after a crowd of strangers has left. That memory is free, but the allocator would
//! keep it for the next crowd.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::instance::Instance;

/// Goes on for as long as the server.
pub(crate) async fn give_back_on(instance: Arc<Instance>) {
    let mut tide = Tide::default();
    loop {
        sleep(BETWEEN_LOOKS).await;
        let load = instance.admission.load();
        if tide.has_ebbed(load.strangers + load.sessions) {
            // It walks all that is free. That the runtime is shutting down is the only way for this to fail.
            let _ = tokio::task::spawn_blocking(socket_facts::give_back_memory).await;
        }
    }
}

/// How many connections there have been, since memory was given back.
#[derive(Debug, Default)]
struct Tide {
    height: usize,
}

impl Tide {
    /// Whether half of many are gone.
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
/// What fewer leave behind is not worth a walk.
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
