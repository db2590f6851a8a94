//! HTTP sessions through devices that relay, spread, rewrap and rewrite messages.

use super::*;

fn web(change: impl FnOnce(&mut Web)) -> Bench {
    let mut bench = Bench::new(SessionKind::Http);
    change(bench.web());
    bench
}

fn run(change: impl FnOnce(&mut Web)) -> (SessionReport, HttpAccount) {
    let mut bench = web(change);
    let report = bench.run();
    assert_eq!(bench.need, Need::Finished, "{report:#?}");
    assert!(
        report.stages.iter().all(StageReport::is_whole),
        "{report:#?}"
    );
    for stage in &report.stages {
        assert_eq!(stage.up.handed_out, stage.up.asked);
    }
    let account = report.http.clone().unwrap();
    (report, account)
}

#[test]
fn there_is_one_request_for_the_greeting_each_stage_and_the_receipt() {
    let (report, http) = run(|_| {});
    assert_eq!(http.requests, 6);
    assert!(http.is_undisturbed());
    assert_eq!(report.request_head, Some(HeadComparison::Same));
}

#[test]
fn the_request_is_like_an_ordinary_clients() {
    let mut bench = Bench::new(SessionKind::Http);
    let sent = transmit_all(&mut bench.session, usize::MAX);
    let head = String::from_utf8_lossy(&sent);
    let (head, _) = head.split_once("\r\n\r\n").unwrap();
    insta::assert_snapshot!(head.replace("\r\n", "\n"), @r"
    POST /20202020202020202020202020202020 HTTP/1.1
    Host: echo.example:5901
    User-Agent: fwprobe
    Accept: */*
    Cache-Control: no-store
    Content-Type: application/octet-stream
    Content-Length: 1032
    ");
}

#[test]
fn the_host_header_leaves_out_the_schemes_own_port() {
    for (kind, port, host, line) in [
        (SessionKind::Http, 80, "h.example", "Host: h.example\r\n"),
        (
            SessionKind::Http,
            443,
            "h.example",
            "Host: h.example:443\r\n",
        ),
        (
            SessionKind::Https,
            443,
            "2001:db8::7",
            "Host: [2001:db8::7]\r\n",
        ),
        (
            SessionKind::Https,
            80,
            "2001:db8::7",
            "Host: [2001:db8::7]:80\r\n",
        ),
    ] {
        let mut bench = Bench::with(
            SessionParameters {
                port_dialled: port,
                host: host.into(),
                ..parameters(kind, 0)
            },
            quirks(kind),
        );
        if kind == SessionKind::Https {
            bench.session.tls_established(bench.now, facts());
        }
        let sent = transmit_all(&mut bench.session, usize::MAX);
        assert!(String::from_utf8_lossy(&sent).contains(line), "{line}");
    }
}

#[test]
fn a_relay_that_rewraps_responses_does_no_harm_and_is_seen() {
    for wrapping in [
        web::Wrapping::Chunked,
        web::Wrapping::UntilClose,
        web::Wrapping::Close,
        web::Wrapping::Http10,
        web::Wrapping::Via,
        web::Wrapping::Continue,
    ] {
        for cut in [usize::MAX, 1] {
            let mut bench = web(|web| web.wrapping = wrapping);
            bench.cut = cut;
            let report = bench.run();
            assert_eq!(bench.need, Need::Finished, "{wrapping:?}: {report:#?}");
            assert!(report.stages.iter().all(StageReport::is_whole));
            let http = report.http.as_ref().unwrap();
            assert!(!http.is_undisturbed(), "{wrapping:?}");
            assert!(!report.is_clean_and_complete());
            let names: Vec<_> = http
                .foreign_headers
                .iter()
                .map(|h| h.name.as_str())
                .collect();
            match wrapping {
                web::Wrapping::Chunked => assert_eq!(names, ["Transfer-Encoding"]),
                web::Wrapping::Via => assert_eq!(names, ["Via"]),
                web::Wrapping::UntilClose | web::Wrapping::Close | web::Wrapping::Http10 => {
                    assert_eq!(http.connections, 6);
                }
                web::Wrapping::Continue => assert_eq!(http.interim_responses, 6),
                web::Wrapping::AsSent => unreachable!("not in the list"),
            }
        }
    }
}

#[test]
fn each_further_connection_of_https_has_a_tls_session_of_its_own() {
    let mut bench = Bench::new(SessionKind::Https);
    bench.web().wrapping = web::Wrapping::Close;
    let report = bench.run();
    assert_eq!(bench.need, Need::Finished, "{report:#?}");
    assert_eq!(report.http.unwrap().connections, 6);
    assert_eq!(
        report.testimony.unwrap().tls.unwrap().exporter,
        Agreement::Same
    );

    let mut bench = Bench::new(SessionKind::Https);
    bench.web().wrapping = web::Wrapping::Close;
    bench.session.sent_plain(b"first hello");
    bench.need = bench.session.tls_established(bench.now, facts());
    bench.exchange();
    assert_eq!(bench.need, Need::Reconnect);
    let first_sent = bench.session.report().first_sent;
    let tls = TlsParameters {
        sni: true,
        alpn: Some("http/1.1"),
        leftover: Vec::new(),
    };
    assert_eq!(bench.session.reconnected(bench.now), Need::StartTls(tls));
    bench.session.sent_plain(b"second hello");
    // The second TLS session ends at another peer.
    let facts = ClientTls {
        exporter: Some([0xBB; 32]),
        ..facts()
    };
    bench.need = bench.session.tls_established(bench.now, facts);
    let report = bench.run();
    assert_eq!(report.first_sent, first_sent);
    let tls = report.testimony.unwrap().tls.unwrap();
    assert_eq!(tls.exporter, Agreement::Different);
}

#[test]
fn a_nonce_that_expires_in_a_hold_shows_nothing_about_devices() {
    let mut bench = Bench::with(
        SessionParameters {
            hold: Some(Duration::from_secs(120)),
            ..parameters(SessionKind::Http, 0)
        },
        Quirks::default(),
    );
    bench.web().forgets = vec![5];
    bench.web().reads_all = true;
    let report = bench.run();
    assert!(report.is_clean_and_complete(), "{report:#?}");
    assert_eq!(report.http.unwrap().requests, 7);
}

#[test]
fn a_stage_whose_nonce_is_not_known_is_made_again() {
    for reads_all in [true, false] {
        let (report, http) = run(|web| {
            web.forgets = vec![1, 3, 4, 8];
            web.reads_all = reads_all;
        });
        assert_eq!(http.nonce_unknown, 4);
        assert_eq!(http.requests, 10);
        assert!(report.farewell.is_some());
        assert!(!report.is_clean_and_complete());
    }
}

#[test]
fn requests_that_are_spread_are_evidence() {
    let (report, http) = run(|web| {
        web.answered_by = vec![("one", 1), ("two", 2), ("one", 3)];
    });
    assert_eq!(http.instances, ["one", "two"]);
    let ids: Vec<_> = http.connection_ids.iter().map(|id| id.0[0]).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(report.testimony.unwrap().instance, "one");
}

#[test]
fn a_session_whose_nonce_is_never_known_is_given_up() {
    let mut bench = web(|web| web.forgets = (1..100).collect());
    let report = bench.run();
    assert_eq!(bench.need, Need::Failed);
    assert_eq!(report.fault, Some(Fault::NonceNeverKnown { requests: 25 }));
    assert!(report.testimony.is_some());
}

#[test]
fn an_altered_request_head_is_found() {
    // Only request 2 is altered; the others arrive as sent.
    let (report, _) = run(|web| web.alters_heads = vec![2]);
    assert!(
        matches!(
            report.request_head,
            Some(HeadComparison::Different { at: 6, .. })
        ),
        "{:?}",
        report.request_head
    );
    assert!(!report.is_clean_and_complete());
}

#[test]
fn a_response_that_ends_too_early_is_a_fault() {
    // The first response is cut within the testimony, the one with 5,000 bytes of payload within that payload.
    for (rounds, kept) in [(0, 100), (4, 2_000)] {
        let mut bench = Bench::new(SessionKind::Http);
        for _ in 0..rounds {
            bench.exchange();
        }
        let up = transmit_all(&mut bench.session, usize::MAX);
        let down = bench.peer.handle(&up);
        let body = down.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let mut short = format!("HTTP/1.1 200 \r\nContent-Length: {kept}\r\n\r\n").into_bytes();
        short.extend_from_slice(&down[body..body + kept]);
        assert_eq!(bench.session.receive(bench.now, &short), Need::Failed);
        let report = bench.session.report();
        assert_eq!(report.testimony.is_some(), rounds > 0);
        assert!(
            matches!(
                report.fault,
                Some(Fault::Malformed {
                    what: Malformation::EndsEarly,
                    ..
                })
            ),
            "{report:#?}"
        );
    }
}

#[test]
fn a_response_to_no_request_is_not_the_servers() {
    let mut bench = Bench::new(SessionKind::Http);
    bench.exchange();
    assert_eq!(bench.need, Need::Io);
    let empty = b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n";
    assert_eq!(bench.session.receive(bench.now, empty), Need::Failed);
    let fault = bench.session.report().fault;
    assert!(matches!(fault, Some(Fault::ForeignBytes(_))), "{fault:?}");
}

#[test]
fn a_close_without_announcement_ends_the_session() {
    let mut bench = Bench::new(SessionKind::Http);
    bench.exchange();
    transmit_all(&mut bench.session, usize::MAX);
    assert_eq!(bench.session.closed(bench.now), Need::Failed);
    let report = bench.session.report();
    assert_eq!(report.fault, None);
    assert_eq!(report.phase, Phase::Exchanging);
}
