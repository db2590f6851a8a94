//! Reads tcptraceroute's text about the port, and about a port that works to compare with.

use std::net::IpAddr;

use super::super::statement::{Claim, Statement};
use super::{Errand, Output};

/// The line of one hop.
#[derive(Debug)]
struct Hop<'t> {
    number: u8,
    address: IpAddr,
    text: &'t str,
}

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let [output, other] = outputs else {
        return Claim::Unclear.anywhere();
    };
    let hops: Vec<Hop<'_>> = output.stdout.lines().filter_map(Hop::read).collect();
    let Some(last) = hops.last() else {
        // Either no hop answered, or nothing could be sent.
        let waited = [&output.stdout, &output.stderr];
        let silent = waited.iter().any(|text| text.contains("not reached"));
        let said = if silent {
            Claim::NoAnswer
        } else {
            Claim::of_system_error(&output.stderr)
        };
        return said.anywhere();
    };
    let mut others = other.stdout.lines().filter_map(Hop::read);
    let working = others.find(|hop| hop.text.contains("[open]"));
    let elsewhere = working.is_some_and(|hop| hop.number != last.number);
    let says = |mark| last.text.contains(mark);
    let (said, at) = if says("[open]") && elsewhere {
        (Claim::OpenElsewhere, None)
    } else if says("[open]") {
        (Claim::Open, None)
    } else if says("[closed]") && elsewhere {
        (Claim::RefusedElsewhere, None)
    } else if says("[closed]") {
        (Claim::Refused, None)
    } else if says("!A") || says("!X") || says("!C") {
        (Claim::Prohibited, Some(last.address))
    } else if says("!H") || says("!N") {
        (Claim::FilteredUnreachable, Some(last.address))
    } else {
        (Claim::NoAnswer, Some(last.address))
    };
    Statement { said, at }
}

impl<'t> Hop<'t> {
    fn read(line: &'t str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let number = words.next()?.parse().ok()?;
        let address = words.find_map(|word| word.parse().ok())?;
        Some(Self {
            number,
            address,
            text: line,
        })
    }
}
