//! The program as a process: its output, and how it stops.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};

use echo_server::Identity;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::command::{failure, new_identity, program};
use crate::dialogue::{Dialogue, rest};
use crate::running::Holder;
use crate::tls_client::Hello;

pub(crate) struct Process {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    pub(crate) printed: Vec<String>,
    pub(crate) holder: Holder,
    pub(crate) directory: tempfile::TempDir,
}

impl Process {
    /// Starts the server, and returns once it has printed what to do next.
    pub(crate) fn serve(arguments: &[&str]) -> Self {
        Self::serve_as(program(), arguments)
    }

    pub(crate) fn serve_as(mut command: Command, arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        new_identity(directory.path());
        let mut child = command
            .args(["serve", "--identity", directory.path().to_str().unwrap()])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = Vec::new();
        for line in stdout.lines() {
            printed.push(line.unwrap());
            if printed
                .last()
                .unwrap()
                .trim_start()
                .starts_with("fwprobe run")
            {
                break;
            }
        }
        Self {
            stderr: BufReader::new(child.stderr.take().unwrap()),
            child,
            printed,
            holder: holder(directory.path()),
            directory,
        }
    }

    pub(crate) fn address(&self, index: usize) -> SocketAddr {
        self.printed[1 + index].trim().parse().unwrap()
    }

    pub(crate) async fn connect(&self) -> Dialogue<TcpStream> {
        let stream = TcpStream::connect(self.address(0)).await.unwrap();
        Dialogue::new(stream, &self.holder)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads the log up to a line that contains `text`, and returns that line.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                self.stderr.read_line(&mut line).unwrap(),
                0,
                "no line with {text:?}"
            );
        }
        line
    }

    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.stderr.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that fails half way must leave no server running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn holder(directory: &Path) -> Holder {
    let identity = Identity::load(directory).unwrap();
    let key = &identity.keys()[0];
    Holder {
        id: key.id.clone(),
        secret: key.secret.clone(),
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_what_comes_next_and_serves() {
    let process = Process::serve(&["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"]);
    let (first, second) = (process.address(0), process.address(1));
    let mut ports = [first.port(), second.port()];
    ports.sort_unstable();
    assert_eq!(
        process.printed,
        [
            format!("fwprobe-echo {} listens on", env!("CARGO_PKG_VERSION")),
            format!("  {first}"),
            format!("  {second}"),
            "The connection strings name control port 8443, but the server has no listener for it."
                .to_owned(),
            "Next, on the head node, with a line that `fwprobe-echo identity` printed in FILE:"
                .to_owned(),
            format!(
                "  fwprobe run --port {} --port {} --connection-file FILE",
                ports[0], ports[1]
            ),
        ]
    );
    process.connect().await.run().await;
    process.signal(Signal::TERM);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn sigterm_lets_running_sessions_finish_and_takes_no_new_ones() {
    let mut process = Process::serve(&["--listen", "127.0.0.1:0", "--grace", "3600"]);
    let mut running = process.connect().await;
    running.greet().await;
    let testimony = running.testimony().await;
    let keys = running.session_keys(&testimony);
    running.stages(&keys).await;
    let late = TcpStream::connect(process.address(0)).await.unwrap();
    // A complete handshake shows that the server has accepted the connection.
    let late = Hello::default().connect(late).await.unwrap();
    let mut late = Dialogue::new(late, &process.holder);
    process.signal(Signal::TERM);
    process.wait_for("stopping");
    late.greet().await;
    assert_eq!(late.refusal().await.reason, 2);
    drop(late);
    running.part(&keys).await;
    drop(running);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut process = Process::serve(&["--listen", "127.0.0.1:0", "--grace", "3600"]);
    let mut running = process.connect().await;
    running.greet().await;
    running.testimony().await;
    process.signal(Signal::INT);
    process.wait_for("stopping");
    process.signal(Signal::INT);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn after_the_grace_period_it_ends_whatever_still_runs() {
    let process = Process::serve(&["--listen", "127.0.0.1:0", "--grace", "0"]);
    let mut running = process.connect().await;
    running.greet().await;
    let testimony = running.testimony().await;
    let keys = running.session_keys(&testimony);
    running.stages(&keys).await;
    process.signal(Signal::TERM);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
    assert!(log.contains("the grace period is over"), "{log}");
}

/// The limits are lowered to the available descriptors, so that strangers cannot take the last one.
#[tokio::test]
async fn few_descriptors_are_shared_fairly() {
    let limit = "ulimit -n 140; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", limit, env!("CARGO_BIN_EXE_fwprobe-echo")]);
    let mut process = Process::serve_as(shell, &["--listen", "127.0.0.1:0"]);
    process.wait_for("too few file descriptors");
    let mut strangers = Vec::new();
    for _ in 0..300 {
        strangers.push(TcpStream::connect(process.address(0)).await.unwrap());
    }
    process.connect().await.run().await;
    process.signal(Signal::TERM);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
    assert!(!log.contains("cannot be accepted"), "{log}");
}

/// If the log cannot be written, only log lines are lost.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_log_on_a_full_disk_stops_nothing() {
    let to_full = "exec \"$0\" \"$@\" 2>/dev/full";
    let mut shell = Command::new("sh");
    shell.args(["-c", to_full, env!("CARGO_BIN_EXE_fwprobe-echo")]);
    let arguments = ["--listen", "127.0.0.1:0", "--log-level", "trace"];
    let process = Process::serve_as(shell, &arguments);
    drop(TcpStream::connect(process.address(0)).await.unwrap());
    process.connect().await.run().await;
    process.signal(Signal::HUP);
    process.connect().await.run().await;
    process.signal(Signal::TERM);
    let (status, _) = process.end();
    assert!(status.success(), "{status}");
}

/// The server disables core dumps whatever the limit, because its memory contains the keys.
#[test]
fn a_crash_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt as _;
    let directory = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    let unlimited = "ulimit -c unlimited && exec \"$0\" \"$@\"";
    shell.args(["-c", unlimited, env!("CARGO_BIN_EXE_fwprobe-echo")]);
    shell.current_dir(directory.path());
    let process = Process::serve_as(shell, &["--listen", "127.0.0.1:0", "--sandbox", "off"]);
    process.signal(Signal::ABORT);
    let (status, _) = process.end();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped(), "{status}");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn secrets_that_every_user_can_read_are_refused_one_and_all() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    let secrets = ["server-key.pem", "keys.toml"].map(|name| directory.path().join(name));
    for secret in &secrets {
        std::fs::set_permissions(secret, PermissionsExt::from_mode(0o644)).unwrap();
    }
    let identity = directory.path().to_str().unwrap();
    let expected = secrets.map(|secret| {
        let secret = secret.display();
        format!("{secret}: every user of this host can read this secret; `chmod 600` it\n")
    });
    for command in ["serve", "check-config"] {
        let (code, log) = failure(&[command, "--identity", identity, "--listen", "127.0.0.1:0"]);
        assert_eq!(code, 2);
        assert!(log.ends_with(&expected.concat()), "{log}");
    }
}

