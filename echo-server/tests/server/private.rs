//! The private listeners for the operator's own network: health and metrics.

use std::net::SocketAddr;

use echo_server::Private;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::control::Control;
use crate::dialogue::Dialogue;
use crate::running::{Running, impatient};

/// Starts a server with both private listeners.
fn start() -> Running {
    Running::start_with(|config| {
        impatient(config);
        let any = Some("127.0.0.1:0".parse().unwrap());
        config.private = Private {
            health: any,
            metrics: any,
        };
        config.grace = std::time::Duration::from_secs(3600);
    })
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Returns the value of one line of the metrics; `None` if there is no such line.
fn value(metrics: &str, series: &str) -> Option<f64> {
    metrics.lines().find_map(|line| {
        let value = line.strip_prefix(series)?.strip_prefix(' ')?;
        value.parse().ok()
    })
}

#[tokio::test]
async fn sessions_strangers_and_this_process_are_counted() {
    let server = start();
    let metrics = server.private["metrics"];
    Dialogue::new(server.connect().await, &server.holder(0))
        .run()
        .await;
    let mut stranger = server.connect().await;
    stranger.write_all(b"SSH-2.0-x\r\n").await.unwrap();
    assert_eq!(stranger.read(&mut [0; 16]).await.unwrap(), 0);
    let (session, stranger) = (
        r#"fwprobe_echo_connections_total{kind="tcp",outcome="completed",known="yes"}"#,
        r#"fwprobe_echo_connections_total{kind="none",outcome="not-recognised",known="no"}"#,
    );
    // The server counts a connection only after dropping it, which can be after the peer has seen the end.
    let counted = server
        .until(async || {
            let text = get(metrics, "/metrics").await;
            (value(&text, session) == Some(1.0) && value(&text, stranger) == Some(1.0))
                .then_some(text)
        })
        .await;
    assert!(counted.ends_with("# EOF\n"), "{counted}");
    assert_eq!(
        value(&counted, "fwprobe_echo_session_seconds_count"),
        Some(1.0)
    );
    for own in [
        "fwprobe_echo_resident_memory_bytes",
        "fwprobe_echo_open_descriptors",
    ] {
        assert!(
            value(&counted, own).is_some_and(|value| value > 3.0),
            "{counted}"
        );
    }
    assert!(get(metrics, "/").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn refusals_handshakes_and_control_connections_are_counted() {
    let server = Running::start_with(|config| {
        config.private.metrics = Some("127.0.0.1:0".parse().unwrap());
        config.admission.per_key = 1;
    });
    let metrics = server.private["metrics"];
    let mut first = Dialogue::new(server.connect().await, &server.holder(0));
    first.prove().await;
    let mut second = Dialogue::new(server.connect().await, &server.holder(0));
    second.greet().await;
    second.refusal().await;
    let mut control = Control::over(server.connect().await).await;
    control.describe(&server.holder(0)).await.unwrap();
    let stranger = Control::over(server.connect().await).await;
    drop((second, stranger));
    let control_of = |known| {
        format!(
            r#"fwprobe_echo_connections_total{{kind="none",outcome="control",known="{known}"}}"#
        )
    };
    let refused = r#"fwprobe_echo_refused_total{reason="sessions-of-one-key"}"#;
    // A replayed greeting would be counted in the same way.
    let ended = r#"fwprobe_echo_connections_total{kind="tcp",outcome="refused",known="no"}"#;
    let counted = server
        .until(async || {
            let text = get(metrics, "/metrics").await;
            let all = [refused, ended, &control_of("no")];
            let counted = all.map(|series| value(&text, series) == Some(1.0));
            (counted == [true; 3]).then_some(text)
        })
        .await;
    let handshakes = value(&counted, "fwprobe_echo_handshake_seconds_count");
    assert_eq!(handshakes, Some(2.0), "{counted}");
    assert_eq!(value(&counted, &control_of("yes")), None, "{counted}");
    drop(control);
    server
        .until(async || {
            let text = get(metrics, "/metrics").await;
            (value(&text, &control_of("yes")) == Some(1.0)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn health_is_good_until_the_server_is_asked_to_stop() {
    let server = start();
    let health = server.private["health"];
    let endpoint = Endpoint::from_shared(format!("http://{health}")).unwrap();
    let mut grpc = HealthClient::new(endpoint.connect().await.unwrap());
    let request = || HealthCheckRequest {
        service: String::new(),
    };
    assert!(get(health, "/healthz").await.starts_with("HTTP/1.1 200"));
    let answer = grpc.check(request()).await.unwrap().into_inner();
    assert_eq!(answer.status(), ServingStatus::Serving);
    let mut watch = grpc.watch(request()).await.unwrap().into_inner();
    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    let mut running = Dialogue::new(server.connect().await, &server.holder(0));
    let (_, keys) = running.prove().await;
    server.stop.send(()).unwrap();

    let next = watch.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
    assert!(get(health, "/healthz").await.starts_with("HTTP/1.1 503"));
    running.part(&keys).await;
    drop((running, watch, grpc));
    server.stopped.await.unwrap();
}
