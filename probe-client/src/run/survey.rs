//! Runs surveys of the hops to one server address: while probes wait if no port has answered yet, otherwise after all
//! sessions. A firewall that limits connections counts a survey's SYNs too.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use probe_core::measurement::Measurement;
use probe_core::survey::{LastHop, PastLastHop, Survey, Surveyor};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Run, ServerResult, complete};
use crate::port_states::PortFailure;
use crate::progress::Progress;

mod driver;
mod pace;

use driver::SurveyDriver;
pub(super) use pace::Pace;

/// A survey, and the kind of failure that it looks at.
type Surveyed = (PortFailure, Survey);

/// Surveys the silent ports of `server` while their probes wait, as long as no port has answered in any way. Returns
/// once `measured` is cancelled and the surveys in progress have ended. There is nothing to survey if `server` is
/// `None`.
pub(super) async fn beside(
    run: &Arc<Run>,
    server: Option<IpAddr>,
    measured: &CancellationToken,
) -> Vec<Surveyed> {
    let Some(server) = server else {
        return Vec::new();
    };
    let port_states = &run.context.options.port_states;
    let mut board = port_states.watch();
    let mut scheduler = SurveyScheduler::new(run, server, false);
    loop {
        board.mark_unchanged();
        if let Some(silent) = port_states.all_silent(server) {
            let silent: Vec<(u16, PortFailure)> = silent
                .into_iter()
                .map(|p| (p, PortFailure::Silent))
                .collect();
            scheduler.found(&silent);
        }
        let over = measured.is_cancelled() || run.context.cancelled.is_cancelled();
        if over && scheduler.is_idle() {
            return scheduler.done;
        }
        tokio::select! {
            _ = board.changed(), if !over => {}
            () = measured.cancelled(), if !over => {}
            () = scheduler.one_ended() => {}
        }
    }
}

/// Surveys the ports that still fail after all sessions, and compares them with a port that works.
pub(super) async fn afterwards(run: &Arc<Run>, results: &mut [ServerResult], progress: &Progress) {
    for result in results
        .iter_mut()
        .filter(|r| r.control.path.is_direct() && !r.is_gone)
    {
        let address = result.probes.iter().find_map(Measurement::server);
        if let Some(server) = address {
            still_failing(run, server, &mut result.probes, progress).await;
        }
    }
}

async fn still_failing(
    run: &Arc<Run>,
    server: IpAddr,
    probes: &mut [Measurement],
    progress: &Progress,
) {
    let works = !run
        .context
        .options
        .port_states
        .references(server)
        .is_empty();
    let surveyed = probes.iter().filter(|m| m.survey.is_some());
    let looked_at: BTreeSet<PortFailure> = surveyed.filter_map(PortFailure::of).collect();
    // A port that accepts is compared with one that works, or with how far SYNs to a silent port get.
    let comparable = works
        || probes
            .iter()
            .any(|m| PortFailure::of(m) == Some(PortFailure::Silent));
    let wanted: Vec<(u16, PortFailure)> = probes
        .iter()
        .filter_map(|m| Some((m, m.address?.port(), PortFailure::of(m)?)))
        .filter(|(m, _, outcome)| is_worth_it(m, *outcome, works, comparable, &looked_at))
        .map(|(_, port, outcome)| (port, outcome))
        .collect();
    if wanted.is_empty() || run.context.cancelled.is_cancelled() {
        return;
    }
    progress.say("looking where on the way it is stopped");
    let mut scheduler = SurveyScheduler::new(run, server, true);
    scheduler.found(&wanted);
    while !scheduler.is_idle() {
        scheduler.one_ended().await;
    }
    attach(scheduler.done, probes);
}

/// Returns whether a survey of this port can show something. A port that passes when dialled again is blocked only at
/// times, and so at no hop. If no port `works`, one survey for each outcome is enough. The device that accepts can be
/// told from the server only if `comparable`.
fn is_worth_it(
    measurement: &Measurement,
    outcome: PortFailure,
    works: bool,
    comparable: bool,
    looked_at: &BTreeSet<PortFailure>,
) -> bool {
    let port = measurement.port_dialled();
    let passes_too = outcome != PortFailure::Accepted
        && (measurement
            .variations
            .iter()
            .any(|c| complete(&c.measurement))
            || measurement
                .flows
                .iter()
                .any(|f| f.port == port && f.is_answered()));
    let is_new = !looked_at.contains(&outcome) && (outcome != PortFailure::Accepted || comparable);
    !passes_too && (works || is_new)
}

/// Attaches each survey to a probe of its port, if that probe failed in the way that the survey assumed.
pub(super) fn attach(surveys: Vec<Surveyed>, probes: &mut [Measurement]) {
    for (outcome, survey) in surveys {
        let port = survey.port;
        let mut fitting = probes.iter_mut().filter(|m| {
            m.address.is_some_and(|a| a.port() == port) && PortFailure::of(m) == Some(outcome)
        });
        if let Some(measurement) = fitting.next() {
            measurement.survey = Some(survey);
        }
    }
}

