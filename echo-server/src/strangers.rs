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
    queue: Mutex<VecDeque<Arc<Place>>>,
    left: Arc<Notify>,
}

/// One connection's place among the strangers; given up when dropped.
#[derive(Debug)]
pub(crate) struct Stranger {
    place: Arc<Place>,
    left: Arc<Notify>,
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
            queue: Mutex::default(),
            left: Arc::default(),
        }
    }

    /// Takes in one more connection; `present` are there already.
    pub(crate) fn enter(&self, present: usize) -> Stranger {
        if present >= self.crowd {
            self.push_out_oldest();
        }
        let place = Arc::new(Place::default());
        let mut queue = self.queue();
        // Most places are vacated in order; the odd ones are cleared away when they are many.
        while queue.front().is_some_and(|place| place.is_vacated()) {
            queue.pop_front();
        }
        if queue.len() >= MAX_QUEUE_FACTOR * self.crowd.max(1) {
            queue.retain(|place| !place.is_vacated());
        }
        queue.push_back(Arc::clone(&place));
        Stranger {
            place,
            left: Arc::clone(&self.left),
        }
    }

    /// Ends the oldest connection that has not greeted, if there is one.
    pub(crate) fn push_out_oldest(&self) {
        let mut queue = self.queue();
        while let Some(place) = queue.pop_front() {
            if !place.vacated.swap(true, Ordering::AcqRel) {
                place.pushed_out.store(true, Ordering::Release);
                place.waker.wake();
                return;
            }
        }
    }

    /// Ready once a connection has left after this was first polled or enabled.
    pub(crate) fn someone_left(&self) -> Notified<'_> {
        self.left.notified()
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Arc<Place>>> {
        // Whole places are put in and taken out; nothing is ever half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    /// It has greeted, and cannot be pushed out any more.
    pub(crate) fn has_greeted(&self) {
        self.place.vacated.store(true, Ordering::Release);
    }

    /// Ready once this connection has to go.
    pub(crate) fn poll_pushed_out(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.place.pushed_out.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.place.waker.register(context.waker());
        // It may have happened between the look and the registration.
        if self.place.pushed_out.load(Ordering::Acquire) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.place.vacated.store(true, Ordering::Release);
        self.left.notify_one();
    }
}

impl Place {
    fn is_vacated(&self) -> bool {
        self.vacated.load(Ordering::Acquire)
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

    fn pushed_out(stranger: &Stranger) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        stranger.poll_pushed_out(&mut context).is_ready()
    }

    #[test]
    fn the_oldest_that_has_not_greeted_makes_room() {
        let strangers = Strangers::new(4);
        let [a, b, c] = [0, 1, 2].map(|present| strangers.enter(present));
        a.has_greeted();
        drop(b);
        let d = strangers.enter(4);
        assert_eq!([&a, &c, &d].map(pushed_out), [false, true, false]);
        let e = strangers.enter(4);
        assert_eq!([&a, &d, &e].map(pushed_out), [false, true, false]);
    }

    #[test]
    fn places_left_long_ago_are_forgotten() {
        let strangers = Strangers::new(8);
        let first = strangers.enter(0);
        for _ in 0..1000 {
            drop(strangers.enter(1));
        }
        assert!(strangers.queue().len() <= MAX_QUEUE_FACTOR * 8);
        strangers.push_out_oldest();
        assert!(pushed_out(&first));
    }

    #[test]
    fn one_place_is_enough_to_be_pushed_out_of() {
        let strangers = Strangers::new(1);
        let first = strangers.enter(0);
        let second = strangers.enter(1);
        assert_eq!([&first, &second].map(pushed_out), [true, false]);
    }
}
