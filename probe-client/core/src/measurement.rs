//! Everything measured about one probe, as plain data: the basis of verdicts, which a run document keeps. Absent values
//! were not measured.

use std::net::{IpAddr, SocketAddr};

use proto::syn::{SynHeader, is_marked};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::{Failure, FailureKind, Observation, Operation, Origin};
use crate::path::NetworkPath;
use crate::plan::Silence;
use crate::profile::{Direction, Expectation, Port, RuleId};
use crate::proxy::ProxyAccount;
use crate::session::{Digest, SessionReport, StageReport};
use crate::session_kind::SessionKind;
use crate::survey::Survey;

mod agreed_options;
mod departure;
mod flow;
mod outcome;
mod presented_certificate;
mod sent_again;
mod sighting;
mod source_address;
mod syn_times;
mod varied_session;

pub use agreed_options::AgreedOptions;
pub use departure::{Departure, Respect};
pub use flow::{Flow, FlowEnd, FlowRound};
pub use outcome::Outcome;
pub use presented_certificate::PresentedCertificate;
pub use sent_again::{OneWay, SentAgain};
pub(crate) use sighting::canonical;
pub use sighting::{AnswersRefused, MatchedBy, Sighting, SightingAnswer, SightingEnd};
pub use source_address::{egress_address, seen_as, source_address};
pub use syn_times::syn_times;
pub use varied_session::{OTHER_NAME, SentName, Variation, VariedSession};

/// The part of a profile's rule that a report repeats.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ProbedRule {
    pub id: RuleId,
    pub port: Port,
    pub session: SessionKind,
    /// The Via URI that the net.tcp preamble contained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via_uri: Option<String>,
    pub purpose: String,
    pub direction: Direction,
    pub expect: Expectation,
    /// The name or tag that the rule is really about, if the echo server only stands in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// One probe: a rule, a path, a server address, and everything that was measured.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
pub struct Measurement {
    pub rule: ProbedRule,
    pub path: NetworkPath,
    /// The server's name, as the user or the connection string gives it.
    pub host: String,
    /// The address that was dialled. Absent if the name gave none, or if only the proxy knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Silence that was kept on purpose once the session was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<Silence>,
    /// The address of this end of the connection, once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<SocketAddr>,
    pub observations: Vec<Observation>,
    /// The proxy on the path. Absent on the path `direct`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxyAccount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionReport>,
    /// The leaf certificate that a TLS handshake showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PresentedCertificate>,
    /// SHA-256 over the client certificate that this side had ready for TLS, lower-case hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// SHA-256 over the ClientHello messages as sent, where the handshake failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_hello_sha256: Option<Digest>,
    /// The certificate that the same port presented for a random name, where the first certificate was not
    /// the pinned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forging_test: Option<ForgingTest>,
    /// The kernel's account of the connection when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<TransportFacts>,
    /// The server's sightings of the connection. The client asks for them where the testimony is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sighting: Option<SightingAnswer>,
    /// Further sessions on the same port, each different in one respect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variations: Vec<VariedSession>,
    /// Side connections from other source ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flows: Vec<Flow>,
    /// The difference between a second connection, on which the session ran, and the first one, whose SYNs got no
    /// answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redial: Option<Redial>,
    /// The survey of hops that looked for the place of the cause after the probe had failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub survey: Option<Survey>,
}

/// The difference between a second connection and a first one whose SYNs got no answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redial {
    /// Only its source port differs.
    SourcePort,
    /// Its hop limit is the system's own. A connection with the mark from another source port got no answer
    /// either.
    Unmarked,
}

/// A second handshake that asks for a name for which nobody has a certificate.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct ForgingTest {
    pub name_asked: String,
    /// The certificate that the handshake showed. Absent: it showed none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PresentedCertificate>,
}

impl ForgingTest {
    /// Returns whether the certificate was made on the fly, because it is for the name that was just invented.
    pub fn minted(&self) -> bool {
        self.certificate.as_ref().is_some_and(|c| {
            c.names
                .iter()
                .any(|n| n.eq_ignore_ascii_case(&self.name_asked))
        })
    }
}

/// The kernel's account of a connection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct TransportFacts {
    /// The smoothed round-trip time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// The shortest round-trip time of the connection, if the system reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_rtt_us: Option<u64>,
    /// The time in which bytes had to wait because the other end's window, as it arrived here, had no room for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_limited_us: Option<u64>,
    /// Segments sent again, without those that the other end reported as needless (RFC 2883).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retransmissions: Option<u32>,
    /// Segments sent again that the other end reported as needless: the first had arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates_reported: Option<u32>,
    /// The number of times that segments of this end were seen to overtake each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reorderings_seen: Option<u32>,
    /// The SYNs among the retransmissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syn_retransmissions: Option<u32>,
    /// Segments sent and not acknowledged by the other end's kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unacknowledged_segments: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_acknowledged: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_mss: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_mss: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_mtu: Option<u32>,
    /// The MSS that this end's SYN announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advertised_mss: Option<u32>,
    /// TCP options that this end found in both SYNs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_options: Option<AgreedOptions>,
    /// An error that the system still held for the connection when it ended. A session with a hop limit listens to
    /// ICMP, so the error may come from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_error: Option<FailureKind>,
    /// Bytes written to and read from the TCP connection, TLS records included.
    pub bytes_written: u64,
    pub bytes_read: u64,
}

