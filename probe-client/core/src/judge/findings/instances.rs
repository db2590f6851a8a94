//! `port-not-on-every-instance` and `instance-not-asked`: several servers behind one address.

use super::super::broken_off::{self, BrokenOff};
use super::super::evidence::{Evidence, names};
use crate::catalogue::FindingId;
use crate::control_record::ServerDescription;
use crate::verdict::Finding;

/// Reports that sessions with this port pass or fail depending on the instance that they reach.
pub(super) fn port(evidence: &Evidence<'_>) -> Option<Finding> {
    let (listening, lacking) = evidence.instances();
    if listening.is_empty() || lacking.is_empty() {
        return None;
    }
    let port = evidence.probe.port_dialled();
    Some(
        Finding::new(
            FindingId::PortNotOnEveryInstance,
            format!("not all of the server's instances behind this address listen on port {port}"),
        )
        .with_detail(format!(
            "{} do, {} do not",
            names(&listening),
            names(&lacking)
        )),
    )
}

/// Reports that one of the instances could not be asked about something that this probe left in doubt.
pub(super) fn unasked(evidence: &Evidence<'_>) -> Option<Finding> {
    // The process before a restart is not another server.
    if let Some(BrokenOff::Restarted { .. }) = broken_off::of(evidence) {
        return None;
    }
    let doubted = evidence.sighting_answer().is_some_and(|a| a.unasked);
    let control = evidence
        .control
        .filter(|control| doubted && control.lacks_an_instance())?;
    let asked: Vec<&ServerDescription> = control.instances().collect();
    let missing = match control.unasked.as_slice() {
        [] => "one that did not accept the key, or took no session".to_owned(),
        names => names.join(", "),
    };
    Some(
        Finding::new(
            FindingId::InstanceNotAsked,
            "behind this address are several servers, and one could not be asked what it saw",
        )
        .with_detail(format!("not asked: {missing}; asked: {}", names(&asked))),
    )
}
