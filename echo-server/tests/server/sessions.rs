//! Sessions of authenticated clients, kind by kind.

use proto::wire::SessionKind;
use proto::x224::{ConnectionConfirm, ConnectionRequest, NegotiationRequest, Protocols};
use rustls::crypto::aws_lc_rs;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::dialogue::{Dialogue, address};
use crate::running::{LATER, Running};
use crate::tls_client::{Hello, exporter};

#[tokio::test]
async fn a_plain_session_is_testified_to_and_exchanged() {
    let server = Running::start();
    let stream = server.connect().await;
    let (client, at) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let (testimony, farewell) = Dialogue::new(stream, &server.holder(0)).run().await;
    assert_eq!(testimony.kind(), SessionKind::Tcp);
    assert_eq!(address(testimony.peer.clone()), client);
    assert_eq!(address(testimony.local.clone()), at);
    assert!(
        testimony.instance.starts_with("test/"),
        "{}",
        testimony.instance
    );
    assert_eq!(testimony.tls, None);
    assert_eq!(testimony.connection_id.len(), 8);
    // The client sent the magic, the greeting, four stages of frames and payload, and the receipt.
    assert!(farewell.bytes_received > 8 + 1024 + 91_138);
    assert!(farewell.bytes_sent > 91_138);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_syn_and_the_kernels_own_facts_are_told() {
    let server = Running::start();
    let stream = server.connect().await;
    let client = stream.local_addr().unwrap();
    let (testimony, farewell) = Dialogue::new(stream, &server.holder(0)).run().await;
    let syn = proto::syn::SynHeader::parse(&testimony.syn).unwrap();
    assert_eq!((syn.source, syn.destination), (client, server.addresses[0]));
    assert!(farewell.rtt_us.is_some_and(|rtt| rtt > 0));
    assert!(farewell.send_mss.is_some_and(|mss| mss > 0));
}

#[tokio::test]
async fn the_port_that_clients_dial_is_told_where_it_is_another() {
    let server = Running::start();
    for (index, public_port) in [(0, 0), (1, 443)] {
        let stream = TcpStream::connect(server.addresses[index]).await.unwrap();
        let (testimony, _) = Dialogue::new(stream, &server.holder(0)).run().await;
        assert_eq!(testimony.public_port, public_port);
    }
}

#[tokio::test]
async fn a_tls_session_is_testified_to_with_what_both_ends_derive() {
    let server = Running::start();
    let tls = Hello::default()
        .connect(server.connect().await)
        .await
        .unwrap();
    let exporter = exporter(tls.get_ref().1);
    let (testimony, farewell) = Dialogue::new(tls, &server.holder(1)).run().await;
    assert_eq!(testimony.kind(), SessionKind::Tls);
    let tls = testimony.tls.unwrap();
    assert_eq!(tls.version, 0x0304);
    assert_eq!(tls.exporter, exporter);
    assert_eq!(tls.server_name, "echo.example");
    assert_eq!(
        (tls.alpn.as_str(), tls.client_certificate_sha256.len()),
        ("", 0)
    );
    assert_eq!(tls.client_hello_sha256.len(), 32);
    assert_ne!((tls.cipher_suite, tls.group), (0, 0));
    // Over TLS, the records and the handshake count too.
    assert!(farewell.bytes_received > 8 + 1024 + 91_138 + 500);
}

#[tokio::test]
async fn tls_1_2_is_taken_and_has_no_exporter() {
    let server = Running::start();
    let hello = Hello {
        version: &rustls::version::TLS12,
        ..Hello::default()
    };
    let tls = hello.connect(server.connect().await).await.unwrap();
    let (testimony, _) = Dialogue::new(tls, &server.holder(0)).run().await;
    let tls = testimony.tls.unwrap();
    assert_eq!((tls.version, tls.exporter), (0x0303, vec![]));
}

#[tokio::test]
async fn protocols_that_the_server_does_not_know_are_no_reason_to_refuse() {
    let server = Running::start();
    for (offered, chosen) in [
        (&["acme"][..], ""),
        (&["acme", "http/1.1"], "http/1.1"),
        (&[], ""),
    ] {
        let tls = Hello::alpn(offered)
            .connect(server.connect().await)
            .await
            .unwrap();
        let (testimony, _) = Dialogue::new(tls, &server.holder(0)).run().await;
        assert_eq!(testimony.tls.unwrap().alpn, chosen, "{offered:?}");
    }
}

#[tokio::test]
async fn a_post_quantum_share_alone_is_taken() {
    let server = Running::start();
    let mut hello = Hello::default();
    hello.provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    let tls = hello.connect(server.connect().await).await.unwrap();
    let (testimony, _) = Dialogue::new(tls, &server.holder(0)).run().await;
    assert_eq!(testimony.tls.unwrap().group, 0x11ec);
}

#[tokio::test]
async fn a_client_certificate_is_testified_to() {
    let server = Running::start();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let parameters = rcgen::CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let digest = Sha256::digest(certificate.der());
    // The chain has the maximum length, which is longer than any chain in use.
    let chain = vec![certificate.der().clone(); 24 * 1024 / certificate.der().len()];
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let private_key = key.serialize_der().try_into().unwrap();
        let hello = Hello {
            certificate: Some((chain.clone(), private_key)),
            version,
            ..Hello::default()
        };
        let tls = hello.connect(server.connect().await).await.unwrap();
        let (testimony, _) = Dialogue::new(tls, &server.holder(0)).run().await;
        assert_eq!(
            testimony.tls.unwrap().client_certificate_sha256,
            digest.as_slice()
        );
    }
}

