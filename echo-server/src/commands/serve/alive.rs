//! Reports to systemd that this process is alive: that the serving threads work, and not only the thread that notifies.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::interval;

use crate::instance::Instance;
use crate::systemd::Systemd;
use crate::tasks::Tasks;

/// Notifies systemd for as long as it is polled, if systemd asks for it.
pub(super) async fn keep_telling(instance: Arc<Instance>) {
    let Some(period) = Systemd.watchdog() else {
        return std::future::pending().await;
    };
    let tasks = Tasks::default();
    let _abandoned = tasks.abandon_on_drop();
    let mut period = interval(period);
    loop {
        period.tick().await;
        let instance = Arc::clone(&instance);
        if done_by_a_worker(&tasks, move || instance.take_locks()).await {
            Systemd.is_alive();
        }
    }
}

/// Waits until one of the serving threads has done `work`. Returns false if none could.
async fn done_by_a_worker(tasks: &Tasks, work: impl FnOnce() + Send + 'static) -> bool {
    let (done, is_done) = oneshot::channel();
    tasks.spawn(async move {
        work();
        let _ = done.send(());
    });
    is_done.await.is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc};
    use std::task::{Context, Waker};

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_worker_that_waits_for_a_lock_is_waited_for() {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).build().unwrap();
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock().unwrap();
        let (begin, begins) = mpsc::channel();
        let taken = Arc::clone(&lock);
        let work = move || {
            begin.send(()).unwrap();
            drop(taken.lock().unwrap());
        };
        let _entered = runtime.enter();
        let tasks = Tasks::default();
        let mut waiting = Box::pin(done_by_a_worker(&tasks, work));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        begins.recv().unwrap();
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(held);
        assert!(runtime.block_on(waiting));
    }
}
