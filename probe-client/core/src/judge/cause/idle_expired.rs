//! `idle-expired`: a verified session was dead after silence, while the port works and the server's
//! process is the same.

use super::super::compared::{Tally, facts};
use super::super::ending::{Ending, testimony};
use super::super::evidence::Evidence;
use super::super::words::duration;
use crate::alternative::Alternative;
use crate::catalogue::VerdictId;
use crate::measurement::{Measurement, SightingEnd, Variation};
use crate::observation::{Failure, FailureKind, Observation, Operation};
use crate::plan::{Silence, Span};
use crate::session::Testimony;
use crate::verdict::{Confidence, Segment, Verdict};

pub(super) fn judge(evidence: &Evidence<'_>) -> Option<Verdict> {
    let Ending::Testified(before, operation @ (Operation::Hold | Operation::Resume), failure) =
        evidence.ending()
    else {
        return None;
    };
    let silence = evidence.probe.silence?;
    let fresh = Tally::of(evidence, Variation::InSilence);
    let mut verdict = if fresh.whole == 0 {
        outage(evidence, silence, fresh)
    } else if !same_process(evidence, before) {
        restarted(evidence, silence)
    } else {
        expired(evidence, silence, operation, failure)
    };
    verdict.evidence.extend(evidence.seen());
    verdict.evidence.extend(facts(evidence));
    verdict
        .evidence
        .extend(believed(evidence, operation, failure));
    Some(verdict)
}

fn expired(
    evidence: &Evidence<'_>,
    silence: Silence,
    operation: Operation,
    failure: &Failure,
) -> Verdict {
    let target = evidence.target();
    let how = match (operation, failure.kind) {
        (Operation::Hold, FailureKind::TimedOut) => "keep-alives are no longer answered",
        (Operation::Hold, _) => "they are ended in the middle of it",
        (_, FailureKind::TimedOut) => "they are silently dead then",
        (_, _) => "they are reset when used again",
    };
    let silences = OtherSilences::of(evidence, silence);
    let limit = silences.limit();
    let although = silence
        .keep_alive_seconds
        .map(|every| format!(", although a TCP keep-alive goes out every {}", Span(every)));
    // A fault that ends all sessions at one moment would also have ended a session with keep-alive.
    let once = silences
        .kept_alive_by
        .is_none()
        .then_some(Alternative::StateLostOnce);
    Verdict::new(
        VerdictId::IdleExpired,
        Segment::PATH,
        Confidence::High,
        format!(
            "verified sessions with {target} {limit}{}: {how}",
            although.unwrap_or_default()
        ),
    )
    .because(
        "the server proved itself on this very connection before the silence, and had agreed \
              to its length",
    )
    .next(advice(evidence, &silences, failure.kind))
    .unless_all(once)
}

fn advice(evidence: &Evidence<'_>, silences: &OtherSilences, ended: FailureKind) -> String {
    let flow = evidence.flow();
    let mut text = format!(
        "{} to raise the TCP idle timeout for {flow} above the longest silence that the \
         application keeps, and above {} at the least ({} is the longest silence tried here; HPC \
         Pack's file staging sends a message every {}), or above 2 hours if the application's \
         silences are not known",
        whom(evidence),
        Span(silences.longest_wanted.max(FILE_STAGING)),
        Span(silences.longest_wanted),
        Span(FILE_STAGING)
    );
    if ended == FailureKind::TimedOut {
        text.push_str(", and to send resets to both ends when it expires");
    }
    text.push_str(&format!("; quote that sessions {}", silences.limit()));
    let ended_after = first_ended(evidence);
    if let Some(after) = ended_after {
        text.push_str(&format!(
            ", and that the first one to this server was ended {} into it",
            duration(after)
        ));
    }
    if let Some(every) = silences.kept_alive_by {
        text.push_str(&format!(
            "; or have the application keep its connections alive: they survive with one TCP \
             keep-alive every {} (longer intervals were not tried)",
            Span(every)
        ));
    } else {
        text.push_str(&format!(
            "; or have the application itself send something in each session (an \
             application-level keep-alive), more often than every {}: TCP keep-alive does not help \
             if a proxy or relay on the way ends the sessions",
            silences.rhythm(ended_after)
        ));
    }
    if silences.shortest_dead >= AZURE_DEFAULT
        && silences.longest_alive.is_some_and(|s| s < AZURE_DEFAULT)
    {
        text.push_str(
            "; Azure's load balancers and public addresses forget idle sessions after 4 minutes \
             unless configured otherwise",
        );
    }
    text
}

