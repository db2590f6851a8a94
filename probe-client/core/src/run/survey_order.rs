//! Decides which failing ports are surveyed, in which order, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::budget::BUDGET;
use super::port_board::PortFailure;
use crate::measurement::Measurement;
use crate::survey::{LastHop, PastLastHop, Survey, Surveyor};

/// A survey, and how its port fails.
pub type Surveyed = (PortFailure, Survey);

/// Returns the ports to survey once all sessions have ended. `works` says whether any port of the server works.
pub fn still_failing(probes: &[Measurement], works: bool) -> Vec<(u16, PortFailure)> {
    let surveyed = probes.iter().filter(|m| m.survey.is_some());
    let looked_at: BTreeSet<PortFailure> = surveyed.filter_map(PortFailure::of).collect();
    // A port that accepts is compared with one that works, or with the distance that SYNs to a silent port reach.
    let comparable = works
        || probes
            .iter()
            .any(|m| PortFailure::of(m) == Some(PortFailure::Silent));
    probes
        .iter()
        // A port that was surveyed without a working port to compare with is surveyed again with one.
        .filter(|m| {
            m.survey
                .as_ref()
                .is_none_or(|s| works && s.reference.is_none())
        })
        .filter_map(|m| Some((m, m.address?.port(), PortFailure::of(m)?)))
        .filter(|(m, _, outcome)| is_worth_it(m, *outcome, works, comparable, &looked_at))
        .map(|(_, port, outcome)| (port, outcome))
        .collect()
}

/// Returns whether a survey of this port can show something. A port that passes when it is dialled again is blocked
/// only at times, so no hop can be found. If no port `works`, one survey for each kind of failure to connect is enough.
/// The device that accepts can be distinguished from the server only if `comparable`.
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
            .any(|c| c.measurement.is_complete())
            || measurement
                .flows
                .iter()
                .any(|f| f.port == port && f.is_answered()));
    // Each port that accepts may have a device of its own.
    let is_new = if outcome == PortFailure::Accepted {
        comparable
    } else {
        !looked_at.contains(&outcome)
    };
    !passes_too && (works || is_new)
}

