use super::*;

fn target() -> ProxyTarget {
    ProxyTarget {
        host: "echo.example".to_owned(),
        port: 443,
    }
}

fn connect() -> ProxyDialogue {
    ProxyDialogue::new(ProxyScheme::Http, &target(), None)
}

fn say(value: &str) -> Result<Authorization, Unanswered> {
    Ok(Authorization {
        method: value.split(' ').next().map(str::to_owned),
        value: value.to_owned(),
        fresh: false,
    })
}

/// Checks that `bytes` are a challenge, and whether the connection can be used again after it.
fn challenged(dialogue: &mut ProxyDialogue, bytes: &[u8], same_connection: bool) {
    let ProxyStep::Challenged(challenged) = dialogue.receive(bytes) else {
        panic!("it does not ask");
    };
    assert_eq!(challenged.same_connection, same_connection);
    assert_eq!(challenged.challenges[0].scheme, "Basic");
}

fn socks(host: &str, credentials: Option<(&str, &str)>) -> ProxyDialogue {
    let target = ProxyTarget {
        host: host.to_owned(),
        port: 443,
    };
    let credentials = credentials.map(|(user, password)| ProxyCredentials {
        user: user.to_owned(),
        password: password.to_owned(),
    });
    ProxyDialogue::new(ProxyScheme::Socks5h, &target, credentials.as_ref())
}

fn sent(dialogue: &mut ProxyDialogue) -> String {
    String::from_utf8(dialogue.transmit()).unwrap()
}

fn connected(unread: &[u8]) -> ProxyStep {
    ProxyStep::Connected {
        unread: unread.to_vec(),
    }
}

fn status(step: &ProxyStep) -> u16 {
    let ProxyStep::Refused(ProxyRefusal::Status(http)) = step else {
        panic!("{step:?}");
    };
    http.status
}

const CHALLENGE: &[u8] =
    b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 5\r\n\r\nlogin";

#[test]
fn one_request_and_what_follows_the_answer_is_the_servers() {
    let mut dialogue = connect();
    let request = sent(&mut dialogue);
    assert!(request.starts_with("CONNECT echo.example:443 HTTP/1.1\r\nHost: echo.example:443\r\n"));
    assert!(request.ends_with("\r\n\r\n") && !request.contains("Authorization"));
    assert_eq!(dialogue.transmit(), b"");
    assert_eq!(
        dialogue.receive(b"HTTP/1.1 100 \r\n\r\nHTTP/1.0 200 OK\r\n"),
        ProxyStep::Io
    );
    // Content-Length means nothing here (RFC 9110 section 9.3.6).
    let step = dialogue.receive(b"Content-Length: 9\r\n\r\nabc");
    assert_eq!(step, connected(b"abc"));
}

#[test]
fn an_ipv6_target_stands_in_brackets() {
    let target = ProxyTarget {
        host: "2001:db8::7".to_owned(),
        port: 80,
    };
    let mut dialogue = ProxyDialogue::new(ProxyScheme::Https, &target, None);
    assert!(sent(&mut dialogue).starts_with("CONNECT [2001:db8::7]:80 HTTP/1.1\r\n"));
}

#[test]
fn a_challenge_is_answered_on_the_same_connection() {
    let mut dialogue = connect();
    dialogue.transmit();
    let (first, rest) = CHALLENGE.split_at(CHALLENGE.len() - 3);
    challenged(&mut dialogue, first, true);
    assert_eq!(dialogue.answer(say("Basic eA==")), ProxyStep::Io);
    assert_eq!(dialogue.transmit(), b"");
    assert_eq!(dialogue.receive(rest), ProxyStep::Io);
    assert!(sent(&mut dialogue).contains("\r\nProxy-Authorization: Basic eA==\r\n"));
    assert_eq!(dialogue.receive(b"HTTP/1.1 200 \r\n\r\n"), connected(b""));
    let authentication = dialogue.authentication();
    assert_eq!(authentication.offered, ["Basic"]);
    assert_eq!(authentication.tried, ["Basic"]);
}

#[test]
fn a_challenge_that_ends_the_connection_is_answered_on_another() {
    for head in [
        &b"HTTP/1.0 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n"[..],
        b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nConnection: close\r\nContent-Length: \
          0\r\n\r\n",
        b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 99999999\r\n\r\n",
        b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut dialogue = connect();
        dialogue.transmit();
        challenged(&mut dialogue, head, false);
        assert_eq!(dialogue.answer(say("Basic eA==")), ProxyStep::Reconnect);
        dialogue.reconnected();
        assert!(sent(&mut dialogue).contains("Basic eA=="));
        assert_eq!(dialogue.receive(b"HTTP/1.1 200 \r\n\r\n"), connected(b""));
    }
}

