//! The connections of the control service: gRPC over HTTP/2, each with limits of its own. A caller without a proved key
//! always gets the same answer.

mod authentic;
mod caller;
mod gate;
mod half_open_poll;
mod methods;
mod watching;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use proto::control_auth::Exporter;
use tokio::time::sleep;

use self::caller::Caller;
use self::gate::Gate;
use crate::connection::{Inside, Restrained};
use crate::tasks::Tasks;
use crate::track::Track;

type Stream = Restrained<Inside>;
type Connection = http2::Connection<TokioIo<Stream>, Gate, Tasks>;

/// Serves one control connection until it ends, runs out of time, or fails to prove a key.
pub(crate) async fn serve(
    stream: Stream,
    exporter: Option<Exporter>,
    track: Arc<Track>,
    tasks: Tasks,
) {
    let Ok(address) = stream.get_ref().wire().tcp().peer_addr() else {
        return;
    };
    let restraint = stream.restraint();
    let instance = Arc::clone(&track.instance);
    let caller = Arc::new(Caller::new(
        Arc::clone(&instance),
        address,
        exporter,
        tasks.clone(),
    ));
    let gate = Gate::new(Arc::clone(&caller));
    let connection = builder(tasks).serve_connection(TokioIo::new(stream), gate);
    let mut connection = pin!(connection);
    if !becomes_known(connection.as_mut(), &caller, &track).await {
        return;
    }
    restraint.lift();
    // The connection gives up its place among the strangers.
    let _known = track.into_known_control();
    let mut lifetime = pin!(sleep(instance.live().limits.lifetime));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = instance.draining.cancelled() => {}
        () = &mut lifetime => {}
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = sleep(LEAVE) => {}
    }
}

/// Waits for a call that proves a key. Returns whether one did so in time.
async fn becomes_known(
    mut connection: Pin<&mut Connection>,
    caller: &Caller,
    track: &Track,
) -> bool {
    let mut known = pin!(caller.becomes_known());
    let mut deadline = pin!(sleep(track.greeting_left()));
    std::future::poll_fn(|context| {
        // The deadline is checked first, because a peer that never stops sending would keep everything after it from
        // running.
        if deadline.as_mut().poll(context).is_ready() || track.poll_pushed_out(context).is_ready() {
            return Poll::Ready(false);
        }
        let ended = connection.as_mut().poll(context).is_ready();
        if ended || known.as_mut().poll(context).is_ready() {
            Poll::Ready(!ended)
        } else {
            Poll::Pending
        }
    })
    .await
}

fn builder(tasks: Tasks) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(MAX_FRAME)
        .max_header_list_size(MAX_HEADERS)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_RESET_STREAMS)
        .auto_date_header(false);
    builder
}

/// The maximum number of streams. A client has at most one call and one watch at a time; the other streams are reserve.
const MAX_STREAMS: u32 = 8;
/// The window size: HTTP/2's own default (RFC 9113 section 6.5.2), which need not be announced.
const WINDOW: u32 = 65_535;
/// The frame size: HTTP/2's own default, for the same reason.
const MAX_FRAME: u32 = 16_384;
/// The maximum size of headers in bytes; a gRPC call has some 300.
const MAX_HEADERS: u32 = 4096;
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// The maximum number of streams reset before anything handled them. No honest client does that (CVE-2023-44487).
const MAX_RESET_STREAMS: usize = 8;
/// The time between keep-alives. A run's control connection is silent during holds; keep-alives detect a peer that has
/// died meanwhile.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// The time from our GOAWAY until the server closes the connection, if the peer has not closed it before.
const LEAVE: Duration = Duration::from_secs(5);
