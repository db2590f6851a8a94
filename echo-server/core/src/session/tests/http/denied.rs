//! Tests HTTP requests that the server denies, and what each of them costs.

use super::*;

#[test]
fn strangers_are_told_nothing_but_that_there_is_nothing() {
    let unknown = request(&Client::new("unknown").greeting());
    let revoked = request(&Client::new("revoked").greeting());
    let mut wrong = request(&Client::new("k1").greeting());
    *wrong.last_mut().unwrap() ^= 1;
    let cases = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        request(b"x"),
        request(&[0xF7; 100]),
        request(&[]),
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
        unknown,
        revoked,
        wrong,
    ];
    for kind in [SessionKind::Http, SessionKind::Https] {
        for bytes in &cases {
            for cut in [usize::MAX, 1] {
                let mut bench = Bench::new();
                let mut line = bench.accept();
                open(&mut bench, &mut line, kind, cut);
                let response = ask(&mut bench, &mut line, bytes, cut);
                assert_eq!(response, DENIED, "{}", String::from_utf8_lossy(bytes));
                assert!(matches!(line.last, Action::Close(_)));
            }
        }
    }
}

#[test]
fn what_is_no_request_gets_nothing() {
    let cases: [&[u8]; 3] = [
        b"G \x01\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\nHost: h\n\n",
    ];
    for bytes in cases {
        for cut in [usize::MAX, 1] {
            let mut bench = Bench::new();
            let mut line = bench.accept();
            assert!(ask(&mut bench, &mut line, bytes, cut).is_empty());
            assert_eq!(line.wait(&mut bench), Action::Close(End::NotRecognised));
        }
    }
}

#[test]
fn a_short_request_gets_a_shorter_response() {
    let (mut client, request) = short_request(250);
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    assert!(response.len() <= request.len());
    let testimony = client.take_testimony(&mut body_of(&response).as_slice());
    assert!(testimony.truncated);
    let (_, too_short) = short_request(175);
    assert_eq!(ask(&mut bench, &mut line, &too_short, usize::MAX), DENIED);
}

#[test]
fn replayed_greetings_gain_no_time() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let (_, request) = Rounds::new("k1").first();
    ask(&mut bench, &mut line, &request, usize::MAX);
    let deadline = line.session.deadline();
    bench.now += bench.limits.answer / 2;
    let again = ask(&mut bench, &mut line, &request, usize::MAX);
    assert!(!body_of(&again).is_empty());
    assert_eq!(line.session.deadline(), deadline);
}

#[test]
fn a_body_that_is_not_its_frames_is_denied() {
    let greeting = Client::new("k1").greeting();
    let short = request(&greeting[..greeting.len() - 1]);
    let long = request(&[&greeting[..], b"x"].concat());
    let half_a_frame = request(&[&greeting[..], &[4, 0, 0]].concat());
    for bytes in [short, long, half_a_frame] {
        let mut bench = Bench::new();
        let mut line = bench.accept();
        assert_eq!(ask(&mut bench, &mut line, &bytes, usize::MAX), DENIED);
    }
}

#[test]
fn another_history_is_denied() {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let mut line = bench.accept();
    let (pending, request) = rounds.first();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.answered(pending, &response);
    rounds.chain.update([0]);
    let (_, request) = rounds.stage(STAGES[0]);
    assert_eq!(ask(&mut bench, &mut line, &request, usize::MAX), DENIED);
    assert_eq!(line.last, Action::Close(End::Violation));
}
