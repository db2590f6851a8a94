//! The moments in the life of a connection at which a client can disconnect or the server can be killed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use probe_core::session::{ClientSession, Phase, Stage};

use super::{Tls, greeting, http2};
use crate::Connection;
use crate::played::{NOW, parameters, play};

/// The moments, in the order in which they occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was sent yet.
    Connected,
    /// The ClientHello is sent, and the answer has begun to arrive.
    InHandshake,
    InGreeting,
    /// The greeting is sent, and nothing of the answer is read.
    Greeted,
    /// The testimony is read, and nothing was sent after it.
    Answered,
    /// One stage is complete in both directions, and two more follow.
    InExchange,
    /// All stages are complete, and the connection is held.
    Held,
    /// A call to the control service: TLS is established, and the headers of a call have begun.
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
        Self::Held,
        Self::InCall,
    ];

    /// Plays a client on `stream`, a new connection to the server at `address`, up to this moment.
    ///
    /// # Errors
    /// Fails if the server ends the connection before that.
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
            Self::Held => until(stream, address, connection, |session| {
                session.report().phase == Phase::Holding
            })?,
            Self::InCall => call(stream)?,
        }
        Ok(())
    }
}

/// Plays a plain session until `done` returns true.
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

/// Opens HTTP/2 to the server: sends a client's preface and settings, and one of the hundred bytes of headers that it
/// announces.
fn call(stream: &mut TcpStream) -> anyhow::Result<()> {
    let mut tls = Tls::offering("h2")?.open(stream)?;
    let mut inside = rustls::Stream::new(&mut tls, stream);
    inside.write_all(&http2::opening())?;
    inside.write_all(&http2::half_a_call())?;
    inside.flush()?;
    // The server's own settings show that it treats the connection as one to the control service.
    inside.read_exact(&mut [0])?;
    Ok(())
}
