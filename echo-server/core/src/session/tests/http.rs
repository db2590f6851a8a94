//! Tests the HTTP envelope: rounds on one connection and on many, and the answers to everyone else.

mod denied;

use proto::decoded::Decoded;
use proto::frame::FrameType;
use proto::http_head::{Body, ResponseHead, request_head};
use proto::limits::GREETING_FRAME_BYTES;
use proto::session_kind::SessionKind;
use proto::wire;
use proto::wire::Testimony;
use sha2::{Digest as _, Sha256};

use super::bench::{Bench, Line};
use super::client::{Client, open, take};
use crate::session::{Action, End};
use crate::sightings::Attribution;

/// A client whose session is a series of requests.
struct Rounds {
    key: &'static str,
    /// The byte that fills the latest client nonce.
    nonce: u8,
    chain: Sha256,
    server_nonce: Vec<u8>,
}

/// A request that waits for its response.
struct Pending {
    client: Client,
    keys: Option<proto::key::KeySchedule>,
}

type Stage = (u32, u32, u32);

impl Rounds {
    fn new(key: &'static str) -> Self {
        Self {
            key,
            nonce: 0xA0,
            chain: Sha256::new(),
            server_nonce: Vec::new(),
        }
    }

    fn greet(&mut self) -> (Pending, Vec<u8>) {
        self.nonce += 1;
        let mut client = Client::with_nonce(self.key, self.nonce);
        if self.server_nonce.is_empty() {
            let body = client.greeting();
            return (Pending { client, keys: None }, body);
        }
        let chain = self.chain.clone().finalize().to_vec();
        let named = self.server_nonce.clone();
        let body = client.greeting_of(GREETING_FRAME_BYTES, named, chain);
        let keys = Some(client.keys(&self.server_nonce));
        (Pending { client, keys }, body)
    }

    fn first(&mut self) -> (Pending, Vec<u8>) {
        let (pending, body) = self.greet();
        (pending, request(&body))
    }

    fn stage(&mut self, (number, up, down): Stage) -> (Pending, Vec<u8>) {
        let (mut pending, mut body) = self.greet();
        let keys = pending.keys.as_ref().unwrap();
        body.extend(pending.client.stage(keys, number, up, down));
        (pending, request(&body))
    }

    fn receipt(&mut self) -> (Pending, Vec<u8>) {
        let (mut pending, mut body) = self.greet();
        body.extend(pending.client.receipt(pending.keys.as_ref().unwrap()));
        (pending, request(&body))
    }

    /// Reads the testimony of a response, and leaves what follows in `rest`.
    fn testimony(&mut self, pending: &mut Pending, rest: &mut &[u8]) -> Testimony {
        let testimony = pending.client.take_testimony(rest);
        self.server_nonce = testimony.server_nonce.clone();
        testimony
    }

    fn end_round(&mut self, pending: &Pending) {
        self.chain.update(pending.client.transcript.digest());
    }

    /// Reads a response that contains a testimony alone.
    fn answered(&mut self, mut pending: Pending, response: &[u8]) -> Testimony {
        let body = body_of(response);
        let mut rest = body.as_slice();
        let testimony = self.testimony(&mut pending, &mut rest);
        assert!(rest.is_empty(), "{} more bytes", rest.len());
        self.end_round(&pending);
        testimony
    }

    /// Reads a response that contains a stage.
    fn exchanged(&mut self, mut pending: Pending, response: &[u8], stage: Stage) -> Testimony {
        let body = body_of(response);
        let mut rest = body.as_slice();
        let testimony = self.testimony(&mut pending, &mut rest);
        let keys = pending.keys.as_ref().unwrap();
        pending.client.take_stage(keys, &mut rest, stage);
        assert!(rest.is_empty());
        self.end_round(&pending);
        testimony
    }

    fn parted(&mut self, mut pending: Pending, response: &[u8]) {
        let body = body_of(response);
        let mut rest = body.as_slice();
        self.testimony(&mut pending, &mut rest);
        let keys = pending.keys.as_ref().unwrap();
        pending.client.take_farewell(keys, &mut rest);
        assert!(rest.is_empty());
    }
}

fn request(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let length = Some(body.len() as u64);
    request_head(&mut out, "POST", "/fwprobe", "h.example", &[], length).unwrap();
    out.extend_from_slice(body);
    out
}

/// Returns the body of the only response in `bytes`.
fn body_of(bytes: &[u8]) -> Vec<u8> {
    let Decoded::Complete { value, consumed } = ResponseHead::decode(bytes).unwrap() else {
        panic!("no whole head in {} bytes", bytes.len());
    };
    assert_eq!(value.status(), 200);
    let body = bytes[consumed..].to_vec();
    assert_eq!(value.body("POST").unwrap(), Body::Length(body.len() as u64));
    body
}