#[test]
fn an_answer_may_want_another_connection() {
    let mut dialogue = connect();
    dialogue.transmit();
    challenged(&mut dialogue, CHALLENGE, true);
    let fresh = say("Basic eA==").map(|said| Authorization {
        fresh: true,
        ..said
    });
    assert_eq!(dialogue.answer(fresh), ProxyStep::Reconnect);
    assert_eq!(dialogue.transmit(), b"");
    dialogue.reconnected();
    assert!(sent(&mut dialogue).contains("Basic eA=="));
}

#[test]
fn authentication_is_not_demanded_for_ever() {
    let mut dialogue = connect();
    for requests in 1..100 {
        assert!(!dialogue.transmit().is_empty(), "request {requests}");
        let step = dialogue.receive(CHALLENGE);
        if !matches!(step, ProxyStep::Challenged(_)) {
            assert_eq!(status(&step), 407);
            assert_eq!(requests, 8);
            let trouble = dialogue.authentication().trouble;
            assert!(trouble.is_some_and(|t| t.contains("8 requests")));
            return;
        }
        assert_eq!(dialogue.answer(say("Basic eA==")), ProxyStep::Io);
    }
    panic!("it never ended");
}

#[test]
fn nothing_left_to_say_is_a_refusal_with_its_reason() {
    let mut dialogue = connect();
    challenged(&mut dialogue, CHALLENGE, true);
    assert_eq!(dialogue.answer(say("Basic eA==")), ProxyStep::Io);
    challenged(&mut dialogue, CHALLENGE, true);
    let step = dialogue.answer(Err(Some("nothing left".to_owned())));
    assert_eq!(status(&step), 407);
    let authentication = dialogue.authentication();
    assert_eq!(authentication.trouble.as_deref(), Some("nothing left"));
    // There is no challenge left to answer.
    assert_eq!(dialogue.answer(say("Basic eA==")), ProxyStep::Io);
}

#[test]
fn an_authorization_that_no_head_can_hold_is_trouble() {
    let long = format!("Negotiate {}", "a".repeat(80 * 1024));
    for answer in ["Basic \r\nX: y", "Basic \u{e9}", &long] {
        let mut dialogue = connect();
        dialogue.transmit();
        challenged(&mut dialogue, CHALLENGE, true);
        assert_eq!(status(&dialogue.answer(say(answer))), 407);
        assert_eq!(dialogue.transmit(), b"");
        let authentication = dialogue.authentication();
        assert!(authentication.trouble.is_some() && authentication.tried.is_empty());
    }
}

/// The token is as long as the longest that Windows makes.
#[test]
fn a_long_token_fits() {
    let mut dialogue = connect();
    dialogue.transmit();
    challenged(&mut dialogue, CHALLENGE, true);
    let token = format!("Negotiate {}", "a".repeat(64_000));
    assert_eq!(dialogue.answer(say(&token)), ProxyStep::Io);
    assert!(sent(&mut dialogue).contains(&token));
}

#[test]
fn refusals_keep_what_the_proxy_says() {
    let mut dialogue = connect();
    let step = dialogue.receive(
        b"HTTP/1.1 403 No \x07way\r\nServer: g\r\nVia: 1.1 g\r\nLocation: /l\r\n\
          X-Squid-Error: E 0\r\nProxy-Status: p\r\n\r\n<p>No.",
    );
    // With a control character, the first line is not HTTP.
    assert!(
        matches!(step, ProxyStep::Refused(ProxyRefusal::Foreign { .. })),
        "{step:?}"
    );
    let step = connect().receive(b"HTTP/1.1 403 No\r\nServer: g\xff\r\nVia: 1.1 g\r\n\r\n<p>No.");
    let ProxyStep::Refused(ProxyRefusal::Status(http)) = step else {
        panic!("{step:?}");
    };
    assert_eq!((http.status, http.reason.as_str()), (403, "No"));
    assert_eq!(http.server.as_deref(), Some("g\\xff"));
    assert_eq!(http.page.unwrap().text, "<p>No.");
}