#[tokio::test]
async fn tls_follows_the_x224_confirm_on_the_same_connection() {
    let server = Running::start();
    let mut stream = server.connect().await;
    let request = ConnectionRequest {
        source_reference: 0,
        cookie: None,
        negotiation: Some(NegotiationRequest {
            flags: 0,
            protocols: Protocols::SSL,
        }),
    };
    let mut out = Vec::new();
    request.encode(&mut out);
    stream.write_all(&out).await.unwrap();
    let mut confirm = [0; 19];
    stream.read_exact(&mut confirm).await.unwrap();
    ConnectionConfirm::decode(&confirm).unwrap();
    let tls = Hello::default().connect(stream).await.unwrap();
    let (testimony, _) = Dialogue::new(tls, &server.holder(0)).run().await;
    assert_eq!(testimony.kind(), SessionKind::Rdp);
    assert_eq!(testimony.preface, out);
}

#[tokio::test]
async fn a_greeting_cut_into_single_bytes_is_the_same_greeting() {
    let server = Running::start();
    let mut dialogue = Dialogue::new(server.connect().await, &server.holder(0));
    dialogue.stream.set_nodelay(true).unwrap();
    for byte in dialogue.greeting() {
        dialogue.stream.write_all(&[byte]).await.unwrap();
    }
    let testimony = dialogue.testimony().await;
    let keys = dialogue.session_keys(&testimony);
    dialogue.part(&keys).await;
}

#[tokio::test]
async fn a_session_outlives_the_time_that_strangers_have() {
    let server = Running::start_with(|config| {
        config.session.first_byte = LATER;
        config.session.greeting = LATER;
    });
    let mut dialogue = Dialogue::new(server.connect().await, &server.holder(0));
    let (_, keys) = dialogue.prove().await;
    // The stranger came later and has been disconnected.
    let mut stranger = server.connect().await;
    assert_eq!(stranger.read(&mut [0; 16]).await.unwrap(), 0);
    dialogue.part(&keys).await;
}

#[tokio::test]
async fn a_server_of_a_program_stops_when_it_is_told_to() {
    let server = Running::start();
    Dialogue::new(server.connect().await, &server.holder(0))
        .run()
        .await;
    server.stop.send(()).unwrap();
    server.stopped.await.unwrap();
    let refused = TcpStream::connect(server.addresses[0]).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn dropping_a_running_server_ends_its_sessions() {
    let server = Running::start();
    let mut dialogue = Dialogue::new(server.connect().await, &server.holder(0));
    dialogue.greet().await;
    dialogue.testimony().await;
    server.stopped.abort();
    let ended = dialogue.stream.read(&mut [0; 16]).await;
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn too_many_sessions_are_refused_by_name_and_only_then() {
    let server = Running::start_with(|config| config.admission.per_key = 1);
    let mut first = Dialogue::new(server.connect().await, &server.holder(0));
    let (_, keys) = first.prove().await;
    let mut second = Dialogue::new(server.connect().await, &server.holder(0));
    second.greet().await;
    assert_eq!(second.refusal().await.reason, 1);
    let other = Dialogue::new(server.connect().await, &server.holder(1))
        .run()
        .await;
    assert_eq!(other.0.kind(), SessionKind::Tcp);
    first.part(&keys).await;
}
