//! Tests the calls, questions and answers of the control service.

use std::net::SocketAddr;
use std::time::Duration;

use proto::control_auth::sign;
use proto::key::{KeyId, Secret};
use proto::wire;
use proto::wire::{DescribeRequest, OpenRunRequest, WatchSightingsRequest};

use super::*;
use crate::admission::AdmissionLimits;
use crate::session::{ConnectionFacts, ConnectionId, End, Limits};
use crate::sightings::{Attribution, Fate, Notice, Prefixes, Sightings, Viewer};
use crate::time::UnixMillis;

const SAW_ALL: Coverage = Coverage {
    saw_all: true,
    answers_refused: Some(2),
};

const CALLER: &str = "198.51.100.7";

fn id() -> KeyId {
    "k1".parse().unwrap()
}

fn keyring() -> Keyring {
    Keyring::new([Key {
        id: id(),
        secret: Secret::new([1; 32]),
        label: String::new(),
        revoked: false,
        admin: false,
    }])
    .unwrap()
}

#[test]
fn a_call_is_opened_for_its_method_only() {
    let (ring, exporter) = (keyring(), [7; 32]);
    let request = OpenRunRequest {
        run_id: vec![3; 16],
    };
    let body = request.encode_to_vec();
    let signed = sign(&Secret::new([1; 32]), &id(), "OpenRun", &exporter, body);
    let open = |method| open_call::<OpenRunRequest>(&ring, method, Some(&exporter), &signed);
    let call = open(Method::OpenRun).unwrap();
    assert_eq!((&call.key.id, call.request), (&id(), request));
    let refused = open(Method::Describe).unwrap_err();
    assert_eq!(refused, CallError::Unauthenticated(Unauthenticated));
}

#[test]
fn a_malformed_request_is_told_apart_only_for_authenticated_callers() {
    let (ring, exporter) = (keyring(), [7; 32]);
    let malformed = vec![0xFF; 3];
    for (secret, expected) in [
        (1, CallError::Malformed),
        (2, CallError::Unauthenticated(Unauthenticated)),
    ] {
        let secret = Secret::new([secret; 32]);
        let signed = sign(&secret, &id(), "Describe", &exporter, malformed.clone());
        let opened =
            open_call::<DescribeRequest>(&ring, Method::Describe, Some(&exporter), &signed);
        assert_eq!(opened.unwrap_err(), expected);
    }
}

#[test]
fn a_description_says_what_is_bound_and_who_calls() {
    let facts = InstanceFacts {
        version: "0.1.0".to_owned(),
        instance: "i".to_owned(),
        listeners: vec![
            ListenerFacts {
                address: "0.0.0.0:443".parse().unwrap(),
                public_port: None,
                bound: true,
            },
            ListenerFacts {
                address: "[::]:20080".parse().unwrap(),
                public_port: Some(80),
                bound: false,
            },
        ],
        admission: AdmissionLimits::default(),
        session: Limits::default(),
        sees_half_open: true,
        sees_every_syn: false,
    };
    let caller: SocketAddr = "[::ffff:198.51.100.7]:40000".parse().unwrap();
    let description = describe(&facts, UnixMillis(5), Duration::from_secs(7), caller);
    let ports: Vec<_> = description
        .listeners
        .iter()
        .map(|listener| (listener.public_port, listener.bound))
        .collect();
    assert_eq!(ports, [(443, true), (80, false)]);
    let seen = description.your_address.unwrap();
    assert_eq!((seen.ip, seen.port), (vec![198, 51, 100, 7], 40000));
    assert_eq!(description.limits.unwrap().sessions, 15_000);
    assert_eq!(description.up_ms, Some(7_000));
}

#[test]
fn runs_are_bounded_and_opened_once_per_key() {
    let mut runs = Runs::new(2);
    let mut open = |run: u8, key: &str, wall| {
        let request = OpenRunRequest {
            run_id: vec![run; 16],
        };
        let opened = runs.open(request, &key.parse().unwrap(), UnixMillis(wall));
        opened.unwrap().map(|run| run.opened.0)
    };
    assert_eq!(open(1, "k1", 10), Some(10));
    assert_eq!(open(1, "k1", 20), None);
    assert_eq!(open(1, "k2", 30), Some(30));
    assert_eq!(open(2, "k1", 40), Some(40));
    assert_eq!(open(1, "k1", 50), Some(50));
    assert_eq!(runs.iter().count(), 2);
    let short = OpenRunRequest { run_id: vec![1] };
    assert_eq!(runs.open(short, &id(), UnixMillis(0)), Err(InvalidRunId));
}

#[test]
fn a_key_holds_its_share_of_the_places_and_gives_them_back() {
    let places = Places::new(3, 2);
    let [one, two]: [KeyId; 2] = ["k1", "k2"].map(|key| key.parse().unwrap());
    let held: Vec<Place> = (0..2).filter_map(|_| places.take(&one)).collect();
    assert_eq!(held.len(), 2);
    assert!(places.take(&one).is_none());
    let other = places.take(&two).unwrap();
    assert!(places.take(&two).is_none());
    assert_eq!(places.taken(), 3);
    drop(held);
    assert!(places.take(&two).is_some());
    drop(other);
    assert_eq!(places.taken(), 0);
}

fn sent(tag: u32) -> wire::Sent {
    wire::Sent {
        tag,
        port: 80,
        prefixes: vec![wire::Prefix {
            bytes: 16,
            sha256: vec![1; 32],
        }],
        from_unix_ms: 1000,
        until_unix_ms: 2000,
        session_id: Vec::new(),
        source_port: 0,
        same_ip_version: false,
    }
}