#[test]
fn files_that_others_can_change_are_refused_one_and_all() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let identity = directory.path().join("identity");
    new_identity(&identity);
    let config = directory.path().join("server.toml");
    std::fs::write(&config, "ports = [1]\n").unwrap();
    let [keys, certificate] =
        ["keys.toml", "server-certificate.pem"].map(|name| identity.join(name));
    let rights = [
        (&config, 0o602),
        (&certificate, 0o664),
        (&keys, 0o620),
        (&identity, 0o777),
    ];
    for (path, mode) in rights {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let file = |path: &Path, who, bits| {
        let path = path.display();
        format!(
            "{path}: every user of {who} can change this file, which decides who may connect; \
             `chmod {bits} {path}`\n"
        )
    };
    let folder = identity.display();
    let expected = [
        file(&keys, "its group", "g-w"),
        file(&certificate, "its group", "g-w"),
        file(&config, "this host", "go-w"),
        format!(
            "{folder}: every user of this host can replace the files in this folder, which decide \
             who may connect; `chmod go-w {folder}`\n"
        ),
    ];
    let (config, identity) = (config.to_str().unwrap(), identity.to_str().unwrap());
    for command in ["serve", "check-config"] {
        let (code, log) = failure(&[command, "--config", config, "--identity", identity]);
        assert_eq!(code, 2);
        assert!(log.ends_with(&expected.concat()), "{log}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_and_nothing_is_announced() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    let identity = directory.path().to_str().unwrap();
    let (code, message) = failure(&["serve", "--identity", identity, "--listen", &address]);
    assert_eq!(code, 2);
    let expected = format!(
        "fwprobe-echo: the server did not start, because 1 listener could not be bound:\n  \
         {address}: in use by another program;"
    );
    assert!(message.contains(&expected), "{message}");
}

#[tokio::test]
async fn strangers_cannot_fill_the_log() {
    let arguments = ["--log-format", "json", "--log-level", "trace"];
    let process = Process::serve(&[&["--listen", "127.0.0.1:0"][..], &arguments].concat());
    let address = process.address(0);
    for _ in 0..50 {
        drop(TcpStream::connect(address).await.unwrap());
        let mut broken = TcpStream::connect(address).await.unwrap();
        // A ClientHello of four meaningless bytes.
        let hello = [0x16, 3, 1, 0, 8, 1, 0, 0, 4, 9, 9, 9, 9];
        broken.write_all(&hello).await.unwrap();
        rest(&mut broken).await;
        let h2 = Hello::alpn(&["h2"]).connect(TcpStream::connect(address).await.unwrap());
        h2.await
            .unwrap()
            .write_all(b"GET / HTTP/1.1\r\n\r\n")
            .await
            .unwrap();
    }
    process.connect().await.run().await;
    process.signal(Signal::TERM);
    let (_, log) = process.end();
    let about_strangers = log
        .lines()
        .filter(|line| line.contains("without a key"))
        .count();
    assert!((1..=2).contains(&about_strangers), "{log}");
    // The log has these lines, and those about the sandbox, one session, and the end of the server.
    assert!(log.lines().count() <= 5, "{log}");
    assert!(
        log.lines()
            .all(|line| line.starts_with('{') && line.ends_with('}')),
        "{log}"
    );
}

/// A timeout far beyond the time that any message takes.
#[cfg(target_os = "linux")]
pub(crate) const LONG: std::time::Duration = std::time::Duration::from_secs(60);
