//! Facts that both runs state, and that differ: addresses, server, certificates, the head node, settings.

use std::collections::{BTreeMap, BTreeSet};

use head_node::answer::Check;
use head_node::catalogue::CheckId;
use probe_core::measurement::PresentedCertificate;
use probe_core::profile::AddressFamily;
use serde::Serialize;

use crate::RunDocument;

/// A fact that changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FactChange {
    pub fact: FactKind,
    /// The path, host or check that it is about, if there can be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    pub before: String,
    pub after: String,
}

/// The kind of a fact, in the order of reports.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    Profile,
    Server,
    Node,
    Paths,
    Key,
    FwprobeVersion,
    EgressAddress,
    ServerInstance,
    ServerVersion,
    Certificate,
    Check,
}

/// The values of one fact, by what they are about.
type Values = BTreeMap<String, BTreeSet<String>>;

/// Returns the facts that changed. Only what both runs state is compared.
pub(super) fn changes(before: &RunDocument, after: &RunDocument) -> Vec<FactChange> {
    let mut changes = settings(before, after);
    for (fact, of, changed) in [
        (
            FactKind::EgressAddress,
            egress as fn(&RunDocument) -> Values,
            has_new as fn(&BTreeSet<String>, &BTreeSet<String>) -> bool,
        ),
        (FactKind::ServerInstance, instances, disjoint),
        (FactKind::ServerVersion, versions, has_new),
        (FactKind::Certificate, certificates, has_new),
    ] {
        let (old, new) = (of(before), of(after));
        for (about, old) in old {
            let Some(new) = new.get(&about) else { continue };
            if changed(&old, new) {
                changes.push(FactChange {
                    fact,
                    about: Some(about),
                    before: joined(&old),
                    after: joined(new),
                });
            }
        }
    }
    changes.extend(checks(before, after));
    changes
}

/// Returns whether the later run saw something that the earlier one did not. That it saw less may be chance, where one of
/// several is used for each session.
fn has_new(before: &BTreeSet<String>, after: &BTreeSet<String>) -> bool {
    !after.is_subset(before)
}

/// Returns whether nothing stayed. Of several instances behind one address a run may meet only some.
fn disjoint(before: &BTreeSet<String>, after: &BTreeSet<String>) -> bool {
    before.is_disjoint(after)
}

fn settings(before: &RunDocument, after: &RunDocument) -> Vec<FactChange> {
    let all = [
        (FactKind::Profile, profile as fn(&RunDocument) -> String),
        (FactKind::Server, |d| d.server.hosts.join(", ")),
        (FactKind::Node, |d| d.host.name.clone().unwrap_or_default()),
        (FactKind::Paths, paths),
        (FactKind::Key, |d| d.server.key_id.clone()),
        (FactKind::FwprobeVersion, |d| d.run.version.clone()),
    ];
    let changed = all.into_iter().filter_map(|(fact, of)| {
        let (before, after) = (of(before), of(after));
        (before != after && !before.is_empty() && !after.is_empty()).then_some(FactChange {
            fact,
            about: None,
            before,
            after,
        })
    });
    changed.collect()
}

fn profile(document: &RunDocument) -> String {
    let profile = document.run.profile.as_ref();
    profile.map_or_else(|| "ports given by hand".to_owned(), ToString::to_string)
}

fn paths(document: &RunDocument) -> String {
    let all = document
        .probes
        .iter()
        .map(|p| p.measurement.path.to_string());
    joined(&all.collect())
}

fn egress(document: &RunDocument) -> Values {
    let mut values = Values::new();
    for egress in &document.egress {
        let seen = egress.seen.ip().to_canonical();
        let family = AddressFamily::of(seen).words();
        let about = format!("{} over {}, {family}", egress.host, egress.path);
        values.entry(about).or_default().insert(seen.to_string());
    }
    values
}

fn instances(document: &RunDocument) -> Values {
    described(document, |server| server.instance.clone())
}

fn versions(document: &RunDocument) -> Values {
    described(document, |server| server.version.clone())
}

fn described(
    document: &RunDocument,
    of: fn(&probe_core::control_record::ServerDescription) -> String,
) -> Values {
    let mut values = Values::new();
    for control in &document.server.controls {
        for server in control.instances() {
            let known = values.entry(control.host.clone()).or_default();
            known.insert(of(server));
        }
    }
    values
}

/// Returns the certificates of the server, and the issuers of others, since an inspecting device makes one for each
/// name and day.
fn certificates(document: &RunDocument) -> Values {
    let mut values = Values::new();
    for probe in &document.probes {
        let m = &probe.measurement;
        if let Some(certificate) = &m.certificate {
            let about = format!("{} over {}", m.host, m.path);
            let known = values.entry(about).or_default();
            known.insert(identity(certificate));
        }
    }
    values
}

fn identity(certificate: &PresentedCertificate) -> String {
    match &certificate.issuer {
        Some(issuer) if !certificate.pinned => format!("issued by {issuer}, not the server's"),
        _ => format!("sha256:{}", certificate.sha256),
    }
}

/// Returns the checks of the head node whose answer differs.
fn checks(before: &RunDocument, after: &RunDocument) -> Vec<FactChange> {
    let mut changes = Vec::new();
    for new in &after.checks {
        let mut old = before.checks.iter();
        let Some(old) = old.find(|old| old.id == new.id && old.about == new.about) else {
            continue;
        };
        if old.status != new.status || (is_a_setting(new.id) && old.text != new.text) {
            let about = new
                .about
                .iter()
                .fold(new.id.name().to_owned(), |id, about| {
                    format!("{id} ({about})")
                });
            changes.push(FactChange {
                fact: FactKind::Check,
                about: Some(about),
                before: answer(old),
                after: answer(new),
            });
        }
    }
    changes
}

fn answer(check: &Check) -> String {
    format!("{}: {}", check.status.name(), check.text)
}

/// Returns whether the text of a check is the same in every run as long as nobody changes the head node. The others
/// contain what was measured.
const fn is_a_setting(id: CheckId) -> bool {
    !matches!(
        id,
        CheckId::Sources | CheckId::DefaultRoute | CheckId::NameResolution | CheckId::Clock
    )
}

fn joined(values: &BTreeSet<String>) -> String {
    values.iter().cloned().collect::<Vec<_>>().join(", ")
}
