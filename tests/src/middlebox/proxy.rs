//! Explicit proxies: one that does its work, over CONNECT and SOCKS 5, and many that do not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::tls;

/// What a proxy does.
#[derive(Clone, Debug)]
pub enum Manner {
    /// CONNECT, for everybody.
    Connect,
    /// The same inside TLS, with this certificate.
    ConnectInTls(Arc<CertifiedKey>),
    /// CONNECT for whoever sends these credentials by Basic. Wrong ones are counted like tunnels.
    Basic { user: String, password: String },
    /// Refuses whatever credentials it gets by Basic, but only once `after` requests without any have come. They
    /// are counted like tunnels.
    RefusesLate { bare: Arc<Semaphore>, after: u32 },
    /// Asks for Basic, answers whatever credentials it gets with these bytes, and closes. They are counted like tunnels.
    AnswersCredentials(Vec<u8>),
    /// SOCKS 5 that closes without a reply on a request for this port, or for any.
    SocksCloses { on: Option<u16> },
    /// SOCKS 5, for everybody or for one. Wrong credentials are counted like tunnels.
    Socks5 { only: Option<(String, String)> },
    /// SOCKS 5 that refuses every destination with this code.
    SocksReply(u8),
    /// Answers a request's head with these bytes, and closes.
    Says(Vec<u8>),
    /// Says 200 and passes nothing on.
    Swallows,
    /// Begins a head and never ends it.
    EndlessHead,
    /// Closes as soon as it was asked.
    Closes,
    /// Takes the request and never answers. Requests are counted like tunnels.
    Silent,
}

impl Manner {
    /// As if a slow directory had to be asked about every password.
    pub fn refuses_late(after: u32) -> Self {
        let bare = Arc::new(Semaphore::new(0));
        Self::RefusesLate { bare, after }
    }
}

/// Serves one connection. Whatever name is asked for is `upstream`'s: nobody else could resolve it.
pub(super) async fn serve(
    client: TcpStream,
    upstream: IpAddr,
    manner: Manner,
    tunnels: Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    match manner {
        Manner::ConnectInTls(certificate) => {
            let client = tls::accept_with(client, certificate, &[]).await?;
            by_head(client, upstream, &Manner::Connect, &tunnels).await
        }
        Manner::Socks5 { only } => socks(client, upstream, only, Refuses::Nothing, &tunnels).await,
        Manner::SocksReply(code) => {
            socks(client, upstream, None, Refuses::With(code), &tunnels).await
        }
        Manner::SocksCloses { on } => {
            socks(client, upstream, None, Refuses::Silently(on), &tunnels).await
        }
        Manner::Connect
        | Manner::Basic { .. }
        | Manner::RefusesLate { .. }
        | Manner::AnswersCredentials(_)
        | Manner::Says(_)
        | Manner::Swallows
        | Manner::EndlessHead
        | Manner::Closes
        | Manner::Silent => by_head(client, upstream, &manner, &tunnels).await,
    }
}

async fn by_head(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    upstream: IpAddr,
    manner: &Manner,
    tunnels: &AtomicUsize,
) -> anyhow::Result<()> {
    loop {
        let head = read_head(&mut client).await?;
        match manner {
            Manner::Basic { user, password } if !authorized(&head, user, password) => {
                if head.contains("Proxy-Authorization:") {
                    tunnels.fetch_add(1, Ordering::SeqCst);
                }
                client.write_all(WANTS_BASIC).await?;
            }
            Manner::RefusesLate { bare, after } => {
                if head.contains("Proxy-Authorization:") {
                    tunnels.fetch_add(1, Ordering::SeqCst);
                    drop(bare.acquire_many(*after).await?);
                } else {
                    bare.add_permits(1);
                }
                client.write_all(WANTS_BASIC).await?;
            }
            Manner::AnswersCredentials(answer) => {
                if head.contains("Proxy-Authorization:") {
                    tunnels.fetch_add(1, Ordering::SeqCst);
                    client.write_all(answer).await?;
                    return part(client).await;
                }
                client.write_all(WANTS_BASIC).await?;
            }
            Manner::Says(answer) => {
                client.write_all(answer).await?;
                return part(client).await;
            }
            Manner::Closes => return Ok(()),
            Manner::Silent => {
                tunnels.fetch_add(1, Ordering::SeqCst);
                return drain(client).await;
            }
            Manner::Swallows => {
                client.write_all(ESTABLISHED).await?;
                return drain(client).await;
            }
            Manner::EndlessHead => return endless_head(client).await,
            Manner::Connect
            | Manner::ConnectInTls(_)
            | Manner::Basic { .. }
            | Manner::Socks5 { .. }
            | Manner::SocksCloses { .. }
            | Manner::SocksReply(_) => {
                let port = asked_port(&head).context("no port in the request")?;
                let server = TcpStream::connect(SocketAddr::new(upstream, port)).await;
                let Ok(server) = server else {
                    client.write_all(BAD_GATEWAY).await?;
                    return part(client).await;
                };
                client.write_all(ESTABLISHED).await?;
                return tunnel(client, server, tunnels).await;
            }
        }
    }
}

