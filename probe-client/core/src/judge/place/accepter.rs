//! Finds the device that accepts connections if no answer of the server itself shows how far away the server is. SYNs
//! to silent ports of the same address show its minimum distance. A device that answers from nearer is not the server.

use super::super::evidence::Evidence;
use super::{Place, hops, named};
use crate::survey::{AGREEING, Distance, Survey};

/// Returns the place of the device that accepts connections on the probe's port, if the dialled address lies further
/// away.
pub(super) fn place(evidence: &Evidence<'_>) -> Option<Place> {
    let own = evidence.survey()?;
    let accepting = own.distance()?;
    let dialled = evidence.probe.server()?;
    let surveys = evidence
        .same_server
        .iter()
        .filter_map(|m| m.survey.as_ref());
    let (silent, hop) = surveys
        .filter(|survey| survey.port != own.port && survey.distance().is_none())
        .find_map(|survey| {
            let expired: Vec<(u8, u16)> = survey
                .of_port(survey.port)
                .filter(|t| t.expired_at().is_some_and(|from| from != dialled))
                .map(|t| (t.hop_limit, t.source_port))
                .filter(|(hop, _)| *hop >= accepting.farthest)
                .collect();
            let furthest = expired.iter().map(|(hop, _)| *hop).max()?;
            let mut sources: Vec<u16> = expired.into_iter().map(|(_, source)| source).collect();
            sources.sort_unstable();
            sources.dedup();
            (sources.len() >= AGREEING).then_some((survey, furthest))
        })?;
    Some(Place::nearer(
        silent,
        accepting.nearest,
        fact(silent, accepting, hop),
    ))
}

fn fact(silent: &Survey, accepting: Distance, hop: u8) -> String {
    format!(
        "the SYN-ACK comes from {} away, but SYNs to port {} of the same address get at least as \
         far as {}: the server is farther away than the device that sent the SYN-ACK",
        hops(accepting),
        silent.port,
        named(silent, hop)
    )
}
