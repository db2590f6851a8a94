//! One call of `WatchSightings` while it lasts.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use echo_core::control::Watch as Telling;
use futures_util::Stream;
use proto::wire::Sighting;
use tokio::time::{Instant, sleep};
use tonic::Status;

use super::caller::Caller;
use super::lookout::{BETWEEN_LOOKS, look};
use crate::witness::Watch;

pub(super) type SightingStream = Pin<Box<dyn Stream<Item = Result<Sighting, Status>> + Send>>;

pub(super) struct Watching {
    caller: Arc<Caller>,
    /// `None` once all is said.
    watch: Option<Telling>,
    ports: Vec<u16>,
    until: Instant,
    has_looked: bool,
    /// Keeps the witness looking.
    _watch: Option<Watch>,
    ready: VecDeque<Sighting>,
}

impl Watching {
    pub(super) fn new(caller: Arc<Caller>, watch: Telling) -> Self {
        let query = watch.query();
        let ports: BTreeSet<u16> = query.sent.iter().map(|sent| sent.port).collect();
        Self {
            _watch: Watch::begin(&caller.instance, caller.address.ip()),
            caller,
            until: Instant::now() + query.follow,
            ports: ports.into_iter().collect(),
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
            let mut watch = self.watch.take()?;
            let left = self.until.saturating_duration_since(Instant::now());
            if self.has_looked {
                sleep(left.min(BETWEEN_LOOKS)).await;
            }
            look(Arc::clone(&self.caller), Some(self.ports.clone())).await;
            let sightings = &self.caller.instance.sightings;
            let saw_all = self.caller.saw_all();
            if left > Duration::ZERO {
                self.ready.extend(watch.poll(sightings, saw_all));
                self.watch = Some(watch);
            } else {
                self.ready.extend(watch.finish(sightings, saw_all));
            }
            self.has_looked = true;
        }
    }
}
