//! Services in the place of the echo server that are not the echo server.

use std::sync::Arc;

use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::tls;

pub(super) async fn plain_echo(client: TcpStream) -> anyhow::Result<()> {
    let (mut from, mut to) = client.into_split();
    tokio::io::copy(&mut from, &mut to).await?;
    Ok(())
}

pub(super) async fn silent(mut client: TcpStream) -> anyhow::Result<()> {
    tokio::io::copy(&mut client, &mut tokio::io::sink()).await?;
    // The other end has closed. Nothing was sent, and nothing will be.
    Ok(())
}

pub(super) async fn web_server(client: TcpStream) -> anyhow::Result<()> {
    serve_web(client).await
}

pub(super) async fn tls_web_server(
    client: TcpStream,
    certificate: Arc<CertifiedKey>,
) -> anyhow::Result<()> {
    let shaken = tls::accept_with(client, certificate, &[b"http/1.1", b"h2"]).await?;
    serve_web(shaken).await
}

/// Serves HTTP as web servers do: it waits for the rest of a head that looks like HTTP, and refuses anything else at
/// once.
pub(super) async fn serve_web(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let mut head = Vec::new();
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        let words = head.first().is_some_and(u8::is_ascii_uppercase);
        let whole = head.windows(4).any(|window| window == b"\r\n\r\n");
        if !words || whole || head.len() > MOST_HEAD {
            let answer = if words { PAGE } else { BAD_REQUEST };
            stream.write_all(answer).await?;
            stream.shutdown().await?;
            // Closing the connection with unread bytes would send a RST, and the answer would be lost.
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            return Ok(());
        }
    }
}

const MOST_HEAD: usize = 8 * 1024;

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: stranger/1.0\r\nContent-Type: text/html\r\n\
    Content-Length: 13\r\nConnection: close\r\n\r\n<p>Hello.</p>";

const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nServer: stranger/1.0\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
