//! The server's counters for Prometheus. Every label has one of a fixed set of words, so that neither strangers nor
//! clients can create a time series.

use std::time::Duration;

use echo_core::control::InstanceFacts;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use proto::session_kind::SessionKind;

use crate::process::Usage;

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    connections: Family<EndLabels, Counter>,
    refused: Family<Reason, Counter>,
    reloads: Family<OutcomeLabel, Counter>,
    witnessed: Counter,
    witness_missed: Counter,
    handshakes: Histogram,
    sessions: Histogram,
    present: Family<StandingLabel, Gauge>,
    sightings: Gauge,
    nonces: Gauge,
    resident: Gauge,
    descriptors: Gauge,
}

/// The labels of a connection that has ended.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EndLabels {
    kind: &'static str,
    outcome: &'static str,
    /// The word `yes` if a key was proved over the connection.
    known: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StandingLabel {
    standing: &'static str,
}

/// The values of the gauges at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present {
    pub(crate) strangers: usize,
    pub(crate) sessions: usize,
    pub(crate) control: usize,
    pub(crate) sightings: usize,
    pub(crate) nonces: usize,
}

impl Metrics {
    pub(crate) fn new(facts: &InstanceFacts) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("fwprobe_echo"),
            connections: Family::default(),
            refused: Family::default(),
            reloads: Family::default(),
            witnessed: Counter::default(),
            witness_missed: Counter::default(),
            handshakes: Histogram::new(HANDSHAKE_SECONDS),
            sessions: Histogram::new(SESSION_SECONDS),
            present: Family::default(),
            sightings: Gauge::default(),
            nonces: Gauge::default(),
            resident: Gauge::default(),
            descriptors: Gauge::default(),
        };
        metrics.register_counted();
        metrics.register_present();
        let labels = vec![
            ("version", facts.version.clone()),
            ("instance_name", facts.instance.clone()),
        ];
        let registry = &mut metrics.registry;
        registry.register("build", "This process", Info::new(labels));
        metrics
    }

    fn register_counted(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "connections",
            "Connections that have ended, by session kind, outcome, and whether a key was proved",
            self.connections.clone(),
        );
        registry.register(
            "refused",
            "Connections and sessions that were refused, or closed to make room, by reason",
            self.refused.clone(),
        );
        registry.register(
            "reloads",
            "Reloads of the configuration",
            self.reloads.clone(),
        );
        registry.register(
            "witnessed",
            "SYNs to this server, and answers to them, that the witness received while a client \
             had a run open",
            self.witnessed.clone(),
        );
        registry.register(
            "witness_missed",
            "SYNs and answers that the witness missed because its buffer was full",
            self.witness_missed.clone(),
        );
        registry.register_with_unit(
            "handshake",
            "Time from accept to the end of the TLS handshake",
            Unit::Seconds,
            self.handshakes.clone(),
        );
        registry.register_with_unit(
            "session",
            "Time from accept to the end of sessions over which a key was proved",
            Unit::Seconds,
            self.sessions.clone(),
        );
    }

    fn register_present(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "present",
            "Connections open now, by what they have proved",
            self.present.clone(),
        );
        registry.register("sightings", "Sightings kept", self.sightings.clone());
        registry.register("nonces", "HTTP nonces kept", self.nonces.clone());
        // A value that this platform does not report is left out.
        let usage = Usage::now();
        if usage.resident_bytes.is_some() {
            registry.register_with_unit(
                "resident_memory",
                "Resident memory of this process",
                Unit::Bytes,
                self.resident.clone(),
            );
        }
        if usage.descriptors.is_some() {
            registry.register(
                "open_descriptors",
                "Open file descriptors of this process",
                self.descriptors.clone(),
            );
        }
    }

    /// Counts a connection that has ended. `outcome` is one of this program's own words; `known` says whether a key was
    /// proved over it.
    pub(crate) fn ended(&self, kind: Option<SessionKind>, outcome: &'static str, known: bool) {
        let ended = EndLabels {
            kind: kind.map_or("none", SessionKind::name),
            outcome,
            known: if known { "yes" } else { "no" },
        };
        self.connections.get_or_create(&ended).inc();
    }

    /// Counts a session that proved a key and ended after `lasted`.
    pub(crate) fn session(&self, lasted: Duration) {
        self.sessions.observe(lasted.as_secs_f64());
    }

    /// Counts a TLS handshake that was finished `since_accept` after the connection was accepted.
    pub(crate) fn handshake(&self, since_accept: Duration) {
        self.handshakes.observe(since_accept.as_secs_f64());
    }

    /// Counts a connection that was refused or evicted. `reason` is one of this program's own words.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Counts a packet that the witness captured.
    pub(crate) fn witnessed(&self) {
        self.witnessed.inc();
    }

    /// Counts `count` packets that the witness had no room for.
    pub(crate) fn witness_missed(&self, count: u32) {
        self.witness_missed.inc_by(count.into());
    }

    pub(crate) fn reloaded(&self, outcome: &'static str) {
        self.reloads.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Returns the text format of OpenMetrics, with the gauges at this moment.
    pub(crate) fn text(&self, present: Present) -> String {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        for (standing, value) in [
            ("stranger", present.strangers),
            ("session", present.sessions),
            ("control", present.control),
        ] {
            set(
                &self.present.get_or_create(&StandingLabel { standing }),
                value,
            );
        }
        set(&self.sightings, present.sightings);
        set(&self.nonces, present.nonces);
        let usage = Usage::now();
        if let Some(bytes) = usage.resident_bytes {
            set(&self.resident, bytes);
        }
        if let Some(count) = usage.descriptors {
            set(&self.descriptors, count);
        }
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

const HANDSHAKE_SECONDS: [f64; 8] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// The buckets for a session's duration in seconds, up to the longest hold.
const SESSION_SECONDS: [f64; 8] = [0.05, 0.2, 0.5, 2.0, 10.0, 60.0, 300.0, 2700.0];
