//! Copies bytes from one side to the other.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The direction in which bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What happens to a piece of data.
pub(super) enum Verdict {
    Pass,
    /// Passes this number of bytes from the start of the piece, and nothing after them.
    PassAndStop(usize),
}

/// Copies bytes until `inspect` stops the copy or `from` ends; if `from` ends, `to` is ended too. Returns whether
/// `inspect` stopped the copy.
pub(super) async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut inspect: impl FnMut(&mut [u8]) -> Verdict,
) -> std::io::Result<bool> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            to.shutdown().await?;
            return Ok(false);
        }
        let piece = &mut buffer[..n];
        match inspect(piece) {
            Verdict::Pass => to.write_all(piece).await?,
            Verdict::PassAndStop(passed) => {
                to.write_all(&piece[..passed]).await?;
                return Ok(true);
            }
        }
        to.flush().await?;
    }
}

/// Copies in both directions, unchanged.
pub(super) async fn relay(mut client: TcpStream, upstream: SocketAddr) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
