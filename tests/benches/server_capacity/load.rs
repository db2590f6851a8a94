//! The clients: blocking sockets in many threads, the same for both servers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use fwprobe_tests::middlebox::trusting_anyone;
use fwprobe_tests::played::{NOW, parameters, play};
use fwprobe_tests::{Connection, WATCHDOG};
use probe_core::session::{ClientSession, ClientTls, Need, SessionParameters};
use probe_core::session_kind::SessionKind;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::SockRef;

use super::Shape;
use super::bare::TURNS;

/// Calls `one` as often as `shape` says, from [`THREADS`] threads, and returns the calls per second.
pub(crate) fn per_second(
    shape: Shape,
    one: impl Fn() -> anyhow::Result<()> + Sync,
) -> anyhow::Result<f64> {
    let left = AtomicUsize::new(shape.sessions());
    let take = || {
        let less = |left: usize| left.checked_sub(1);
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    };
    let began = Instant::now();
    std::thread::scope(|scope| {
        let work = || -> anyhow::Result<()> {
            while take() {
                one()?;
            }
            Ok(())
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(done) => done?,
                Err(_) => bail!("a client panicked"),
            }
        }
        Ok(())
    })?;
    Ok(shape.sessions() as f64 / began.elapsed().as_secs_f64())
}

/// The configuration that all clients share.
pub(crate) struct Client {
    tls: Arc<ClientConfig>,
}

pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

impl Client {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let mut tls = trusting_anyone()?;
        // Without resumption, every handshake is a full one.
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Plays one bare session.
    pub(crate) fn bare(&self, address: SocketAddr, shape: Shape) -> anyhow::Result<()> {
        let tcp = connect(address)?;
        match shape {
            Shape::Plain => take_turns(tcp),
            Shape::Tls => take_turns(self.encrypt(tcp)?),
        }
    }

    /// Plays one verified session, without an exchange.
    pub(crate) fn session(
        &self,
        address: SocketAddr,
        connection: &Connection,
        shape: Shape,
    ) -> anyhow::Result<()> {
        let parameters = SessionParameters {
            hold: None,
            stages: Vec::new(),
            ..self.parameters(address, connection, shape)
        };
        let (mut session, need) = ClientSession::new(parameters, NOW)?;
        let tcp = connect(address)?;
        let need = match shape {
            Shape::Plain => play(&mut session, need, &mut &tcp, |_| false)?,
            Shape::Tls => {
                let mut tls = self.encrypt(tcp)?;
                let need = session.tls_established(NOW, facts(&tls)?);
                play(&mut session, need, &mut tls, |_| false)?
            }
        };
        ensure!(need == Need::Finished, "{need:?}");
        Ok(())
    }

    pub(crate) fn parameters(
        &self,
        address: SocketAddr,
        connection: &Connection,
        shape: Shape,
    ) -> SessionParameters {
        SessionParameters {
            kind: match shape {
                Shape::Plain => SessionKind::Tcp,
                Shape::Tls => SessionKind::Tls,
            },
            ..parameters(address, connection)
        }
    }

    /// Returns the connection after a complete TLS handshake.
    pub(crate) fn encrypt(&self, tcp: TcpStream) -> anyhow::Result<Encrypted> {
        let name = ServerName::try_from("bare.test")?;
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name)?, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }
}

/// Returns the facts about TLS that the server compares.
pub(crate) fn facts(tls: &Encrypted) -> anyhow::Result<ClientTls> {
    let exporter =
        tls.conn
            .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b""))?;
    Ok(ClientTls {
        version: tls.conn.protocol_version().map_or(0, u16::from),
        suite: tls
            .conn
            .negotiated_cipher_suite()
            .map_or(0, |suite| suite.suite().into()),
        group: None,
        exporter: Some(exporter),
        client_hello_sha256: None,
        server_name: None,
        alpn: None,
        client_certificate_sha256: None,
    })
}

pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let tcp = TcpStream::connect(address)?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(WATCHDOG))?;
    // After a reset, neither side keeps the connection's ports in TIME_WAIT.
    SockRef::from(&tcp).set_linger(Some(Duration::ZERO))?;
    Ok(tcp)
}

fn take_turns(mut stream: impl Read + Write) -> anyhow::Result<()> {
    let mut buffer = [0x5a; 2048];
    for (up, down) in TURNS {
        stream.write_all(&buffer[..up])?;
        stream.flush()?;
        stream.read_exact(&mut buffer[..down])?;
    }
    Ok(())
}

/// The number of threads: some tens of sessions in flight keep both cores busy.
const THREADS: usize = 32;
