//! Asks the server for its sightings of the probes that did not run to their end.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use probe_core::control_record::ServerDescription;
use probe_core::measurement::{Measurement, SightingAnswer};
use probe_core::run::answer::{self, in_doubt, without_absences};
use probe_core::run::instances;
use probe_core::run::question::{Clocks, follow, sent};
use probe_core::run::server_result::{WatchingInstance, others, side_ports};
use proto::wire;

use super::{Run, ServerRun, instance_search, second_look};
use crate::control::ControlChannel;
use crate::progress::Progress;

impl Run {
    /// Returns the present time by this run's clock, and by the clock of the instance that described itself as
    /// `description`.
    fn clocks(&self, description: &ServerDescription) -> Clocks {
        let clock = self.context.clock;
        Clocks::new(clock.unix_ms(0), clock.now_us(), description)
    }
}

/// Adds the server's answer to every measurement of `servers` that was dialled and did not run to its end, unless all
/// of them have an answer. A measurement without an answer is left unchanged.
pub(super) async fn ask(run: &Run, servers: &mut [ServerRun], progress: &Progress) {
    for index in 0..servers.len() {
        let open = servers[index].result.open();
        if open.iter().any(|m| m.sighting.is_none()) {
            progress.say("asking the server what it saw");
            ask_anew(run, servers, index).await;
        }
    }
}

/// Adds the server's answers to the open measurements of one server, over its own control channel.
pub(super) async fn ask_one(run: &Run, server: &mut ServerRun) {
    let asking = ask_about(run, std::slice::from_mut(server), 0);
    run.context.cancelled.run_until_cancelled(asking).await;
}

/// Asks about `servers[index]` again. The new answers replace the earlier ones.
async fn ask_anew(run: &Run, servers: &mut [ServerRun], index: usize) {
    let take = |m: &mut Measurement| m.sighting.take();
    let before: Vec<_> = servers[index].result.open().into_iter().map(take).collect();
    let asking = ask_about(run, servers, index);
    // Some measurements stay without an answer if the user ends the run first.
    run.context.cancelled.run_until_cancelled(asking).await;
    // If the channel has failed meanwhile, the earlier answer still counts.
    for (measurement, before) in servers[index].result.open().into_iter().zip(before) {
        let now = measurement.sighting.take();
        measurement.sighting = match (before, now) {
            (Some(before), Some(now)) => Some(now.after(&before)),
            (before, now) => now.or(before),
        };
    }
}

/// Asks about `servers[index]` over its own control channel, or over the channel of another path to the same host,
/// since a match by digest needs no address.
async fn ask_about(run: &Run, servers: &mut [ServerRun], index: usize) {
    let Some(asked) = instances::to_be_asked(servers, index) else {
        return;
    };
    let elsewhere = asked != index
        && !instances::is_same_server(&servers[asked].result, &servers[index].result);
    put(run, servers, index, asked, 0, |_| true).await;
    let mut open = servers[index].result.open().into_iter();
    let unplaced = open.any(|m| is_unplaced(m));
    drop(open);
    if unplaced && asked == index {
        let known = servers[asked].channels.len();
        instance_search::from_other_addresses(run, &mut servers[asked]).await;
        put(run, servers, index, asked, known, is_unplaced).await;
    }
    let first = servers[asked].channels.len();
    let wanted = instances::unasked(
        instances::same_server(servers, index),
        &servers[asked].result.instances,
    );
    let mut answers = servers[index].result.open().into_iter();
    let unseen = answers.any(|m| m.sighting.as_ref().is_some_and(|a| a.sightings.is_empty()));
    drop(answers);
    let held = run.config.plan.probes.iter().any(|p| p.silence.is_some());
    let ended = instances::ended(&servers[asked].result.instances, held);
    // A slow line cannot carry more connections in time, so absence is not proved there.
    let slow = run.context.options.line.is_slow();
    if !slow && (unseen || !wanted.is_empty() || ended) {
        let most = if ended { RESTARTED } else { usize::MAX };
        let looks = instances::looks(&servers[asked].result).min(most);
        let wanted = instances::may_be_there(&servers[asked].result, wanted);
        let replaced = instance_search::meet(run, &mut servers[asked], wanted, looks).await;
        let first = first - replaced;
        put(run, servers, index, asked, first, |_| true).await;
    }
    let unasked = instances::unasked(
        instances::same_server(servers, index),
        &servers[asked].result.instances,
    );
    let doubt = slow || !unasked.is_empty() || servers[asked].result.control.lacks_an_instance();
    let result = &mut servers[index].result;
    result.control.unasked = unasked.into_iter().collect();
    if doubt {
        in_doubt(result.open());
    }
    if elsewhere {
        without_absences(result.open());
    }
}

/// Returns whether the server noticed connections that may be this probe's, and could not determine whose they are.
fn is_unplaced(measurement: &Measurement) -> bool {
    let answer = measurement.sighting.as_ref();
    answer.is_some_and(|answer| answer.sightings.is_empty() && answer.unattributed)
}

/// Dials silent ports again while the server watches, if it began to watch too late for the first SYNs, and asks it
/// once more.
pub(super) async fn ask_again(run: &Run, servers: &mut [ServerRun], progress: &Progress) {
    for index in 0..servers.len() {
        let asked = instances::to_be_asked(servers, index);
        let watching = asked.map_or(&[][..], |asked| &servers[asked].result.instances);
        let sees_half_open = watching.iter().any(|w| w.description.sees_half_open);
        let sees_every_syn = watching.iter().any(|w| w.description.sees_every_syn);
        let looks = sees_half_open || sees_every_syn;
        if looks && second_look::dial(run, &mut servers[index], sees_every_syn, progress).await {
            ask_anew(run, servers, index).await;
        }
    }
}

