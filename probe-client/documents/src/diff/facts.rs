//! Finds the facts that both runs state and that differ: addresses, server, certificates, the head node, settings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use probe_core::measurement::PresentedCertificate;
use probe_core::profile::AddressFamily;
use schemars::JsonSchema;
use serde::Serialize;

use crate::RunDocument;

/// A fact that changed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FactChange {
    pub fact: FactKind,
    /// The path, host or check that the fact is about, if there can be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    pub before: String,
    pub after: String,
}

/// The kind of a fact, in the order of reports.
#[derive(Clone, Copy, Debug, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactKind {
    Profile,
    Server,
    Node,
    Paths,
    /// Whether the run took second looks.
    Looks,
    Key,
    FwprobeVersion,
    EgressAddress,
    ServerInstance,
    ServerVersion,
    Certificate,
    Check,
}

/// The values of one kind of fact, keyed by the path or host that they are about.
type Values = BTreeMap<String, BTreeSet<String>>;

/// The facts of one run that are compared with those of another run.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    settings: [(FactKind, String); 7],
    values: [(FactKind, Values); 4],
    answers: Vec<Answer>,
}

/// The answer of one check of the head node.
#[derive(Clone, Debug)]
struct Answer {
    id: CheckId,
    about: Option<String>,
    status: CheckStatus,
    text: String,
}

impl Facts {
    pub(crate) fn of(document: &RunDocument) -> Self {
        Self {
            settings: settings(document),
            values: [
                (FactKind::EgressAddress, egress(document)),
                (FactKind::ServerInstance, instances(document)),
                (FactKind::ServerVersion, versions(document)),
                (FactKind::Certificate, certificates(document)),
            ],
            answers: document.checks.iter().map(Answer::of).collect(),
        }
    }

    /// Returns the facts that differ in `later`. Facts that only one of the runs states are left out.
    pub(crate) fn changes(&self, later: &Self) -> Vec<FactChange> {
        let mut changes = Vec::new();
        for ((fact, before), (_, after)) in self.settings.iter().zip(&later.settings) {
            if before != after && !before.is_empty() && !after.is_empty() {
                changes.push(FactChange {
                    fact: *fact,
                    about: None,
                    before: before.clone(),
                    after: after.clone(),
                });
            }
        }
        for ((fact, before), (_, after)) in self.values.iter().zip(&later.values) {
            changes.extend(values(*fact, before, after));
        }
        changes.extend(answers(&self.answers, &later.answers));
        changes
    }
}

fn values<'a>(
    fact: FactKind,
    before: &'a Values,
    after: &'a Values,
) -> impl Iterator<Item = FactChange> + 'a {
    let changed = if fact == FactKind::ServerInstance {
        disjoint
    } else {
        has_new
    };
    before.iter().filter_map(move |(about, old)| {
        let new = after.get(about)?;
        changed(old, new).then(|| FactChange {
            fact,
            about: Some(about.clone()),
            before: joined(old),
            after: joined(new),
        })
    })
}

/// Returns whether the later run saw a value that the earlier run did not see. A value may be missing from the later
/// run by chance, if each session uses one of several.
fn has_new(before: &BTreeSet<String>, after: &BTreeSet<String>) -> bool {
    !after.is_subset(before)
}

/// Returns whether the runs have no value in common. If several instances share an
/// address, a run may meet only some of them.
fn disjoint(before: &BTreeSet<String>, after: &BTreeSet<String>) -> bool {
    before.is_disjoint(after)
}

fn settings(document: &RunDocument) -> [(FactKind, String); 7] {
    let looks = if document.run.quick { QUICK } else { WHOLE };
    let node = document.host.node().unwrap_or_default().to_owned();
    [
        (FactKind::Profile, profile(document)),
        (FactKind::Server, document.server.hosts.join(", ")),
        (FactKind::Node, node),
        (FactKind::Paths, paths(document)),
        (FactKind::Looks, looks.to_owned()),
        (FactKind::Key, document.server.key_id.clone()),
        (FactKind::FwprobeVersion, document.run.version.clone()),
    ]
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

/// Returns the server's certificates, but only the issuers of other certificates, since an inspecting device makes a
/// new certificate for each name and day.
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

impl Answer {
    fn of(check: &Check) -> Self {
        Self {
            id: check.id,
            about: check.about.clone(),
            status: check.status,
            text: check.text.clone(),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status.name(), self.text)
    }
}

/// Returns the checks of the head node whose answer differs.
fn answers(before: &[Answer], after: &[Answer]) -> Vec<FactChange> {
    let mut changes = Vec::new();
    for new in after {
        let mut old = before.iter();
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
                before: old.to_string(),
                after: new.to_string(),
            });
        }
    }
    changes
}

/// Returns whether the text of a check is the same in every run as long as nobody changes the head node. The texts of
/// the other checks contain measured values.
const fn is_a_setting(id: CheckId) -> bool {
    !matches!(
        id,
        CheckId::Sources | CheckId::DefaultRoute | CheckId::NameResolution | CheckId::Clock
    )
}

/// The names of a run without second looks and of any other run.
const QUICK: &str = "a quick run, without second looks";
const WHOLE: &str = "a whole run";

fn joined(values: &BTreeSet<String>) -> String {
    values.iter().cloned().collect::<Vec<_>>().join(", ")
}
