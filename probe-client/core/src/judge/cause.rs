//! The causes, one file each, in the order in which they are tried.

use super::evidence::Evidence;
use crate::verdict::Verdict;

mod altered;
mod broken_off;
mod by_flow;
mod converted;
mod cut_off;
mod declined;
mod exchange_died;
mod idle;
mod inconclusive;
mod inspected;
mod instances;
mod interrupted;
mod local;
mod lossy;
mod middlebox;
mod name;
mod no_application_data;
mod no_way_there;
mod not_connected;
mod options_lost;
mod path_mtu;
mod prohibited;
mod proxy;
mod reachable;
mod recovered;
mod redirected;
mod refused_key;
mod server_silent;
mod server_unreachable;
mod stalls;
mod stranger;
mod tls_intercepted;
mod too_slow;
mod unproven;

/// A function that returns the cause's verdict if the evidence shows it.
type Cause = fn(&Evidence<'_>) -> Option<Verdict>;

/// The causes in order: the first that returns a verdict is right.
pub(super) const ALL: &[Cause] = &[
    interrupted::judge,
    name::judge,
    proxy::judge,
    local::judge,
    no_way_there::judge,
    prohibited::judge,
    // The genuine server testified.
    tls_intercepted::relayed,
    unproven::judge,
    converted::judge,
    redirected::judge,
    altered::payload,
    by_flow::judge,
    lossy::judge,
    reachable::judge,
    declined::judge,
    // Another device answered.
    tls_intercepted::minted,
    altered::frame,
    stranger::judge,
    // The session was cut off, or got no answer; variations decide.
    broken_off::judge,
    idle::judge,
    instances::port,
    instances::key,
    options_lost::judge,
    recovered::judge,
    too_slow::judge,
    path_mtu::judge,
    stalls::judge,
    inspected::judge,
    exchange_died::judge,
    refused_key::judge,
    proxy::tunnel,
    server_unreachable::judge,
    server_silent::judge,
    not_connected::judge,
    no_application_data::judge,
    middlebox::judge,
];

pub(super) use inconclusive::judge as inconclusive;
pub(super) use lossy::judge as lossy;