/// Until the other end has had enough, which it must have before these are through.
async fn endless_head(mut client: impl AsyncWrite + Unpin) -> anyhow::Result<()> {
    client.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    for _ in 0..ENDLESS {
        client
            .write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .await?;
    }
    bail!("ten megabytes of a head were read");
}

/// What a SOCKS proxy does not connect to.
#[derive(Clone, Copy)]
enum Refuses {
    Nothing,
    /// Everything, with this code.
    With(u8),
    /// This port, or any, and says nothing of it.
    Silently(Option<u16>),
}

/// RFC 1928 and RFC 1929.
async fn socks(
    mut client: TcpStream,
    upstream: IpAddr,
    only: Option<(String, String)>,
    refuses: Refuses,
    tunnels: &AtomicUsize,
) -> anyhow::Result<()> {
    let [_, count] = read(&mut client).await?;
    let mut methods = vec![0; usize::from(count)];
    client.read_exact(&mut methods).await?;
    if let Some((user, password)) = only {
        if !methods.contains(&2) {
            client.write_all(&[5, 0xff]).await?;
            return part(client).await;
        }
        client.write_all(&[5, 2]).await?;
        let [_, length] = read(&mut client).await?;
        let mut given = vec![0; usize::from(length)];
        client.read_exact(&mut given).await?;
        let [length] = read(&mut client).await?;
        let mut secret = vec![0; usize::from(length)];
        client.read_exact(&mut secret).await?;
        let known = given == user.as_bytes() && secret == password.as_bytes();
        client.write_all(&[1, u8::from(!known)]).await?;
        if !known {
            tunnels.fetch_add(1, Ordering::SeqCst);
            return part(client).await;
        }
    } else {
        client.write_all(&[5, 0]).await?;
    }
    let [_, _, _, kind] = read(&mut client).await?;
    let length = match kind {
        1 => 4,
        4 => 16,
        _ => usize::from(read::<1>(&mut client).await?[0]),
    };
    client.read_exact(&mut vec![0; length]).await?;
    let port = u16::from_be_bytes(read(&mut client).await?);
    let connected = match refuses {
        Refuses::With(code) => Err(code),
        Refuses::Silently(on) if on.is_none_or(|on| on == port) => return part(client).await,
        Refuses::Nothing | Refuses::Silently(_) => {
            TcpStream::connect(SocketAddr::new(upstream, port))
                .await
                .map_err(|_| 5)
        }
    };
    let code = connected.as_ref().err().copied().unwrap_or(0);
    client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    match connected {
        Ok(server) => tunnel(client, server, tunnels).await,
        Err(_) => part(client).await,
    }
}

async fn tunnel(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: TcpStream,
    tunnels: &AtomicUsize,
) -> anyhow::Result<()> {
    tunnels.fetch_add(1, Ordering::SeqCst);
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn read<const N: usize>(client: &mut TcpStream) -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > MOST_HEAD {
            bail!("no head ends");
        }
        // Byte by byte: what follows belongs to the server.
        head.push(client.read_u8().await?);
    }
    Ok(String::from_utf8(head)?)
}

fn asked_port(head: &str) -> Option<u16> {
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?;
    target.rsplit_once(':')?.1.parse().ok()
}

fn authorized(head: &str, user: &str, password: &str) -> bool {
    let token = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let wanted = format!("Proxy-Authorization: Basic {token}");
    head.lines().any(|line| line == wanted)
}

/// Closing over unread bytes would be a reset, and take the answer with it.
async fn part(mut client: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    client.shutdown().await?;
    drain(client).await
}

async fn drain(mut client: impl AsyncRead + Unpin) -> anyhow::Result<()> {
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
    Ok(())
}

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

const BAD_GATEWAY: &[u8] =
    b"HTTP/1.1 502 Bad Gateway\r\nVia: 1.1 tests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

const WANTS_BASIC: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\n\
    Proxy-Authenticate: Basic realm=\"tests\"\r\nContent-Length: 5\r\n\r\nlogin";

/// Lines of 36 bytes, ten megabytes in all.
const ENDLESS: usize = 300_000;
const MOST_HEAD: usize = 16 * 1024;
