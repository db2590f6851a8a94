//! Reads nping's text: it has no machine-readable output.

use super::super::statement::{Claim, Statement};
use super::{Errand, Output};

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let text: String = outputs
        .iter()
        .map(|output| output.stdout.as_str())
        .collect();
    // nping prints `Possible TCP RST received` for every error; the error itself follows the arrow.
    let mut errors = text.lines().filter_map(|line| line.split_once("--> "));
    let said = if !text.contains("TCP connection attempts: ") {
        Claim::Unclear
    } else if !text.contains("Successful connections: 0 ") {
        Claim::Open
    } else if let Some((_, error)) = errors.next() {
        Claim::of_system_error(error)
    } else {
        Claim::NoAnswer
    };
    said.anywhere()
}
