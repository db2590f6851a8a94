//! The state of one call of `WatchSightings` while it lasts.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use echo_core::control::{Place, Watch as Telling};
use futures_util::Stream;
use proto::wire::Sighting;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::caller::Caller;
use super::half_open_poll::{BETWEEN_POLLS, look};
use crate::watch::Watch;

pub(super) type SightingStream = Pin<Box<dyn Stream<Item = Result<Sighting, Status>> + Send>>;

pub(super) struct Watching {
    caller: Arc<Caller>,
    /// The state of the watch; `None` once everything has been reported.
    watch: Option<Telling>,
    until: Instant,
    has_looked: bool,
    /// The guard that keeps the witness recording while this call lasts.
    _watch: Option<Watch>,
    _place: Place,
    ready: VecDeque<Sighting>,
}

impl Watching {
    pub(super) fn new(caller: Arc<Caller>, watch: Telling, place: Place) -> Self {
        let follow = watch.query().follow;
        Self {
            _watch: Watch::begin(&caller.instance, caller.address.ip()),
            _place: place,
            caller,
            until: Instant::now() + follow,
            watch: Some(watch),
            has_looked: false,
            ready: VecDeque::new(),
        }
    }

    pub(super) fn into_stream(self) -> SightingStream {
        Box::pin(futures_util::stream::unfold(self, Self::next))
    }

    async fn next(mut self) -> Option<(Result<Sighting, Status>, Self)> {
        loop {
            if let Some(sighting) = self.ready.pop_front() {
                return Some((Ok(sighting), self));
            }
            let watch = self.watch.take()?;
            let left = self.until.saturating_duration_since(Instant::now());
            if self.has_looked {
                sleep(left.min(BETWEEN_POLLS)).await;
            }
            look(Arc::clone(&self.caller)).await;
            let caller = Arc::clone(&self.caller);
            let ask = move || ask(&caller, watch, left.is_zero());
            // This fails only if the runtime is shutting down.
            let (watch, news) = spawn_blocking(ask).await.ok()?;
            self.watch = watch;
            self.ready.extend(news);
            self.has_looked = true;
        }
    }
}

/// Returns the sightings that are new, or, with `last`, everything that is left to report. It walks through all
/// sightings, so it must not run on a thread that serves connections.
fn ask(caller: &Caller, mut watch: Telling, last: bool) -> (Option<Telling>, Vec<Sighting>) {
    let sightings = &caller.instance.sightings;
    let coverage = caller.coverage();
    if last {
        return (None, watch.finish(sightings, coverage));
    }
    let news = watch.poll(sightings, coverage);
    (Some(watch), news)
}
