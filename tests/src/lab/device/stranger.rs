//! Services that accept connections in the server's place and are not the server.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rand::Rng as _;
use serde::Deserialize;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use super::DeviceContext;

/// The behaviour of the service.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Manner {
    /// Answers with random bytes.
    Garbage,
    /// Sends a greeting before the client sends anything, as a mail server does.
    SpeakFirst,
    /// Sends without end.
    Endless,
    /// Sends a banner, one byte a second.
    Trickle,
    /// Relays the first connection, and answers all others with the bytes that the server sent over the first.
    Replay,
    /// Sends back what it reads.
    Echo,
    /// Reads everything and sends nothing.
    Swallow,
}

pub(super) fn answer(context: &DeviceContext, port: u16, manner: Manner) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
            .await
            .with_context(|| format!("port {port}"))?;
        if manner == Manner::Swallow {
            // The receive buffer is large, so that the window does not limit the bytes in flight.
            SockRef::from(&listener).set_recv_buffer_size(WINDOW)?;
        }
        context.is_ready();
        let (recorder, recording) = watch::channel(None);
        let mut recorder = (manner == Manner::Replay).then_some(recorder);
        let mut connections = JoinSet::new();
        let mut looks = interval(BETWEEN_LOOKS);
        while context.stands() {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = looks.tick() => continue,
            };
            let (client, _) = accepted?;
            match (manner, recorder.take()) {
                (Manner::Replay, Some(recorder)) => {
                    connections.spawn(record(client, context.server, recorder));
                }
                _ => {
                    connections.spawn(behave(client, manner, recording.clone()));
                }
            }
        }
        Ok(())
    })
}

type Recording = Option<Arc<Vec<u8>>>;

async fn behave(
    client: TcpStream,
    manner: Manner,
    recording: watch::Receiver<Recording>,
) -> anyhow::Result<()> {
    let (mut from, mut to) = client.into_split();
    if manner == Manner::Echo {
        copy(&mut from, &mut to).await?;
        return Ok(());
    }
    let swallowing = async {
        copy(&mut from, &mut sink()).await?;
        anyhow::Ok(())
    };
    let speaking = async {
        match manner {
            Manner::Garbage => {
                let mut bytes = vec![0; PIECE];
                rand::rng().fill_bytes(&mut bytes);
                to.write_all(&bytes).await?;
            }
            Manner::SpeakFirst => to.write_all(BANNER).await?,
            Manner::Endless => loop {
                to.write_all(&[b'.'; PIECE]).await?;
            },
            Manner::Trickle => {
                for byte in BANNER {
                    to.write_all(&[*byte]).await?;
                    sleep(Duration::from_secs(1)).await;
                }
            }
            Manner::Replay => replay(&mut to, recording).await?,
            Manner::Echo | Manner::Swallow => {}
        }
        anyhow::Ok(())
    };
    let (swallowed, spoken) = tokio::join!(swallowing, speaking);
    swallowed.and(spoken)
}

/// Relays a session, and publishes what the server sent in it.
async fn record(
    mut client: TcpStream,
    server: SocketAddr,
    recorder: watch::Sender<Recording>,
) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let up = async {
        copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        let mut said = Vec::new();
        let mut piece = [0; PIECE];
        loop {
            let n = from_server.read(&mut piece).await?;
            if n == 0 {
                recorder.send_replace(Some(Arc::new(said)));
                return to_client.shutdown().await;
            }
            said.extend_from_slice(&piece[..n]);
            to_client.write_all(&piece[..n]).await?;
        }
    };
    tokio::try_join!(up, down)?;
    Ok(())
}

async fn replay(
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    mut recording: watch::Receiver<Recording>,
) -> anyhow::Result<()> {
    let recorded = recording.wait_for(Option::is_some).await?.clone();
    if let Some(said) = recorded {
        to.write_all(&said).await?;
    }
    Ok(())
}

const PIECE: usize = 4096;
const WINDOW: usize = 2 * 1024 * 1024;
const BANNER: &[u8] = b"220 mail.example.org ESMTP ready when you are, and in no hurry\r\n";
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
