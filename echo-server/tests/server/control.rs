//! The control service, over gRPC.

use std::net::SocketAddr;
use std::time::Duration;

use echo_server::Identity;
use hyper_util::rt::TokioIo;
use prost::Message;
use proto::control_auth::sign;
use proto::wire::control_client::ControlClient;
use proto::wire::{
    DescribeRequest, Description, OpenRunRequest, Prefix, ReloadRequest, Sent, Sighting,
    SightingEnd, SightingMatch, SignedRequest, WatchSightingsRequest,
};
use sha2::{Digest as _, Sha256};
use socket_facts::tcp_facts;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::dialogue::{Dialogue, SESSION_ID, address, rest};
use crate::running::{Holder, LATER, Running, SOON, config, identity};
use crate::tls_client::{Hello, exporter};

pub(crate) struct Control {
    client: ControlClient<Channel>,
    exporter: [u8; 32],
    local: SocketAddr,
}

impl Control {
    async fn open(server: &Running) -> Self {
        Self::over(server.connect().await).await
    }

    pub(crate) async fn over(tcp: TcpStream) -> Self {
        let local = tcp.local_addr().unwrap();
        let tls = Hello::alpn(&["h2"]).connect(tcp).await.unwrap();
        let exporter = exporter(tls.get_ref().1);
        let mut io = Some(TokioIo::new(tls));
        let connector = tower::service_fn(move |_| {
            let io = io.take().ok_or_else(|| std::io::Error::other("used"));
            std::future::ready(io)
        });
        let channel = Endpoint::from_static("http://echo.example")
            .connect_with_connector(connector)
            .await
            .unwrap();
        Self {
            client: ControlClient::new(channel),
            exporter,
            local,
        }
    }

    fn sign(&self, holder: &Holder, method: &str, request: &impl Message) -> SignedRequest {
        let request = request.encode_to_vec();
        sign(&holder.secret, &holder.id, method, &self.exporter, request)
    }

    pub(crate) async fn describe(&mut self, holder: &Holder) -> Result<Description, Status> {
        let request = self.sign(holder, "Describe", &DescribeRequest {});
        self.client.describe(request).await.map(|r| r.into_inner())
    }

    pub(crate) async fn reload(&mut self, holder: &Holder) -> Result<Vec<String>, Status> {
        let request = self.sign(holder, "Reload", &ReloadRequest {});
        let reloaded = self.client.reload(request).await?;
        Ok(reloaded.into_inner().needs_restart)
    }

    async fn sightings(&mut self, holder: &Holder, sent: Vec<Sent>) -> Vec<Sighting> {
        let request = WatchSightingsRequest {
            run_id: vec![7; 16],
            sent,
            follow_ms: 0,
        };
        let request = self.sign(holder, "WatchSightings", &request);
        let mut stream = self
            .client
            .watch_sightings(request)
            .await
            .unwrap()
            .into_inner();
        let mut all = Vec::new();
        while let Some(sighting) = stream.message().await.unwrap() {
            all.push(sighting);
        }
        all
    }
}

/// Returns a question about one connection to the first listener, accepted at any time.
fn sent(server: &Running, prefixes: Vec<Prefix>) -> Sent {
    Sent {
        tag: 1,
        port: server.addresses[0].port().into(),
        prefixes,
        from_unix_ms: 0,
        until_unix_ms: u64::MAX,
        session_id: Vec::new(),
        source_port: 0,
        same_ip_version: false,
    }
}

