//! The bare server: an epoll loop in its own process that reads and writes the bytes of a session in the same turns,
//! without a check.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use fwprobe_tests::Authority;
use fwprobe_tests::middlebox::server_config;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Shape;

/// The bytes up and down in each turn of a session without an exchange.
pub(crate) const TURNS: [(usize, usize); 2] = [(1_032, 600), (230, 90)];

/// A bare server, killed when dropped.
pub(crate) struct BarePeer {
    process: Child,
    address: SocketAddr,
}

impl BarePeer {
    pub(crate) fn start(shape: Shape) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(argument(shape))
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let address = line.trim().parse().context("where it listens")?;
        Ok(Self { process, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for BarePeer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the shape that this process has to serve, if `text` is the argument for one.
pub(crate) fn asked_for(text: &str) -> Option<Shape> {
    [Shape::Plain, Shape::Tls]
        .into_iter()
        .find(|shape| text == argument(*shape))
}

fn argument(shape: Shape) -> String {
    format!("bare-server-{}", shape.name())
}

/// Serves until the process is killed.
pub(crate) fn serve(shape: Shape) -> anyhow::Result<()> {
    let certificate = Authority::new()?.issue("bare.test")?;
    let acceptor = TlsAcceptor::from(server_config(certificate, Vec::new())?);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            println!("{}", listener.local_addr()?);
            loop {
                let (stream, _) = listener.accept().await?;
                let acceptor = acceptor.clone();
                // The client notices if a connection fails, so the result is ignored.
                tokio::spawn(async move { one(stream, shape, &acceptor).await });
            }
        })
}

async fn one(stream: TcpStream, shape: Shape, acceptor: &TlsAcceptor) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match shape {
        Shape::Plain => take_turns(stream).await,
        Shape::Tls => take_turns(acceptor.accept(stream).await?).await,
    }
}

async fn take_turns(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut buffer = [0x5a; 2048];
    for (up, down) in TURNS {
        stream.read_exact(&mut buffer[..up]).await?;
        stream.write_all(&buffer[..down]).await?;
        stream.flush().await?;
    }
    Ok(())
}
