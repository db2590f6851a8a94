//! The phases of a session, and the time at which it entered each.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The next thing that a session waits for. A session goes through the phases of its kind in this order.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The answer to the X.224 request or to the MC-NMF preamble, in clear text.
    Preface,
    /// The TLS handshake.
    Tls,
    /// The MC-NMF preamble acknowledgement, inside TLS.
    InnerPreface,
    /// The answer to the greeting.
    AwaitingTestimony,
    /// Confirmations and payload.
    Exchanging,
    /// Nothing: the session is silent on purpose.
    Holding,
    /// A sign of life after the silence.
    Resuming,
    /// The farewell, and in MC-NMF the end record that follows it.
    AwaitingFarewell,
    /// The session is over: both ends have said everything.
    Finished,
}

/// A phase and when it began.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseEntry {
    pub phase: Phase,
    /// The beginning of the phase, in microseconds since the run's start.
    pub at_us: u64,
}

/// The phases entered so far. The log only moves forward: a session does not enter an earlier phase again.
#[derive(Debug)]
pub(super) struct PhaseLog(Vec<PhaseEntry>);

impl PhaseLog {
    pub(super) fn begin(phase: Phase, now: Duration) -> Self {
        let mut log = Vec::with_capacity(MOST_PHASES);
        log.push(PhaseEntry {
            phase,
            at_us: micros(now),
        });
        Self(log)
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Duration) {
        if phase > self.current() {
            self.0.push(PhaseEntry {
                phase,
                at_us: micros(now),
            });
        }
    }

    pub(super) fn current(&self) -> Phase {
        self.0.last().expect("begun with one entry").phase
    }

    pub(super) fn entries(&self) -> &[PhaseEntry] {
        &self.0
    }
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The number of phases of a `nettcp` session with a hold, which enters all of them.
const MOST_PHASES: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_never_goes_back() {
        let mut log = PhaseLog::begin(Phase::Tls, Duration::from_micros(7));
        log.enter(Phase::Exchanging, Duration::from_micros(9));
        log.enter(Phase::AwaitingTestimony, Duration::from_micros(11));
        log.enter(Phase::Exchanging, Duration::from_micros(12));
        let entries: Vec<_> = log.entries().iter().map(|e| (e.phase, e.at_us)).collect();
        assert_eq!(entries, [(Phase::Tls, 7), (Phase::Exchanging, 9)]);
    }
}
