//! Reads what nping says: it has no output for machines.

use super::super::said::{Said, Statement};
use super::{Errand, Output};

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let text: String = outputs
        .iter()
        .map(|output| output.stdout.as_str())
        .collect();
    // A `Possible TCP RST received` is said of every error; which one comes after the arrow.
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
