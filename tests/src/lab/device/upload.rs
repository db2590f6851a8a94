//! An unrelated upload, which keeps the queue of a slow line full.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use socket2::SockRef;

use super::DeviceContext;

/// Sends until it is stopped; ready once the round-trip time of its data reaches `queued`.
pub(super) fn run(context: &DeviceContext, port: u16, queued: Duration) -> anyhow::Result<()> {
    let sink = SocketAddr::new(context.server.ip(), port);
    let mut stream = TcpStream::connect(sink).with_context(|| format!("connecting to {sink}"))?;
    stream.set_write_timeout(Some(BETWEEN_LOOKS))?;
    // Reno fills any queue; newer congestion controls avoid that.
    let socket = SockRef::from(&stream);
    socket.set_tcp_congestion(b"reno")?;
    socket.set_send_buffer_size(MORE_THAN_A_QUEUE)?;
    let begun = Instant::now();
    let mut is_ready = false;
    while context.stands() {
        match stream.write(&[0; PIECE]) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error).context("the upload"),
        }
        if is_ready {
            continue;
        }
        let rtt = socket_facts::tcp_facts(&stream)?.rtt.unwrap_or_default();
        ensure!(
            begun.elapsed() < IDLE_TIMEOUT,
            "after {IDLE_TIMEOUT:?} the queue holds what is sent for {rtt:?}, not for {queued:?}"
        );
        if rtt >= queued {
            context.is_ready();
            is_ready = true;
        }
    }
    Ok(())
}

const PIECE: usize = 4096;
const MORE_THAN_A_QUEUE: usize = 2 * 1024 * 1024;
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
