//! Wakes an unauthenticated connection when it is evicted, and wakes `accept` when a place becomes free.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use echo_core::admission::{Pressure, Source, Standing, StrangerLimits, StrangerTable, Ticket};
use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The strangers of a server, with the means to wake their connections.
#[derive(Debug)]
pub(crate) struct Strangers {
    shared: Arc<Shared>,
}

/// One connection's place among the strangers. Dropping it gives the place up.
pub(crate) struct Stranger {
    place: Arc<Place>,
    ticket: Ticket,
    source: Source,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    someone_left: Notify,
}

#[derive(Debug)]
struct Queue {
    table: StrangerTable<Arc<Place>>,
    /// The number of connections that were evicted and have not ended yet.
    leaving: usize,
}

#[derive(Debug, Default)]
struct Place {
    pushed_out: AtomicBool,
    waker: AtomicWaker,
}

impl Strangers {
    pub(crate) fn new(limits: StrangerLimits) -> Self {
        Self {
            shared: Arc::new(Shared {
                queue: Mutex::new(Queue {
                    table: StrangerTable::new(limits, RandomState::new()),
                    leaving: 0,
                }),
                someone_left: Notify::new(),
            }),
        }
    }

    pub(crate) fn change_limits(&self, limits: StrangerLimits) {
        self.shared.queue().table.change_limits(limits);
    }

    /// Marks `source` as familiar, because a connection from it that is not in this table has proved a key.
    pub(crate) fn becomes_familiar(&self, now: Duration, source: Source) {
        self.shared.queue().table.becomes_familiar(now, source);
    }

    /// Adds a connection. If another connection had to make room, also returns the reason.
    pub(crate) fn enter(&self, now: Duration, source: Source) -> (Stranger, Option<Pressure>) {
        let place = Arc::new(Place::default());
        let mut queue = self.shared.queue();
        let (ticket, pushed_out) = queue.table.enter(now, source, Arc::clone(&place));
        let pressure = pushed_out.map(|(pressure, other)| {
            queue.leave(&other);
            pressure
        });
        drop(queue);
        let stranger = Stranger {
            place,
            ticket,
            source,
            shared: Arc::clone(&self.shared),
        };
        (stranger, pressure)
    }

    /// Evicts the connection that is first in the order of eviction, unless an earlier evicted connection has not ended
    /// yet.
    pub(crate) fn make_one_place(&self) {
        let mut queue = self.shared.queue();
        if queue.leaving == 0
            && let Some(place) = queue.table.push_out()
        {
            queue.leave(&place);
        }
    }

    /// Returns the number of strangers that were not evicted.
    pub(crate) fn present(&self) -> usize {
        self.shared.queue().table.len()
    }

    /// Returns a future that becomes ready when a connection leaves. Only connections that leave after the future was
    /// first polled or enabled count.
    pub(crate) fn someone_left(&self) -> Notified<'_> {
        self.shared.someone_left.notified()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Each change adds or removes a whole place, so a panic elsewhere leaves nothing half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn leave(&mut self, place: &Place) {
        self.leaving += 1;
        place.pushed_out.store(true, Ordering::Release);
        place.waker.wake();
    }
}

impl Stranger {
    /// Returns the source of the connection.
    pub(crate) fn source(&self) -> Source {
        self.source
    }

    /// Records that the connection has reached `standing`.
    pub(crate) fn advance(&self, standing: Standing) {
        self.shared.queue().table.advance(self.ticket, standing);
    }

    /// Records that the connection has proved a key, so that its greeting was not a replay. It cannot be evicted any
    /// more.
    pub(crate) fn has_proved(&self, now: Duration) {
        let mut queue = self.shared.queue();
        queue.table.proved(now, self.ticket);
        // The connection may have been evicted a moment ago without knowing it yet.
        if self.place.pushed_out.swap(false, Ordering::AcqRel) {
            queue.leaving -= 1;
        }
        drop(queue);
        // The place among the strangers is free, as if the connection had left.
        self.shared.someone_left.notify_one();
    }

    /// Is ready once this connection has to leave.
    pub(crate) fn poll_pushed_out(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.place.is_pushed_out() {
            return Poll::Ready(());
        }
        self.place.waker.register(context.waker());
        // The eviction may have happened between the check and the registration.
        if self.place.is_pushed_out() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        queue.table.leave(self.ticket);
        if self.place.is_pushed_out() {
            queue.leaving -= 1;
        }
        drop(queue);
        self.shared.someone_left.notify_one();
    }
}

impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stranger").field(&self.ticket).finish()
    }
}

impl Place {
    fn is_pushed_out(&self) -> bool {
        self.pushed_out.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::task::Waker;

    use echo_core::admission::AdmissionLimits;

    use super::*;

    fn pushed_out<const N: usize>(strangers: [&Stranger; N]) -> [bool; N] {
        let mut context = Context::from_waker(Waker::noop());
        strangers.map(|stranger| stranger.poll_pushed_out(&mut context).is_ready())
    }

    fn strangers(strangers: usize) -> Strangers {
        let limits = AdmissionLimits {
            strangers,
            ..AdmissionLimits::default()
        };
        Strangers::new(limits.stranger_limits())
    }

    fn enter(strangers: &Strangers) -> Stranger {
        let source = IpAddr::from([192, 0, 2, 1]).into();
        strangers.enter(Duration::ZERO, source).0
    }

    #[test]
    fn the_oldest_that_has_not_proved_a_key_makes_room() {
        let strangers = strangers(3);
        let [a, b, c] = [(); 3].map(|()| enter(&strangers));
        assert_eq!(pushed_out([&a, &b, &c]), [true, false, false]);
        b.has_proved(Duration::ZERO);
        drop(a);
        let d = enter(&strangers);
        assert_eq!(pushed_out([&b, &c, &d]), [false; 3]);
        drop(strangers);
    }

    #[test]
    fn who_is_on_the_way_out_is_not_counted_again() {
        let strangers = strangers(100);
        let [a, b, c] = [(); 3].map(|()| enter(&strangers));
        for _ in 0..10 {
            strangers.make_one_place();
        }
        assert_eq!(pushed_out([&a, &b, &c]), [true, false, false]);
        drop(a);
        strangers.make_one_place();
        assert_eq!(pushed_out([&b, &c]), [true, false]);
    }
}
