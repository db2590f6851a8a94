//! A relay that flips one bit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;

use super::pipe::{Direction, Verdict, copy};
use crate::dialogue_map::{DialogueMap, Place};

/// The bit to flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    pub direction: Direction,
    pub at: At,
}

/// The byte whose lowest bit is flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// An offset from the beginning of the connection.
    Stream(usize),
    /// A part of the raw dialogue, and an offset in that part.
    Dialogue(Place, usize),
}

impl Flip {
    /// Selects the byte at `offset` of the stream.
    pub fn stream(direction: Direction, offset: usize) -> Self {
        Self {
            direction,
            at: At::Stream(offset),
        }
    }

    /// Selects the byte at `offset` of `place` in the raw dialogue.
    pub fn dialogue(direction: Direction, place: Place, offset: usize) -> Self {
        Self {
            direction,
            at: At::Dialogue(place, offset),
        }
    }
}

pub(super) async fn relay(
    mut client: TcpStream,
    upstream: SocketAddr,
    flip: Flip,
    strikes: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let up = copy(
        from_client,
        to_server,
        inspector(flip, Direction::Up, &strikes),
    );
    let down = copy(
        from_server,
        to_client,
        inspector(flip, Direction::Down, &strikes),
    );
    let (up, down) = tokio::join!(up, down);
    up?;
    down?;
    Ok(())
}

fn inspector(
    flip: Flip,
    direction: Direction,
    strikes: &AtomicUsize,
) -> impl FnMut(&mut [u8]) -> Verdict {
    let mut passed = 0;
    let mut map = DialogueMap::new(direction);
    move |piece| {
        if direction == flip.direction {
            for byte in piece.iter_mut() {
                let hit = match flip.at {
                    At::Stream(offset) => offset == passed,
                    At::Dialogue(place, offset) => map.next(*byte) == Some((place, offset)),
                };
                passed += 1;
                if hit {
                    *byte ^= 1;
                    strikes.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        Verdict::Pass
    }
}
