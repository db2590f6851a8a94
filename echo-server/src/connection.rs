//! One accepted connection, from its first byte to its close.

mod conversation;
mod encrypted;

use std::sync::Arc;
use std::time::Duration;

use echo_core::session::{ConnectionFacts, TransportFacts};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use self::conversation::{Conversation, Outcome};
use crate::track::Track;

/// Serves one connection. It ends when the session does; dropping it ends it at once.
pub(crate) async fn serve(tcp: TcpStream, track: Arc<Track>, tasks: TaskTracker) {
    let mut plain = Conversation::new(tcp, Arc::clone(&track));
    match plain.run().await {
        Outcome::StartTls { leftover } => {
            let tcp = plain.into_stream();
            // Apart from this one, so that plain sessions do not pay for its size.
            Box::pin(encrypted::serve(tcp, leftover, track, tasks)).await;
        }
        Outcome::Closed => {}
    }
}

/// What is known of a connection when it is accepted.
///
/// # Errors
/// The connection is gone already.
pub(crate) fn facts(tcp: &TcpStream, public_port: Option<u16>) -> std::io::Result<ConnectionFacts> {
    Ok(ConnectionFacts {
        connection_id: crate::instance::Instance::connection_id(),
        local: canonical(tcp.local_addr()?),
        public_port,
        peer: canonical(tcp.peer_addr()?),
        // Where the platform cannot tell, the testimony says nothing about it.
        syn: socket_facts::saved_syn(tcp)
            .ok()
            .flatten()
            .map(Vec::into_boxed_slice),
    })
}

/// An IPv4 peer of a dual-stack listener is an IPv4 peer.
fn canonical(address: std::net::SocketAddr) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// What the kernel says about a connection. What it does not say is absent.
fn transport_facts(tcp: &TcpStream) -> TransportFacts {
    let Ok(facts) = socket_facts::tcp_facts(tcp) else {
        return TransportFacts::default();
    };
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    TransportFacts {
        rtt_us: facts.rtt.map(micros),
        rtt_variance_us: facts.rtt_variance.map(micros),
        retransmissions: facts.needed_retransmissions(),
        send_mss: facts.send_mss,
        receive_mss: facts.receive_mss,
        path_mtu: facts.path_mtu,
    }
}

/// Closes with a reset, so that the kernel does not go on trying to deliver what nobody reads.
fn reset_on_close(tcp: &TcpStream) {
    let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}
