//! Devices that pose as the server. In a session that is otherwise good, every field of the testimony is dropped,
//! changed and taken from another session, in the first request and in a later one. A posed session is never judged
//! open, unless the table says why the field may differ.

mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::wire;

use self::rows::{LEFT_OUT, Manner, POSES};
use super::*;
use crate::catalogue::VerdictClass;
use crate::judge::{Evidence, judge};
use crate::measurement::{Measurement, PresentedCertificate, ProbedRule};
use crate::path::NetworkPath;
use crate::profile::{Direction, Expectation, Port};
use crate::session::tests::server::Pose;
use crate::timeline::{failure_of, observations};
use crate::verdict::Verdict;

/// Returns the names of all fields of a message, which the compiler checks to be complete.
macro_rules! fields {
    ($prefix:literal, $message:ident { $($field:ident),* $(,)? }) => {{
        let wire::$message { $($field: _),* } = wire::$message::default();
        [$(concat!($prefix, stringify!($field))),*]
    }};
}

#[test]
fn every_field_of_a_testimony_is_posed_in_every_manner() {
    let testimony = fields!(
        "",
        Testimony {
            version,
            instance,
            client_nonce,
            server_nonce,
            local,
            peer,
            public_port,
            time_unix_ms,
            kind,
            connection_id,
            syn,
            preface,
            request_head,
            truncated,
            tls,
            agreed_options,
        }
    );
    let tls = fields!(
        "tls.",
        TlsTestimony {
            version,
            cipher_suite,
            group,
            server_name,
            alpn,
            exporter,
            client_hello_sha256,
            client_certificate_sha256,
        }
    );
    let fields: Vec<&str> = testimony.into_iter().chain(tls).collect();
    let all: BTreeSet<(&str, Manner)> = fields
        .iter()
        .flat_map(|field| Manner::ALL.map(|manner| (*field, manner)))
        .collect();
    let posed: BTreeSet<_> = POSES.iter().map(|row| (row.field, row.manner)).collect();
    let left_out: BTreeSet<_> = LEFT_OUT
        .iter()
        .map(|(field, manner, _)| (*field, *manner))
        .collect();
    assert_eq!(
        posed.intersection(&left_out).next(),
        None,
        "posed, and left out"
    );
    assert_eq!(&posed | &left_out, all);
}

#[test]
fn what_is_posed_is_never_open() {
    let mut effective = BTreeSet::new();
    for kind in SessionKind::ALL {
        let good = judged(kind, None);
        assert_eq!(good.id.name(), "reachable", "{kind}: {}", good.claim);
        for (number, row) in POSES.iter().enumerate() {
            let requests: &[u32] = match kind.shape().envelope {
                // The minimal server compares every nonce with the one that it issued.
                Envelope::Http1 if row.field == "server_nonce" => &[],
                Envelope::Http1 => &[0, 1, 3],
                Envelope::Raw | Envelope::NetTcpSized => &[0],
            };
            for &from in requests {
                let changed = Arc::new(AtomicBool::new(false));
                let pose = Pose {
                    from,
                    apply: row.apply,
                    changed: Arc::clone(&changed),
                };
                let verdict = judged(kind, Some(pose));
                let open = verdict.id.entry().class == VerdictClass::Open;
                let changed = changed.load(Ordering::SeqCst);
                if changed {
                    effective.insert(number);
                }
                let may_be = row.may.is_some() || !changed;
                let (field, how) = (row.field, row.how);
                assert_eq!(
                    open, may_be,
                    "{kind}, {field} {how} ({:?}) from request {from} on: {}: {}",
                    row.manner, verdict.id, verdict.claim
                );
            }
        }
    }
    for (number, row) in POSES.iter().enumerate() {
        let (field, how) = (row.field, row.how);
        assert!(
            effective.contains(&number),
            "{field} {how}: no session is posed"
        );
    }
}

/// A testimony taken whole from another session is refused because of its nonce. A certificate that is not pinned
/// verifies nothing.
#[test]
fn an_unpinned_certificate_is_never_open_whatever_else_agrees() {
    for kind in SessionKind::ALL
        .into_iter()
        .filter(|k| k.shape().tls.is_some())
    {
        let mut measurement = measured(kind, None);
        measurement.certificate.as_mut().unwrap().pinned = false;
        let verdict = verdict(&measurement, &[&measurement]);
        assert_eq!(
            verdict.id.name(),
            "server-unproven",
            "{kind}: {}",
            verdict.claim
        );
        let plain = measured(SessionKind::Tcp, None);
        let beside = verdict_of(&plain, &measurement);
        assert_eq!(beside.claim, verdict.claim, "one statement");
        measurement.certificate = None;
        let verdict = self::verdict(&measurement, &[&measurement]);
        assert_ne!(verdict.id.entry().class, VerdictClass::Open, "{kind}");
    }
}

fn verdict_of(plain: &Measurement, beside: &Measurement) -> Verdict {
    verdict(plain, &[plain, beside])
}

fn judged(kind: SessionKind, pose: Option<Pose>) -> Verdict {
    let measurement = measured(kind, pose);
    verdict(&measurement, &[&measurement])
}

fn verdict(probe: &Measurement, same_server: &[&Measurement]) -> Verdict {
    judge(&Evidence {
        probe,
        same_server: same_server.iter().copied().collect(),
        same_host: [].into(),
        control: None,
        own_addresses: &[],
        own_syn: None,
        run_started_ms: None,
    })
}

fn measured(kind: SessionKind, pose: Option<Pose>) -> Measurement {
    let quirks = Quirks {
        pose,
        ..quirks(kind)
    };
    let mut bench = Bench::with(parameters(kind, 0), quirks);
    let report = bench.run();
    let rule = ProbedRule {
        id: "posed".parse().unwrap(),
        port: Port::new(5901).unwrap(),
        session: kind,
        via_uri: None,
        purpose: "poses".to_owned(),
        direction: Direction::Outbound,
        expect: Expectation::Open,
        destination: None,
    };
    let address = "192.0.2.1:5901".parse().unwrap();
    let host = "echo.example".to_owned();
    let mut measurement = Measurement::begin(rule, NetworkPath::Direct, host, Some(address));
    let failure = match (&report.fault, report.phase) {
        (Some(fault), _) => Some(failure_of(fault)),
        (None, Phase::Finished) => None,
        (None, _) => Some(crate::observation::Failure::new(
            crate::observation::FailureKind::TimedOut,
            crate::observation::Origin::Unknown,
        )),
    };
    measurement.observations = observations(&report.phases, "192.0.2.1:5901", 1_000_000, failure);
    measurement.certificate = kind.shape().tls.map(|_| PresentedCertificate {
        sha256: "aa".to_owned(),
        spki_sha256: Some("bb".to_owned()),
        pinned: true,
        ..PresentedCertificate::default()
    });
    measurement.session = Some(report);
    measurement
}