/// Returns the request to the teams that may run the device: first to the one whose device opens these connections anew,
/// if there is one.
fn whom(evidence: &Evidence<'_>) -> String {
    let peer = testimony(evidence.probe).and_then(|t| t.peer);
    match (evidence.probe.reopened_with(), peer) {
        (Some(_), Some(peer)) => format!(
            "ask the team that runs {}, which opens these connections anew (a relay, proxy or load \
             balancer), and if that is not the cause, the firewall team",
            peer.ip().to_canonical()
        ),
        (_, _) => {
            "ask the firewall team, and then the teams that run NAT gateways, load balancers \
                   and relays on the way,"
                .to_owned()
        }
    }
}

fn outage(evidence: &Evidence<'_>, silence: Silence, fresh: Tally) -> Verdict {
    let target = evidence.target();
    let asked = match fresh.ran {
        0 => "no new session was tried after it".to_owned(),
        ran => format!("so did {ran} new ones right after it"),
    };
    Verdict::new(
        VerdictId::Inconclusive,
        Segment::Unknown,
        Confidence::Medium,
        format!(
            "a session with {target} failed after {silence} of silence, and {asked}: that may be \
             an outage or an idle timeout"
        ),
    )
    .next("run it again when `fwprobe run` finds the port reachable")
}

fn restarted(evidence: &Evidence<'_>, silence: Silence) -> Verdict {
    let target = evidence.target();
    Verdict::new(
        VerdictId::Inconclusive,
        Segment::Unknown,
        Confidence::Medium,
        format!(
            "a session with {target} failed after {silence} of silence, and another process of the \
             server answers there now: a restart ends sessions as well as an idle timeout does"
        ),
    )
    .next(
        "run it again while the server is left alone; behind a load balancer, name one instance \
           with --host",
    )
}

/// Returns whether the process that testified before the silence was still there after it.
fn same_process(evidence: &Evidence<'_>, before: &Testimony) -> bool {
    let Some(died) = ended_us(evidence.probe) else {
        return false;
    };
    let others = evidence.same_server.iter().copied();
    let fresh = evidence.probe.compared(Variation::InSilence);
    others.chain(fresh).any(|m| {
        m.ran_whole()
            && testimony(m).is_some_and(|t| t.instance == before.instance)
            && ended_us(m).is_some_and(|ended| ended >= died)
    })
}

fn ended_us(measurement: &Measurement) -> Option<u64> {
    measurement.observations.last().map(Observation::end_us)
}

/// Returns after which part of the silence, in microseconds, the session was ended; `None` if it ended only after it.
fn into_the_silence(evidence: &Evidence<'_>) -> Option<u64> {
    let Ending::Testified(_, Operation::Hold, failure) = evidence.ending() else {
        return None;
    };
    // A keep-alive that nobody answers shows the end late.
    if failure.kind == FailureKind::TimedOut {
        return None;
    }
    let hold = evidence.session()?.hold?;
    Some(ended_us(evidence.probe)?.saturating_sub(hold.began_us))
}

/// Returns after which part of the silence, in microseconds, the first session to this server was ended; `None` if the
/// probe's own session ended only after it. Ports that are ended alike get the same next step.
fn first_ended(evidence: &Evidence<'_>) -> Option<u64> {
    into_the_silence(evidence)?;
    let keep_alive = |m: &Measurement| m.silence.map(|s| s.keep_alive_seconds);
    let own = keep_alive(evidence.probe);
    let all = evidence.same_server.iter().copied();
    all.filter(|m| keep_alive(m) == own)
        .filter_map(|m| into_the_silence(&evidence.of(m)))
        .min()
}