fn watch_request(sent: Vec<wire::Sent>) -> WatchSightingsRequest {
    WatchSightingsRequest {
        run_id: vec![0; 16],
        sent,
        follow_ms: u32::MAX,
    }
}

#[test]
fn a_question_is_checked_and_bounded() {
    let query = Query::try_from(watch_request(vec![sent(1)])).unwrap();
    assert_eq!((query.sent.len(), query.follow), (1, MAX_FOLLOW));
    let refused = |change: fn(&mut wire::Sent)| {
        let mut wrong = sent(7);
        change(&mut wrong);
        Query::try_from(watch_request(vec![wrong])).unwrap_err()
    };
    assert_eq!(refused(|s| s.port = 70_000), InvalidQuery::Port { tag: 7 });
    assert_eq!(
        refused(|s| s.from_unix_ms = 3000),
        InvalidQuery::Window { tag: 7 }
    );
    let digest = refused(|s| s.prefixes[0].sha256.truncate(31));
    assert_eq!(digest, InvalidQuery::Digest { tag: 7 });
    let prefixes = refused(|s| s.prefixes = vec![wire::Prefix::default(); MAX_PREFIXES + 1]);
    assert_eq!(prefixes, InvalidQuery::TooManyPrefixes { tag: 7 });
    let many = watch_request(vec![sent(1); MAX_SENT + 1]);
    assert_eq!(Query::try_from(many), Err(InvalidQuery::TooManySent));
    let mut nameless = watch_request(Vec::new());
    nameless.run_id.clear();
    assert_eq!(Query::try_from(nameless), Err(InvalidQuery::RunId));
}

fn accept(sightings: &Sightings) -> crate::sightings::SightingId {
    sightings.accepted(&facts(), UnixMillis(1500))
}

fn facts() -> ConnectionFacts {
    ConnectionFacts {
        connection_id: ConnectionId([0; 8]),
        local: "192.0.2.1:80".parse().unwrap(),
        public_port: None,
        peer: "198.51.100.7:40000".parse().unwrap(),
        agreed_options: None,
        syn: Some([9; 40].into()),
    }
}

fn watch(sent: Vec<wire::Sent>) -> Watch {
    let viewer = Viewer {
        key: id(),
        address: Some(CALLER.parse().unwrap()),
    };
    Watch::new(viewer, watch_request(sent).try_into().unwrap())
}

#[test]
fn a_watcher_is_sent_each_sighting_once_and_again_when_it_has_changed() {
    let sightings = Sightings::new(8, UnixMillis(0));
    let mut watch = watch(vec![sent(1)]);
    assert!(watch.poll(&sightings, Coverage::default()).is_empty());
    let id = accept(&sightings);
    let news = watch.poll(&sightings, SAW_ALL);
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].end(), wire::SightingEnd::Open);
    assert_eq!(news[0].r#match(), wire::SightingMatch::Address);
    assert_eq!(news[0].syn, [9; 40]);
    assert!(news[0].saw_all);
    assert_eq!(news[0].answers_refused, Some(2));
    assert!(watch.poll(&sightings, SAW_ALL).is_empty());
    let ended = Notice {
        received: 7,
        sent: 0,
        prefixes: Prefixes::new(),
        unique_from: None,
        client_hello_sha256: Some([4; 32]),
        fate: Fate::Ended(End::TlsFailed),
        tls_error: Some("no shared version".into()),
        session: None,
        attribution: Attribution::Nobody,
    };
    sightings.update(id, ended.clone());
    let news = watch.poll(&sightings, Coverage::default());
    assert_eq!(news.len(), 1);
    assert_eq!(news[0].end(), wire::SightingEnd::TlsFailed);
    assert_eq!(news[0].tls_error, "no shared version");
    assert!(!news[0].saw_all);
    assert_eq!(news[0].answers_refused, None);
    assert_eq!(news[0].client_hello_sha256, [4; 32]);
    sightings.update(id, ended);
    assert!(watch.finish(&sightings, SAW_ALL).is_empty());
}

#[test]
fn what_is_half_open_without_an_answer_is_told_as_both() {
    let sightings = Sightings::new(8, UnixMillis(0));
    let mut watch = watch(vec![sent(1)]);
    let id = sightings.unanswered(&facts(), UnixMillis(1500));
    let mut ends = || {
        let news = watch.poll(&sightings, SAW_ALL);
        news.iter().map(wire::Sighting::end).collect::<Vec<_>>()
    };
    assert_eq!(ends(), [wire::SightingEnd::Unanswered]);
    sightings.held_back(id);
    let both = [wire::SightingEnd::HalfOpen, wire::SightingEnd::Unanswered];
    assert_eq!(ends(), both);
    sightings.answered(id);
    assert_eq!(ends(), [wire::SightingEnd::HalfOpen]);
}

#[test]
fn in_the_end_each_connection_without_a_sighting_gets_a_word() {
    let sightings = Sightings::new(8, UnixMillis(0));
    accept(&sightings);
    let mut unseen = sent(2);
    unseen.port = 81;
    let mut doubtful = sent(3);
    doubtful.port = 81;
    doubtful.from_unix_ms = 0;
    let last = watch(vec![sent(1), unseen, doubtful]).finish(&sightings, SAW_ALL);
    let said: Vec<_> = last
        .iter()
        .map(|sighting| (sighting.tag, sighting.r#match(), sighting.unattributed))
        .collect();
    let none = wire::SightingMatch::None;
    let expected = [
        (1, wire::SightingMatch::Address, false),
        (2, none, false),
        (3, none, true),
    ];
    assert_eq!(said, expected);
    assert!(last.iter().all(|sighting| sighting.saw_all));
    assert_eq!(
        Duration::from_millis(0),
        watch(Vec::new()).query().follow - MAX_FOLLOW
    );
}
