//! A session's report, which is available at any time and for every outcome.

use proto::frame::Frame;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ClientSession;
use super::account::{Farewell, Hold, PrefaceReply};
use super::fault::{ByteRange, Fault, Quoted};
use super::first_sent::SentPrefix;
use super::head_comparison::{HeadComparison, compare};
use super::hex_bytes::{HexArray, HexBytes};
use super::http_account::HttpAccount;
use super::input::FrameBuffer;
use super::opening::preface_bytes;
use super::phase::{Phase, PhaseEntry};
use super::stages::StageReport;
use super::testimony::Testimony;
use super::tls_here::TlsHere;
use crate::session_kind::SessionKind;

/// The report of a session, whether or not it ran to its end. Fields that were not measured are absent.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SessionReport {
    pub kind: SessionKind,
    pub session_id: HexArray<16>,
    pub port_dialled: u16,
    /// The hop limit that the SYN was given. Absent: the system's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop_limit_mark: Option<u8>,
    /// The last phase that was entered.
    pub phase: Phase,
    pub phases: Vec<PhaseEntry>,
    /// Digests of the first bytes that this host sent, shortest first. The client names them to the server
    /// when it asks for a sighting of this connection.
    pub first_sent: Vec<SentPrefix>,
    /// Plain bytes of the dialogue handed to the transport, with the envelope, without preface and TLS.
    pub bytes_sent: u64,
    /// Plain bytes of the dialogue received from the transport, with the envelope, without preface and TLS.
    pub bytes_received: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preface_reply: Option<PrefaceReply>,
    /// The TLS session at this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsHere>,
    /// The server's testimony, if it was authentic and about this session; else it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub testimony: Option<Testimony>,
    /// Later testimonies of the same session that name a port or shape other than the first one's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_testimonies: Vec<Testimony>,
    /// Whether the X.224 request or MC-NMF preamble arrived as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preface: Option<HeadComparison>,
    /// Whether the HTTP request heads arrived as they were sent. If any was altered, this describes one of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_head: Option<HeadComparison>,
    pub stages: Vec<StageReport>,
    /// Payload bytes each way that were planned and not sent, since the line is slow. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpAccount>,
    /// A frame of which only the beginning has arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished_frame: Option<UnfinishedFrame>,
    /// The instance that refused this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farewell: Option<Farewell>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// The beginning of a frame. It is not authenticated yet: a stranger may have sent it.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct UnfinishedFrame {
    pub downstream: ByteRange,
    /// The minimum number of bytes that are missing.
    pub missing: u32,
    pub quoted: Quoted,
}

impl ClientSession {
    /// Reports the session as it is now.
    pub fn report(&self) -> SessionReport {
        let account = &self.account;
        let own = [self.first_sent.start(), &self.first_inside];
        let foreign = || {
            let stranger = self.stranger.as_ref()?;
            Some(Fault::ForeignBytes(stranger.describe(own)))
        };
        SessionReport {
            kind: self.parameters.kind,
            session_id: HexArray(self.parameters.session_id),
            port_dialled: self.parameters.port_dialled,
            hop_limit_mark: self.parameters.hop_limit_mark,
            phase: account.phases.current(),
            phases: account.phases.entries().to_vec(),
            first_sent: self.first_sent.prefixes(),
            bytes_sent: account.bytes_sent,
            bytes_received: account.bytes_received,
            preface_reply: account.preface_reply.clone(),
            tls: account
                .tls_testified
                .or_else(|| self.tls.as_ref().map(TlsHere::from)),
            testimony: account.testimony.as_deref().cloned(),
            other_testimonies: account.other_testimonies.clone(),
            preface: self.compare_preface(),
            request_head: account.request_head_arrived,
            stages: account.stages.report(),
            left_out: account.stages.left_out(),
            hold: account.hold,
            http: account.http.as_deref().cloned(),
            unfinished_frame: UnfinishedFrame::of(self.dialogue.reader().unfinished()),
            refused_by: account.refused_by.clone(),
            farewell: account.farewell,
            fault: self.fault.clone().or_else(foreign),
        }
    }

    fn compare_preface(&self) -> Option<HeadComparison> {
        let testimony = self.account.testimony.as_ref()?;
        let HexBytes(arrived) = testimony.preface.as_ref()?;
        let sent = preface_bytes(self.shape.preface?, &self.parameters).ok()?;
        Some(compare(&sent, arrived, testimony.truncated))
    }
}

impl UnfinishedFrame {
    pub(super) fn of(frames: &FrameBuffer) -> Option<Self> {
        if frames.bytes().is_empty() {
            return None;
        }
        let missing = match Frame::decode(frames.bytes()) {
            Ok(proto::decoded::Decoded::Incomplete { at_least }) => at_least,
            Ok(proto::decoded::Decoded::Complete { .. }) | Err(_) => return None,
        };
        Some(Self {
            downstream: frames.range(),
            missing: u32::try_from(missing).unwrap_or(u32::MAX),
            quoted: Quoted::of(frames.bytes()),
        })
    }
}
