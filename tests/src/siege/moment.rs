//! Moments of a connection's life at which it, or the server, can break off.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use probe_core::session::{ClientSession, Phase, Stage};

use super::{Tls, greeting, http2};
use crate::Connection;
use crate::played::{NOW, parameters, play};

/// In their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has been said.
    Connected,
    /// The ClientHello is out, and the answer has begun.
    InHandshake,
    InGreeting,
    /// The greeting is out, and nothing of the answer is read.
    Greeted,
    /// The testimony is read, and not confirmed.
    Answered,
    /// One stage has gone both ways, and two more are to come.
    InExchange,
    /// All has been exchanged, and the connection is held.
    QueuedPacket,
    /// Of the control service: TLS stands, and the headers of a call have begun.
    InCall,
}

impl Moment {
    pub const ALL: [Self; 8] = [
        Self::Connected,
        Self::InHandshake,
        Self::InGreeting,
        Self::Greeted,
        Self::Answered,
        Self::InExchange,
        Self::QueuedPacket,
        Self::InCall,
    ];

    /// Takes `stream`, a connection with the server at `address` on which nothing has been said, so far.
    ///
    /// # Errors
    /// The server does not let it come that far.
    pub fn reach(
        self,
        stream: &mut TcpStream,
        address: SocketAddr,
        connection: &Connection,
    ) -> anyhow::Result<()> {
        match self {
            Self::Connected => {}
            Self::InHandshake => {
                stream.write_all(&Tls::offering("http/1.1")?.hello()?)?;
                stream.read_exact(&mut [0])?;
            }
            Self::InGreeting => {
                let greeting = greeting(address, connection)?;
                stream.write_all(&greeting[..greeting.len() / 2])?;
            }
            Self::Greeted => stream.write_all(&greeting(address, connection)?)?,
            Self::Answered => until(stream, address, connection, |session| {
                session.report().phase == Phase::Exchanging
            })?,
            Self::InExchange => until(stream, address, connection, |session| {
                let stages = session.report().stages;
                stages
                    .first()
                    .is_some_and(|s| s.up.complete && s.down.complete)
            })?,
            Self::QueuedPacket => until(stream, address, connection, |session| {
                session.report().phase == Phase::Holding
            })?,
            Self::InCall => call(stream)?,
        }
        Ok(())
    }
}

/// Plays a plain session until `done`.
fn until(
    stream: &mut TcpStream,
    address: SocketAddr,
    connection: &Connection,
    done: impl Fn(&ClientSession) -> bool,
) -> anyhow::Result<()> {
    let mut parameters = parameters(address, connection);
    parameters.stages = vec![Stage::both(1), Stage::both(1024), Stage::both(24 * 1024)];
    let (mut session, need) = ClientSession::new(parameters, NOW)?;
    play(&mut session, need, stream, done).map(drop)
}

/// A client's preface and settings in HTTP/2, and the first of a hundred bytes of headers.
fn call(stream: &mut TcpStream) -> anyhow::Result<()> {
    let mut tls = Tls::offering("h2")?.open(stream)?;
    let mut inside = rustls::Stream::new(&mut tls, stream);
    inside.write_all(&http2::opening())?;
    inside.write_all(&http2::half_a_call())?;
    inside.flush()?;
    // The server's own settings: it has taken it for one of the control service's.
    inside.read_exact(&mut [0])?;
    Ok(())
}
