//! Checks the client against a stranger in the server's place, for every session kind. Whatever bytes the stranger
//! sends, in whatever pieces, the client neither panics nor stores much, and never takes the stranger for the server.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use probe_core::profile::NettcpMode;
use probe_core::session::{
    ClientSession, ClientTls, Need, NetTcpService, SessionParameters, Stage,
};
use probe_core::session_kind::SessionKind;
use proto::key::Secret;

fuzz_target!(|input: &[u8]| {
    let [kind, cut, stream @ ..] = input else {
        return;
    };
    let kind = SessionKind::ALL[usize::from(*kind) % SessionKind::ALL.len()];
    let cut = usize::from(*cut).max(1);
    let (mut session, mut need) =
        ClientSession::new(parameters(kind), Duration::ZERO).expect("good parameters");
    let mut sent = Vec::new();
    let mut pieces = stream.chunks(cut);
    for step in 1_u32.. {
        let now = Duration::from_millis(step.into());
        sent.clear();
        session.transmit(&mut sent, 4096);
        need = match need {
            Need::StartTls(_) => session.tls_established(now, facts()),
            Need::Reconnect => session.reconnected(now),
            Need::Io | Need::Failed => match pieces.next() {
                Some(piece) => session.receive(now, piece),
                None => break,
            },
            Need::Finished => unreachable!("nobody here has the key"),
        };
    }
    session.closed(Duration::from_secs(10));
    let report = session.report();
    assert!(report.testimony.is_none());
});

fn parameters(kind: SessionKind) -> SessionParameters {
    SessionParameters {
        kind,
        key_id: "fuzz".parse().expect("a key id"),
        secret: Secret::new([7; 32]),
        run_id: [1; 16],
        session_id: [2; 16],
        nonces: Box::new(|| [3; 32]),
        port_dialled: 443,
        path_text: "direct".to_owned(),
        host: "echo.example".to_owned(),
        net_tcp: Some(NetTcpService {
            via: "net.tcp://echo.example:443/Service".to_owned(),
            mode: NettcpMode::Duplex,
        }),
        cookie: "fuzz".to_owned(),
        hop_limit_mark: None,
        hold: None,
        stages: vec![Stage::both(1), Stage::both(1024)],
        wall_unix_ms: 0,
    }
}

fn facts() -> ClientTls {
    ClientTls {
        version: 0x0304,
        suite: 0x1301,
        group: None,
        exporter: Some([4; 32]),
        client_hello_sha256: Some([5; 32]),
        server_name: None,
        alpn: None,
        client_certificate_sha256: None,
    }
}
