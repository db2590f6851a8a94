//! Looks for a port that leads to the server's control service, in the order that the core decides.

use std::sync::Arc;

use probe_core::control_record::{ControlOutcome, ControlRecord, ServerDescription};
use probe_core::observation::{Failure, FailureKind, Operation};
use probe_core::run::control_order::{ControlOrder, Lead};
use probe_core::run::description::{self, AnswerTime};
use probe_core::run::server_result::WatchingInstance;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Run;
use super::control_attempt::Attempt;
use crate::context::RunContext;
use crate::control::{ControlChannel, ControlIdentity};
use crate::destination::Destination;
use crate::observe::Pending;

/// The result of the search: the record, and the instance that was found, with the channel to it.
#[derive(Debug)]
pub(super) struct ControlSearch {
    pub(super) record: ControlRecord,
    pub(super) found: Option<(WatchingInstance, ControlChannel)>,
}

impl ControlSearch {
    fn none(record: ControlRecord) -> Self {
        Self {
            record,
            found: None,
        }
    }
}

/// Follows `leads` until a port answers, or until every lead has failed.
pub(super) async fn search(
    run: &Run,
    destination: &Arc<Destination>,
    mut leads: mpsc::UnboundedReceiver<Lead>,
) -> ControlSearch {
    let mut search = Search::new(run, destination);
    loop {
        tokio::select! {
            () = run.context.cancelled.cancelled() => return ControlSearch::none(search.record),
            Some(ended) = search.attempts.join_next() => {
                if let Some(found) = ended.ok().and_then(|attempt| search.ended(attempt)) {
                    return found;
                }
            }
            lead = leads.recv() => match lead {
                None => break,
                Some(lead) => {
                    if let Some(port) = search.order.found(lead) {
                        search.dial(port);
                    }
                }
            },
        }
    }
    // With several paths, the server may have to be asked about the others. An attempt that is dropped midway would
    // look to the server like a stranger's connection.
    if search.order.all_complete() && run.config.plan.paths.len() == 1 {
        search.record.outcome = ControlOutcome::NotNeeded;
        return ControlSearch::none(search.record);
    }
    loop {
        if let Some(found) = search.finish().await {
            return found;
        }
        let next = search.order.next_group();
        if next.is_empty() {
            return ControlSearch::none(search.record);
        }
        next.into_iter().for_each(|port| search.dial(port));
    }
}

/// Attempts in progress, and the results of those that have ended.
struct Search<'a> {
    run: &'a Run,
    destination: Arc<Destination>,
    identity: ControlIdentity,
    order: ControlOrder,
    attempts: JoinSet<Attempt>,
    record: ControlRecord,
}

impl<'a> Search<'a> {
    fn new(run: &'a Run, destination: &Arc<Destination>) -> Self {
        Self {
            run,
            destination: Arc::clone(destination),
            identity: ControlIdentity::of(&run.config.connection, &destination.host),
            order: ControlOrder::default(),
            attempts: JoinSet::new(),
            record: ControlRecord {
                host: destination.host.clone(),
                address: destination.address,
                path: destination.path(),
                outcome: ControlOutcome::NotReached,
                others: Vec::new(),
                unasked: Vec::new(),
                observations: Vec::new(),
            },
        }
    }

    fn dial(&mut self, port: u16) {
        let (identity, context) = (self.identity.clone(), self.run.context.clone());
        let run_id = self.run.run_id;
        let destination = Arc::clone(&self.destination);
        self.attempts
            .spawn(async move { attempt(&destination, port, &identity, &context, run_id).await });
    }

    /// Waits for every attempt in progress, and returns the first one that ends the search.
    async fn finish(&mut self) -> Option<ControlSearch> {
        while let Some(ended) = self.attempts.join_next().await {
            if let Some(found) = ended.ok().and_then(|attempt| self.ended(attempt)) {
                return Some(found);
            }
        }
        None
    }

    /// Records the attempt. Returns the result of the search if this attempt ends it.
    fn ended(&mut self, attempt: Attempt) -> Option<ControlSearch> {
        let since_us = attempt.observation.end_us();
        self.record.observations.push(attempt.observation);
        let port = attempt.port;
        match attempt.result {
            Ok((channel, description)) => {
                let watching = WatchingInstance {
                    description: description.clone(),
                    since_us,
                    lost: None,
                };
                self.record.outcome = ControlOutcome::Reached { port, description };
                // The other attempts end by themselves: one that is dropped midway would look to the server like a
                // stranger's connection.
                self.attempts.detach_all();
                Some(ControlSearch {
                    record: self.record.clone(),
                    found: Some((watching, channel)),
                })
            }
            Err(failure) => {
                self.record.outcome = answer_of_the_genuine(port, &failure)?;
                Some(ControlSearch::none(self.record.clone()))
            }
        }
    }
}

/// Returns the outcome if the pinned server itself refused, since it would do so on every port.
pub(super) fn answer_of_the_genuine(port: u16, failure: &Failure) -> Option<ControlOutcome> {
    if failure.kind == FailureKind::KeyRefused {
        return Some(ControlOutcome::KeyRefused { port });
    }
    let text = failure.text.clone().unwrap_or_default();
    (failure.kind == FailureKind::Declined).then_some(ControlOutcome::Declined { port, text })
}

/// Dials `port` once.
pub(super) async fn attempt(
    destination: &Destination,
    port: u16,
    identity: &ControlIdentity,
    context: &RunContext,
    run_id: [u8; 16],
) -> Attempt {
    let pending = Pending::start(context.clock, Operation::Control, destination.shown(port));
    let introducing = introduce(destination, port, identity, context, run_id);
    let result = context.unless_cancelled(introducing).await;
    Attempt {
        port,
        observation: match &result {
            Ok(_) => pending.succeeded(),
            Err(failure) => pending.failed(failure.clone()),
        },
        result,
    }
}

/// Asks the server for its description, and opens the run there, so that it watches for the run's connections.
async fn introduce(
    destination: &Destination,
    port: u16,
    identity: &ControlIdentity,
    context: &RunContext,
    run_id: [u8; 16],
) -> Result<(ControlChannel, ServerDescription), Failure> {
    let mut channel = ControlChannel::open(destination, port, identity, context).await?;
    let asked_us = context.clock.now_us();
    let told = channel.describe().await?;
    let round_trip_us = context.clock.now_us().saturating_sub(asked_us);
    channel.open_run(run_id).await?;
    // The same clock is used later to report to the server when something was sent.
    let at_us = asked_us + round_trip_us / 2;
    let answered = AnswerTime {
        at_us,
        at_unix_ms: context.clock.unix_ms(at_us),
        round_trip_us,
    };
    Ok((channel, description::told(told, answered)))
}
