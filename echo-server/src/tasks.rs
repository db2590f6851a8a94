//! The tasks of one server. The server waits for them when it stops, and ends them immediately when there is no more
//! time. No task is started anywhere else.
//!
//! This is our own code, because a connection's task must be small: the libraries' means to cancel a task from outside
//! need more memory than an idle session does.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::rt::Executor;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// The tasks of one server; clones share the same list of tasks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(Arc<Shared>);

/// A guard that ends all tasks when dropped.
#[derive(Debug)]
pub(crate) struct AbandonOnDrop(Tasks);

#[derive(Debug, Default)]
struct Shared {
    book: Mutex<Book>,
    all_ended: Notify,
}

#[derive(Debug, Default)]
struct Book {
    /// The handles of running tasks; `None` for the moment between entering a task and starting it.
    running: HashMap<u64, Option<AbortHandle>>,
    next: u64,
    /// Whether no task may be started any more.
    abandoned: bool,
}

impl Tasks {
    /// Runs `future` until it or the server ends.
    pub(crate) fn spawn(&self, future: impl Future<Output: Send> + Send + 'static) {
        let Some(id) = self.0.book().enter() else {
            return;
        };
        let entry = Entry {
            id,
            shared: Arc::clone(&self.0),
        };
        let task = Task {
            future: Box::pin(future),
            _entry: entry,
        };
        // The lock must not be held here, because a runtime that is shutting down drops the task in this call.
        let handle = tokio::spawn(task).abort_handle();
        let mut book = self.0.book();
        if book.abandoned {
            handle.abort();
        } else if let Some(running) = book.running.get_mut(&id) {
            *running = Some(handle);
        }
    }

    /// Ends all tasks. No task can be started afterwards.
    pub(crate) fn abandon(&self) {
        let mut book = self.0.book();
        book.abandoned = true;
        for handle in book.running.values().flatten() {
            handle.abort();
        }
    }

    pub(crate) fn abandon_on_drop(&self) -> AbandonOnDrop {
        AbandonOnDrop(self.clone())
    }

    /// Waits until no task is left.
    pub(crate) async fn wait(&self) {
        loop {
            let mut all_ended = std::pin::pin!(self.0.all_ended.notified());
            // The notification is enabled before the check, so that the last task cannot end unnoticed between the two.
            all_ended.as_mut().enable();
            if self.0.book().running.is_empty() {
                return;
            }
            all_ended.await;
        }
    }
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.spawn(future);
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Every entry is valid without the others, so a panic elsewhere does not matter.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn enter(&mut self) -> Option<u64> {
        if self.abandoned {
            return None;
        }
        let id = self.next;
        self.next += 1;
        self.running.insert(id, None);
        Some(id)
    }
}

struct Task<F> {
    /// The future is boxed, because code without unsafe can poll only a pinned box here.
    future: Pin<Box<F>>,
    _entry: Entry,
}

impl<F: Future> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.future.as_mut().poll(context).map(drop)
    }
}

/// A task's entry in the list. It is removed when dropped, which is after the future.
struct Entry {
    id: u64,
    shared: Arc<Shared>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut book = self.shared.book();
        book.running.remove(&self.id);
        let last = book.running.is_empty();
        drop(book);
        if last {
            self.shared.all_ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn all_tasks_are_waited_for() {
        let tasks = Tasks::default();
        let (first, second) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        tasks.spawn(first.1);
        tasks.spawn(second.1);
        drop(first.0);
        let mut waiting = Box::pin(tasks.wait());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(second.0);
        waiting.await;
        assert!(tasks.0.book().running.is_empty());
    }

    #[tokio::test]
    async fn abandoned_tasks_end_and_none_is_started_after_them() {
        let tasks = Tasks::default();
        let (held, dropped) = oneshot::channel::<()>();
        tasks.spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(tasks.abandon_on_drop());
        assert!(dropped.await.is_err());
        let (held, dropped) = oneshot::channel::<()>();
        tasks.spawn(async move { held.send(()) });
        assert!(dropped.await.is_err());
        tasks.wait().await;
    }

    #[test]
    fn a_runtime_that_is_gone_is_no_dead_end() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _entered = handle.enter();
        let tasks = Tasks::default();
        tasks.spawn(std::future::pending::<()>());
        assert!(tasks.0.book().running.is_empty());
    }
}
