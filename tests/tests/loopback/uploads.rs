//! `--output https://…`: a run's report is sent to a signed URL. The store here is a small web server with TLS.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::server_config;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Authority, Cli, EchoServer, Identity, Place, Probe, ServerPlan, WATCHDOG};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use probe_documents::RunDocument;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub(crate) fn trials() -> Trials {
    Trials::of("uploads")
        .once("a_busy_store_is_asked_again", a_busy_store_is_asked_again)
        .once(
            "a_refusal_changes_nothing_else",
            a_refusal_changes_nothing_else,
        )
        .once(
            "a_store_without_a_known_authority",
            a_store_without_a_known_authority,
        )
        .once("that_cannot_be_used", that_cannot_be_used)
}

/// The first answer is that the store is busy. The name in the folder is that of the run's node.
fn a_busy_store_is_asked_again() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let store = Store::open(&["503 Service Unavailable", "201 Created"])?;
    let probe = probe(&server)?
        .args(["--label", "node=n042", "--output"])
        .arg(store.url("/runs/"));
    let probe = trusting(probe, &store)?;
    let run = probe.run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    store.next()?;
    let put = store.next()?;
    let (method, target) = (&put.method, &put.target);
    ensure!(method == "PUT", "{method} {target}");
    ensure!(target.starts_with("/runs/2"), "{target}");
    let end = format!("-n042.json?{QUERY}");
    ensure!(target.ends_with(&end), "{target}");
    let header = |name: &str| put.headers.get(name).map(String::as_str);
    ensure!(header("x-ms-blob-type") == Some("BlockBlob"));
    ensure!(header("content-type") == Some("application/json"));
    let sent: RunDocument = serde_json::from_slice(&put.body)?;
    ensure!(sent == *run.document()?, "the report differs");
    let told = &run.finished.stderr;
    let again = told.lines().filter(|line| line.contains("trying again"));
    let again: Vec<&str> = again.collect();
    let [line] = again.as_slice() else {
        anyhow::bail!("not one line about the second attempt: {told}");
    };
    ensure!(line.contains("503 Service Unavailable"), "{line}");
    ensure!(line.ends_with("; trying again in 1 s"), "{line}");
    ensure!(told.contains("sent: https://127.0.0.1:"), "{told}");
    ensure!(!run.text().contains(SIGNATURE), "{}", run.text());
    Ok(())
}

fn a_refusal_changes_nothing_else() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let store = Store::open(&["403 Forbidden"])?;
    let probe = probe(&server)?
        .args(["--quiet", "--output"])
        .arg(store.url("/run.html"));
    let run = trusting(probe, &store)?.run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    let put = store.next()?;
    let page = String::from_utf8(put.body)?;
    ensure!(page.contains("<!DOCTYPE html>"), "{page}");
    let told = &run.finished.stderr;
    ensure!(told.contains("error: not sent to https://"), "{told}");
    ensure!(told.contains("/run.html?…: "), "{told}");
    ensure!(
        told.contains("403 Forbidden (AuthenticationFailed)"),
        "{told}"
    );
    ensure!(!run.text().contains(SIGNATURE), "{}", run.text());
    Ok(())
}

/// The signature is not sent to a host that any device on the way could be.
fn a_store_without_a_known_authority() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK).ports(1).start()?;
    let store = Store::open(&["201 Created"])?;
    let other = Authority::new()?;
    let probe = probe(&server)?.arg("--output").arg(store.url("/run.json"));
    let file = probe.file("authorities.pem", other.pem())?;
    let run = probe.variable("SSL_CERT_FILE", file).run()?;
    run.expect_exit(0)?;
    let told = &run.finished.stderr;
    ensure!(told.contains("error: not sent to https://"), "{told}");
    ensure!(told.contains("directly: TLS failed"), "{told}");
    ensure!(store.received.try_recv().is_err(), "it was sent");
    Ok(())
}

