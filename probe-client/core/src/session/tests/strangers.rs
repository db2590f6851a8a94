//! Peers that do not speak the protocol: echo services, portals, banners, endless garbage.

use proptest::prelude::*;

use super::*;

/// Returns a session that has got to the point where the dialogue begins.
fn opened(kind: SessionKind) -> ClientSession {
    let mut bench = Bench::new(kind);
    while matches!(
        bench.session.report().phase,
        Phase::Preface | Phase::Tls | Phase::InnerPreface
    ) {
        if let Need::StartTls(_) = bench.need {
            bench.need = bench.session.tls_established(bench.now, facts());
        } else {
            bench.exchange();
        }
    }
    bench.session
}

fn foreign(session: &ClientSession) -> ForeignBytes {
    match session.report().fault {
        Some(Fault::ForeignBytes(foreign)) => foreign,
        other => panic!("{other:?}"),
    }
}

fn no_testimony(session: &ClientSession) {
    let report = session.report();
    assert_eq!(report.testimony, None);
    assert!(!report.is_clean_and_complete());
}

const NOW: Duration = Duration::from_secs(1);

#[test]
fn a_plain_echo_service_is_no_server() {
    for kind in SessionKind::ALL {
        for cut in [usize::MAX, 1] {
            let (mut session, need) = ClientSession::new(parameters(kind, 0), NOW).unwrap();
            if matches!(need, Need::StartTls(_)) {
                // The shell's TLS gives up on an echo of the ClientHello.
                session.sent_plain(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
                session.tls_failed(NOW, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
                no_testimony(&session);
                continue;
            }
            let sent = transmit_all(&mut session, cut);
            for piece in sent.chunks(cut.min(sent.len())) {
                session.receive(NOW, piece);
                // The echo service also returns what the session sends next.
                let more = transmit_all(&mut session, cut);
                session.receive(NOW, &more);
            }
            no_testimony(&session);
            assert_eq!(
                foreign(&session).recognised,
                Some(Recognised::OwnBytes),
                "{kind}"
            );
        }
    }
}

#[test]
fn an_echo_service_inside_tls_is_no_server() {
    for kind in [
        SessionKind::Tls,
        SessionKind::Https,
        SessionKind::Rdp,
        SessionKind::Nettcp,
    ] {
        let mut session = opened(kind);
        let sent = transmit_all(&mut session, usize::MAX);
        assert_eq!(session.receive(NOW, &sent), Need::Failed, "{kind}");
        no_testimony(&session);
        let foreign = foreign(&session);
        // The first record that nettcp sends inside TLS was answered; only the bytes after it are echoed.
        if kind != SessionKind::Nettcp {
            assert_eq!(foreign.recognised, Some(Recognised::OwnBytes), "{kind}");
        }
    }
}

#[test]
fn a_web_server_that_returns_the_body_is_no_server() {
    let mut session = opened(SessionKind::Http);
    let sent = transmit_all(&mut session, usize::MAX);
    let body = sent.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let length = sent.len() - body;
    let head = format!("HTTP/1.1 200 \r\nServer: mirror\r\nContent-Length: {length}\r\n\r\n");
    let mut answer = head.into_bytes();
    answer.extend_from_slice(&sent[body..]);
    assert_eq!(session.receive(NOW, &answer), Need::Failed);
    no_testimony(&session);
    let Some(Recognised::HttpResponse(http)) = foreign(&session).recognised else {
        panic!("the head is to be quoted with the body");
    };
    assert_eq!(http.server.as_deref(), Some("mirror"));
}

#[test]
fn a_captive_portal_is_quoted_from_any_kind_of_session() {
    let portal = b"HTTP/1.1 302 Found\r\nServer: portal\r\nLocation: \
                   http://login.example/\r\nContent-Length: 0\r\n\r\n";
    for kind in SessionKind::ALL {
        let mut session = opened(kind);
        transmit_all(&mut session, usize::MAX);
        assert_eq!(session.receive(NOW, portal), Need::Failed);
        let foreign = foreign(&session);
        let Some(Recognised::HttpResponse(http)) = foreign.recognised else {
            panic!("{kind}: {foreign:?}");
        };
        assert_eq!(
            (http.status, http.location.as_deref()),
            (Some(302), Some("http://login.example/"))
        );
        assert!(foreign.quoted.text.starts_with("HTTP/1.1 302 Found\\r\\n"));
        assert_eq!(foreign.quoted.hex.0, portal);
        assert_eq!((foreign.at, foreign.spoke_first), (0, false));
    }
}

#[test]
fn a_quotation_grows_with_what_still_comes() {
    let mut session = opened(SessionKind::Tcp);
    transmit_all(&mut session, usize::MAX);
    for byte in b"SSH-2.0-OpenSSH_9.2\r\n" {
        assert_eq!(session.receive(NOW, &[*byte]), Need::Failed);
    }
    assert_eq!(
        foreign(&session).recognised,
        Some(Recognised::SshBanner {
            line: "SSH-2.0-OpenSSH_9.2".into()
        })
    );
}

#[test]
fn a_service_that_speaks_first_is_said_to() {
    for kind in [
        SessionKind::Tcp,
        SessionKind::Http,
        SessionKind::Rdp,
        SessionKind::Nettcp,
    ] {
        let (mut session, _) = ClientSession::new(parameters(kind, 0), NOW).unwrap();
        assert_eq!(
            session.receive(NOW, b"220 mx.example ESMTP\r\n"),
            Need::Failed
        );
        let foreign = foreign(&session);
        assert!(foreign.spoke_first, "{kind}");
        assert!(matches!(
            foreign.recognised,
            Some(Recognised::SmtpBanner { .. })
        ));
    }
}

#[test]
fn what_answers_a_client_hello_in_clear_text_is_quoted() {
    let failed = |received: &[u8]| {
        let (mut session, _) = ClientSession::new(parameters(SessionKind::Tls, 0), NOW).unwrap();
        session.sent_plain(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc");
        assert_eq!(session.tls_failed(NOW, received), Need::Failed);
        no_testimony(&session);
        session.report().fault
    };
    assert_eq!(failed(b""), None);
    assert_eq!(failed(b"\x16\x03\x03\x00\x5a\x02"), None);
    assert_eq!(failed(b"\x16"), None);
    let Some(Fault::ForeignBytes(alert)) = failed(b"\x15\x03\x03\x00\x02\x02\x28") else {
        panic!("an alert in clear text");
    };
    assert_eq!(alert.phase, Phase::Tls);
    assert_eq!(
        alert.recognised,
        Some(Recognised::TlsAlert {
            level: 2,
            description: 40
        })
    );
    assert!(matches!(
        failed(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        Some(Fault::ForeignBytes(_))
    ));
}

#[test]
fn a_refused_preface_says_how() {
    let refused = |kind, reply: &[u8]| {
        let (mut session, _) = ClientSession::new(parameters(kind, 0), NOW).unwrap();
        transmit_all(&mut session, usize::MAX);
        for byte in reply {
            session.receive(NOW, &[*byte]);
        }
        no_testimony(&session);
        match session.report().fault {
            Some(Fault::PrefaceRefused { refusal, quoted }) => {
                assert_eq!(quoted.hex.0, reply);
                refusal
            }
            other => panic!("{other:?}"),
        }
    };
    let rdp = |negotiation: &[u8]| {
        let length = 11 + negotiation.len() as u8;
        let mut reply = vec![3, 0, 0, length, length - 5, 0xd0, 0, 0, 0x12, 0x34, 0];
        reply.extend_from_slice(negotiation);
        refused(SessionKind::Rdp, &reply)
    };
    assert_eq!(
        rdp(&[3, 0, 8, 0, 5, 0, 0, 0]),
        PrefaceRefusal::RdpNegotiationFailure { code: 5 }
    );
    assert_eq!(
        rdp(&[2, 0, 8, 0, 2, 0, 0, 0]),
        PrefaceRefusal::RdpProtocol { selected: 2 }
    );
    assert_eq!(rdp(&[]), PrefaceRefusal::RdpWithoutNegotiation);
    assert_eq!(
        refused(SessionKind::Nettcp, b"\x08\x05urn:x"),
        PrefaceRefusal::NetTcpFault {
            uri: "urn:x".into()
        }
    );
}

#[test]
fn another_rdp_server_is_told_by_its_confirm() {
    let (mut session, _) = ClientSession::new(parameters(SessionKind::Rdp, 0), NOW).unwrap();
    transmit_all(&mut session, usize::MAX);
    let confirm = [
        3, 0, 0, 19, 14, 0xd0, 0, 0, 0x56, 0x78, 0, 2, 0x1f, 8, 0, 1, 0, 0, 0,
    ];
    let need = session.receive(NOW, &[&confirm[..], b"tls"].concat());
    let expected = TlsParameters {
        sni: true,
        alpn: None,
        leftover: b"tls".to_vec(),
    };
    assert_eq!(need, Need::StartTls(expected));
    let reply = session.report().preface_reply.unwrap();
    assert_eq!(reply.bytes.0, confirm);
    assert!(!reply.as_expected);
}

#[test]
fn a_404_without_headers_is_marked() {
    let mut session = opened(SessionKind::Http);
    transmit_all(&mut session, usize::MAX);
    session.receive(NOW, b"HTTP/1.1 404 \r\n\r\n");
    let Some(Recognised::HttpResponse(http)) = foreign(&session).recognised else {
        panic!("an HTTP response");
    };
    assert!(http.bare_not_found);
}

#[test]
fn bytes_behind_the_end_are_not_the_servers() {
    for kind in SessionKind::ALL {
        let mut bench = Bench::new(kind);
        assert!(bench.run().is_clean_and_complete());
        assert_eq!(bench.session.receive(bench.now, b"more"), Need::Failed);
        let report = bench.session.report();
        assert!(
            matches!(report.fault, Some(Fault::ForeignBytes(_))),
            "{kind}"
        );
        assert!(!report.is_clean_and_complete());
    }
}

/// Feeds `more` until the session is over, and returns the number of bytes fed.
fn endure(mut session: ClientSession, first: &[u8], more: &[u8]) -> usize {
    transmit_all(&mut session, usize::MAX);
    let mut need = session.receive(NOW, first);
    let mut fed = first.len();
    while need != Need::Failed {
        need = session.receive(NOW, more);
        fed += more.len();
        assert!(fed < 3 * 1024 * 1024, "still not over after {fed} bytes");
    }
    for _ in 0..100 {
        session.receive(NOW, more);
    }
    no_testimony(&session);
    let told = serde_json::to_string(&session.report()).unwrap().len();
    assert!(told < 16 * 1024, "{told} bytes of report");
    fed
}

#[test]
fn nothing_that_goes_on_for_ever_is_listened_to_for_ever() {
    let page = vec![b'a'; 4096];
    for kind in SessionKind::ALL {
        assert!(endure(opened(kind), b"", &page) <= 4096, "{kind}");
        assert!(endure(opened(kind), b"", &[0; 4096]) <= 4096, "{kind}");
    }
    let http = || opened(SessionKind::Http);
    let header = [b"X-Header: ", &page[..], b"\r\n"].concat();
    endure(http(), b"HTTP/1.1 200 OK\r\n", &header);
    endure(http(), b"HTTP/1.1 200 OK\r\n", b"A: b\r\n");
    endure(http(), b"HTTP/1.1 200 OK\r\nX: ", &page);
    endure(http(), b"", b"HTTP/1.1 100 Continue\r\n\r\n");
    endure(
        http(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        &page,
    );
    endure(opened(SessionKind::Nettcp), b"", &[6, 0]);
}

proptest! {
    #[test]
    fn no_bytes_of_a_stranger_make_a_testimony(
        kind in prop::sample::select(SessionKind::ALL.to_vec()),
        prefix in prop::sample::select(vec![
            &b""[..], &[2, 0, 0, 0, 5], &[3, 0, 0, 0, 5], b"HTTP/1.1 200 OK\r\nContent-Length: \
                                                  500\r\n\r\n",
            b"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n20\r\n", &[6, 40], &[3, 0, 0, 19], &[8, 3],
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        cut in 1usize..50,
        begin_inside in any::<bool>(),
    ) {
        let mut session = if begin_inside {
            opened(kind)
        } else {
            ClientSession::new(parameters(kind, 0), NOW).unwrap().0
        };
        transmit_all(&mut session, cut);
        for piece in [prefix, &bytes].concat().chunks(cut) {
            if let Need::StartTls(_) = session.receive(NOW, piece) {
                session.tls_established(NOW, facts());
            }
            transmit_all(&mut session, cut);
        }
        session.closed(NOW);
        no_testimony(&session);
    }
}