/// The surveys of one server address.
struct SurveyScheduler<'a> {
    run: &'a Arc<Run>,
    server: IpAddr,
    /// Whether to compare with ports that work.
    compares: bool,
    /// The leading port of each kind of failure. The other ports of this kind are surveyed only if the leader's survey
    /// shows where it is blocked: routers send few ICMP errors, and a firewall may block a host that sends many SYNs.
    leaders: BTreeMap<PortFailure, Leader>,
    known: BTreeSet<u16>,
    running: JoinSet<Surveyed>,
    done: Vec<Surveyed>,
}

/// The port that is surveyed first, and the ports that follow it.
struct Leader {
    hops: Option<RangeInclusive<u8>>,
    is_through: bool,
    following: Vec<u16>,
}

impl<'a> SurveyScheduler<'a> {
    fn new(run: &'a Arc<Run>, server: IpAddr, compares: bool) -> Self {
        Self {
            run,
            server,
            compares,
            leaders: BTreeMap::new(),
            known: BTreeSet::new(),
            running: JoinSet::new(),
            done: Vec::new(),
        }
    }

    /// Adds ports that fail; each counts once.
    fn found(&mut self, failing: &[(u16, PortFailure)]) {
        for (port, outcome) in failing {
            if !self.known.insert(*port) {
                continue;
            }
            let ends = Instant::now() + TIME_IN_ALL;
            let surveyor = Surveyor::new(*port, answers(*outcome));
            // Accepting ports may each have their own device, which is located by the addresses that a survey collects,
            // so each of these ports is surveyed.
            if *outcome == PortFailure::Accepted {
                self.start(*outcome, surveyor, ends);
                continue;
            }
            if let Some(ahead) = self.leaders.get_mut(outcome) {
                ahead.following.push(*port);
                if ahead.is_through {
                    self.follow(*outcome);
                }
                continue;
            }
            let ahead = Leader {
                hops: None,
                is_through: false,
                following: Vec::new(),
            };
            self.leaders.insert(*outcome, ahead);
            self.start(*outcome, surveyor, ends);
        }
    }

    fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the next survey to end; never returns if none is in progress.
    async fn one_ended(&mut self) {
        let Some(ended) = self.running.join_next().await else {
            return std::future::pending().await;
        };
        let Ok((outcome, survey)) = ended else {
            return;
        };
        if let Some(ahead) = self.leaders.get_mut(&outcome)
            && !ahead.is_through
        {
            ahead.is_through = true;
            ahead.hops = hops(&survey);
            self.follow(outcome);
        }
        self.done.push((outcome, survey));
    }

    /// Surveys the ports that follow, if the survey of their leader found something.
    fn follow(&mut self, outcome: PortFailure) {
        let Some(ahead) = self.leaders.get_mut(&outcome) else {
            return;
        };
        let following = std::mem::take(&mut ahead.following);
        let Some(hops) = ahead.hops.clone() else {
            return;
        };
        let ends = Instant::now() + TIME_TO_FOLLOW;
        for port in following {
            let surveyor = Surveyor::new(port, answers(outcome)).looking_at(hops.clone());
            self.start(outcome, surveyor, ends);
        }
    }

    fn start(&mut self, outcome: PortFailure, surveyor: Surveyor, ends: Instant) {
        let driver = SurveyDriver {
            run: Arc::clone(self.run),
            server: self.server,
            ends,
            compares: self.compares,
        };
        self.running
            .spawn(async move { (outcome, driver.run(surveyor).await) });
    }
}

/// Returns whether a port with this outcome answers a SYN that gets far enough.
fn answers(outcome: PortFailure) -> bool {
    match outcome {
        PortFailure::Silent => false,
        PortFailure::Refused | PortFailure::Prohibited | PortFailure::Accepted => true,
    }
}

/// Returns the hops at which to look for other ports that fail alike; `None` if the survey found nothing.
fn hops(survey: &Survey) -> Option<RangeInclusive<u8>> {
    if let Some(distance) = survey.distance() {
        let before = distance.nearest.saturating_sub(1).max(1);
        // A device that redirects the connection sits where router names begin to repeat, or one hop before.
        let named = survey
            .same_name_from()
            .map_or(before, |hop| hop.saturating_sub(1).max(1));
        return Some(before.min(named)..=distance.farthest);
    }
    match survey.last_hop() {
        LastHop::Lost {
            last,
            lost_before: PastLastHop::Hop(next) | PastLastHop::Server(next),
        } => Some(last.max(1)..=next),
        // Without a port that works, one result about the whole server is all that surveys can give.
        LastHop::Answered { .. } | LastHop::Unknown => None,
    }
}

/// Time limit of a leading port's survey. With it, a run in which every port is silent ends in less than four seconds.
const TIME_IN_ALL: Duration = Duration::from_millis(2_200);

/// Time limit of all surveys that follow it; at the run's pace each needs a few hundred milliseconds.
const TIME_TO_FOLLOW: Duration = Duration::from_secs(4);
