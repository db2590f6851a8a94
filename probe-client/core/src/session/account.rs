//! The account of a session so far, in the form of its report.

use std::time::Duration;

use proto::wire;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::head_comparison::{HeadComparison, compare};
use super::hex_bytes::HexBytes;
use super::http_account::HttpAccount;
use super::phase::{PhaseLog, micros};
use super::stages::Stages;
use super::testimony::{ClientTls, Testimony};
use super::tls_here::TlsHere;

/// A session's account, which its layers fill in as they go.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) phases: PhaseLog,
    pub(super) stages: Stages,
    /// Whether the line is slow, so that stages that can be left out are not sent.
    pub(super) line_is_slow: bool,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) preface_reply: Option<PrefaceReply>,
    /// The first testimony; in the HTTP envelope, each request has its own.
    pub(super) testimony: Option<Box<Testimony>>,
    /// Later testimonies that name a port or shape other than the first one's.
    pub(super) other_testimonies: Vec<Testimony>,
    /// The client's TLS session at the time of the first testimony.
    pub(super) tls_testified: Option<TlsHere>,
    /// The head of the HTTP request that is waiting for its response; empty in other envelopes.
    pub(super) request_head: Vec<u8>,
    pub(super) request_head_arrived: Option<HeadComparison>,
    pub(super) hold: Option<Hold>,
    pub(super) http: Option<Box<HttpAccount>>,
    pub(super) refused_by: Option<String>,
    pub(super) farewell: Option<Farewell>,
}

/// The answer to an X.224 request or an MC-NMF preamble.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrefaceReply {
    pub bytes: HexBytes,
    /// The answer is, byte for byte, the echo server's. Otherwise it was altered on the way, or something
    /// else answered.
    pub as_expected: bool,
}

/// Silence on purpose, and the server's answer after it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// How long the silence was to last, in microseconds.
    pub asked_us: u64,
    /// The beginning of the silence, in microseconds since the run's start.
    pub began_us: u64,
    /// The time at which this side spoke again, in microseconds since the run's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_us: Option<u64>,
    /// The time at which the server's answer after the silence arrived, in microseconds since the run's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_us: Option<u64>,
}

/// The server's transport facts at the session's end. Absent: not measured.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Farewell {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_variance_us: Option<u32>,
    /// Segments that the server's host sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retransmissions: Option<u32>,
    /// Segments that the server's host sent again needlessly: this side reported that the first had arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates_reported: Option<u32>,
    /// The number of times that the server's host saw segments of its own overtake each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorderings_seen: Option<u32>,
    /// The send MSS in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_mss: Option<u32>,
    /// The receive MSS in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_mss: Option<u32>,
    /// The path MTU in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_mtu: Option<u32>,
    /// Bytes received, as the server counts them.
    pub bytes_received: u64,
    /// Bytes sent, as the server counts them.
    pub bytes_sent: u64,
}

impl Account {
    pub(super) fn new(phases: PhaseLog, stages: Stages, http: Option<Box<HttpAccount>>) -> Self {
        Self {
            phases,
            stages,
            line_is_slow: false,
            bytes_sent: 0,
            bytes_received: 0,
            preface_reply: None,
            testimony: None,
            other_testimonies: Vec::new(),
            tls_testified: None,
            request_head: Vec::new(),
            request_head_arrived: None,
            hold: None,
            http,
            refused_by: None,
            farewell: None,
        }
    }

    /// Records a testimony about a session in `tls`: the first one entirely, later ones only where they differ.
    pub(super) fn testified(&mut self, testimony: Testimony, tls: Option<&ClientTls>) {
        if let Some(HexBytes(arrived)) = &testimony.request_head {
            let found = compare(&self.request_head, arrived, testimony.truncated);
            // An alteration of an earlier head counts even if a later head arrives intact.
            let known = self.request_head_arrived.take();
            self.request_head_arrived = Some(match known {
                Some(altered @ HeadComparison::Different { .. }) => altered,
                Some(HeadComparison::Same | HeadComparison::SameAsFarAsTold { .. }) | None => found,
            });
        }
        if let Some(http) = &mut self.http {
            http.answered_by(&testimony);
        }
        match &mut self.testimony {
            Some(first) => {
                first.add_disagreement(&testimony);
                let known = &self.other_testimonies;
                if !first.is_of_one_shape_with(&testimony)
                    && !known.iter().any(|k| k.is_of_one_shape_with(&testimony))
                    && known.len() < MAX_OTHERS
                {
                    self.other_testimonies.push(testimony);
                }
            }
            None => {
                self.testimony = Some(Box::new(testimony));
                self.tls_testified = tls.map(TlsHere::from);
            }
        }
    }

    /// Returns the number of connections that carried the session.
    pub(super) fn connections(&self) -> u32 {
        self.http.as_ref().map_or(1, |http| http.connections)
    }

    pub(super) fn connected_again(&mut self) {
        if let Some(http) = &mut self.http {
            http.connections += 1;
        }
    }

    /// Returns when the current hold ends; `None` outside a hold.
    pub(super) fn hold_ends(&self) -> Option<Duration> {
        let hold = self.hold.filter(|hold| hold.ended_us.is_none())?;
        let ends = hold.began_us.saturating_add(hold.asked_us);
        Some(Duration::from_micros(ends))
    }

    pub(super) fn hold_began(&mut self, asked: Duration, now: Duration) {
        self.hold = Some(Hold {
            asked_us: micros(asked),
            began_us: micros(now),
            ended_us: None,
            answered_us: None,
        });
    }

    pub(super) fn hold_ended(&mut self, now: Duration) {
        if let Some(hold) = &mut self.hold {
            hold.ended_us.get_or_insert_with(|| micros(now));
        }
    }

    /// Records an authentic message from the server. The first one after a hold counts as the answer to it.
    pub(super) fn alive(&mut self, now: Duration) {
        if let Some(hold) = &mut self.hold
            && hold.ended_us.is_some()
        {
            hold.answered_us.get_or_insert_with(|| micros(now));
        }
    }
}

/// The maximum number of testimonies kept that differ from the first.
///
/// Any one of them proves that the session did not arrive as it was sent, and few different shapes exist.
const MAX_OTHERS: usize = 8;

impl From<wire::Farewell> for Farewell {
    fn from(message: wire::Farewell) -> Self {
        Self {
            rtt_us: message.rtt_us,
            rtt_variance_us: message.rtt_variance_us,
            retransmissions: message.retransmissions,
            duplicates_reported: message.duplicates_reported,
            reorderings_seen: message.reorderings_seen,
            send_mss: message.send_mss,
            receive_mss: message.receive_mss,
            path_mtu: message.path_mtu,
            bytes_received: message.bytes_received,
            bytes_sent: message.bytes_sent,
        }
    }
}
