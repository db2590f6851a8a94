//! One accepted connection, from its first byte to its close.

mod conversation;
mod encrypted;
mod inside;
mod restrained;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use echo_core::control::ListenerFacts;
use echo_core::session::{ConnectionFacts, KernelFacts};
use socket2::SockRef;
use tokio::net::TcpStream;

use self::conversation::{Conversation, ConversationEnd};
use self::encrypted::Opened;
use crate::connection_id::new_connection_id;
use crate::tasks::Tasks;
use crate::track::Track;

pub(crate) use self::inside::Inside;
pub(crate) use self::restrained::Restrained;

/// Serves one connection. The returned future ends with the session; dropping it closes the connection immediately.
pub(crate) async fn serve(tcp: TcpStream, track: Arc<Track>, tasks: Tasks) {
    let mut plain = Conversation::new(tcp, Arc::clone(&track));
    let ConversationEnd::StartTls { leftover } = plain.run().await else {
        return;
    };
    let tcp = plain.into_stream();
    // The future is boxed, so that sessions without TLS do not need memory for it.
    match Box::pin(encrypted::open(tcp, leftover, track, tasks)).await {
        Opened::Session(mut inside) => {
            inside.run().await;
        }
        Opened::Control(serving) => serving.await,
        Opened::Closing(mut wire) => {
            wire.run().await;
        }
        Opened::Closed => {}
    }
}

/// Returns the facts about a connection that are known when it is accepted.
///
/// # Errors
/// The connection is already gone.
pub(crate) fn facts(
    tcp: &TcpStream,
    peer: SocketAddr,
    listener: &ListenerFacts,
) -> io::Result<ConnectionFacts> {
    let local = match listener.address {
        any if any.ip().is_unspecified() => tcp.local_addr()?,
        one => one,
    };
    Ok(ConnectionFacts {
        connection_id: new_connection_id(),
        local: canonical(local),
        public_port: listener.public_port,
        peer: canonical(peer),
        // If the platform does not report these facts, the testimony leaves them out.
        syn: socket_facts::saved_syn(tcp)
            .ok()
            .flatten()
            .map(Vec::into_boxed_slice),
        agreed_options: socket_facts::tcp_facts(tcp)
            .ok()
            .and_then(|kernel| kernel.agreed_options),
    })
}

/// Returns `address` in its canonical form: an IPv4 peer of a dual-stack listener becomes an IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Returns the kernel's facts about a connection; `None` for each that the kernel does not report.
fn transport_facts(tcp: &TcpStream) -> KernelFacts {
    let Ok(facts) = socket_facts::tcp_facts(tcp) else {
        return KernelFacts::default();
    };
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    KernelFacts {
        rtt_us: facts.rtt.map(micros),
        rtt_variance_us: facts.rtt_variance.map(micros),
        retransmissions: facts.needed_retransmissions(),
        duplicates_reported: facts.duplicates_reported,
        reorderings_seen: facts.reorderings_seen,
        send_mss: facts.send_mss,
        receive_mss: facts.receive_mss,
        path_mtu: facts.path_mtu,
    }
}

/// Makes the socket close with a reset, so that the kernel does not keep trying to deliver data that nobody reads.
fn reset_on_close(tcp: &TcpStream) {
    let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}