/// Sends a request and returns what came back.
fn ask(bench: &mut Bench, line: &mut Line, request: &[u8], cut: usize) -> Vec<u8> {
    line.send(bench, request, cut);
    std::mem::take(&mut line.from_server)
}

const STAGES: [Stage; 3] = [(0, 1, 1), (1, 5000, 9000), (2, 0, 10)];

fn whole_session(kind: SessionKind, cut: usize) -> Vec<u8> {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let mut line = bench.accept();
    open(&mut bench, &mut line, kind, cut);
    let (pending, request) = rounds.first();
    let mut transmitted = ask(&mut bench, &mut line, &request, cut);
    assert!(transmitted.len() <= request.len());
    let testimony = rounds.answered(pending, &transmitted);
    assert_eq!(testimony.kind(), kind.into());
    assert!(
        testimony
            .request_head
            .starts_with(b"POST /fwprobe HTTP/1.1\r\n")
    );
    assert!(testimony.request_head.ends_with(b"\r\n\r\n"));
    for stage in STAGES {
        let (pending, request) = rounds.stage(stage);
        let response = ask(&mut bench, &mut line, &request, cut);
        rounds.exchanged(pending, &response, stage);
        transmitted.extend(response);
    }
    let (pending, request) = rounds.receipt();
    let response = ask(&mut bench, &mut line, &request, cut);
    rounds.parted(pending, &response);
    transmitted.extend(response);
    assert_eq!(line.wait(&mut bench), Action::Close(End::Completed));
    assert!(bench.nonces.is_empty());
    transmitted
}

#[test]
fn a_session_on_one_connection_runs_to_its_farewell_however_it_is_cut() {
    for kind in [SessionKind::Http, SessionKind::Https] {
        let at_once = whole_session(kind, usize::MAX);
        for cut in [1, 1000] {
            assert!(whole_session(kind, cut) == at_once, "{kind:?} cut at {cut}");
        }
    }
}