impl Measurement {
    /// Starts an empty measurement.
    pub fn begin(
        rule: ProbedRule,
        path: NetworkPath,
        host: String,
        address: Option<SocketAddr>,
    ) -> Self {
        Self {
            rule,
            path,
            host,
            address,
            silence: None,
            local: None,
            observations: Vec::new(),
            proxy: None,
            session: None,
            certificate: None,
            client_certificate: None,
            client_hello_sha256: None,
            forging_test: None,
            transport: None,
            sighting: None,
            variations: Vec::new(),
            flows: Vec::new(),
            redial: None,
            survey: None,
        }
    }

    /// Returns the first failure; operations after it were not attempted.
    pub fn failure(&self) -> Option<(Operation, &Failure)> {
        self.observations
            .iter()
            .find_map(|o| o.failure.as_ref().map(|f| (o.operation, f)))
    }

    pub fn succeeded(&self, operation: Operation) -> bool {
        self.observations
            .iter()
            .any(|o| o.operation == operation && o.failure.is_none())
    }

    /// Returns the distance to the server in hops, calculated from the SYN that the server received.
    ///
    /// `None` if that SYN was not saved, or is not this host's own.
    pub fn server_distance(&self) -> Option<u8> {
        let session = self.session.as_ref()?;
        let mark = session.hop_limit_mark?;
        let syn = session.testimony.as_ref()?.syn.as_ref()?;
        let arrived = SynHeader::parse(&syn.0).ok()?.hop_limit;
        // Every router on the path subtracts one.
        is_marked(arrived, mark).then(|| mark - arrived + 1)
    }

    pub fn session_kind(&self) -> SessionKind {
        self.rule.session
    }

    /// Returns the port that was dialled, or that the proxy was asked for.
    pub fn port_dialled(&self) -> u16 {
        let asked = self.proxy.as_ref().map(|p| p.port_asked);
        let dialled = self.address.map(|a| a.port()).or(asked);
        dialled.unwrap_or_else(|| self.rule.port.get())
    }

    /// Returns whether there was a connection to the server, or to a proxy that reported one.
    pub fn connected(&self) -> bool {
        self.succeeded(match self.path {
            NetworkPath::Direct => Operation::Connect,
            NetworkPath::Proxy(_) => Operation::ProxyNegotiation,
        })
    }

    /// Returns whether both measurements are for the same server over the same path.
    pub fn same_server(&self, other: &Self) -> bool {
        self.path == other.path
            && match (self.server(), other.server()) {
                (None, None) => self.host == other.host,
                (mine, theirs) => mine == theirs,
            }
    }

    /// Returns the measurements of the sessions that differ by this variation.
    pub fn compared(&self, variation: Variation) -> impl Iterator<Item = &Self> {
        let wanted = move |c: &&VariedSession| c.variation == variation;
        self.variations
            .iter()
            .filter(wanted)
            .map(|c| &c.measurement)
    }

    /// Returns whether the SYNs were not answered at all.
    pub fn met_silence(&self) -> bool {
        self.failed_to_connect().is_some_and(|failure| {
            failure.kind == FailureKind::TimedOut && failure.origin == Origin::Unknown
        })
    }

    /// Returns whether the SYNs were answered by RST or an ICMP error.
    pub fn was_turned_away(&self) -> bool {
        self.failed_to_connect()
            .is_some_and(|failure| matches!(failure.origin, Origin::Peer | Origin::Icmp { .. }))
    }

    fn failed_to_connect(&self) -> Option<&Failure> {
        let (operation, failure) = self.failure()?;
        (operation == Operation::Connect).then_some(failure)
    }

    /// Returns whether the genuine server testified.
    pub fn testified(&self) -> bool {
        let session = self.session.as_ref();
        session.is_some_and(|s| s.testimony.is_some())
    }

    /// Returns whether the server testified and the session did not fail, so that there is nothing left to ask about it.
    pub fn is_complete(&self) -> bool {
        self.testified() && self.failure().is_none()
    }

    /// Returns whether the session ran whole.
    ///
    /// That is: the genuine server testified that this very session arrived as it was sent, and all requested bytes
    /// arrived unaltered, both ways.
    pub fn ran_whole(&self) -> bool {
        let Some(session) = &self.session else {
            return false;
        };
        session.testimony.is_some()
            && session.farewell.is_some()
            && self.failure().is_none()
            && self.departures().is_empty()
            && session.stages.iter().all(StageReport::is_whole)
    }

