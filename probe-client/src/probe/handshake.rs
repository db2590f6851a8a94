//! The TLS part of a probe: the handshake, its facts, and the session inside.

use std::io;
use std::pin::pin;

use probe_core::measurement::{AgreedOptions, Measurement, OTHER_NAME, SentName, TransportFacts};
use probe_core::observation::{Failure, FailureKind, Origin};
use probe_core::session::{ClientSession, ClientTls, HexArray, Need, TlsParameters};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{Connect, TlsConnector};

use super::drive::{Stop, drive, fresh_idle_timeout, given_up};
use crate::certificate;
use crate::context::{HelloSent, RunContext, interrupted};
use crate::link::Link;
use crate::observe::stream_failure;
use crate::tap::Tap;
use crate::tls::{Hello, Presented, client_config, exporter, server_name};

/// Performs the TLS handshake over `plain` and runs the session inside. The presented certificate is kept even if the
/// handshake fails.
pub(super) async fn through_tls(
    mut plain: Tap<Link>,
    wanted: TlsParameters,
    session: &mut ClientSession,
    measurement: &mut Measurement,
    context: &RunContext,
) -> Stop {
    measurement.client_certificate = context.client.as_ref().map(|c| hex::encode(c.sha256));
    let (name, sni) = named(measurement, &wanted, context);
    let asked_for = sent_name(&name, sni);
    let (config, presented) = client_config(Hello {
        sni,
        alpn: wanted.alpn,
        client: context.client.as_ref().map(|c| c.resolver.clone()),
        large: context.varied_hello.hello == HelloSent::Large,
    });
    plain.tls_starts(wanted.leftover);
    // `plain` is borrowed, so that the bytes sent are still known if the handshake fails.
    let connecting = TlsConnector::from(config).connect(name, &mut plain);
    let shaken = tokio::select! {
        shaken = patiently(connecting, context) => shaken,
        () = context.cancelled.cancelled() => return Stop::Failed(interrupted()),
    };
    keep_certificate(&presented, measurement, context);
    let mut tls = match shaken {
        Err(given_up) => {
            session.sent_plain(plain.first_written());
            failed(&plain, measurement);
            return Stop::Failed(given_up);
        }
        Ok(Err(error)) => {
            session.sent_plain(plain.first_written());
            failed(&plain, measurement);
            session.tls_failed(context.clock.now(), plain.first_read());
            return if session.has_fault() {
                Stop::Fault
            } else {
                Stop::Failed(stream_failure(&error))
            };
        }
        Ok(Ok(tls)) => tls,
    };
    let (plain, connection) = tls.get_ref();
    session.sent_plain(plain.first_written());
    if let Some(shaken) = &context.shaken {
        shaken.notify_one();
    }
    if context.varied_hello.hello == HelloSent::Large {
        measurement.transport = Some(transport_facts(plain));
        return conclude(&mut tls, measurement).await;
    }
    let facts = ClientTls {
        server_name: asked_for,
        client_certificate_sha256: context.client.as_ref().map(|c| c.sha256),
        ..facts(connection, plain.client_hello_sha256())
    };
    let stop = match session.tls_established(context.clock.now(), facts) {
        Need::Io => drive(session, &mut tls, context).await,
        Need::Finished => Stop::Finished,
        Need::StartTls(_) | Need::Reconnect | Need::Failed => Stop::Fault,
    };
    measurement.transport = Some(transport_facts(tls.get_ref().0));
    stop
}

/// Waits for the handshake and returns its result, or the failure if the idle timeout ended first.
async fn patiently<'s>(
    connecting: Connect<&'s mut Tap<Link>>,
    context: &RunContext,
) -> Result<io::Result<TlsStream<&'s mut Tap<Link>>>, Failure> {
    let mut connecting = pin!(connecting);
    let mut idle_timeout = fresh_idle_timeout(context);
    loop {
        if let Ok(shaken) = timeout_at(idle_timeout.next_look(), &mut connecting).await {
            return Ok(shaken);
        }
        let plain = connecting.as_ref().get_ref().get_ref();
        let kernel = plain.and_then(|plain| socket_facts::tcp_facts(plain.inner().tcp()).ok());
        let wait = idle_timeout.look(
            Instant::now(),
            &kernel.unwrap_or_default(),
            &context.options.line,
        );
        if let Some(failure) = given_up(wait) {
            return Err(failure);
        }
    }
}

