//! Moves bytes between a session and a stream until either of them ends.

use std::io;

use probe_core::observation::{Failure, FailureKind, Origin};
use probe_core::session::{ClientSession, Need, SessionReport, TlsParameters};
use probe_core::timeline;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::client::TlsStream;

use super::idle_timeout::{IdleTimeout, Wait};
use crate::connect::SEGMENTS_CAN_BE_LIMITED;
use crate::context::{RunContext, interrupted};
use crate::link::Link;
use crate::observe::{is_tls, stream_failure};
use crate::tap::Tap;

/// The reason why driving stopped.
#[derive(Debug)]
pub(super) enum Stop {
    Finished,
    /// The session found a fault that ends it.
    Fault,
    WantsTls(TlsParameters),
    WantsConnection,
    /// The stream failed, closed or fell silent.
    Failed(Failure),
}

impl Stop {
    /// Returns the failure of the last phase, if it failed.
    pub(super) fn failure(self, report: &SessionReport) -> Option<Failure> {
        match self {
            Self::Finished => None,
            Self::Fault => report.fault.as_ref().map(timeline::failure_of),
            Self::WantsTls(_) | Self::WantsConnection => {
                Some(Failure::new(FailureKind::Other, Origin::Unknown))
            }
            Self::Failed(failure) => Some(failure),
        }
    }
}

/// A stream that a session runs over.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Unpin {
    /// Returns the TCP connection below the stream.
    fn tcp(&self) -> &TcpStream;
}

impl Carrier for Tap<Link> {
    fn tcp(&self) -> &TcpStream {
        self.inner().tcp()
    }
}

impl Carrier for TlsStream<&mut Tap<Link>> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0.tcp()
    }
}

/// Runs `session` over `stream`. The idle timeout starts anew with every byte in either direction, but not for ever: a
/// session that only trickles ends too, as slow.
pub(super) async fn drive(
    session: &mut ClientSession,
    stream: &mut impl Carrier,
    context: &RunContext,
) -> Stop {
    let mut outgoing = Outgoing::default();
    let mut idle_timeout = fresh_idle_timeout(context);
    loop {
        let moving = exchange(session, stream, &mut outgoing, &mut idle_timeout, context);
        if let Some(stop) = moving.await {
            return stop;
        }
        let kernel = socket_facts::tcp_facts(stream.tcp()).unwrap_or_default();
        let line = &context.options.line;
        if let Some(failure) = given_up(idle_timeout.look(Instant::now(), &kernel, line)) {
            return Stop::Failed(failure);
        }
    }
}

/// Moves bytes until there is a reason to stop. Returns `None` when `idle_timeout` has to be checked.
async fn exchange(
    session: &mut ClientSession,
    stream: &mut impl Carrier,
    outgoing: &mut Outgoing,
    idle_timeout: &mut IdleTimeout,
    context: &RunContext,
) -> Option<Stop> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let at_once = context
        .options
        .max_segment
        .filter(|_| !SEGMENTS_CAN_BE_LIMITED)
        .map_or(WRITE, |_| SMALL_WRITE);
    let mut incoming = [0; READ];
    loop {
        if context.options.line.is_slow() {
            session.line_is_slow();
        }
        outgoing.refill(session, at_once);
        tokio::select! {
            () = context.cancelled.cancelled() => return Some(Stop::Failed(interrupted())),
            () = sleep_until(wake(session, context)), if session.wake_at().is_some() => {
                if let Some(stop) = stop_for(session.wake(context.clock.now()), session) {
                    return Some(stop);
                }
                *idle_timeout = fresh_idle_timeout(context);
            }
            () = sleep_until(idle_timeout.next_look()), if session.wake_at().is_none() => return None,
            sent = outgoing.send(&mut writer), if !outgoing.is_done() => match sent {
                Ok(()) => idle_timeout.moved(Instant::now()),
                // Data that the other end sent before its reset may still be readable.
                Err(error) => return Some(drain(session, &mut reader, error, context).await),
            },
            read = reader.read(&mut incoming) => {
                idle_timeout.moved(Instant::now());
                if let Some(stop) = received(session, read, &incoming, context) {
                    return Some(stop);
                }
            }
        }
    }
}

pub(super) fn fresh_idle_timeout(context: &RunContext) -> IdleTimeout {
    IdleTimeout::new(
        context.options.idle_timeout,
        context.session_ends,
        Instant::now(),
    )
}

