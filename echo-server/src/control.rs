//! The control service's connections: gRPC over HTTP/2, each within bounds of its own. A caller without a proved
//! key always gets the same answer.

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

/// Serves one control connection until it is over, out of time, or no known client's.
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
    // Its place among the strangers is another's now.
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

/// Whether a call proves a key in time.
async fn becomes_known(
    mut connection: Pin<&mut Connection>,
    caller: &Caller,
    track: &Track,
) -> bool {
    let mut known = pin!(caller.becomes_known());
    let mut deadline = pin!(sleep(track.greeting_left()));
    std::future::poll_fn(|context| {
        // Before all else, since who never stops sending would let nothing come after it.
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

/// A client has one call under way, or one and a watch; some to spare.
const MAX_STREAMS: u32 = 8;
/// HTTP/2's own default (RFC 9113 section 6.5.2), so that nothing needs to be said about it.
const WINDOW: u32 = 65_535;
/// The default of HTTP/2 for frames, for the same reason.
const MAX_FRAME: u32 = 16_384;
/// A gRPC call has some 300 bytes of headers.
const MAX_HEADERS: u32 = 4096;
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// No honest client resets streams that nobody has looked at yet (CVE-2023-44487).
const MAX_RESET_STREAMS: usize = 8;
/// A run is silent for as long as its holds last; a dead peer is noticed meanwhile.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// From our goodbye to the end, whatever the peer does.
const LEAVE: Duration = Duration::from_secs(5);