/// Returns in words which end still considered the session open, as far as both ends report it.
fn believed(evidence: &Evidence<'_>, operation: Operation, failure: &Failure) -> Vec<String> {
    let here = match (operation, failure.kind) {
        (_, FailureKind::TimedOut) => {
            "this side was told nothing and still considered the session open"
        }
        (Operation::Hold, _) => "this side was told of the end while it kept silent",
        (_, _) => "this side was told of the end only when it spoke again",
    };
    let there = evidence.sighting().map(|s| match s.end {
        SightingEnd::Open => "the server still considers the session open",
        SightingEnd::Deadline => {
            "the server waited for this side until its own deadline, so it considered the session \
             open"
        }
        SightingEnd::PeerReset => "the server was sent a reset that this side never sent",
        SightingEnd::PeerClosed => "the server was told that this side had closed",
        SightingEnd::Unanswered
        | SightingEnd::HalfOpen
        | SightingEnd::Completed
        | SightingEnd::TlsFailed
        | SightingEnd::NotRecognised
        | SightingEnd::NotAuthenticated
        | SightingEnd::Shed
        | SightingEnd::Unknown => "how it ended for the server is not known",
    });
    let unknown = "whether the server considered the session open is not known: it could not be \
                   asked";
    let after = into_the_silence(evidence)
        .map(|after| format!("it ended {} into the silence", duration(after)));
    [here, there.unwrap_or(unknown)]
        .into_iter()
        .map(str::to_owned)
        .chain(after)
        .collect()
}

/// The results of the same rule with other silences.
struct OtherSilences {
    /// Longest silence, in seconds, that a session with the same keep-alive survived.
    longest_alive: Option<u32>,
    /// Shortest silence, in seconds, after which a session with the same keep-alive was dead.
    shortest_dead: u32,
    /// The longest silence that was tried, in seconds. The timeout should exceed it.
    longest_wanted: u32,
    /// The keep-alive interval, in seconds, of a session that survived a silence of this length or more. `None` if
    /// there is none, or if this session had a keep-alive itself.
    kept_alive_by: Option<u32>,
}

impl OtherSilences {
    /// Returns in words what sessions with this keep-alive survive.
    fn limit(&self) -> String {
        match (self.longest_alive, self.shortest_dead) {
            (Some(alive), dead) if alive < dead => {
                format!("survive {} of silence, but not {}", Span(alive), Span(dead))
            }
            (Some(alive), dead) => format!(
                "survive {} of silence at one time, and at another not {}",
                Span(alive),
                Span(dead)
            ),
            (None, dead) => format!(
                "do not survive {} of silence, the shortest tried",
                Span(dead)
            ),
        }
    }

    /// Returns in words a time between messages that is too long, and one that is short enough. The limit is somewhere
    /// between these two, unless a session was ended in the middle of its silence, after `ended_after` microseconds.
    fn rhythm(&self, ended_after: Option<u64>) -> String {
        let dead = Span(self.shortest_dead);
        match (ended_after, self.longest_alive) {
            (Some(after), _) => duration(after),
            (None, Some(alive)) if alive < self.shortest_dead => {
                format!("{dead} (every {} to be sure)", Span(alive))
            }
            (None, _) => dead.to_string(),
        }
    }

    fn of(evidence: &Evidence<'_>, own: Silence) -> Self {
        let same_rule = |m: &&&Measurement| {
            m.rule.id == evidence.probe.rule.id && m.address == evidence.probe.address
        };
        let all = || evidence.same_server.iter().filter(same_rule);
        let alive = || all().filter(|m| m.ran_whole()).filter_map(|m| m.silence);
        let died =
            |m: &Measurement| matches!(m.failure(), Some((Operation::Hold | Operation::Resume, _)));
        let like = |s: &Silence| s.keep_alive_seconds == own.keep_alive_seconds;
        Self {
            longest_alive: alive().filter(like).map(|s| s.seconds).max(),
            shortest_dead: all()
                .filter(|m| died(m))
                .filter_map(|m| m.silence)
                .filter(like)
                .map(|s| s.seconds)
                .min()
                .unwrap_or(own.seconds),
            longest_wanted: all()
                .filter_map(|m| m.silence)
                .map(|s| s.seconds)
                .max()
                .unwrap_or(own.seconds),
            kept_alive_by: alive()
                .filter(|s| own.keep_alive_seconds.is_none() && s.seconds >= own.seconds)
                .find_map(|s| s.keep_alive_seconds),
        }
    }
}

/// Interval, in seconds, of the messages with which HPC Pack's file staging keeps its sessions alive (HPC Pack SOA
/// source).
const FILE_STAGING: u32 = 25;

/// Default idle timeout, in seconds, of Azure Load Balancer rules and of public addresses (Azure Load Balancer
/// documentation, "TCP idle timeout").
const AZURE_DEFAULT: u32 = 240;
