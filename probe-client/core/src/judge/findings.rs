//! Findings are reported together with the verdict, and fail no rule by themselves. One file each; the order is that of
//! the report.

use super::evidence::Evidence;
use crate::verdict::Finding;

mod application;
mod client_certificate;
mod clock;
mod destination;
mod ecn;
mod hello_altered;
mod http;
mod instances;
mod large_hello;
mod legacy_hello;
mod loss;
pub(super) mod pace;
mod password;
mod relayed;
mod reordering;
mod slow;
mod suspected;
mod syn;
mod translation;

pub(super) use syn::lost_on_the_way_back;

/// A function that returns its finding if the evidence shows it.
type Look = fn(&Evidence<'_>) -> Option<Finding>;

const ALL: &[Look] = &[
    relayed::look,
    syn::clamped,
    syn::options,
    ecn::lost,
    ecn::cleared,
    translation::source,
    translation::egress,
    translation::egress_by_path,
    http::head,
    http::proxy,
    application::look,
    password::look,
    client_certificate::look,
    hello_altered::look,
    large_hello::look,
    legacy_hello::look,
    loss::look,
    reordering::look,
    slow::look,
    pace::rate,
    pace::number,
    suspected::source_blocked,
    suspected::mark_dropped,
    instances::port,
    instances::unasked,
    clock::look,
    destination::look,
];

/// Returns all findings about one probe.
pub fn findings(evidence: &Evidence<'_>) -> Vec<Finding> {
    ALL.iter().filter_map(|look| look(evidence)).collect()
}
