//! The bare client and its peer, which exchange meaningless bytes in the same turns as a session.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use fwprobe_tests::flights::{LARGEST, Turn};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::delay;

/// Plays `turns` over a path with the delay `one_way`, and returns how long they took the client, from its connect to
/// the last byte.
pub(crate) async fn play(turns: &'static [Turn], one_way: Duration) -> anyhow::Result<Duration> {
    let peer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let upstream = peer.local_addr()?;
    let relay = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = relay.local_addr()?;
    let relaying = tokio::spawn(delay::serve(relay, upstream, one_way));
    let answering = tokio::spawn(async move {
        let (stream, _) = peer.accept().await?;
        take_turns(stream, turns, false).await
    });
    let began = Instant::now();
    let stream = TcpStream::connect(address).await?;
    take_turns(stream, turns, true).await?;
    let took = began.elapsed();
    answering.await??;
    relaying.abort();
    Ok(took)
}

async fn take_turns(mut stream: TcpStream, turns: &[Turn], client: bool) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0x5a; LARGEST];
    for turn in turns {
        if client {
            stream.write_all(&buffer[..turn.up]).await?;
            stream.read_exact(&mut buffer[..turn.down]).await?;
        } else {
            stream.read_exact(&mut buffer[..turn.up]).await?;
            stream.write_all(&buffer[..turn.down]).await?;
        }
    }
    Ok(())
}
