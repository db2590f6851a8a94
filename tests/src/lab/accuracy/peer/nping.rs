//! Reads nping's text: it has no machine-readable output.

use super::super::said::{Said, Statement};
use super::{Errand, Output};

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let text: String = outputs
        .iter()
        .map(|output| output.stdout.as_str())
        .collect();
    // nping prints `Possible TCP RST received` for every error; the error itself follows the arrow.
    let mut errors = text.lines().filter_map(|line| line.split_once("--> "));
    let said = if !text.contains("TCP connection attempts: ") {
        Said::Unclear
    } else if !text.contains("Successful connections: 0 ") {
        Said::Open
    } else if let Some((_, error)) = errors.next() {
        Said::of_system_error(error)
    } else {
        Said::NoAnswer
    };
    said.anywhere()
}
