//! Writes a difference as JUnit XML: a regression is a failure, a rule that cannot be compared is an error. A rule that
//! failed in both runs passes, since it did not change.

use std::io::{self, Write};
use std::time::Duration;

use probe_documents::diff::{Change, ChangeKind, Diff};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{explanation, fact, subject, subject_of, transition};
use crate::junit::{case, explain, finish, text};
use crate::text::Look;

pub(crate) fn write(diff: &Diff, _look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new("what changed");
    suite.timestamp = diff.after.started.parse().ok();
    if let Some(node) = &diff.after.node {
        suite.extra.insert("hostname".into(), text(node).into());
    }
    suite.add_test_cases(diff.changes.iter().map(changed));
    suite.add_test_cases(diff.unchanged.iter().map(|same| {
        let what = subject(&same.subject, same.port, same.session, same.silence_seconds);
        let mut case = case(&what, CLASS, TestCaseStatus::success());
        case.set_time(Duration::from_micros(same.time_us_after));
        case
    }));
    suite.add_test_cases(diff.facts.iter().map(|change| {
        let mut case = case(&fact(change), CLASS, TestCaseStatus::success());
        case.set_system_out(text(&format!("{} → {}", change.before, change.after)));
        case
    }));
    let mut all = quick_junit::Report::new("fwprobe diff");
    all.timestamp = diff.after.started.parse().ok();
    all.add_test_suite(suite);
    finish(&all, out)
}

fn changed(change: &Change) -> TestCase {
    let mut full = transition(change);
    for (label, line) in explanation(change) {
        full.push_str(&format!("\n{label}{line}"));
    }
    let status = match change.change {
        ChangeKind::Regression => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            explain(&mut status, "regression", &transition(change), &full);
            status
        }
        ChangeKind::NotComparable => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            explain(&mut status, "not-comparable", &transition(change), &full);
            status
        }
        ChangeKind::Gone => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("the later run has no such test");
            status.set_description(text(&full));
            status
        }
        ChangeKind::OtherCause | ChangeKind::OtherPlace | ChangeKind::Fixed | ChangeKind::New => {
            TestCaseStatus::success()
        }
    };
    let mut case = case(&subject_of(change), CLASS, status);
    if let Some(after) = &change.after {
        case.set_time(Duration::from_micros(after.time_us));
    }
    case.set_system_out(text(&full));
    case
}

const CLASS: &str = "fwprobe.diff";
