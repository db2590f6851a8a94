//! The server under systemd: notifications, the watchdog, and the lines of its log.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;

use crate::command::program;
use crate::process::{LONG, Process};

/// Returns a socket that receives the notifications for systemd; its path goes into `NOTIFY_SOCKET`.
pub(crate) fn in_place_of_systemd(path: &Path) -> std::os::unix::net::UnixDatagram {
    let socket = std::os::unix::net::UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    socket
}

/// Returns the next message at systemd's socket.
pub(crate) fn what_systemd_is_told(
    socket: &std::os::unix::net::UnixDatagram,
) -> std::io::Result<String> {
    let mut message = [0; 512];
    let length = socket.recv(&mut message)?;
    let text = String::from_utf8_lossy(&message[..length]);
    Ok(text.trim_end().to_owned())
}

/// Without this message, systemd's `TimeoutStopSec=` would cut the grace period short.
#[test]
fn systemd_is_told_how_long_the_end_may_take() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = in_place_of_systemd(&path);
    let file = directory.path().join("server.toml");
    std::fs::write(&file, "notice_seconds = 1\n").unwrap();
    let mut command = program();
    command.env("NOTIFY_SOCKET", &path);
    let file = file.to_str().unwrap();
    let arguments = ["--config", file, "--listen", "127.0.0.1:0", "--grace", "60"];
    let process = Process::serve_as(command, &arguments);
    process.signal(Signal::TERM);
    let mut told = Vec::new();
    while told.last() != Some(&"STOPPING=1\nEXTEND_TIMEOUT_USEC=66000000".to_owned()) {
        let next = what_systemd_is_told(&systemd);
        told.push(next.unwrap_or_else(|error| panic!("{error}: {told:?}")));
    }
    assert_eq!(told[0], "READY=1");
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
}

#[test]
fn systemd_is_told_that_it_is_alive_if_it_wants_to_hear_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = in_place_of_systemd(&path);
    let mut command = program();
    command.env("NOTIFY_SOCKET", &path);
    command.env("WATCHDOG_USEC", "200000");
    let _process = Process::serve_as(command, &["--listen", "127.0.0.1:0"]);
    // The first WATCHDOG=1 comes at once, so only the second shows that they are repeated.
    for expected in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
        assert_eq!(what_systemd_is_told(&systemd).unwrap(), expected);
    }
}

/// Standard error is a pipe here instead of a socket. The server only checks that `JOURNAL_STREAM` names the same
/// stream.
#[test]
fn a_line_for_journald_says_how_grave_it_is() {
    let as_of_journald = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec \"$0\" \"$@\"";
    let elsewhere = "JOURNAL_STREAM=1:1 exec \"$0\" \"$@\"";
    let log = |script: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-ec", script, env!("CARGO_BIN_EXE_fwprobe-echo")]);
        let process = Process::serve_as(shell, &["--listen", "127.0.0.1:0", "--sandbox", "off"]);
        process.signal(Signal::TERM);
        process.end().1
    };
    let said = log(as_of_journald);
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("<4>"), "{said}");
    assert!(lines[0].ends_with("the sandbox is off"), "{said}");
    assert!(
        lines[1..].iter().all(|line| line.starts_with("<6>")),
        "{said}"
    );
    assert!(lines.len() > 1, "{said}");
    assert!(!log(elsewhere).contains('<'));
}