#[tokio::test]
async fn a_known_client_is_told_about_the_server() {
    let server = Running::start();
    let mut control = Control::open(&server).await;
    let description = control.describe(&server.holder(0)).await.unwrap();
    assert_eq!(description.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(address(description.your_address), control.local);
    let listeners: Vec<_> = description
        .listeners
        .into_iter()
        .map(|listener| {
            (
                address(listener.address),
                listener.public_port,
                listener.bound,
            )
        })
        .collect();
    let [first, second] = server.addresses[..] else {
        panic!("{:?}", server.addresses);
    };
    let expected = [(first, first.port().into(), true), (second, 443, true)];
    assert_eq!(listeners, expected);
    let mut again = control.describe(&server.holder(1)).await.unwrap();
    assert_eq!(again.instance, description.instance);
    again.limits.take().unwrap();
}

#[tokio::test]
async fn unknown_revoked_and_wrong_keys_get_the_same_answer() {
    let directory = tempfile::tempdir().unwrap();
    let mut identity = identity();
    identity.save_new(directory.path()).unwrap();
    Identity::revoke_key(directory.path(), &identity.keys()[1].id).unwrap();
    identity = Identity::load(directory.path()).unwrap();
    let server = Running::serve(config(), identity);
    let holder = server.holder(0);
    let mut control = Control::open(&server).await;
    let elsewhere = Control::open(&server).await;
    let replayed = elsewhere.sign(&holder, "Describe", &DescribeRequest {});
    let for_another = control.sign(&holder, "OpenRun", &DescribeRequest {});
    let mut answers = vec![
        control
            .describe(&holder.with_wrong_secret())
            .await
            .unwrap_err(),
        control
            .describe(&holder.with_unknown_id())
            .await
            .unwrap_err(),
        control.describe(&server.holder(1)).await.unwrap_err(),
    ];
    for request in [replayed, for_another, SignedRequest::default()] {
        answers.push(control.client.describe(request).await.unwrap_err());
    }
    for answer in &answers {
        assert_eq!(answer.code(), Code::Unauthenticated);
        assert_eq!(answer.message(), "not authenticated");
        assert_eq!(answer.metadata().len(), answers[0].metadata().len());
    }
    assert!(control.describe(&holder).await.is_ok());
}

#[tokio::test]
async fn what_is_no_call_at_all_gets_the_same_answer_until_a_key_is_proved() {
    let server = Running::start();
    let mut control = Control::open(&server).await;
    let oversized = |length| SignedRequest {
        request: vec![0; length],
        ..SignedRequest::default()
    };
    // The first call is a stranger's; the second comes after a key was proved.
    let answer = control.client.describe(oversized(5_000)).await.unwrap_err();
    assert_eq!(
        (answer.code(), answer.message()),
        (Code::Unauthenticated, "not authenticated")
    );
    control.describe(&server.holder(0)).await.unwrap();
    let answer = control
        .client
        .describe(oversized(70_000))
        .await
        .unwrap_err();
    assert_eq!(answer.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn who_has_not_proved_a_key_is_heard_for_one_call_and_not_for_more() {
    let far_beyond_this_test = Duration::from_secs(3600);
    let server = Running::start_with(|config| config.session.greeting = far_beyond_this_test);
    let mut control = Control::open(&server).await;
    let unheard = SignedRequest {
        request: vec![0; 70_000],
        ..SignedRequest::default()
    };
    let answer = control.client.describe(unheard).await.unwrap_err();
    assert_eq!(answer.message(), "transport error");
}

#[tokio::test]
async fn a_malformed_request_is_told_from_a_wrong_key_to_known_clients_alone() {
    let server = Running::start();
    let holder = server.holder(0);
    let mut control = Control::open(&server).await;
    let run = OpenRunRequest { run_id: vec![1; 3] };
    for (holder, code) in [
        (holder.with_wrong_secret(), Code::Unauthenticated),
        (holder, Code::InvalidArgument),
    ] {
        let request = control.sign(&holder, "OpenRun", &run);
        let answer = control.client.open_run(request).await.unwrap_err();
        assert_eq!(answer.code(), code);
    }
}

#[tokio::test]
async fn a_run_is_opened_at_the_servers_time() {
    let server = Running::start();
    let mut control = Control::open(&server).await;
    let run = OpenRunRequest {
        run_id: vec![1; 16],
    };
    let request = control.sign(&server.holder(0), "OpenRun", &run);
    let opened = control.client.open_run(request).await.unwrap().into_inner();
    let description = control.describe(&server.holder(0)).await.unwrap();
    assert!((1..=description.time_unix_ms).contains(&opened.time_unix_ms));
}

#[tokio::test]
async fn a_connection_of_strangers_is_let_go() {
    let server = Running::start_with(|config| config.session.greeting = LATER);
    let mut tls = Hello::alpn(&["h2"])
        .connect(server.connect().await)
        .await
        .unwrap();
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let answer = rest(&mut tls).await;
    // The answer is only the server's HTTP/2 settings and its acknowledgement of the client's.
    assert!(answer.len() < 80, "{answer:02x?}");
}

#[tokio::test]
async fn a_caller_that_finds_no_place_is_told_so() {
    let server = Running::start_with(|config| config.control_connections = 1);
    let mut first = Control::open(&server).await;
    first.describe(&server.holder(0)).await.unwrap();
    let mut second = Control::open(&server).await;
    let answer = second.describe(&server.holder(0)).await.unwrap_err();
    assert_eq!(answer.code(), Code::ResourceExhausted);
    let answer = second
        .describe(&server.holder(0).with_wrong_secret())
        .await
        .unwrap_err();
    assert_eq!(answer.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_key_leaves_half_of_the_places_to_others() {
    let server = Running::start_with(|config| config.control_connections = 2);
    let mut first = Control::open(&server).await;
    first.describe(&server.holder(0)).await.unwrap();
    let mut second = Control::open(&server).await;
    let answer = second.describe(&server.holder(0)).await.unwrap_err();
    assert_eq!(answer.code(), Code::ResourceExhausted);
    second.describe(&server.holder(1)).await.unwrap();
}

#[tokio::test]
async fn a_key_has_so_many_watches_under_way_and_no_more() {
    let server = Running::start();
    let mut under_way = Vec::new();
    let mut refused = Vec::new();
    // Each connection allows eight streams, which is half of the limit per key.
    for _ in 0..3 {
        let mut control = Control::open(&server).await;
        for _ in 0..8 {
            let request = WatchSightingsRequest {
                run_id: vec![7; 16],
                sent: Vec::new(),
                follow_ms: 120_000,
            };
            let request = control.sign(&server.holder(0), "WatchSightings", &request);
            match control.client.watch_sightings(request).await {
                Ok(stream) => under_way.push(stream),
                Err(status) => refused.push(status.code()),
            }
        }
        // The connection lasts as long as its streams.
        drop(control);
    }
    assert_eq!(under_way.len(), 16);
    assert_eq!(refused, [Code::ResourceExhausted; 8]);
    let mut other = Control::open(&server).await;
    let about = vec![sent(&server, Vec::new())];
    let told = other.sightings(&server.holder(1), about).await;
    assert!(!told.is_empty());
}

#[tokio::test]
async fn a_sighting_is_released_to_who_names_its_first_bytes() {
    let server = Running::start();
    let mut dialogue = Dialogue::new(server.connect().await, &server.holder(0));
    let greeting = dialogue.greeting();
    dialogue.stream.write_all(&greeting).await.unwrap();
    let testimony = dialogue.testimony().await;
    let keys = dialogue.session_keys(&testimony);
    dialogue.part(&keys).await;
    let prefix = Prefix {
        bytes: 256,
        sha256: Sha256::digest(&greeting[..256]).to_vec(),
    };
    let sent = sent(&server, vec![prefix]);
    let mut control = Control::open(&server).await;
    let sightings = control.sightings(&server.holder(0), vec![sent]).await;
    assert_eq!(sightings.len(), 1, "{sightings:?}");
    assert_eq!(sightings[0].r#match(), SightingMatch::Digest);
    assert_eq!(sightings[0].end(), SightingEnd::Completed);
    assert_eq!(
        (sightings[0].tag, &sightings[0].session_id[..]),
        (1, &[0x53; 16][..])
    );
}

#[tokio::test]
async fn a_sighting_of_a_session_that_goes_on_tells_how_far_it_has_come() {
    let server = Running::start();
    let mut dialogue = Dialogue::new(server.connect().await, &server.holder(0));
    dialogue.prove().await;
    let answered = tcp_facts(&dialogue.stream).unwrap().bytes_acked.unwrap();
    let half_a_header = [0; 3];
    dialogue.stream.write_all(&half_a_header).await.unwrap();
    // The SYN counts as one acknowledged byte.
    let all = answered - 1 + half_a_header.len() as u64;
    let mut control = Control::open(&server).await;
    let mut received = 0;
    for _ in 0..1_000 {
        // A connection that has sent a greeting is reported only for its session.
        let sent = Sent {
            session_id: SESSION_ID.to_vec(),
            ..sent(&server, Vec::new())
        };
        let sightings = control.sightings(&server.holder(0), vec![sent]).await;
        received = sightings[0].bytes_received;
        if received == all {
            break;
        }
    }
    assert_eq!(received, all);
}

#[tokio::test]
async fn a_silent_connection_is_released_by_its_address() {
    // This deadline does not affect the control connection, which sends its first bytes at once.
    let server = Running::start_with(|config| config.session.first_byte = SOON);
    let mut silent = server.connect().await;
    let client = silent.local_addr().unwrap();
    assert_eq!(rest(&mut silent).await, b"");
    let sent = sent(&server, Vec::new());
    let mut control = Control::open(&server).await;
    let sightings = control.sightings(&server.holder(0), vec![sent]).await;
    let found = sightings.iter().find(|s| address(s.peer.clone()) == client);
    let found = found.unwrap_or_else(|| panic!("{sightings:?}"));
    assert_eq!(found.r#match(), SightingMatch::Address);
    assert_eq!(found.end(), SightingEnd::Deadline);
}

#[tokio::test]
async fn a_connection_that_had_to_make_room_is_told_from_one_that_was_dropped() {
    let server = Running::start_with(|config| config.admission.strangers = 2);
    let mut stranger = server.connect().await;
    let client = stranger.local_addr().unwrap();
    let mut control = Control::open(&server).await;
    assert_eq!(rest(&mut stranger).await, b"");
    let sent = sent(&server, Vec::new());
    let sightings = control.sightings(&server.holder(0), vec![sent]).await;
    let found = sightings.iter().find(|s| address(s.peer.clone()) == client);
    assert_eq!(found.unwrap().end(), SightingEnd::Shed);
}

#[tokio::test]
async fn a_broken_handshake_is_told_with_what_broke_it() {
    let server = Running::start();
    let mut broken = server.connect().await;
    let client = broken.local_addr().unwrap();
    // A ClientHello of four meaningless bytes.
    let hello = [0x16, 3, 1, 0, 8, 1, 0, 0, 4, 9, 9, 9, 9];
    broken.write_all(&hello).await.unwrap();
    assert_ne!(rest(&mut broken).await, b"");
    drop(broken);
    let sent = sent(&server, Vec::new());
    let mut control = Control::open(&server).await;
    let sightings = control.sightings(&server.holder(0), vec![sent]).await;
    let found = sightings
        .into_iter()
        .find(|s| address(s.peer.clone()) == client);
    let found = found.unwrap();
    assert_eq!(found.end(), SightingEnd::TlsFailed);
    assert_ne!(found.tls_error, "");
}

#[tokio::test]
async fn only_an_admin_may_have_a_server_reload_that_was_made_from_files() {
    let server = Running::start();
    let mut control = Control::open(&server).await;
    let answer = control.reload(&server.holder(0)).await.unwrap_err();
    assert_eq!(answer.code(), Code::PermissionDenied);
    let stranger = server.holder(0).with_wrong_secret();
    let answer = control.reload(&stranger).await.unwrap_err();
    assert_eq!(answer.code(), Code::Unauthenticated);
}
