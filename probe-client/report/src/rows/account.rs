//! States in a sentence what each end, this host and the server, saw of one probe.

use probe_core::control_record::ControlOutcome;
use probe_core::measurement::{Measurement, Sighting, SightingEnd};
use probe_core::words::counted;
use probe_documents::RunDocument;

use crate::duration::milliseconds;

/// Returns whether the server reports that anything of this probe arrived.
pub(super) fn server_saw_it(measurement: &Measurement) -> bool {
    let testified = measurement
        .session
        .as_ref()
        .is_some_and(|s| s.testimony.is_some());
    testified
        || measurement
            .sighting
            .as_ref()
            .is_some_and(|answer| !answer.sightings.is_empty())
}

/// Returns this host's account in words.
pub(super) fn of_this_host(measurement: &Measurement) -> String {
    let failed = measurement
        .observations
        .iter()
        .find(|o| o.failure.is_some());
    let Some(observation) = failed else {
        return "every step of the session succeeded".to_owned();
    };
    let kind = observation.failure.as_ref().map(|f| f.kind.describe());
    format!(
        "{} with {}: {} after {}",
        observation.operation.describe(),
        observation.target,
        kind.unwrap_or("failed"),
        duration(observation.duration_us)
    )
}

/// Returns the server's account in words.
pub(super) fn of_the_server(document: &RunDocument, measurement: &Measurement) -> String {
    let session = measurement.session.as_ref();
    if let Some(testimony) = session.and_then(|s| s.testimony.as_ref()) {
        return match testimony.peer {
            Some(peer) => format!("confirms a session from {peer}"),
            None => "confirms a session".to_owned(),
        };
    }
    match &measurement.sighting {
        Some(answer) if !answer.sightings.is_empty() => {
            let seen: Vec<String> = answer.sightings.iter().map(seen).collect();
            format!("saw {}", seen.join("; "))
        }
        Some(answer) if !answer.is_complete() => {
            "saw nothing that is certainly from this host; in this case, that proves nothing"
                .to_owned()
        }
        Some(answer) if answer.sees_every_syn => {
            "saw nothing of it, not even a SYN that its own host's firewall drops".to_owned()
        }
        Some(answer) if answer.sees_half_open => {
            "saw nothing of it, not even an unfinished handshake".to_owned()
        }
        Some(_) => "saw no connection; it cannot see SYNs".to_owned(),
        None => not_asked(document, measurement).to_owned(),
    }
}

fn not_asked(document: &RunDocument, measurement: &Measurement) -> &'static str {
    let controls = &document.server.controls;
    match controls
        .iter()
        .find(|c| c.is_of(measurement))
        .map(|c| &c.outcome)
    {
        Some(ControlOutcome::Reached { .. }) => "was reached, and was not asked about this port",
        Some(ControlOutcome::KeyRefused { .. }) => "refused the key",
        Some(ControlOutcome::Declined { .. }) => "declined to talk",
        Some(ControlOutcome::NotReached) => {
            "could not be asked: its control channel was not reached over this path"
        }
        Some(ControlOutcome::NotNeeded) | None => "was not asked",
    }
}

fn seen(sighting: &Sighting) -> String {
    let from = sighting
        .peer
        .map_or_else(String::new, |peer| format!(" from {peer}"));
    let received = sighting.bytes_received;
    match sighting.end {
        SightingEnd::Unanswered => format!("a SYN{from} that its host did not answer"),
        SightingEnd::HalfOpen => {
            format!("a SYN{from}, answered it, and got nothing more")
        }
        SightingEnd::Open
        | SightingEnd::Completed
        | SightingEnd::PeerClosed
        | SightingEnd::PeerReset
        | SightingEnd::Deadline
        | SightingEnd::TlsFailed
        | SightingEnd::NotRecognised
        | SightingEnd::NotAuthenticated
        | SightingEnd::Shed
        | SightingEnd::Unknown => {
            format!(
                "a connection{from}, {} on it, {}",
                counted(received, "byte"),
                end(sighting.end)
            )
        }
    }
}

const fn end(end: SightingEnd) -> &'static str {
    match end {
        SightingEnd::Unanswered | SightingEnd::HalfOpen => "no handshake",
        SightingEnd::Open => "still open",
        SightingEnd::Completed => "which ended in order",
        SightingEnd::PeerClosed => "closed from the client's side",
        SightingEnd::PeerReset => "reset from the client's side",
        SightingEnd::Deadline => "given up after waiting",
        SightingEnd::TlsFailed => "on which TLS failed",
        SightingEnd::NotRecognised => "which it did not recognise",
        SightingEnd::NotAuthenticated => "which proved no key",
        SightingEnd::Shed => "closed to make room",
        SightingEnd::Unknown => "and does not know how it ended",
    }
}

/// Returns a duration in words; `us` is in microseconds.
fn duration(us: u64) -> String {
    match us {
        0..1_000 => "less than 1 ms".to_owned(),
        us => milliseconds(us),
    }
}