/// Ends a session that is for its handshake alone. The certificate's key shows whether the genuine server answered.
async fn conclude(tls: &mut (impl AsyncWrite + Unpin), measurement: &Measurement) -> Stop {
    // An orderly close is tried; its failure does not matter, since the result is known.
    let _ = tls.shutdown().await;
    if measurement.certificate.as_ref().is_some_and(|c| c.pinned) {
        Stop::Finished
    } else {
        Stop::Failed(
            Failure::new(FailureKind::Foreign, Origin::Peer)
                .with_text("a certificate other than the server's"),
        )
    }
}

/// Keeps the known facts about a handshake that failed.
fn failed(plain: &Tap<Link>, measurement: &mut Measurement) {
    measurement.transport = Some(transport_facts(plain));
    measurement.client_hello_sha256 = plain.client_hello_sha256().map(HexArray);
}

/// Returns the kernel's facts about the connection under `plain`, and this program's own byte counts.
pub(super) fn transport_facts(plain: &Tap<Link>) -> TransportFacts {
    let kernel = socket_facts::tcp_facts(plain.inner().tcp()).unwrap_or_default();
    TransportFacts {
        rtt_us: kernel
            .rtt
            .and_then(|rtt| u64::try_from(rtt.as_micros()).ok()),
        least_rtt_us: kernel
            .least_rtt
            .and_then(|rtt| u64::try_from(rtt.as_micros()).ok()),
        window_limited_us: kernel
            .window_limited
            .and_then(|time| u64::try_from(time.as_micros()).ok()),
        retransmissions: kernel.needed_retransmissions(),
        duplicates_reported: kernel.duplicates_reported,
        reorderings_seen: kernel.reorderings_seen,
        syn_retransmissions: None,
        unacknowledged_segments: kernel.unacknowledged_segments,
        bytes_acknowledged: kernel.bytes_acked,
        send_mss: kernel.send_mss,
        receive_mss: kernel.receive_mss,
        path_mtu: kernel.path_mtu,
        advertised_mss: kernel.advertised_mss,
        agreed_options: kernel
            .agreed_options
            .map(|bits| AgreedOptions::from_bits(bits.into())),
        pending_error: pending_error(plain.inner().tcp()),
        bytes_written: plain.bytes_written(),
        bytes_read: plain.bytes_read(),
    }
}

/// Returns the error that is pending on the socket. A read that waits for bytes is not woken by it.
fn pending_error(tcp: &TcpStream) -> Option<FailureKind> {
    let error = tcp.take_error().ok()??;
    Some(stream_failure(&error).kind)
}

fn keep_certificate(presented: &Presented, measurement: &mut Measurement, context: &RunContext) {
    measurement.certificate = presented
        .leaf()
        .map(|leaf| certificate::describe(&leaf, &context.pins));
}

fn facts(connection: &ClientConnection, client_hello_sha256: Option<[u8; 32]>) -> ClientTls {
    ClientTls {
        // Both are known once the handshake is complete.
        version: connection.protocol_version().map_or(0, u16::from),
        suite: connection
            .negotiated_cipher_suite()
            .map_or(0, |suite| u16::from(suite.suite())),
        group: connection
            .negotiated_key_exchange_group()
            .map(|group| u16::from(group.name())),
        exporter: exporter(connection),
        client_hello_sha256,
        server_name: None,
        alpn: connection
            .alpn_protocol()
            .map(|name| String::from_utf8_lossy(name).into_owned()),
        client_certificate_sha256: None,
    }
}

/// Returns the name of the server for TLS, and whether the ClientHello contains it.
fn named(
    measurement: &Measurement,
    wanted: &TlsParameters,
    context: &RunContext,
) -> (ServerName<'static>, bool) {
    match context.varied_hello.name {
        None => (server_name(&measurement.host), wanted.sni),
        Some(SentName::None) => (server_name(&measurement.host), false),
        Some(SentName::Other) => (server_name(OTHER_NAME), true),
    }
}

/// Returns the name in the ClientHello. An address is never sent there (RFC 6066 section 3).
fn sent_name(name: &ServerName<'_>, sni: bool) -> Option<String> {
    let ServerName::DnsName(name) = name else {
        return None;
    };
    sni.then(|| name.as_ref().to_owned())
}
