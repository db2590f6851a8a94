//! Looks for half-open connections of a client with an open run, for as long as its control connection lasts, but for
//! 30 s at most. It must not wait for the client's question: if this host drops the answer to a SYN, its kernel forgets
//! the connection long before that. SYNs from the witness, if there is one, are noted too.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::caller::Caller;
use crate::watch::Watch;

/// Starts looking for half-open connections, once for each control connection.
pub(super) fn begin(caller: &Arc<Caller>) {
    let watch = Watch::begin(&caller.instance, caller.address.ip());
    if caller.begins_half_open_poll() {
        caller.tasks.spawn(look_on(Arc::downgrade(caller), watch));
    }
}

async fn look_on(caller: Weak<Caller>, _watch: Option<Watch>) {
    let until = Instant::now() + LONGEST;
    while Instant::now() < until {
        let Some(caller) = caller.upgrade() else {
            return;
        };
        look(caller).await;
        sleep(BETWEEN_POLLS).await;
    }
}

/// Looks once, on all ports. A look at some ports would delay the next look, in which the others are due.
pub(super) async fn look(caller: Arc<Caller>) {
    let instance = &caller.instance;
    let nobody_looks = !instance.half_open.is_available() && instance.witness.is_none();
    if nobody_looks || instance.live().behind_source_nat {
        return;
    }
    let look = move || {
        let instance = &caller.instance;
        let address = caller.address.ip();
        let (clock, sightings) = (&instance.clock, &instance.sightings);
        instance.half_open.look(clock, sightings, address);
        if let Some(witness) = &instance.witness {
            let syns = witness.hand_over(clock, &instance.metrics, address);
            if !instance.half_open.take_note(clock.now(), sightings, syns) {
                witness.missed(clock.now());
            }
        }
    };
    // This fails only if the runtime is shutting down.
    let _ = tokio::task::spawn_blocking(look).await;
}

/// The time from one look to the next. A sighting can be late by that time. Each look makes the kernel walk through its
/// table.
pub(super) const BETWEEN_POLLS: Duration = Duration::from_millis(250);

/// The longest duration of one poll: longer than any client waits for a connection before it asks.
const LONGEST: Duration = Duration::from_secs(30);
