//! A stranger gets nothing, and is disconnected.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::dialogue::{Dialogue, rest};
use crate::running::{Running, impatient};
use crate::tls_client::Hello;

#[tokio::test]
async fn nothing_is_answered_to_nothing() {
    let server = Running::start_with(impatient);
    assert_eq!(rest(&mut server.connect().await).await, b"");
}

#[tokio::test]
async fn garbage_half_greetings_and_huge_lengths_are_not_answered() {
    let server = Running::start_with(impatient);
    let mut dialogue = Dialogue::new(server.connect().await, &server.holder(0));
    let greeting = dialogue.greeting();
    let mut huge = greeting[..9].to_vec();
    huge.extend_from_slice(&(2u32 << 30).to_be_bytes());
    huge.extend_from_slice(&[0xaa; 4096]);
    for sent in [
        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
        &[0; 1],
        &[0xff; 100_000],
        &greeting[..500],
        &huge,
    ] {
        let mut stream = server.connect().await;
        stream.write_all(sent).await.unwrap();
        assert_eq!(rest(&mut stream).await, b"", "after {} bytes", sent.len());
    }
}

#[tokio::test]
async fn who_never_stops_sending_is_let_go_as_well() {
    let server = Running::start_with(impatient);
    let mut stream = server.connect().await;
    while stream.write_all(&[0xff; 65_536]).await.is_ok() {}
    let tls = Hello::alpn(&["h2"]).connect(server.connect().await).await;
    let mut tls = tls.unwrap();
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    // A WINDOW_UPDATE of one byte, which needs no answer.
    let frames = b"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01".repeat(1000);
    while tls.write_all(&frames).await.is_ok() {}
}

#[tokio::test]
async fn unknown_and_wrong_keys_are_met_with_the_same_silence() {
    let server = Running::start_with(impatient);
    let holder = server.holder(0);
    for stranger in [holder.with_wrong_secret(), holder.with_unknown_id()] {
        let mut dialogue = Dialogue::new(server.connect().await, &stranger);
        dialogue.greet().await;
        assert_eq!(rest(&mut dialogue.stream).await, b"");
        let tls = Hello::default()
            .connect(server.connect().await)
            .await
            .unwrap();
        let mut dialogue = Dialogue::new(tls, &stranger);
        dialogue.greet().await;
        assert_eq!(rest(&mut dialogue.stream).await, b"");
    }
}

#[tokio::test]
async fn a_request_without_a_greeting_gets_a_bare_404() {
    let server = Running::start_with(impatient);
    let mut stream = server.connect().await;
    let request = b"GET / HTTP/1.1\r\nHost: echo.example\r\n\r\n";
    stream.write_all(request).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"HTTP/1.1 404 \r\n\r\n");
}

#[tokio::test]
async fn a_handshake_that_stops_half_way_is_given_up() {
    let server = Running::start_with(impatient);
    let mut stream = server.connect().await;
    // A record header, and a ClientHello that announces more than is sent.
    let hello = [0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 0x55];
    stream.write_all(&hello).await.unwrap();
    assert_eq!(rest(&mut stream).await, b"");
}

#[tokio::test]
async fn a_handshake_is_not_heard_for_ever() {
    let server = Running::start_with(|config| {
        // The deadlines are far beyond this test, so they do not end the connection.
        config.session.first_byte = Duration::from_secs(3600);
        config.session.greeting = Duration::from_secs(3600);
    });
    let mut stream = server.connect().await;
    // Records of a ClientHello that announces 60,000 bytes.
    let mut hello = vec![1, 0, 0xea, 0x60];
    hello.resize(40_000, 0x55);
    for piece in hello.chunks(16_000) {
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        stream.write_u16(piece.len() as u16).await.unwrap();
        stream.write_all(piece).await.unwrap();
    }
    assert_eq!(rest(&mut stream).await, b"");
}

#[tokio::test]
async fn a_broken_handshake_gets_the_alert_that_tls_prescribes_and_no_more() {
    let server = Running::start_with(impatient);
    let mut stream = server.connect().await;
    // A ClientHello of four meaningless bytes.
    let hello = [0x16, 3, 1, 0, 8, 1, 0, 0, 4, 9, 9, 9, 9];
    stream.write_all(&hello).await.unwrap();
    let answer = rest(&mut stream).await;
    assert_eq!((answer.len(), answer[0]), (7, 21), "{answer:02x?}");
}

#[tokio::test]
async fn a_replayed_greeting_earns_one_testimony_of_no_more_than_its_length() {
    let server = Running::start_with(|config| {
        impatient(config);
        config.session.answer = config.session.greeting;
    });
    let mut known = Dialogue::new(server.connect().await, &server.holder(0));
    let greeting = known.greeting();
    known.stream.write_all(&greeting).await.unwrap();
    let testimony = known.testimony().await;
    let keys = known.session_keys(&testimony);
    known.part(&keys).await;
    let mut replay = server.connect().await;
    replay.write_all(&greeting).await.unwrap();
    let answer = rest(&mut replay).await;
    assert!(
        (1..=greeting.len()).contains(&answer.len()),
        "{}",
        answer.len()
    );
}

#[test]
fn openssl_finishes_its_handshake_and_gets_nothing() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: there is no openssl here");
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let server = Running::start_with(impatient);
    for protocols in ["acme-tls/1", "http/1.1", "h2"] {
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-ign_eof", "-alpn", protocols])
            .args(["-connect", &server.addresses[0].to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = client.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, b"\x01\x02\x03 not a greeting\r\n").unwrap();
        let output = client.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(
            log.contains("CN = fwprobe-echo") || log.contains("CN=fwprobe-echo"),
            "{log}"
        );
        assert_eq!(output.stdout, b"", "{protocols}");
    }
}

#[tokio::test]
async fn a_stranger_that_closes_is_closed() {
    let server = Running::start();
    let mut stream = server.connect().await;
    stream.write_all(b"hello").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}