#[test]
fn rounds_may_come_on_a_connection_each() {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let (pending, request) = rounds.first();
    let mut line = bench.accept();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    let mut ids = vec![rounds.answered(pending, &response).connection_id];
    for stage in STAGES {
        let (pending, request) = rounds.stage(stage);
        let mut line = bench.accept();
        let response = ask(&mut bench, &mut line, &request, usize::MAX);
        ids.push(rounds.exchanged(pending, &response, stage).connection_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let (pending, request) = rounds.receipt();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.parted(pending, &response);
}

#[test]
fn a_nonce_that_is_not_known_earns_a_fresh_one_and_the_stage_can_be_tried_again() {
    let (mut bench, mut elsewhere) = (Bench::new(), Bench::new());
    // The other server's nonces must differ from this one's.
    elsewhere.with_env(|env| (env.rng)(&mut [0; 32]));
    let mut rounds = Rounds::new("k1");
    let (pending, request) = rounds.first();
    let mut line = elsewhere.accept();
    let response = ask(&mut elsewhere, &mut line, &request, usize::MAX);
    rounds.answered(pending, &response);

    let mut line = bench.accept();
    let (pending, request) = rounds.stage(STAGES[1]);
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    assert!(response.len() <= request.len());
    rounds.answered(pending, &response);
    assert_eq!(bench.admission.load().sessions, 0);
    for stage in [STAGES[1], STAGES[2]] {
        let (pending, request) = rounds.stage(stage);
        let response = ask(&mut bench, &mut line, &request, usize::MAX);
        rounds.exchanged(pending, &response, stage);
    }
    let (pending, request) = rounds.receipt();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.parted(pending, &response);
}

#[test]
fn replayed_requests_earn_testimonies_alone() {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let mut line = bench.accept();
    let (pending, request) = rounds.first();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.answered(pending, &response);
    let (pending, request) = rounds.stage((0, 10, 50_000));
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.exchanged(pending, &response, (0, 10, 50_000));
    let (pending, request) = rounds.receipt();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.parted(pending, &response);

    for cut in [usize::MAX, 1] {
        let recorded = line.from_client.clone();
        let mut replay = bench.accept();
        let response = ask(&mut bench, &mut replay, &recorded, cut);
        assert!(response.len() <= recorded.len());
        assert!(response.len() < 4000);
        assert_eq!(bench.admission.load().sessions, 1);
        assert_eq!(
            replay.session.deadline(),
            Some(bench.now + bench.limits.answer)
        );
    }
}

/// Returns a first request whose greeting leaves little room for an answer.
fn short_request(frame_bytes: usize) -> (Client, Vec<u8>) {
    let mut client = Client::with_nonce("k1", 0x77);
    let body = client.greeting_of(frame_bytes, Vec::new(), Vec::new());
    (client, request(&body))
}

/// The answer that strangers get.
const DENIED: &[u8] = b"HTTP/1.1 404 \r\n\r\n";

#[test]
fn limits_hold_across_connections() {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let (pending, request) = rounds.first();
    let mut line = bench.accept();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.answered(pending, &response);
    for number in 0..proto::limits::MAX_STAGES as u32 {
        let stage = (number, 1, 1);
        let (pending, request) = rounds.stage(stage);
        let mut line = bench.accept();
        let response = ask(&mut bench, &mut line, &request, usize::MAX);
        rounds.exchanged(pending, &response, stage);
    }
    let (_, request) = rounds.stage((99, 1, 1));
    let mut line = bench.accept();
    assert_eq!(ask(&mut bench, &mut line, &request, usize::MAX), DENIED);
    assert_eq!(line.last, Action::Close(End::OverLimit));
}

#[test]
fn a_slow_stage_is_confirmed_as_far_as_it_came() {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let mut line = bench.accept();
    let (pending, request) = rounds.first();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.answered(pending, &response);
    let (mut pending, mut request) = rounds.stage((0, 1000, 1000));
    request.truncate(request.len() - 300);
    assert!(ask(&mut bench, &mut line, &request, usize::MAX).is_empty());
    let since = bench.now;
    assert_eq!(line.wait(&mut bench), Action::Close(End::Deadline));
    assert_eq!(bench.now - since, bench.limits.stage_gap);
    let body = body_of(&line.from_server);
    let mut rest = body.as_slice();
    rounds.testimony(&mut pending, &mut rest);
    let keys = pending.keys.as_ref().unwrap();
    let received = pending.client.take_confirmation(keys, &mut rest).received;
    assert_eq!(received.unwrap().bytes, 700);
    assert!(rest.is_empty());
}

#[test]
fn a_device_may_put_two_clients_on_one_connection() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let mut clients = [Rounds::new("k1"), Rounds::new("k2")];
    for rounds in &mut clients {
        let (pending, request) = rounds.first();
        let response = ask(&mut bench, &mut line, &request, usize::MAX);
        rounds.answered(pending, &response);
    }
    for at in [0, 1, 0] {
        let rounds = &mut clients[at];
        let stage = (u32::from(rounds.nonce), 10, 10);
        let (pending, request) = rounds.stage(stage);
        let response = ask(&mut bench, &mut line, &request, usize::MAX);
        rounds.exchanged(pending, &response, stage);
        assert_eq!(bench.admission.load().sessions, 1);
    }
    assert_eq!(line.session.notice().attribution, Attribution::SeveralKeys);
    // The proofs of both clients do not help the next request on the same connection.
    let (_, short) = short_request(250);
    let response = ask(&mut bench, &mut line, &short, usize::MAX);
    assert!((1..=short.len()).contains(&response.len()));
    let stranger = b"GET / HTTP/1.1\r\n\r\n";
    assert_eq!(ask(&mut bench, &mut line, stranger, 1), DENIED);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut bench = Bench::new();
    let mut line = bench.accept();
    let (mut one, mut two) = (Rounds::new("k1"), Rounds::new("k2"));
    let (_, first) = one.first();
    let (_, second) = two.first();
    let both = [first, second].concat();
    let response = ask(&mut bench, &mut line, &both, usize::MAX);
    let heads = response
        .windows(13)
        .filter(|w| w == b"HTTP/1.1 200 ")
        .count();
    assert_eq!(heads, 2);
    assert!(response.len() <= both.len());
}

#[test]
fn a_draining_server_refuses_new_sessions_and_goes_on_with_running_ones() {
    let (mut bench, mut rounds) = (Bench::new(), Rounds::new("k1"));
    let mut line = bench.accept();
    let (pending, request) = rounds.first();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    rounds.answered(pending, &response);
    bench.admission.drain();
    let (pending, request) = rounds.stage(STAGES[0]);
    let mut other = bench.accept();
    let response = ask(&mut bench, &mut other, &request, usize::MAX);
    rounds.exchanged(pending, &response, STAGES[0]);

    let mut line = bench.accept();
    let (mut pending, request) = Rounds::new("k2").first();
    let response = ask(&mut bench, &mut line, &request, usize::MAX);
    let body = body_of(&response);
    let keys = pending.client.answer_keys();
    let transcript = &mut pending.client.transcript;
    let refusal: wire::Refusal = take(&mut body.as_slice(), FrameType::Refusal, &keys, transcript);
    assert_eq!(refusal.reason(), wire::refusal::Reason::Draining);
    assert_eq!(line.last, Action::Close(End::Refused));
}
