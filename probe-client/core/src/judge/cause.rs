//! The causes, one file each, in the stages in which they are tried.

use super::evidence::Evidence;
use crate::verdict::Verdict;

mod answered_by_middlebox;
mod answered_by_stranger;
mod idle_expired;
mod inconclusive;
mod instances;
mod local;
mod name_not_resolved;
mod not_connected;
mod path_mtu_black_hole;
mod payload_altered;
mod payload_dropped_or_reset;
mod prohibited;
mod proxy;
mod reachable;
mod reachable_with_loss;
mod redirected_to_other_port;
mod server_other_version;
mod server_overloaded;
mod server_refused;
mod server_silent;
mod server_unproven;
mod server_unreachable;
mod stalls_after_bytes;
mod tls_intercepted;

use self::inconclusive::{broken_off, interrupted, options_lost, too_slow};
use self::payload_altered::converted;
use self::payload_dropped_or_reset::{exchange_died, inspected, no_application_data};
use self::reachable_with_loss::recovered;
use self::server_unreachable::no_way_there;

/// A function that returns the cause's verdict if the evidence shows it.
type Cause = fn(&Evidence<'_>) -> Option<Verdict>;

/// A group of causes whose evidence is of one sort. The evidence of an earlier stage explains the evidence of later
/// stages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// Nothing was measured, or the connection did not leave this host.
    ThisHost,
    /// The proxy did not open the connection.
    Proxy,
    /// A router says why it does not forward.
    Router,
    /// The server testified that the bytes which arrived are not those that were sent.
    Testified,
    /// Sessions run whole, but not always.
    Lossy,
    /// The server's answer alone decides.
    Answered,
    /// Something else answers, or an answer arrived changed.
    AnotherPeer,
    /// The server or the whole path to it failed during the run.
    WholeRun,
    /// The session was silent on purpose, or instances of the server are not set up alike.
    Setup,
    /// Other sessions pass at times, or the SYN-ACK lost the window scale option.
    Recovered,
    /// Every byte arrived, and one of the two hosts was too busy to go on.
    Busy,
    /// Full-size segments alone vanish. On a slow line, small ones pass as slowly as these.
    Sized,
    /// A slow path explains the silence.
    Slow,
    /// Variations of the session show which difference lets it pass.
    Varied,
    /// Every port of the server fails in the same way.
    WholeServer,
    /// The failure concerns one port: the server's account of it, and the place where its answers come from, decide.
    OnePort,
}

/// The causes in their stages. The first cause that returns a verdict decides.
///
/// Within a stage the order does not matter: the evidence of one cause excludes the others, in every recorded run at
/// least (`order.rs`).
pub(super) const STAGES: &[(Stage, &[Cause])] = &[
    (
        Stage::ThisHost,
        &[interrupted::judge, name_not_resolved::judge, local::judge],
    ),
    (Stage::Proxy, &[proxy::judge]),
    (Stage::Router, &[no_way_there::judge, prohibited::judge]),
    (
        Stage::Testified,
        &[
            tls_intercepted::relayed,
            server_unproven::judge,
            converted::judge,
            redirected_to_other_port::judge,
            payload_altered::payload,
        ],
    ),
    (Stage::Lossy, &[reachable_with_loss::judge]),
    (
        Stage::Answered,
        &[
            reachable::judge,
            server_overloaded::judge,
            server_other_version::judge,
        ],
    ),
    (
        Stage::AnotherPeer,
        &[
            tls_intercepted::minted,
            payload_altered::frame,
            answered_by_stranger::judge,
        ],
    ),
    (Stage::WholeRun, &[broken_off::judge]),
    (
        Stage::Setup,
        &[idle_expired::judge, instances::port, instances::key],
    ),
    (Stage::Recovered, &[options_lost::judge, recovered::judge]),
    (Stage::Busy, &[too_slow::given_up]),
    (Stage::Sized, &[path_mtu_black_hole::judge]),
    (Stage::Slow, &[too_slow::judge]),
    (
        Stage::Varied,
        &[stalls_after_bytes::judge, inspected::judge],
    ),
    (
        Stage::WholeServer,
        &[
            server_refused::judge,
            proxy::tunnel,
            server_unreachable::judge,
            server_silent::judge,
        ],
    ),
    (
        Stage::OnePort,
        &[
            exchange_died::judge,
            not_connected::judge,
            no_application_data::judge,
            answered_by_middlebox::judge,
        ],
    ),
];

pub(super) use self::inconclusive::judge as inconclusive;
pub(super) use self::reachable_with_loss::lossy::judge as lossy;
