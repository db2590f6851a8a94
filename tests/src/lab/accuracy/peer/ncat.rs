//! Reads ncat's text: it has no machine-readable output, and one exit code for all failures.

use super::super::statement::{Claim, Statement};
use super::{Errand, Output};

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let [output] = outputs else {
        return Claim::Unclear.anywhere();
    };
    let said = if output.code == Some(0) {
        Claim::Open
    } else if output.stderr.contains("Ncat: TIMEOUT.") {
        Claim::NoAnswer
    } else {
        Claim::of_system_error(&output.stderr)
    };
    said.anywhere()
}
