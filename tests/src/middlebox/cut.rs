//! A relay that lets a number of bytes pass and then ends the flow.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::pipe::{Direction, Verdict, copy};

/// How many bytes pass in which direction, and how the flow ends then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub direction: Direction,
    /// The number of bytes that pass; the next byte, when it arrives, ends the flow.
    pub after: usize,
    pub ending: Ending,
}

/// How a flow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The device sends RST to both ends.
    Reset,
    /// The device passes nothing more in that direction.
    Silence,
}

pub(super) async fn relay(
    client: TcpStream,
    upstream: SocketAddr,
    cut: Cut,
    strikes: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let up = inspector(cut, Direction::Up, &strikes);
    let down = inspector(cut, Direction::Down, &strikes);
    relay_until(client, upstream, cut.ending, up, down).await
}

/// Relays until one of the inspectors stops the flow, which then ends as `ending` says.
pub(super) async fn relay_until(
    mut client: TcpStream,
    upstream: SocketAddr,
    ending: Ending,
    inspect_up: impl FnMut(&mut [u8]) -> Verdict,
    inspect_down: impl FnMut(&mut [u8]) -> Verdict,
) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    let stopped = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = copy(from_client, to_server, inspect_up);
        let down = copy(from_server, to_client, inspect_down);
        match ending {
            Ending::Silence => {
                let (up, down) = tokio::join!(up, down);
                up? || down?
            }
            // With a reset, the first stop ends both directions.
            Ending::Reset => until_stopped(up, down).await?,
        }
    };
    match (stopped, ending) {
        (false, _) => {}
        (true, Ending::Reset) => {
            client.set_zero_linger()?;
            server.set_zero_linger()?;
        }
        // Both connections stay open until the device is dropped.
        (true, Ending::Silence) => std::future::pending().await,
    }
    Ok(())
}

/// Completes when one direction was stopped, or when both have ended. Returns whether one was stopped.
async fn until_stopped(
    up: impl Future<Output = std::io::Result<bool>>,
    down: impl Future<Output = std::io::Result<bool>>,
) -> std::io::Result<bool> {
    tokio::pin!(up, down);
    let (first, up_was_first) = tokio::select! {
        stopped = &mut up => (stopped?, true),
        stopped = &mut down => (stopped?, false),
    };
    if first {
        return Ok(true);
    }
    if up_was_first { down.await } else { up.await }
}

fn inspector(
    cut: Cut,
    direction: Direction,
    strikes: &AtomicUsize,
) -> impl FnMut(&mut [u8]) -> Verdict {
    let mut left = (direction == cut.direction).then_some(cut.after);
    move |piece| match &mut left {
        Some(left) if piece.len() > *left => {
            strikes.fetch_add(1, Ordering::SeqCst);
            Verdict::PassAndStop(*left)
        }
        Some(left) => {
            *left -= piece.len();
            Verdict::Pass
        }
        None => Verdict::Pass,
    }
}
