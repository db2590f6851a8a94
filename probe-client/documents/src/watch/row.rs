//! One rule over one path, whatever addresses the server has.

use probe_core::profile::RuleId;

use crate::{Probe, RunDocument};

/// The result of one rule over one path.
#[derive(Clone, Copy, Debug)]
pub struct Row<'d> {
    /// The probe of this rule over this path whose outcome needs the most attention.
    pub probe: &'d Probe,
}

impl<'d> Row<'d> {
    /// Returns the rule's id.
    pub fn rule(&self) -> &'d RuleId {
        &self.probe.measurement.rule.id
    }

    /// Returns the path as text.
    pub fn path(&self) -> String {
        self.probe.measurement.path.to_string()
    }
}

/// Returns one row per rule and path, in the order of the document. If `host` is given, only
/// the server with that name has rows.
///
/// The number of rows depends on the settings alone, and not on what names resolve to.
pub fn rows<'d>(document: &'d RunDocument, host: Option<&str>) -> Vec<Row<'d>> {
    let mut rows: Vec<Row<'d>> = Vec::new();
    for probe in &document.probes {
        let m = &probe.measurement;
        if host.is_some_and(|host| host != m.host) {
            continue;
        }
        let known = rows.iter_mut().find(|row| {
            let known = &row.probe.measurement;
            known.rule.id == m.rule.id && known.path == m.path
        });
        match known {
            Some(row) if urgency(probe) > urgency(row.probe) => row.probe = probe,
            Some(_) => {}
            None => rows.push(Row { probe }),
        }
    }
    rows
}

/// Ranks probes by outcome. A probe that needs an explanation ranks above others with the same outcome.
fn urgency(probe: &Probe) -> (u8, bool) {
    (probe.outcome.urgency(), probe.needs_a_word())
}