fn that_cannot_be_used() -> anyhow::Result<()> {
    let identity = Identity::make(&Place::ordinary(), &["127.0.0.1"])?;
    let connection = identity.connection().text();
    let url = format!("https://127.0.0.1:1/runs/?{QUERY}");
    let in_clear = format!("http://127.0.0.1:1/?{QUERY}");
    let mistyped = format!("https:/127.0.0.1:1/runs/?{QUERY}");
    let (url, in_clear, mistyped) = (url.as_str(), in_clear.as_str(), mistyped.as_str());
    for (arguments, told) in [
        (
            &["run", "--port", "1/tcp", "--output", url][..],
            "a report is sent after it was written",
        ),
        (
            &[
                "run", "--port", "1/tcp", "--output", "a.json", "--output", in_clear,
            ],
            "expected https://",
        ),
        (
            &["watch", "--port", "1/tcp", "--output", url],
            "a watch sends nothing to a URL",
        ),
        (
            &["watch", "--port", "1/tcp", "--output", mistyped],
            "a watch sends nothing to a URL",
        ),
        (
            &["run", "--port", "1/tcp", "--output", mistyped],
            "https:/127.0.0.1:1/runs/?… is not a URL; did you mean https://…?",
        ),
        (
            &["demo", "--output", url],
            "only `run` and `idle` send reports to a URL",
        ),
    ] {
        let cli = Cli::fwprobe()?.variable("FWPROBE_CONNECTION", connection.clone());
        let finished = cli.args(arguments.iter().copied()).run()?;
        ensure!(finished.code()? == 2, "{arguments:?}: {finished:?}");
        ensure!(finished.stderr.contains(told), "{finished:?}");
        let all = format!("{}{}", finished.stdout, finished.stderr);
        ensure!(!all.contains(SIGNATURE), "{all}");
    }
    Ok(())
}

fn probe(server: &EchoServer) -> anyhow::Result<Probe> {
    Ok(Probe::of(server)?.port(server.port(1), SessionKind::Tcp))
}

/// Lets the run trust the authority of the store.
fn trusting(probe: Probe, store: &Store) -> anyhow::Result<Probe> {
    let file = probe.file("authorities.pem", &store.authority)?;
    Ok(probe.variable("SSL_CERT_FILE", file))
}

/// A web server that takes one request over each connection.
struct Store {
    address: SocketAddr,
    /// The certificate of the authority that has issued the server's.
    authority: String,
    received: Receiver<Request>,
}

struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Store {
    /// Opens a store that gives these answers, one after the other.
    fn open(answers: &[&'static str]) -> anyhow::Result<Self> {
        let authority = Authority::new()?;
        let config = server_config(authority.issue("127.0.0.1")?, Vec::new())?;
        let listener = TcpListener::bind((LOOPBACK, 0))?;
        let address = listener.local_addr()?;
        let (sender, received) = channel();
        let answers = answers.to_vec();
        thread::spawn(move || {
            for answer in answers {
                let Ok((client, _)) = listener.accept() else {
                    return;
                };
                // A client that does not trust this server sends nothing.
                let _ = serve(client, Arc::clone(&config), answer, &sender);
            }
        });
        Ok(Self {
            address,
            authority: authority.pem().to_owned(),
            received,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}?{QUERY}", self.address)
    }

    /// Returns the next request.
    fn next(&self) -> anyhow::Result<Request> {
        self.received
            .recv_timeout(WATCHDOG)
            .context("nothing was sent to the store")
    }
}

fn serve(
    client: TcpStream,
    config: Arc<ServerConfig>,
    answer: &str,
    sender: &Sender<Request>,
) -> anyhow::Result<()> {
    client.set_read_timeout(Some(WATCHDOG))?;
    let mut stream = StreamOwned::new(ServerConnection::new(config)?, client);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head)?;
    let mut lines = head.lines();
    let mut words = lines.next().context("a request line")?.split(' ');
    let (method, target) = (words.next(), words.next());
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<String, String> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").context("a length")?;
    let mut body = vec![0; length.parse()?];
    stream.read_exact(&mut body)?;
    sender.send(Request {
        method: method.context("a method")?.to_owned(),
        target: target.context("a target")?.to_owned(),
        headers,
        body,
    })?;
    let code = "x-ms-error-code: AuthenticationFailed";
    write!(
        stream,
        "HTTP/1.1 {answer}\r\n{code}\r\nContent-Length: 0\r\n\r\n"
    )?;
    stream.flush()?;
    Ok(())
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SIGNATURE: &str = "c2lnbmF0dXJl";
const QUERY: &str = "sv=2026-11-01&sp=cw&sig=c2lnbmF0dXJl";
