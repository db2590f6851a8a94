//! Offers a ClientHello that the server cannot accept, and checks that the answer is the server's: a TLS alert.

use probe_core::measurement::Measurement;
use probe_core::observation::{Failure, FailureKind, Origin};
use probe_core::session::{ClientSession, HexArray};
use proto::legacy_hello::legacy_client_hello;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::drive::Stop;
use super::handshake::transport_facts;
use crate::context::{RunContext, interrupted};
use crate::link::Link;
use crate::observe::stream_failure;
use crate::tap::Tap;

/// Sends the ClientHello over `plain` and waits for the first answer. An alert counts as the end of a session without a
/// fault.
pub(super) async fn offer(
    mut plain: Tap<Link>,
    leftover: Vec<u8>,
    session: &mut ClientSession,
    measurement: &mut Measurement,
    context: &RunContext,
) -> Stop {
    plain.tls_starts(leftover);
    let random = rand::random::<[u8; 32]>();
    let answered = tokio::select! {
        answered = timeout(context.options.idle_timeout, exchange(&mut plain, &random)) => answered,
        () = context.cancelled.cancelled() => return Stop::Failed(interrupted()),
    };
    session.sent_plain(plain.first_written());
    measurement.client_hello_sha256 = plain.client_hello_sha256().map(HexArray);
    measurement.transport = Some(transport_facts(&plain));
    match answered {
        Err(_elapsed) => Stop::Failed(Failure::new(FailureKind::TimedOut, Origin::Unknown)),
        Ok(Err(error)) => Stop::Failed(stream_failure(&error)),
        Ok(Ok(ALERT)) => Stop::Finished,
        Ok(Ok(_)) => Stop::Failed(
            Failure::new(FailureKind::Foreign, Origin::Peer).with_text("no TLS alert came back"),
        ),
    }
}

/// Returns the first byte of the answer.
async fn exchange(plain: &mut Tap<Link>, random: &[u8; 32]) -> std::io::Result<u8> {
    plain.write_all(&legacy_client_hello(random)).await?;
    plain.flush().await?;
    plain.read_u8().await
}

/// Content type of a TLS alert (RFC 2246 section 6.2.1).
const ALERT: u8 = 21;