/// Asks the instances of `servers[asked]`, from index `first` on, about those open probes of `servers[index]` that are
/// `wanted`.
async fn put(
    run: &Run,
    servers: &mut [ServerRun],
    index: usize,
    asked: usize,
    first: usize,
    wanted: fn(&Measurement) -> bool,
) {
    let mut asking = Asking::take(&mut servers[asked], first);
    let others = asking.instances.iter().map(|instance| {
        let sessions = others(servers, index, OTHERS, run.clocks(&instance.description));
        [sessions, run.side_openings.sent(OTHERS)].concat()
    });
    let others = others.collect();
    let bare = side_ports(servers);
    let result = &mut servers[index].result;
    // Many hosts may share a proxy's address, so a match by address proves nothing there.
    let by_address = asked == index && result.control.path.is_direct();
    let bare = (!by_address).then_some(&bare);
    let mut open = result.open();
    open.retain(|m| wanted(m));
    asking.about(run, open, others, bare).await;
    asking.give_back(&mut servers[asked]);
}

/// Adds the server's answer to the variations that failed. Several of them come from one address at a time, so only
/// matches by digest count. Nothing is asked if all of them have an answer.
pub(super) async fn ask_beside(run: &Run, server: &mut ServerRun) {
    let failed = server.result.failed_variations();
    let all_answered = failed.iter().all(|m| m.sighting.is_some());
    if server.channels.is_empty() || all_answered {
        return;
    }
    let mut asking = Asking::take(server, 0);
    let unasked = instances::unasked([&server.result], &asking.instances);
    let bare = side_ports(std::slice::from_ref(server));
    let others = asking.instances.iter();
    let others = others.map(|_| run.side_openings.sent(OTHERS)).collect();
    let failed = server.result.failed_variations();
    let about = asking.about(run, failed, others, Some(&bare));
    run.context.cancelled.run_until_cancelled(about).await;
    if !unasked.is_empty() || server.result.control.lacks_an_instance() {
        in_doubt(server.result.failed_variations());
    }
    server.result.control.unasked = unasked.into_iter().collect();
    asking.give_back(server);
}

/// The instances that are being asked, and the channels to them.
struct Asking {
    instances: Vec<WatchingInstance>,
    channels: Vec<ControlChannel>,
}

impl Asking {
    /// Takes the instances of `server`, from index `first` on.
    fn take(server: &mut ServerRun, first: usize) -> Self {
        Self {
            instances: server.result.instances.split_off(first),
            channels: server.channels.split_off(first),
        }
    }

    fn give_back(self, server: &mut ServerRun) {
        server.result.instances.extend(self.instances);
        server.channels.extend(self.channels);
    }

    /// Asks about `measurements`. The question to each instance also lists its `others`, so that it does not take those
    /// connections for the measured ones. With `bare`, a sighting that the server matched by address counts as another
    /// connection's, unless it came from one of these source ports, which this run's side connections use.
    async fn about(
        &mut self,
        run: &Run,
        measurements: Vec<&mut Measurement>,
        others: Vec<Vec<wire::Sent>>,
        bare: Option<&BTreeSet<u16>>,
    ) {
        let about: Vec<&Measurement> = measurements.iter().map(|m| &**m).collect();
        let same_ip_version = bare.is_none();
        let all = self.channels.iter_mut().zip(&mut self.instances);
        let asking = all.zip(others).map(|((channel, instance), others)| {
            question(run, channel, instance, &about, same_ip_version, others)
        });
        let answers = join_all(asking).await;
        for (index, measurement) in measurements.into_iter().enumerate() {
            let all = answers
                .iter()
                .map(|answers| answers.get(index).cloned().flatten());
            let before = measurement.sighting.take();
            measurement.sighting = answer::of_all(all, before, bare);
        }
    }
}

/// Returns what one instance says about each of `measurements`. With `same_ip_version`, they were dialled at the
/// address at which the server is asked.
async fn question(
    run: &Run,
    channel: &mut ControlChannel,
    instance: &mut WatchingInstance,
    measurements: &[&Measurement],
    same_ip_version: bool,
    others: Vec<wire::Sent>,
) -> Vec<Option<SightingAnswer>> {
    let tagged = measurements.iter().zip(0..);
    let clocks = run.clocks(&instance.description);
    let mut sent: Vec<wire::Sent> = tagged
        .clone()
        .flat_map(|(m, tag)| sent(m, tag, clocks))
        .map(|sent| wire::Sent {
            same_ip_version,
            ..sent
        })
        .collect();
    sent.extend(others);
    sent.truncate(MAX_SENT);
    let request = wire::WatchSightingsRequest {
        run_id: run.run_id.to_vec(),
        sent,
        follow_ms: u32::try_from(follow(measurements).as_millis()).unwrap_or(u32::MAX),
    };
    let answers = match channel.sightings(&request).await {
        Ok(answers) => answers,
        Err(failure) => {
            instance.lost = Some(failure.kind);
            Vec::new()
        }
    };
    tagged
        .map(|(measurement, tag)| {
            let mine: Vec<&wire::Sighting> = answers.iter().filter(|a| a.tag == tag).collect();
            let (description, since_us) = (&instance.description, instance.since_us);
            answer::of_instance(&mine, measurement, description, since_us)
        })
        .collect()
}

/// Maximum number of earlier connections that count after a channel has closed, so that two more are dialled to find
/// the current instance.
const RESTARTED: usize = instance_search::ENOUGH - 2;

/// The tag of connections that a question lists only so that the server leaves them out.
const OTHERS: u32 = u32::MAX;

/// Maximum number of entries that the server accepts in one question.
const MAX_SENT: usize = 512;
