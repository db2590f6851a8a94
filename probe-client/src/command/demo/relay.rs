//! The demo's faulty device: a TCP relay that flips one bit on its way to the server.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Relays every connection to `upstream` until `stopped`.
pub(super) async fn run(listener: TcpListener, upstream: SocketAddr, stopped: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    connections.spawn(relay(client, upstream));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn relay(mut client: TcpStream, upstream: SocketAddr) {
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        return;
    };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    tokio::select! {
        () = copy(from_client, to_server, Some(FLIPPED)) => {}
        () = copy(from_server, to_client, None) => {}
    }
}

/// Copies bytes until either side ends, and flips the lowest bit of the byte at offset `flip`.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    flip: Option<usize>,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut offset = 0;
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        if let Some(flip) = flip.filter(|flip| (offset..offset + n).contains(flip)) {
            buffer[flip - offset] ^= 1;
        }
        offset += n;
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// The offset of the flipped byte: inside the payload of the third stage, however long the request heads are.
const FLIPPED: usize = 20_000;
