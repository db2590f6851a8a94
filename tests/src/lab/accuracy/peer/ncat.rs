//! Reads ncat's text: it has no machine-readable output, and one exit code for all failures.

use super::super::said::{Said, Statement};
use super::{Errand, Output};

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let [output] = outputs else {
        return Said::Unclear.anywhere();
    };
    let said = if output.code == Some(0) {
        Said::Open
    } else if output.stderr.contains("Ncat: TIMEOUT.") {
        Said::NoAnswer
    } else {
        Said::of_system_error(&output.stderr)
    };
    said.anywhere()
}
