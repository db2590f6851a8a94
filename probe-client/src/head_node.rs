//! Collects the known facts about the head node: from registry exports, certificate files, flags and this system. Each
//! source is a function that adds to the snapshot.

use std::path::Path;

use head_node::{ClockState, HeadNode, NameLookup, Origin, Reading};
use probe_core::catalogue::FindingId;
use probe_core::observation::{Failure, FailureKind, Operation};
use probe_documents::RunDocument;

mod export_file;
mod installed_program;
#[cfg(windows)]
mod live_registry;
#[cfg(windows)]
mod live_stores;
mod system;

use crate::arguments::HeadNodeOptions;
use crate::config::Problems;
use crate::environment::Environment;
use crate::key_store::{PasswordSource, certificate_file};

/// Returns all facts that can be known before a run.
///
/// # Errors
///
/// Flags that make no sense. A file that cannot be read is not an error: the checks report it.
pub(crate) fn gather(
    options: &HeadNodeOptions,
    environment: Environment<'_>,
) -> Result<HeadNode, Problems> {
    let mut problems = Problems::default();
    let mut node = HeadNode::default();
    for path in &options.product.registry_exports {
        export_file::read(path, &mut node);
    }
    // An export may come from another machine, so this machine's own state is not mixed with it.
    if options.product.registry_exports.is_empty() {
        installed_program::read(&mut node, environment);
        #[cfg(windows)]
        this_machine(&mut node);
    }
    for text in &options.product.assumptions {
        if let Some(assumption) = problems.take(text.parse()) {
            node.assume(assumption);
        }
    }
    node.planned.node_type = options.node_type;
    node.planned.nodes = options.nodes;
    node.planned.cores = options.cores;
    system::proxies(&mut node, environment);
    system::routes(&mut node);
    let file = options.certificate_password_file.as_deref();
    let passwords = PasswordSource::new(file, environment);
    let certificates = options.certificates.iter();
    node.certificates = certificates
        .map(|path| certificate_file(Path::new(path), &passwords))
        .collect();
    problems.none()?;
    Ok(node)
}

/// Adds the facts that only Windows can report.
#[cfg(windows)]
fn this_machine(node: &mut HeadNode) {
    let account = whoami::username().unwrap_or_else(|_| "an unknown account".to_owned());
    live_registry::read(node, &account);
    live_stores::read(node, &account);
}

/// Adds the facts that a run has measured: names and clocks.
pub(crate) fn learn(node: &mut HeadNode, document: &RunDocument) {
    for host in &document.server.hosts {
        let mut own = document
            .probes
            .iter()
            .filter(|p| p.measurement.host == *host)
            .peekable();
        let failure = own.peek().and_then(|probe| {
            let mut all = probe.measurement.observations.iter();
            all.find(|o| o.operation == Operation::Resolve)
                .and_then(|o| o.failure.clone())
        });
        let mut addresses: Vec<_> = own.filter_map(|p| p.measurement.server()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        let interrupted = |f: &Failure| f.kind == FailureKind::Interrupted;
        if failure.as_ref().is_some_and(interrupted) {
            // The resolver had not answered yet.
            continue;
        }
        let result = match failure {
            Some(failure) => Err(failure
                .text
                .unwrap_or_else(|| "the resolver gave none".to_owned())),
            None => Ok(addresses),
        };
        node.names.push(NameLookup {
            name: host.clone(),
            result,
        });
    }
    node.clock = clock(document);
}

fn clock(document: &RunDocument) -> Reading<ClockState> {
    let mut findings = document.probes.iter().flat_map(|p| &p.findings);
    let skew = findings.find(|f| f.id == FindingId::ClockSkew);
    let testified = document.probes.iter().any(|p| {
        let session = p.measurement.session.as_ref();
        session.is_some_and(|s| s.testimony.is_some())
    });
    match (skew, testified) {
        (Some(skew), _) => Reading::Found(Origin::Run, ClockState::Differs(skew.claim.clone())),
        (None, true) => Reading::Found(Origin::Run, ClockState::Agrees),
        (None, false) => Reading::NotRead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_that_was_interrupted_says_nothing_of_the_name() {
        let text = include_str!("../core/tests/scenarios/name-not-resolved.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        let mut node = HeadNode::default();
        learn(&mut node, &document);
        assert_eq!(node.names.len(), 1);
        for probe in &mut document.probes {
            let failure = probe.measurement.observations[0].failure.as_mut();
            failure.unwrap().kind = FailureKind::Interrupted;
        }
        let mut node = HeadNode::default();
        learn(&mut node, &document);
        assert_eq!(node.names, []);
    }
}