    /// Returns whether the session ended by silence: nothing came in time, or the server gave up waiting first.
    ///
    /// A device that rejects what it sees does not take that long.
    pub fn died_in_silence(&self) -> bool {
        let failed = self.observations.iter().find(|o| o.failure.is_some());
        failed.is_some_and(|o| match &o.failure {
            Some(failure) if failure.kind == FailureKind::TimedOut => true,
            Some(failure) if matches!(failure.kind, FailureKind::Reset | FailureKind::Closed) => {
                o.duration_us >= LATE_US
                    || (o.operation <= Operation::Testimony && self.open_for_us() >= LATE_US)
            }
            Some(_) | None => false,
        })
    }

    /// Returns how long the connection lasted after the TCP handshake, in microseconds.
    fn open_for_us(&self) -> u64 {
        let all = self.observations.iter();
        let open = all.filter(|o| o.operation > Operation::Connect);
        open.map(|o| o.duration_us).fold(0, u64::saturating_add)
    }

    /// Returns how many segments both ends together sent again, as far as they report it.
    pub fn segments_sent_again(&self) -> u32 {
        let ours = self.transport.and_then(|t| t.retransmissions);
        let farewell = self.session.as_ref().and_then(|s| s.farewell);
        let theirs = farewell.and_then(|f| f.retransmissions);
        ours.unwrap_or(0).saturating_add(theirs.unwrap_or(0))
    }

    /// Returns whether more than one segment of the established connection was lost, counting both ends.
    ///
    /// One lost segment may be a packet that came late, or a busy host.
    pub fn loses_segments(&self) -> bool {
        let (up, down) = self.sent_again().lost();
        up.saturating_add(down) > 1
    }

    /// Returns the segments that both ends sent again, without SYNs.
    pub fn sent_again(&self) -> SentAgain {
        let farewell = self.session.as_ref().and_then(|s| s.farewell);
        SentAgain {
            up: self.transport.map_or_else(OneWay::default, |transport| {
                let syns = transport.syn_retransmissions.unwrap_or(0);
                OneWay {
                    perhaps_lost: transport.retransmissions.unwrap_or(0).saturating_sub(syns),
                    needless: transport.duplicates_reported.unwrap_or(0),
                    overtaken: transport.reorderings_seen.unwrap_or(0),
                }
            }),
            down: farewell.map_or_else(OneWay::default, |farewell| OneWay {
                perhaps_lost: farewell.retransmissions.unwrap_or(0),
                needless: farewell.duplicates_reported.unwrap_or(0),
                overtaken: farewell.reorderings_seen.unwrap_or(0),
            }),
        }
    }

    /// Returns how many SYNs this host sent again, as far as the system reports it.
    ///
    /// SYNs that were sent again before the answer to the first could have arrived do not count.
    pub fn syns_sent_again(&self) -> u32 {
        let Some(transport) = self.transport else {
            return 0;
        };
        let sent = transport.syn_retransmissions.unwrap_or(0);
        let on_the_way = transport
            .least_rtt_us
            .map_or(0, syn_times::most_sent_again_within);
        sent.saturating_sub(on_the_way)
    }

    /// Returns when each SYN of this session was sent, in microseconds since the first. The times of a proxy's SYNs are
    /// estimated.
    pub fn syn_times(&self) -> &'static [u64] {
        let mut all = self.observations.iter();
        let connects = [Operation::Connect, Operation::ProxyNegotiation];
        let Some(connect) = all.find(|o| connects.contains(&o.operation)) else {
            return &[];
        };
        let counted = match &connect.failure {
            Some(failure) => failure.syns_sent,
            None => self
                .transport
                .and_then(|t| t.syn_retransmissions)
                .map(|again| again + 1),
        };
        syn_times(connect.duration_us, counted)
    }

    /// Returns how many of this probe's connections this host gave up before a SYN was answered, including variations and
    /// side connections.
    pub fn connections_given_up(&self) -> usize {
        let beside = self.variations.iter().map(|c| &c.measurement);
        let sessions = beside.chain([self]);
        let sessions = sessions.filter(|m| m.met_silence() || m.redial.is_some());
        // A side connection that was opened had its answer.
        let flows = self.flows.iter().filter(|f| f.end == FlowEnd::Unanswered);
        sessions.count() + flows.count()
    }

    /// Returns the server's address, which several probes share.
    pub fn server(&self) -> Option<IpAddr> {
        self.address.map(|a| a.ip())
    }
}

/// The time after which the end of a session counts as silence.
///
/// The server waits at least ten seconds before it closes a silent session, and equally long, from the session's
/// beginning, for the greeting.
const LATE_US: u64 = 9_500_000;
