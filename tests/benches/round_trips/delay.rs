//! A relay that delays every piece by a fixed time in each direction. It answers the TCP handshake without delay, for
//! fwprobe and for the bare client alike.

use std::net::SocketAddr;
use std::time::Duration;

use fwprobe_tests::Seat;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// A relay with a delay, stopped when dropped.
pub(crate) struct DelayRelay {
    port: u16,
    task: Option<JoinHandle<()>>,
}

impl DelayRelay {
    /// Relays from `seat` to `upstream`.
    pub(crate) fn start(
        runtime: &tokio::runtime::Runtime,
        seat: Seat,
        upstream: SocketAddr,
        one_way: Duration,
    ) -> anyhow::Result<Self> {
        let port = seat.port()?;
        let _guard = runtime.enter();
        let listener = TcpListener::from_std(seat.into_listener())?;
        let task = runtime.spawn(serve(listener, upstream, one_way));
        Ok(Self {
            port,
            task: Some(task),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Leaves the relay running until the process ends.
    pub(crate) fn leave_running(mut self) {
        self.task = None;
    }
}

impl Drop for DelayRelay {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Relays every connection to `listener`.
pub(crate) async fn serve(listener: TcpListener, upstream: SocketAddr, one_way: Duration) {
    while let Ok((client, _)) = listener.accept().await {
        let Ok(server) = TcpStream::connect(upstream).await else {
            continue;
        };
        if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
            continue;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        tokio::spawn(later(from_client, to_server, one_way));
        tokio::spawn(later(from_server, to_client, one_way));
    }
}

async fn later(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, one_way: Duration) {
    let (queue, mut queued) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer).await {
            let piece = (Instant::now() + one_way, buffer[..n].to_vec());
            if queue.send(piece).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = queued.recv().await {
            sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}
