//! Devices that pose as the server. In a session that is otherwise good, every field of the testimony is dropped,
//! changed or taken from elsewhere, in the first request and in a later one. A posed session is never judged open,
//! unless the table says why the field may differ.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proto::wire;

use super::*;
use crate::catalogue::VerdictClass;
use crate::judge::{Evidence, judge};
use crate::measurement::{Measurement, PresentedCertificate, ProbedRule};
use crate::path::NetworkPath;
use crate::profile::{Direction, Expectation, Port};
use crate::session::tests::server::Pose;
use crate::timeline::{failure_of, observations};
use crate::verdict::Verdict;

/// One way to pose.
struct Row {
    field: &'static str,
    how: &'static str,
    apply: fn(&mut wire::Testimony),
    /// Why this does no harm; `None` if it must never be judged open.
    may: Option<&'static str>,
}

const fn never(field: &'static str, how: &'static str, apply: fn(&mut wire::Testimony)) -> Row {
    Row {
        field,
        how,
        apply,
        may: None,
    }
}

const fn may(
    field: &'static str,
    how: &'static str,
    why: &'static str,
    apply: fn(&mut wire::Testimony),
) -> Row {
    Row {
        field,
        how,
        apply,
        may: Some(why),
    }
}

const NETWORKS: &str = "networks translate addresses";
const PROCESSES: &str =
    "any process of the server's may answer; several in one session are a finding";
const CLOCKS: &str = "how far the clocks differ is a finding";
const SYNS: &str = "many platforms keep none, and what it shows of devices are findings";
const HEADS: &str = "HTTP devices rewrite heads, which is a finding";
const LESS: &str = "what was cut is compared as far as it was told";
const EXPORTER: &str = "the exporter covers the handshake";

const POSES: &[Row] = &[
    never("version", "changed", |t| t.version += 1),
    never("version", "dropped", |t| t.version = 0),
    may("instance", "changed", PROCESSES, |t| {
        t.instance = "two".into()
    }),
    may("instance", "dropped", PROCESSES, |t| t.instance.clear()),
    never("client_nonce", "changed", |t| t.client_nonce[0] ^= 1),
    never("client_nonce", "dropped", |t| t.client_nonce.clear()),
    never("server_nonce", "changed", |t| t.server_nonce[0] ^= 1),
    never("server_nonce", "dropped", |t| t.server_nonce.clear()),
    never("local", "dropped", |t| t.local = None),
    never("local", "on another port", |t| {
        t.local.as_mut().unwrap().port += 1;
    }),
    may("local", "at another address", NETWORKS, |t| {
        t.local.as_mut().unwrap().ip[3] ^= 1;
    }),
    may("peer", "changed", NETWORKS, |t| {
        t.peer.as_mut().unwrap().port += 1
    }),
    may("peer", "dropped", NETWORKS, |t| t.peer = None),
    never("public_port", "changed", |t| t.public_port = 5902),
    may("time_unix_ms", "changed", CLOCKS, |t| {
        t.time_unix_ms += 86_400_000
    }),
    never("kind", "dropped", |t| t.kind = 0),
    never("kind", "one further", |t| t.kind = t.kind % 6 + 1),
    never("kind", "three further", |t| t.kind = (t.kind + 2) % 6 + 1),
    may("connection_id", "changed", PROCESSES, |t| {
        t.connection_id[0] ^= 1
    }),
    may("syn", "changed", SYNS, |t| t.syn = vec![1; 40]),
    may("agreed_options", "changed", SYNS, |t| {
        t.agreed_options = Some(0)
    }),
    never("preface", "dropped", |t| t.preface.clear()),
    never("preface", "changed or added", |t| {
        match t.preface.last_mut() {
            Some(last) => *last ^= 1,
            None => t.preface = vec![3, 0, 0, 19],
        }
    }),
    never("request_head", "dropped", |t| t.request_head.clear()),
    never("request_head", "added", |t| {
        if t.request_head.is_empty() {
            t.request_head = b"POST / HTTP/1.1\r\n\r\n".to_vec();
        }
    }),
    may("request_head", "changed", HEADS, |t| {
        if let Some(byte) = t.request_head.get_mut(6) {
            *byte ^= 1;
        }
    }),
    may("truncated", "set", LESS, |t| t.truncated = true),
    never("tls", "dropped", |t| t.tls = None),
    never("tls", "added", |t| {
        t.tls.get_or_insert_default();
    }),
    never("tls.version", "changed", |t| {
        of_tls(t, |tls| tls.version = 0x0303)
    }),
    never("tls.cipher_suite", "changed", |t| {
        of_tls(t, |tls| tls.cipher_suite = 0x1302);
    }),
    never("tls.group", "changed", |t| {
        of_tls(t, |tls| tls.group = 0x0017)
    }),
    never("tls.server_name", "added", |t| {
        of_tls(t, |tls| tls.server_name = "elsewhere.example".into());
    }),
    never("tls.alpn", "added", |t| {
        of_tls(t, |tls| tls.alpn = "h2".into())
    }),
    never("tls.exporter", "changed", |t| {
        of_tls(t, |tls| tls.exporter[0] ^= 1)
    }),
    never("tls.exporter", "dropped", |t| {
        of_tls(t, |tls| tls.exporter.clear())
    }),
    never("tls.client_hello_sha256", "changed", |t| {
        of_tls(t, |tls| tls.client_hello_sha256[0] ^= 1);
    }),
    may("tls.client_hello_sha256", "dropped", EXPORTER, |t| {
        of_tls(t, |tls| tls.client_hello_sha256.clear());
    }),
    never("tls.client_certificate_sha256", "added", |t| {
        of_tls(t, |tls| tls.client_certificate_sha256 = vec![5; 32]);
    }),
];

fn of_tls(testimony: &mut wire::Testimony, apply: fn(&mut wire::TlsTestimony)) {
    if let Some(tls) = &mut testimony.tls {
        apply(tls);
    }
}

/// Returns the names of all fields of a message, which the compiler checks to be complete.
macro_rules! fields {
    ($prefix:literal, $message:ident { $($field:ident),* $(,)? }) => {{
        let wire::$message { $($field: _),* } = wire::$message::default();
        [$(concat!($prefix, stringify!($field))),*]
    }};
}

#[test]
fn every_field_of_a_testimony_has_its_poses() {
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
    let posed: BTreeSet<&str> = POSES.iter().map(|row| row.field).collect();
    assert_eq!(posed, testimony.into_iter().chain(tls).collect());
}

#[test]
fn what_is_posed_is_never_open() {
    for kind in SessionKind::ALL {
        let good = judged(kind, None);
        assert_eq!(good.id.name(), "reachable", "{kind}: {}", good.claim);
        for row in POSES {
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
                let may_be = row.may.is_some() || !changed.load(Ordering::SeqCst);
                let (field, how) = (row.field, row.how);
                assert_eq!(
                    open, may_be,
                    "{kind}, {field} {how} from request {from} on: {}: {}",
                    verdict.id, verdict.claim
                );
            }
        }
    }
}

/// The nonce refuses the whole testimony of another session; a certificate that is not pinned verifies nothing.
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
