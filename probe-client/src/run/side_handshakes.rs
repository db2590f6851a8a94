//! Runs other TLS handshakes during a session. They begin as soon as the session's own handshake has passed, so that
//! they end before the session does. They show whether the port passes ClientHellos that are larger or older than the
//! session's.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use probe_core::measurement::{Measurement, Variation, VariedSession};
use probe_core::observation::Operation;
use probe_core::plan::PlannedProbe;
use probe_core::session_kind::SessionKind;
use tokio::sync::Notify;

use super::{Run, task};
use crate::context::RunContext;
use crate::destination::Destination;
use crate::probe::ProbeTask;

/// The handshakes of one probe: each variation, with one session for each attempt.
#[derive(Debug, Default)]
pub(super) struct SideHandshakes(Vec<(Variation, [ProbeTask; ATTEMPTS])>);

/// The session kinds whose handshakes have been assigned, by port.
#[derive(Debug, Default)]
pub(super) struct SideHandshakeLog(BTreeSet<(SessionKind, u16, bool)>);

impl SideHandshakeLog {
    /// Returns the handshakes to run with `planned`: once for each TLS kind and port, since several rules can have the
    /// same port.
    pub(super) fn of(
        &mut self,
        run: &Run,
        planned: &PlannedProbe,
        destination: &Arc<Destination>,
    ) -> SideHandshakes {
        if planned.session.shape().tls.is_none() || !destination.path().is_direct() {
            return SideHandshakes::default();
        }
        let wanted = [
            (Variation::InHelloSize, true),
            (Variation::InHelloAge, planned.rule.legacy_hello),
        ];
        let port = planned.dialled.get();
        let mut first = |(variation, wanted): &(Variation, bool)| {
            let legacy = *variation == Variation::InHelloAge;
            *wanted && self.0.insert((planned.session, port, legacy))
        };
        let handshake = PlannedProbe {
            silence: None,
            ..planned.clone()
        };
        let task = |_| task::of(run, &handshake, destination);
        let chosen: Vec<Variation> = wanted.iter().filter(|w| first(w)).map(|w| w.0).collect();
        SideHandshakes(
            chosen
                .into_iter()
                .map(|variation| (variation, [(); ATTEMPTS].map(task)))
                .collect(),
        )
    }
}

impl SideHandshakes {
    /// Runs `task`, and runs all its side handshakes once its own TLS handshake has succeeded.
    pub(super) async fn beside(self, task: ProbeTask, context: &RunContext) -> Measurement {
        if self.0.is_empty() {
            return task.run(context).await;
        }
        let shaken = Arc::new(Notify::new());
        let watched = RunContext {
            shaken: Some(Arc::clone(&shaken)),
            ..context.clone()
        };
        let (mut main, mut beside) = (
            Box::pin(task.run(&watched)),
            Box::pin(async {
                shaken.notified().await;
                if context.options.line.is_slow() {
                    return Vec::new();
                }
                self.run(context).await
            }),
        );
        tokio::select! {
            mut measurement = &mut main => {
                // Without a TLS handshake of the session itself there is nothing to compare with.
                if measurement.succeeded(Operation::TlsHandshake) {
                    measurement.variations = beside.await;
                }
                measurement
            }
            variations = &mut beside => {
                let mut measurement = main.await;
                measurement.variations = variations;
                measurement
            }
        }
    }

    async fn run(self, context: &RunContext) -> Vec<VariedSession> {
        let all = self.0.into_iter().map(|(variation, attempts)| async move {
            let varied = context.varied(variation);
            let mut made = Vec::new();
            for attempt in attempts {
                let measurement = attempt.run(&varied).await;
                let passed = measurement.failure().is_none();
                made.push(VariedSession {
                    variation,
                    measurement,
                });
                // One failure may be chance, so a failed handshake is tried again.
                if passed {
                    break;
                }
            }
            made
        });
        join_all(all).await.into_iter().flatten().collect()
    }
}

const ATTEMPTS: usize = 2;
