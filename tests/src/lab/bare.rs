//! A client that exchanges the same number of bytes as a session, in the same turns and over the same way, and checks
//! nothing.
//!
//! Its time is the lower bound for a session's time.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::network::Network;
use super::{Family, Host};
use crate::flights::{LARGEST, Turn};

/// Returns how long `turns` take the client, from its connect to the last byte.
pub(super) fn play(network: &Network, family: Family, turns: &[Turn]) -> anyhow::Result<Duration> {
    let server = family.address(Host::Cloud);
    let cloud = network.host(Host::Cloud);
    // A socket stays in the network namespace in which it was made.
    let listener = cloud.within(|| Ok(TcpListener::bind((server, 0))?))?;
    let address = listener.local_addr()?;
    let client = network.host(Host::Client);
    let began = Instant::now();
    let stream = client.within(|| Ok(TcpStream::connect(address)?))?;
    let (accepted, _) = listener.accept()?;
    thread::scope(|scope| {
        let answering = scope.spawn(|| answer(accepted, turns));
        ask(stream, turns)?;
        let took = began.elapsed();
        answering
            .join()
            .map_err(|_| anyhow!("the peer panicked"))??;
        Ok(took)
    })
}

fn ask(mut stream: TcpStream, turns: &[Turn]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0x5a; LARGEST];
    for turn in turns {
        stream.write_all(&buffer[..turn.up])?;
        stream.read_exact(&mut buffer[..turn.down])?;
    }
    Ok(())
}

fn answer(mut stream: TcpStream, turns: &[Turn]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0x5a; LARGEST];
    for turn in turns {
        stream.read_exact(&mut buffer[..turn.up])?;
        stream.write_all(&buffer[..turn.down])?;
    }
    Ok(())
}
