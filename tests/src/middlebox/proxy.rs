//! Explicit proxies for CONNECT and SOCKS 5: some work, and many fail in some way.

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

/// How a proxy behaves.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Accepts CONNECT from every client.
    Connect,
    /// Accepts CONNECT from every client, inside TLS with this certificate.
    ConnectInTls(Arc<CertifiedKey>),
    /// Accepts CONNECT with these credentials (Basic). Wrong credentials are counted like tunnels.
    Basic { user: String, password: String },
    /// Refuses all credentials (Basic), but only after `after` requests without credentials have arrived. Requests with
    /// credentials are counted like tunnels.
    RefusesLate { bare: Arc<Semaphore>, after: u32 },
    /// Asks for Basic, answers any credentials with these bytes, and closes. Requests with credentials are counted like
    /// tunnels.
    AnswersCredentials(Vec<u8>),
    /// Asks for NTLM, and closes the connection after its challenge.
    ClosesAfterChallenge,
    /// Speaks SOCKS 5, and closes without a reply if a request is for this port; `None` stands for any port.
    SocksCloses { on: Option<u16> },
    /// Speaks SOCKS 5, for every client or only for clients with these credentials. Wrong credentials are counted like
    /// tunnels.
    Socks5 { only: Option<(String, String)> },
    /// Speaks SOCKS 5, and refuses every destination with this code.
    SocksReply(u8),
    /// Answers the head of a request with these bytes, and closes.
    Says(Vec<u8>),
    /// Answers 200, and relays nothing.
    Swallows,
    /// Begins a response head and never ends it.
    EndlessHead,
    /// Closes as soon as it has read the request.
    Closes,
    /// Reads the request and never answers. Requests are counted like tunnels.
    Silent,
}

impl Manner {
    /// Returns [`Self::RefusesLate`], which behaves like a proxy that asks a slow directory about every password.
    pub fn refuses_late(after: u32) -> Self {
        let bare = Arc::new(Semaphore::new(0));
        Self::RefusesLate { bare, after }
    }
}

/// Serves one connection. Every requested name leads to `upstream`, because nothing else could resolve these names.
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
        Manner::ClosesAfterChallenge => closes_after_challenge(client).await,
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
            | Manner::ClosesAfterChallenge
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

async fn closes_after_challenge(mut client: TcpStream) -> anyhow::Result<()> {
    loop {
        let head = read_head(&mut client).await?;
        let begun = head.contains("Proxy-Authorization: NTLM ");
        client.write_all(asks_for_ntlm(begun).as_bytes()).await?;
        if begun {
            return part(client).await;
        }
    }
}

/// Returns a status 407, with the challenge of NTLM once the client has begun (MS-NLMP section 2.2.1.2).
fn asks_for_ntlm(begun: bool) -> String {
    let (challenge, end) = if begun {
        let mut message = b"NTLMSSP\0\x02\0\0\0".to_vec();
        // In this order: no target name, flags, the challenge, empty target information.
        message.extend([0, 0, 0, 0, 48, 0, 0, 0, 1, 0x82, 0, 0]);
        message.extend(*b"01234567\0\0\0\0\0\0\0\0");
        message.extend([4, 0, 4, 0, 48, 0, 0, 0, 0, 0, 0, 0]);
        let challenge = format!(" {}", BASE64_STANDARD.encode(message));
        (challenge, "Connection: close\r\n")
    } else {
        (String::new(), "")
    };
    format!(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM{challenge}\r\n\
         {end}Content-Length: 0\r\n\r\n"
    )
}

/// Sends header lines until the client closes the connection. The client has to do so before all lines are sent.
async fn endless_head(mut client: impl AsyncWrite + Unpin) -> anyhow::Result<()> {
    client.write_all(b"HTTP/1.1 200 OK\r\n").await?;
    for _ in 0..ENDLESS {
        client
            .write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .await?;
    }
    bail!("ten megabytes of a head were read");
}

/// The destinations that a SOCKS proxy refuses.
#[derive(Clone, Copy)]
enum Refuses {
    Nothing,
    /// Refuses every destination, with this code.
    With(u8),
    /// Closes without a reply if a request is for this port; `None` stands for any port.
    Silently(Option<u16>),
}

/// Serves SOCKS 5 (RFC 1928), with user name and password (RFC 1929).
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
        // The head is read byte by byte, because the bytes after it belong to the server.
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

/// Ends the connection without a RST. Closing it with unread bytes would send a RST, and the answer would be lost.
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

/// The number of header lines: 36 bytes each, ten megabytes in all.
const ENDLESS: usize = 300_000;
const MOST_HEAD: usize = 16 * 1024;
