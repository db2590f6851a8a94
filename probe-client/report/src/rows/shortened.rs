//! Shortens a report to as many rows as people read. Formats for programs have all rows.

use super::{Mark, PortRow, Report};

/// A report from which rows may have been left out.
#[derive(Debug)]
pub(crate) struct Shortened {
    pub(crate) report: Report,
    /// A sentence about the rows that are left out; `None` if all are kept.
    pub(crate) left_out: Option<String>,
}

impl Report {
    /// Returns the report with a limited number of rows of each kind. Ports that need an
    /// explanation are kept before others.
    pub(crate) fn shortened(&self) -> Shortened {
        let mut report = self.clone();
        let mut left_out = Vec::new();
        let (kept, ports) = most_important(&self.ports);
        report.ports = ports;
        for failure in &mut report.failures {
            let places = failure.rows.iter();
            failure.rows = places
                .filter_map(|row| kept.binary_search(row).ok())
                .collect();
        }
        let mut count = |number: usize, what: &str| {
            if number > 0 {
                left_out.push(format!("{number} {what}"));
            }
        };
        count(self.ports.len() - kept.len(), "ports");
        let Self {
            failures,
            notes,
            skipped,
            checks,
            request,
            ..
        } = &mut report;
        count(cut(failures, MOST_FAILURES), "explanations of failures");
        count(cut(notes, MOST_OTHERS), "findings");
        count(cut(skipped, MOST_OTHERS), "rules that were not tested");
        count(cut(checks, MOST_OTHERS), "checks");
        count(
            cut(&mut request.asked, MOST_FAILURES),
            "connections to ask for",
        );
        count(
            cut(&mut request.not_asked, MOST_OTHERS),
            "failures without a rule to ask for",
        );
        Shortened {
            report,
            left_out: (!left_out.is_empty()).then(|| {
                format!(
                    "Left out to keep this report readable: {}. The formats json, \
                     csv and junit have them all, and firewall-request-json has every connection \
                     to ask for",
                    left_out.join(", ")
                )
            }),
        }
    }
}

/// Returns the rows that are kept, in their order, and the index of each in `ports`.
fn most_important(ports: &[PortRow]) -> (Vec<usize>, Vec<PortRow>) {
    let is_ok = |place: &usize| ports[*place].mark == Mark::Ok;
    let (fine, others): (Vec<usize>, Vec<usize>) = (0..ports.len()).partition(is_ok);
    let mut kept: Vec<usize> = others.into_iter().chain(fine).take(MOST_PORTS).collect();
    kept.sort_unstable();
    let rows = kept.iter().map(|place| ports[*place].clone()).collect();
    (kept, rows)
}

/// Cuts `rows` to `most`, and returns how many are left out.
fn cut<T>(rows: &mut Vec<T>, most: usize) -> usize {
    let left_out = rows.len().saturating_sub(most);
    rows.truncate(most);
    left_out
}

/// Returns `words` as a list. A list that is longer than people read ends with how many more there are.
pub(crate) fn listed(words: &[impl AsRef<str>], between: &str) -> String {
    let shown: Vec<&str> = words.iter().take(MOST_LISTED).map(AsRef::as_ref).collect();
    let list = shown.join(between);
    match words.len() - shown.len() {
        0 => list,
        more => format!("{list} and {more} more"),
    }
}

const MOST_PORTS: usize = 600;

/// The maximum number of failures. Each has a drawing, or rules for several devices.
const MOST_FAILURES: usize = 40;

const MOST_OTHERS: usize = 100;

/// The most ports in one list.
const MOST_LISTED: usize = 60;
