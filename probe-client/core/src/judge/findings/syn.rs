//! `mss-clamped` and `tcp-options-changed`: the SYN that reached the server differs from the one sent. A SYN that was
//! not saved, or is not this host's own, says nothing.

use std::collections::BTreeSet;

use proto::syn::{SynHeader, TcpOption, is_marked};

use super::super::ending::testimony;
use super::super::evidence::Evidence;
use crate::catalogue::FindingId;
use crate::verdict::Finding;

/// Reports that a smaller MSS arrived than was sent.
pub(super) fn clamped(evidence: &Evidence<'_>) -> Option<Finding> {
    let sent = evidence.probe.transport?.advertised_mss?;
    let received = arrived(evidence)?.maximum_segment_size()?;
    (u32::from(received) < sent).then(|| {
        Finding::new(
            FindingId::MssClamped,
            format!("a device lowers the segment size of connections to {received} bytes"),
        )
        .with_detail(format!(
            "the SYN left here with an MSS of {sent}, and arrived with {received}"
        ))
    })
}

/// Reports that the SYN or the SYN-ACK arrived with options that differ from those sent.
pub(super) fn options(evidence: &Evidence<'_>) -> Option<Finding> {
    let lost = lost_on_the_way_back(evidence);
    if lost.is_empty() {
        return in_the_syn(evidence);
    }
    let target = evidence.target();
    let detail = format!(
        "the SYN arrived at the server with {0}, and the server's end put {0} into its SYN-ACK; \
         this host's system found no {0} in it, so a device between the two hosts took it out of \
         the SYN-ACK from {target}",
        lost.join(", ")
    );
    let finding = Finding::new(
        FindingId::TcpOptionsChanged,
        format!(
            "a device changes TCP options: it removes {} from the SYN-ACK, on the way from the \
             server",
            lost.join(", ")
        ),
    );
    Some(finding.with_detail(detail))
}

/// Returns the options that the server's end agreed to and this end did not, because the SYN-ACK lost them. Empty if
/// the account of either end is missing, or if the SYN was not this host's own.
pub(in super::super) fn lost_on_the_way_back(evidence: &Evidence<'_>) -> Vec<&'static str> {
    let both = arrived(evidence).and_then(|_own| {
        let here = evidence.probe.transport?.agreed_options?;
        Some((testimony(evidence.probe)?.agreed_options?, here))
    });
    both.map_or_else(Vec::new, |(server, here)| server.without_those_of(here))
}

/// Reports that the options of the SYN that arrived are not those that this host's system sends.
fn in_the_syn(evidence: &Evidence<'_>) -> Option<Finding> {
    let sent = kinds(&SynHeader::parse(&evidence.own_syn?.0).ok()?);
    let received = kinds(&arrived(evidence)?);
    let removed: Vec<String> = sent.difference(&received).map(|k| name(*k)).collect();
    let added: Vec<String> = received.difference(&sent).map(|k| name(*k)).collect();
    let mut changes = Vec::new();
    if !removed.is_empty() {
        changes.push(format!("removes {}", removed.join(", ")));
    }
    if !added.is_empty() {
        changes.push(format!("adds {}", added.join(", ")));
    }
    (!changes.is_empty()).then(|| {
        Finding::new(
            FindingId::TcpOptionsChanged,
            format!(
                "a device changes TCP options: it {} in the SYN, on the way to the server",
                changes.join(" and ")
            ),
        )
    })
}

/// Returns the SYN that the server received, if it is this host's own.
fn arrived(evidence: &Evidence<'_>) -> Option<SynHeader> {
    let syn = testimony(evidence.probe)?.syn.as_ref()?;
    let mark = evidence.session()?.hop_limit_mark?;
    let header = SynHeader::parse(&syn.0).ok()?;
    (is_marked(header.hop_limit, mark) && header.options_intact).then_some(header)
}

/// Returns the option numbers (IANA "TCP Option Kind Numbers"), without padding.
fn kinds(syn: &SynHeader) -> BTreeSet<u8> {
    let kind = |option: &TcpOption| match option {
        TcpOption::EndOfList | TcpOption::NoOperation => None,
        TcpOption::MaximumSegmentSize(_) => Some(2),
        TcpOption::WindowScale(_) => Some(3),
        TcpOption::SackPermitted => Some(4),
        TcpOption::Timestamps { .. } => Some(8),
        TcpOption::Unknown { kind, .. } => Some(*kind),
    };
    syn.options.iter().filter_map(kind).collect()
}

fn name(kind: u8) -> String {
    match kind {
        2 => "maximum segment size".to_owned(),
        3 => "window scaling".to_owned(),
        4 => "selective acknowledgement".to_owned(),
        8 => "timestamps".to_owned(),
        other => format!("option {other}"),
    }
}
