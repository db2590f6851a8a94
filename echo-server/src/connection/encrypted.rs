//! A connection inside TLS: the handshake, and the session or control service that follows.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use echo_core::session::Action;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::sleep_until;
use tokio_rustls::LazyConfigAcceptor;

use super::conversation::{Carrier, Conversation};
use super::inside::Inside;
use super::restrained::Restrained;
use crate::tasks::Tasks;
use crate::track::Track;
use crate::wire::Wire;
use crate::{control, tls};

/// The result of a handshake. Each variant is boxed, so that an idle session keeps no memory of the handshake.
pub(super) enum Opened {
    Session(Box<Conversation<Inside>>),
    Control(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// The handshake failed. The alert is being sent, and closing with unread bytes could overtake it.
    Closing(Box<Conversation<Wire>>),
    Closed,
}

/// Opens TLS on a connection whose next bytes are a handshake. `leftover` is the part already read.
pub(super) async fn open(
    tcp: TcpStream,
    leftover: Vec<u8>,
    track: Arc<Track>,
    tasks: Tasks,
) -> Opened {
    track.begins_tls();
    let wire = Wire::new(tcp, leftover, Arc::clone(&track));
    match handshake(wire, &track).await {
        Ok(stream) => inside(stream, track, tasks),
        Err(Some(wire)) => Opened::Closing(Box::new(Conversation::closing(wire, track))),
        Err(None) => Opened::Closed,
    }
}

fn inside(mut stream: Inside, track: Arc<Track>, tasks: Tasks) -> Opened {
    let Some(facts) = tls::facts(stream.tls()) else {
        return Opened::Closed;
    };
    track.instance.metrics.handshake(track.since_accept());
    let exporter = facts.exporter;
    let overhead = tls::record_overhead(stream.tls());
    let action = track.session().tls_established(facts);
    track.note();
    if action == Action::HandToControl {
        stream.wire_mut().let_go();
        Opened::Control(Box::pin(async move {
            let opening = Restrained::behind_preface(stream, overhead);
            if let Some(Some(stream)) = in_time(&track, opening).await {
                control::serve(stream, exporter, track, tasks).await;
            }
        }))
    } else {
        Opened::Session(Box::new(Conversation::new(stream, track)))
    }
}

/// Runs the handshake, for as long as the session's deadline allows.
///
/// # Errors
/// The handshake failed, and the session has recorded that. Returns the wire if it still has to be closed.
async fn handshake(wire: Wire, track: &Track) -> Result<Inside, Option<Wire>> {
    let mut acceptor = LazyConfigAcceptor::new(Acceptor::default(), wire);
    let start = match in_time(track, &mut acceptor).await {
        Some(Ok(start)) => start,
        Some(Err(error)) => {
            failed(track, &error);
            return Err(acceptor.take_io());
        }
        None => return Err(None),
    };
    let config = track.instance.live().tls.for_hello(&start.client_hello());
    let accept = start.into_stream_with(config, |connection| {
        connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
    });
    match in_time(track, accept.into_fallible()).await {
        Some(Ok(stream)) => Ok(Inside::of(stream)),
        Some(Err((error, wire))) => {
            failed(track, &error);
            Err(Some(wire))
        }
        None => Err(None),
    }
}

/// Returns the output of `future`, or `None` if this connection has to end first.
async fn in_time<F: Future>(track: &Track, future: F) -> Option<F::Output> {
    let clock = track.instance.clock;
    let deadline = track.session().deadline();
    let deadline = deadline.unwrap_or_else(|| clock.now() + track.greeting_left());
    let mut timer = pin!(sleep_until(clock.at(deadline)));
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // The deadline is checked first, because a peer that never stops sending would keep everything after it from
        // running.
        if timer.as_mut().poll(context).is_ready() {
            track.instance.with_env(&mut Default::default, |env| {
                track.session().on_deadline(env)
            });
            return Poll::Ready(None);
        }
        if track.poll_pushed_out(context).is_ready() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

fn failed(track: &Track, error: &io::Error) {
    let mut session = track.session();
    let now = track.now();
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(tls) => session.tls_failed(now, &tls.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => session.peer_closed(now),
        None => session.peer_reset(now),
    };
}

impl Carrier for Wire {
    fn tcp(&self) -> &TcpStream {
        Self::tcp(self)
    }
}

impl Carrier for Inside {
    fn tcp(&self) -> &TcpStream {
        self.wire().tcp()
    }
}

/// The maximum that rustls may buffer for sending: one record. The rest waits in the session, where it costs nothing.
const TLS_BUFFER_BYTES: usize = 16 * 1024;
