//! Opens one TCP connection without privileges. Its hop limit marks it, and the network's errors are queued, so that a
//! failure names the device that reported it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use probe_core::measurement::Redial;
use probe_core::observation::{Failure, FailureKind, Origin};
use probe_core::run::budget::BUDGET;
use proto::limits::HOP_LIMIT_MARK;
use socket_facts::{
    IpFamily, clear_recv_err, drain_error_queue, set_hop_limit, set_mss, set_recv_err,
};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::line::SharedLine;
use crate::observe::connect_failure;
use crate::port_states::PortStates;

/// The options of a connection, the same for all probes of a run.
#[derive(Clone, Debug)]
pub(crate) struct ConnectOptions {
    /// The local address to connect from; `None` leaves the choice to the system.
    pub(crate) bind: Option<IpAddr>,
    pub(crate) idle_timeout: Duration,
    /// Maximum size of a segment's payload and options in both directions. `None`, as for every ordinary session,
    /// leaves the choice to the system, since a small size would hide a black hole from the test.
    pub(crate) max_segment: Option<u16>,
    /// The interval of TCP keep-alive; `None` sends none.
    pub(crate) keep_alive: Option<Duration>,
    /// The hop limit of packets once the connection is open; `None` lets them reach the server.
    pub(crate) reach: Option<u8>,
    /// The record of SYNs that stay unanswered before the idle timeout ends.
    pub(crate) port_states: PortStates,
    /// The record of handshake times, which decides how long other connections wait.
    pub(crate) line: SharedLine,
}

impl ConnectOptions {
    /// Returns the options of sessions that behave as the application's do.
    pub(crate) fn ordinary(bind: Option<IpAddr>, idle_timeout: Duration) -> Self {
        Self {
            bind,
            idle_timeout,
            max_segment: None,
            keep_alive: None,
            reach: None,
            port_states: PortStates::default(),
            line: SharedLine::default(),
        }
    }
}

/// Connects to `address`, without the mark if marked SYNs get no answer and unmarked ones do.
///
/// # Errors
///
/// The failure as a value, since it is what a probe looks for.
pub(crate) async fn connect(
    address: SocketAddr,
    options: &ConnectOptions,
) -> Result<Connected, Failure> {
    let (server, port_states) = (address.ip(), &options.port_states);
    if port_states.is_unmarked(server) {
        let stream = dial(address, options, None).await?;
        return Ok(Connected::redialled(stream, Redial::Unmarked));
    }
    // Boxed, because the futures of a session are already large.
    let mut marked = Box::pin(dial(address, options, Some(HOP_LIMIT_MARK)));
    let unmarked = Box::pin(async {
        sleep(BUDGET.unanswered).await;
        port_states.mark_is_doubtful(address).await;
        dial(address, options, None).await
    });
    tokio::select! {
        stream = &mut marked => stream.map(Connected::at_first),
        stream = unmarked => {
            let Ok(stream) = stream else {
                return marked.await.map(Connected::at_first);
            };
            drop(marked);
            if port_states.is_unmarked(server) {
                return Ok(Connected::redialled(stream, Redial::Unmarked));
            }
            // The first SYNs may have stayed unanswered because of their source port, or for a reason that has passed.
            let again = timeout(BUDGET.unanswered, dial(address, options, Some(HOP_LIMIT_MARK))).await;
            if let Ok(Ok(marked)) = again {
                return Ok(Connected::redialled(marked, Redial::SourcePort));
            }
            port_states.abandon_mark(server);
            Ok(Connected::redialled(stream, Redial::Unmarked))
        }
    }
}

/// A connection, and whether it took another attempt.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) stream: TcpStream,
    /// The difference to the first attempt, if the connection was dialled again; `None` if the first SYN or its
    /// repetition was answered.
    pub(crate) redial: Option<Redial>,
}

impl Connected {
    fn at_first(stream: TcpStream) -> Self {
        Self {
            stream,
            redial: None,
        }
    }

    fn redialled(stream: TcpStream, redial: Redial) -> Self {
        Self {
            stream,
            redial: Some(redial),
        }
    }
}