/// Attaches each survey to a probe of its port, if that probe failed in the way that the survey assumed.
pub fn attach(surveys: Vec<Surveyed>, probes: &mut [Measurement]) {
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

/// A survey that begins now.
#[derive(Debug)]
pub struct SurveyStart {
    pub failure: PortFailure,
    pub surveyor: Surveyor,
    /// When it ends at the latest, since the run's start.
    pub ends: Duration,
}

/// The order of the surveys of one server address.
#[derive(Debug, Default)]
pub struct SurveyOrder {
    /// The leading port of each kind of failure. The other ports of this kind are surveyed only if the leader's survey
    /// shows where it is blocked: routers send few ICMP errors, and a firewall may block a host that sends many SYNs.
    leaders: BTreeMap<PortFailure, Leader>,
    known: BTreeSet<u16>,
}

/// The port that is surveyed first, and the ports that follow it.
#[derive(Debug, Default)]
struct Leader {
    hops: Option<RangeInclusive<u8>>,
    is_through: bool,
    following: Vec<u16>,
}

impl SurveyOrder {
    /// Adds ports that fail; ports that were added before are ignored. Returns the surveys that begin at `now`, since
    /// the run's start.
    pub fn found(&mut self, failing: &[(u16, PortFailure)], now: Duration) -> Vec<SurveyStart> {
        let mut starts = Vec::new();
        for &(port, failure) in failing {
            if !self.known.insert(port) {
                continue;
            }
            let start = || SurveyStart {
                failure,
                surveyor: Surveyor::new(port, answers(failure)),
                ends: now + BUDGET.survey,
            };
            // Accepting ports may each have their own device, which is located by the addresses that a survey collects,
            // so each of these ports is surveyed.
            if failure == PortFailure::Accepted {
                starts.push(start());
            } else if let Some(ahead) = self.leaders.get_mut(&failure) {
                ahead.following.push(port);
                if ahead.is_through {
                    starts.extend(self.follow(failure, now));
                }
            } else {
                self.leaders.insert(failure, Leader::default());
                starts.push(start());
            }
        }
        starts
    }

    /// Records the end of a survey. Returns the surveys that begin at `now`, since the run's start.
    pub fn ended(
        &mut self,
        failure: PortFailure,
        survey: &Survey,
        now: Duration,
    ) -> Vec<SurveyStart> {
        match self.leaders.get_mut(&failure) {
            Some(ahead) if !ahead.is_through => {
                ahead.is_through = true;
                ahead.hops = hops(survey);
                self.follow(failure, now)
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Returns the surveys of the ports that follow, if the survey of their leader found something.
    fn follow(&mut self, failure: PortFailure, now: Duration) -> Vec<SurveyStart> {
        let Some(ahead) = self.leaders.get_mut(&failure) else {
            return Vec::new();
        };
        let following = std::mem::take(&mut ahead.following);
        let Some(hops) = ahead.hops.clone() else {
            return Vec::new();
        };
        let start = |port| SurveyStart {
            failure,
            surveyor: Surveyor::new(port, answers(failure)).looking_at(hops.clone()),
            ends: now + BUDGET.survey_following,
        };
        following.into_iter().map(start).collect()
    }
}

/// Returns whether a port with this outcome answers a SYN that gets far enough.
pub fn answers(outcome: PortFailure) -> bool {
    match outcome {
        PortFailure::Silent => false,
        PortFailure::Refused | PortFailure::Prohibited | PortFailure::Accepted => true,
    }
}

/// Returns the hops at which to survey other ports that fail alike; `None` if the survey found nothing.
pub fn hops(survey: &Survey) -> Option<RangeInclusive<u8>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::{HopAnswer, HopTry};

    const SILENT: PortFailure = PortFailure::Silent;

    #[test]
    fn a_port_that_fails_alike_waits_for_what_its_leader_shows() {
        let (mut order, now) = (SurveyOrder::default(), Duration::from_secs(1));
        let begun = order.found(&[(80, SILENT), (443, SILENT), (80, SILENT)], now);
        assert_eq!(begun.len(), 1);
        assert_eq!(begun[0].ends, now + BUDGET.survey);
        // A survey that shows nothing is not repeated on other ports.
        assert!(order.ended(SILENT, &Survey::new(80), now).is_empty());
        assert!(order.found(&[(5901, SILENT)], now).is_empty());
    }

    #[test]
    fn followers_look_where_the_leader_found_something() {
        let (mut order, now) = (SurveyOrder::default(), Duration::ZERO);
        let refused = PortFailure::Refused;
        order.found(&[(80, refused), (443, refused)], now);
        let mut survey = Survey::new(80);
        for (source_port, hop_limit, answer) in [
            (1, 2, HopAnswer::Reset),
            (2, 2, HopAnswer::Reset),
            (3, 2, HopAnswer::Reset),
            (4, 1, HopAnswer::Silence),
            (5, 1, HopAnswer::Silence),
            (6, 1, HopAnswer::Silence),
        ] {
            survey.tries.push(HopTry {
                port: 80,
                source_port,
                hop_limit,
                start_us: 0,
                duration_us: 0,
                answer,
            });
        }
        let mut begun = order.ended(refused, &survey, now);
        assert_eq!(begun.len(), 1);
        assert_eq!(begun[0].ends, BUDGET.survey_following);
        let first = begun[0].surveyor.next_syn().unwrap();
        assert_eq!((first.port, first.hop_limit), (443, 1));
        // A port that fails later is surveyed immediately.
        assert_eq!(order.found(&[(5901, refused)], now).len(), 1);
    }

    #[test]
    fn every_port_that_accepts_is_surveyed() {
        let accepted = PortFailure::Accepted;
        let begun =
            SurveyOrder::default().found(&[(80, accepted), (443, accepted)], Duration::ZERO);
        assert_eq!(begun.len(), 2);
    }
}
