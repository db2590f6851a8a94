//! Connections that have not greeted, oldest first. When there are nearly too many, the oldest goes:
//! a known client greets within a few round trips, so a crowd costs it nothing but time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// All of them.
#[derive(Debug)]
pub(crate) struct Strangers {
    /// From so many on, each newcomer pushes out the oldest.
    crowd: usize,
    shared: Arc<Shared>,
}

/// One connection's place among the strangers; given up when dropped.
#[derive(Debug)]
pub(crate) struct Stranger {
    place: Arc<Place>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    someone_left: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    places: VecDeque<Arc<Place>>,
    /// Pushed out, and not gone yet.
    leaving: usize,
}

#[derive(Debug, Default)]
struct Place {
    /// Greeted, ended or pushed out: no longer to be pushed out.
    vacated: AtomicBool,
    pushed_out: AtomicBool,
    waker: AtomicWaker,
}

impl Strangers {
    /// `capacity`: how many connections may be without a greeting.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            crowd: capacity - capacity / MARGIN,
            shared: Arc::default(),
        }
    }

    /// Takes in one more connection.
    pub(crate) fn enter(&self) -> Stranger {
        let place = Arc::new(Place::default());
        let mut queue = self.shared.queue();
        // Most places are vacated in order; the odd ones are cleared away when they are many.
        while queue.places.front().is_some_and(|place| place.is_vacated()) {
            queue.places.pop_front();
        }
        if queue.places.len() >= MAX_QUEUE_FACTOR * self.crowd.max(1) {
            queue.places.retain(|place| !place.is_vacated());
        }
        queue.places.push_back(Arc::clone(&place));
        Stranger {
            place,
            shared: Arc::clone(&self.shared),
        }
    }

    /// Pushes out the oldest if `present` connections, without those that are on their way out, are
    /// nearly too many.
    pub(crate) fn make_room(&self, present: usize) {
        let mut queue = self.shared.queue();
        if present.saturating_sub(queue.leaving) >= self.crowd {
            queue.push_out_oldest();
        }
    }

    /// Pushes out the oldest, unless somebody is on the way out already.
    pub(crate) fn make_one_place(&self) {
        let mut queue = self.shared.queue();
        if queue.leaving == 0 {
            queue.push_out_oldest();
        }
    }

    /// Ready once a connection has left after this was first polled or enabled.
    pub(crate) fn someone_left(&self) -> Notified<'_> {
        self.shared.someone_left.notified()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Whole places are put in and taken out; nothing is ever half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push_out_oldest(&mut self) {
        while let Some(place) = self.places.pop_front() {
            if !place.vacated.swap(true, Ordering::AcqRel) {
                self.leaving += 1;
                place.pushed_out.store(true, Ordering::Release);
                place.waker.wake();
                return;
            }
        }
    }
}

impl Stranger {
    /// It has greeted, and cannot be pushed out any more.
    pub(crate) fn has_greeted(&self) {
        self.place.vacated.store(true, Ordering::Release);
    }

    /// Ready once this connection has to go.
    pub(crate) fn poll_pushed_out(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.place.is_pushed_out() {
            return Poll::Ready(());
        }
        self.place.waker.register(context.waker());
        // It may have happened between the look and the registration.
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
        self.place.vacated.store(true, Ordering::Release);
        if self.place.is_pushed_out() {
            queue.leaving -= 1;
        }
        drop(queue);
        self.shared.someone_left.notify_one();
    }
}

impl Place {
    fn is_vacated(&self) -> bool {
        self.vacated.load(Ordering::Acquire)
    }

    fn is_pushed_out(&self) -> bool {
        self.pushed_out.load(Ordering::Acquire)
    }
}

/// One in so many places is kept free, so that whoever is pushed out has time to go.
const MARGIN: usize = 8;

/// The queue may hold so many times the places, vacated ones between the others.
const MAX_QUEUE_FACTOR: usize = 4;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn pushed_out<const N: usize>(strangers: [&Stranger; N]) -> [bool; N] {
        let mut context = Context::from_waker(Waker::noop());
        strangers.map(|stranger| stranger.poll_pushed_out(&mut context).is_ready())
    }

    #[test]
    fn the_oldest_that_has_not_greeted_makes_room() {
        let strangers = Strangers::new(4);
        let [a, b, c, d] = [(); 4].map(|()| strangers.enter());
        a.has_greeted();
        drop(b);
        strangers.make_room(3);
        assert_eq!(pushed_out([&a, &c, &d]), [false; 3]);
        strangers.make_room(4);
        assert_eq!(pushed_out([&a, &c, &d]), [false, true, false]);
    }

    #[test]
    fn who_is_on_the_way_out_is_not_counted_again() {
        let strangers = Strangers::new(4);
        let [a, b, c] = [(); 3].map(|()| strangers.enter());
        for _ in 0..10 {
            strangers.make_room(4);
            strangers.make_one_place();
        }
        assert_eq!(pushed_out([&a, &b, &c]), [true, false, false]);
        drop(a);
        strangers.make_one_place();
        assert_eq!(pushed_out([&b, &c]), [true, false]);
    }

    #[test]
    fn places_left_long_ago_are_forgotten() {
        let strangers = Strangers::new(8);
        let first = strangers.enter();
        for _ in 0..1000 {
            drop(strangers.enter());
        }
        assert!(strangers.shared.queue().places.len() <= MAX_QUEUE_FACTOR * 8);
        strangers.make_one_place();
        assert_eq!(pushed_out([&first]), [true]);
    }
}