/// Connects to `address` with this hop limit; `None` uses the system's own.
async fn dial(
    address: SocketAddr,
    options: &ConnectOptions,
    hop_limit: Option<u8>,
) -> Result<TcpStream, Failure> {
    let local = |error: io::Error| connect_failure(&error, Some(&[]));
    let socket = open(address, options.bind, hop_limit).map_err(local)?;
    shape(&socket, options).map_err(local)?;
    if let Err(error) = begin(&socket, address) {
        // Nothing can have come back this early, except what the error queue shows.
        let queue = drain_error_queue(&socket).unwrap_or_default();
        return Err(connect_failure(&error, Some(&queue)));
    }
    let stream = TcpStream::from_std(socket.into()).map_err(local)?;
    match answered(&stream, address, options).await {
        None => return Err(unanswered(&stream)),
        Some(Err(error)) => return Err(local(error)),
        Some(Ok(())) => {}
    }
    // Draining the queue clears the pending error, so take it first.
    let pending = stream.take_error().map_err(local)?;
    let queue = drain_error_queue(&stream).ok();
    if let Some(error) = pending {
        return Err(connect_failure(&error, queue.as_deref()));
    }
    // An ICMP error wakes the socket while the kernel goes on trying, so only a peer address proves a connection.
    match stream.peer_addr() {
        Ok(_peer) => {
            let family = IpFamily::from(address);
            match options.reach {
                // From here on an ICMP error that TCP would overcome must not end the session.
                None => {
                    let _ = clear_recv_err(&stream, family);
                }
                // This session looks for ICMP errors, and bytes left unsent must not be sent later.
                Some(hops) => {
                    set_hop_limit(&stream, family, hops)
                        .map_err(|_| Failure::new(FailureKind::Other, Origin::ThisHost))?;
                    SockRef::from(&stream)
                        .set_linger(Some(Duration::ZERO))
                        .map_err(local)?;
                }
            }
            Ok(stream)
        }
        Err(error) => {
            let reported = queue.as_ref().and_then(|queue| queue.last());
            let error = reported.map_or(error, |e| io::Error::from_raw_os_error(e.errno));
            Err(connect_failure(&error, queue.as_deref()))
        }
    }
}

/// Returns the failure of a connection without an answer. Its only retransmissions are SYNs.
fn unanswered(stream: &TcpStream) -> Failure {
    let facts = socket_facts::tcp_facts(stream).unwrap_or_default();
    let syns = facts
        .total_retransmissions
        .map(|again| again.saturating_add(1));
    Failure::new(FailureKind::TimedOut, Origin::Unknown).with_syns_sent(syns)
}

/// Waits until something has come back. Returns `None` if nothing did before the idle timeout ended.
async fn answered(
    stream: &TcpStream,
    address: SocketAddr,
    options: &ConnectOptions,
) -> Option<io::Result<()>> {
    let begun = Instant::now();
    let early = BUDGET.unanswered.min(options.idle_timeout);
    let mut woken = timeout(early, stream.writable()).await;
    if woken.is_err() {
        options.port_states.unanswered(address);
        woken = tokio::select! {
            woken = timeout_at(begun + options.idle_timeout, stream.writable()) => woken,
            () = options.port_states.is_given_up(address) => return None,
        };
    }
    if woken.is_err() {
        // By now other sessions may have shown that the line takes longer.
        let idle_timeout = options.line.connect_timeout(options.idle_timeout);
        woken = timeout_at(begun + idle_timeout, stream.writable()).await;
    }
    let woken = woken.ok()?;
    let kernel = socket_facts::tcp_facts(stream).unwrap_or_default();
    options.line.handshake(begun.elapsed(), &kernel);
    options.port_states.answered(address);
    Some(woken)
}

/// Returns a socket ready to connect to `address`. Its packets get as far as `hop_limit` lets them; `None` uses the
/// system's own limit.
pub(crate) fn open(
    address: SocketAddr,
    bind: Option<IpAddr>,
    hop_limit: Option<u8>,
) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let family = IpFamily::from(address.ip());
    // This gives more evidence on platforms that have it; a session works without it.
    let _ = set_recv_err(&socket, family);
    if let Some(hop_limit) = hop_limit {
        let _ = set_hop_limit(&socket, family, hop_limit);
    }
    if let Some(bind) = bind {
        socket.bind(&SocketAddr::new(bind, 0).into())?;
    }
    Ok(socket)
}

/// Whether `TCP_MAXSEG` can be set before the handshake: on Linux, and not on Windows.
pub(crate) const SEGMENTS_CAN_BE_LIMITED: bool = cfg!(target_os = "linux");

/// Sets the options in which one session differs from an ordinary one, and limits how far ahead every session writes:
/// bytes that the kernel has taken are sent even if the line proves to be slow.
fn shape(socket: &Socket, options: &ConnectOptions) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(WRITTEN_AHEAD);
    if let Some(bytes) = options.max_segment {
        // On systems without this option, small writes have part of the effect.
        let _ = set_mss(socket, bytes);
    }
    if let Some(every) = options.keep_alive {
        let keep_alive = TcpKeepalive::new().with_time(every).with_interval(every);
        socket.set_tcp_keepalive(&keep_alive)?;
    }
    Ok(())
}

/// Sends the SYN without waiting for the answer.
pub(crate) fn begin(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    match socket.connect(&address.into()) {
        Err(error) if !in_progress(&error) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(EINPROGRESS)
}

/// Number of unsent bytes at which a socket takes no more: the size of an initial window, so that no round trip is
/// spent waiting.
#[cfg(target_os = "linux")]
const WRITTEN_AHEAD: u32 = 16 * 1024;

#[cfg(target_os = "linux")]
const EINPROGRESS: i32 = 115;
/// WSAEWOULDBLOCK, which std maps to `WouldBlock` already.
#[cfg(not(target_os = "linux"))]
const EINPROGRESS: i32 = 10035;
