//! The expectation of a mixture as lines of a scenario, and the exit codes that follow from the lines.

use std::collections::BTreeSet;

use probe_core::catalogue::{FindingId, VerdictClass, VerdictId};
use toml::{Table, Value};

use super::super::Family;
use super::strings;

/// One line of the expectation of a scenario.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) ports: Vec<u16>,
    pub(super) path: Option<String>,
    pub(super) family: Option<Family>,
    /// The right verdict, and then others that are also right.
    pub(super) verdicts: Vec<VerdictId>,
    pub(super) at: Option<String>,
    pub(super) findings: Vec<FindingId>,
    pub(super) perhaps: Vec<FindingId>,
}

impl Line {
    /// Returns the line in the form that a scenario file has.
    pub(super) fn table(self) -> Table {
        let ids =
            |all: &[FindingId]| strings(&all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let mut table = Table::new();
        if !self.ports.is_empty() {
            let ports = self.ports.iter().map(|port| Value::from(i64::from(*port)));
            table.insert("ports".to_owned(), Value::Array(ports.collect()));
        }
        if let Some(path) = self.path {
            table.insert("path".to_owned(), path.into());
        }
        if let Some(family) = self.family {
            table.insert("family".to_owned(), family.name().into());
        }
        if let Some((right, or)) = self.verdicts.split_first() {
            table.insert("verdict".to_owned(), right.to_string().into());
            let or: Vec<String> = or.iter().map(ToString::to_string).collect();
            table.insert("or".to_owned(), strings(&or));
        }
        if let Some(at) = self.at {
            table.insert("at".to_owned(), at.into());
        }
        table.insert("findings".to_owned(), ids(&self.findings));
        table.insert("perhaps".to_owned(), ids(&self.perhaps));
        table
    }
}

/// Returns the exit codes that a run may have if every line holds.
///
/// The first is the exit code if every verdict is the first of its line.
pub(super) fn exit_codes(lines: &[Line]) -> Vec<i64> {
    let classes = |line: &Line| -> Vec<VerdictClass> {
        let verdicts = line.verdicts.iter();
        verdicts.map(|id| id.entry().class).collect()
    };
    let all: Vec<Vec<VerdictClass>> = lines.iter().map(classes).collect();
    let any = |test: &dyn Fn(&Vec<VerdictClass>) -> bool| all.iter().any(test);
    let first = |class| any(&|line| line.first() == Some(&class));
    let (closed, undecided) = (VerdictClass::Closed, VerdictClass::NotAboutThePort);
    let right = match (first(closed), first(undecided)) {
        (true, _) => 1,
        (false, true) => 3,
        (false, false) => 0,
    };
    let certain = any(&|line| line.iter().all(|class| *class == closed));
    let mut codes = vec![right];
    if any(&|line| line.contains(&closed)) {
        codes.push(1);
    }
    if !certain && any(&|line| line.contains(&undecided)) {
        codes.push(3);
    }
    if all.iter().all(|line| line.contains(&VerdictClass::Open)) {
        codes.push(0);
    }
    let mut seen = BTreeSet::new();
    codes.retain(|code| seen.insert(*code));
    codes
}

#[cfg(test)]
mod tests {
    use VerdictId::{Dropped, Inconclusive, Reachable, ReachableWithLoss};

    use super::*;

    #[test]
    fn exit_codes_follow_from_what_may_be_said_of_each_port() {
        let of = |lines: &[&[VerdictId]]| {
            let line = |verdicts: &&[VerdictId]| Line {
                verdicts: verdicts.to_vec(),
                ..Line::default()
            };
            exit_codes(&lines.iter().map(line).collect::<Vec<_>>())
        };
        assert_eq!(of(&[&[Reachable]]), [0]);
        assert_eq!(of(&[&[Dropped], &[Reachable, Inconclusive]]), [1]);
        assert_eq!(of(&[&[Dropped, Inconclusive], &[Reachable]]), [1, 3]);
        let chance = [ReachableWithLoss, Inconclusive, Reachable];
        assert_eq!(of(&[&chance, &[Reachable]]), [0, 3]);
    }
}