/// Returns the failure if the idle timeout has ended.
pub(super) fn given_up(wait: Wait) -> Option<Failure> {
    let kind = match wait {
        Wait::GoesOn => return None,
        Wait::Silent => FailureKind::TimedOut,
        Wait::Slow => FailureKind::Slow,
    };
    Some(Failure::new(kind, Origin::Unknown))
}

/// Bytes waiting to be written: at most one piece of [`WRITE`] bytes.
#[derive(Default)]
struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
    /// Whether bytes were written to the stream that its TLS layer may still hold back.
    unflushed: bool,
}

impl Outgoing {
    fn refill(&mut self, session: &mut ClientSession, at_once: usize) {
        if self.written == self.bytes.len() {
            self.bytes.clear();
            self.written = 0;
            session.transmit(&mut self.bytes, at_once);
        }
    }

    fn is_done(&self) -> bool {
        self.written == self.bytes.len() && !self.unflushed
    }

    /// Writes or flushes once. It can be dropped at any await without losing count.
    async fn send(&mut self, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.written < self.bytes.len() {
            self.written += writer.write(&self.bytes[self.written..]).await?;
            self.unflushed = true;
        } else {
            writer.flush().await?;
            self.unflushed = false;
        }
        Ok(())
    }
}

/// Hands the bytes read to the session. Returns the reason to stop, if there is one.
fn received(
    session: &mut ClientSession,
    read: io::Result<usize>,
    incoming: &[u8],
    context: &RunContext,
) -> Option<Stop> {
    let now = context.clock.now();
    let need = match read {
        Err(error) => return Some(Stop::Failed(stream_failure(&error))),
        Ok(0) => session.closed(now),
        Ok(n) => session.receive(now, &incoming[..n]),
    };
    stop_for(need, session)
}

/// Returns when the session's silence ends; now, if it keeps none.
fn wake(session: &ClientSession, context: &RunContext) -> Instant {
    let at = session.wake_at().unwrap_or_default();
    Instant::from_std(context.clock.at(at))
}

/// Returns the reason to stop, if the session's `need` is a reason to stop.
fn stop_for(need: Need, session: &ClientSession) -> Option<Stop> {
    match need {
        Need::Io => None,
        Need::StartTls(parameters) => Some(Stop::WantsTls(parameters)),
        Need::Reconnect => Some(Stop::WantsConnection),
        Need::Finished => Some(Stop::Finished),
        // If the session did not expect a close, the close is the failure: the session has no fault of its own.
        Need::Failed if !session.has_fault() => Some(Stop::Failed(Failure::new(
            FailureKind::Closed,
            Origin::Peer,
        ))),
        Need::Failed => Some(Stop::Fault),
    }
}

/// Reads what had arrived before a write failed, so that a server's last frame is not lost.
async fn drain(
    session: &mut ClientSession,
    reader: &mut (impl AsyncRead + Unpin),
    error: io::Error,
    context: &RunContext,
) -> Stop {
    let mut incoming = [0; READ];
    for _ in 0..DRAINED_READS {
        match timeout(DRAIN_PATIENCE, reader.read(&mut incoming)).await {
            Ok(Ok(n @ 1..)) => {
                if let Some(stop) = received(session, Ok(n), &incoming, context) {
                    return stop;
                }
            }
            // A TLS alert says more than the reset that follows it.
            Ok(Err(said)) if is_tls(&said) => return Stop::Failed(stream_failure(&said)),
            Ok(Ok(_) | Err(_)) | Err(_) => break,
        }
    }
    Stop::Failed(stream_failure(&error))
}

/// Read and write sizes in bytes: small, since thousands of sessions may be in progress.
const READ: usize = 4096;
const WRITE: usize = 4096;

/// Write size in bytes for small segments on systems that cannot limit segment size. Without Nagle's algorithm, a write
/// on an idle connection leaves as a segment of its own.
const SMALL_WRITE: usize = 500;

/// Time to wait for each read. Data that the other end sent before its reset arrives within this time, or never will.
const DRAIN_PATIENCE: std::time::Duration = std::time::Duration::from_millis(250);

/// Maximum number of reads of [`READ`] bytes: more than a socket's receive buffer holds, so that endless data ends too.
const DRAINED_READS: usize = 64;