#[test]
fn heads_have_an_end() {
    let mut dialogue = connect();
    let mut step = dialogue.receive(b"HTTP/1.1 200 OK\r\n");
    for _ in 0..1000 {
        if step != ProxyStep::Io {
            break;
        }
        step = dialogue.receive(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    }
    assert_eq!(
        step,
        ProxyStep::Refused(ProxyRefusal::HeadTooLong { limit: 8192 })
    );
    // The number of interim answers is limited too.
    let interim = b"HTTP/1.1 100 \r\n\r\n".repeat(50);
    assert_eq!(status(&connect().receive(&interim)), 100);
}

#[test]
fn socks_without_credentials() {
    let mut dialogue = socks("echo.example", None);
    assert_eq!(dialogue.transmit(), [5, 1, 0]);
    assert_eq!(dialogue.receive(&[5]), ProxyStep::Io);
    assert_eq!(dialogue.receive(&[0]), ProxyStep::Io);
    let mut request = vec![5, 1, 0, 3, 12];
    request.extend(b"echo.example");
    request.extend(443_u16.to_be_bytes());
    assert_eq!(dialogue.transmit(), request);
    let reply = [5, 0, 0, 3, 2, b'h', b'i', 0, 1, b'x'];
    for byte in &reply[..8] {
        assert_eq!(dialogue.receive(&[*byte]), ProxyStep::Io);
    }
    assert_eq!(dialogue.receive(&reply[8..]), connected(b"x"));
}

#[test]
fn socks_addresses_go_as_addresses() {
    for (host, kind, length) in [("192.0.2.7", 1, 4), ("2001:db8::7", 4, 16)] {
        let mut dialogue = socks(host, None);
        dialogue.transmit();
        assert_eq!(dialogue.receive(&[5, 0]), ProxyStep::Io);
        let request = dialogue.transmit();
        assert_eq!((request[3], request.len()), (kind, 4 + length + 2));
    }
}

#[test]
fn socks_with_credentials() {
    let mut dialogue = socks("echo.example", Some(("user", "p:w")));
    assert_eq!(dialogue.transmit(), [5, 2, 0, 2]);
    assert_eq!(dialogue.receive(&[5, 2]), ProxyStep::AskForLeave);
    assert_eq!(dialogue.transmit(), b"");
    assert!(dialogue.authentication().tried.is_empty());
    assert_eq!(dialogue.leave(true), ProxyStep::Io);
    assert_eq!(dialogue.transmit(), b"\x01\x04user\x03p:w");
    // A second permission sends nothing more.
    assert_eq!(dialogue.leave(true), ProxyStep::Io);
    assert_eq!(dialogue.transmit(), b"");
    let refused = ProxyStep::Refused(ProxyRefusal::SocksCredentials);
    assert_eq!(dialogue.receive(&[1, 1]), refused);
    assert_eq!(dialogue.authentication().tried, ["username/password"]);
}

#[test]
fn socks_without_leave_sends_nothing() {
    let mut dialogue = socks("echo.example", Some(("user", "p:w")));
    // The proxy has not asked yet.
    assert_eq!(dialogue.leave(true), ProxyStep::Io);
    assert_eq!(dialogue.transmit(), [5, 2, 0, 2]);
    assert_eq!(dialogue.receive(&[5, 2]), ProxyStep::AskForLeave);
    let refused = ProxyStep::Refused(ProxyRefusal::SocksCredentials);
    assert_eq!(dialogue.leave(false), refused);
    assert_eq!(dialogue.transmit(), b"");
    assert!(dialogue.authentication().tried.is_empty());
}

#[test]
fn socks_refusals() {
    let refused = |code| ProxyStep::Refused(ProxyRefusal::SocksReply { code });
    for code in 1..=255 {
        let mut dialogue = socks("echo.example", None);
        dialogue.receive(&[5, 0]);
        assert_eq!(dialogue.receive(&[5, code, 0, 99]), refused(code));
    }
    // Two bytes and a close mean the same.
    let mut dialogue = socks("echo.example", None);
    dialogue.receive(&[5, 0]);
    assert_eq!(dialogue.receive(&[5, 4]), ProxyStep::Io);
    assert_eq!(
        dialogue.closed(),
        Some(ProxyStep::Refused(ProxyRefusal::SocksReply { code: 4 }))
    );
    assert_eq!(socks("h", None).closed(), None);
    for answer in [[5, 0xff], [5, 2]] {
        let methods = ProxyStep::Refused(ProxyRefusal::SocksMethods);
        assert_eq!(socks("h", None).receive(&answer), methods);
    }
    let step = socks("h", None).receive(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert!(matches!(
        step,
        ProxyStep::Refused(ProxyRefusal::Foreign { .. })
    ));
}
