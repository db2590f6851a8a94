//! Configuration, keys and certificate change while sessions run.
#![cfg(unix)]

use std::fs;

use echo_server::Identity;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use crate::command::{program, stdout};
use crate::control::Control;
use crate::dialogue::{Dialogue, rest};
use crate::process::Process;
use crate::running::Holder;
use crate::systemd::{in_place_of_systemd, what_systemd_is_told};

const SERVE: [&str; 4] = ["--listen", "127.0.0.1:0", "--log-level", "debug"];

/// Adds a key, with `words` as further arguments.
fn add_key(process: &Process, words: &[&str]) -> Holder {
    let directory = process.directory.path();
    let path = directory.to_str().unwrap();
    let add = ["identity", "add-key", "--dir", path, "--key", "another"];
    stdout(&[&add[..], words].concat());
    let identity = Identity::load(directory).unwrap();
    let key = identity.keys().last().unwrap();
    Holder {
        id: key.id.clone(),
        secret: key.secret.clone(),
    }
}

/// Adds a key when no connection string can be made.
fn add_key_without_a_connection_string(process: &Process) -> Holder {
    let now = jiff::Timestamp::now();
    let label = "another".parse().unwrap();
    let key = Identity::add_key(process.directory.path(), label, false, now).unwrap();
    Holder {
        id: key.id,
        secret: key.secret,
    }
}

#[tokio::test]
async fn keys_come_and_go_and_running_sessions_stay() {
    let mut process = Process::serve(&SERVE);
    let mut running = process.connect().await;
    running.greet().await;
    let testimony = running.testimony().await;
    let keys = running.session_keys(&testimony);
    running.stages(&keys).await;

    let another = add_key(&process, &[]);
    let directory = process.directory.path().to_str().unwrap().to_owned();
    let old = process.holder.id.to_string();
    stdout(&["identity", "revoke-key", "--dir", &directory, &old]);
    process.signal(Signal::HUP);
    process.wait_for("reloaded");

    let stream = process.connect().await.stream;
    Dialogue::new(stream, &another).run().await;
    let mut revoked = process.connect().await;
    revoked.greet().await;
    revoked.stream.shutdown().await.unwrap();
    assert_eq!(rest(&mut revoked.stream).await, b"");
    running.part(&keys).await;
    process.signal(Signal::TERM);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_file_that_is_wrong_changes_nothing_and_is_named() {
    let mut process = Process::serve(&SERVE);
    let path = process.directory.path().join("keys.toml");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, good.replace("label", "lable")).unwrap();
    process.signal(Signal::HUP);
    let line = process.wait_for("reload failed");
    assert!(line.contains("unknown key `lable`"), "{line}");
    process.connect().await.run().await;
    fs::write(&path, good).unwrap();
    process.signal(Signal::HUP);
    process.wait_for("reloaded");
    process.connect().await.run().await;
}

/// Despite the sandbox, the server can see who may change its files.
#[tokio::test]
async fn files_that_others_can_change_are_not_taken_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut process = Process::serve(&SERVE);
    let directory = process.directory.path().to_owned();
    for (path, right, wrong) in [
        (directory.join("keys.toml"), 0o600, 0o606),
        (directory.clone(), 0o700, 0o770),
    ] {
        let allow = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        allow(wrong);
        process.signal(Signal::HUP);
        let line = process.wait_for("reload failed");
        let expected = format!("{}: every user of", path.display());
        assert!(line.contains(&expected), "{line}");
        allow(right);
        process.signal(Signal::HUP);
        process.wait_for("reloaded");
    }
    process.connect().await.run().await;
}

#[tokio::test]
async fn what_needs_a_restart_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.toml");
    let listen = "[[listen]]\naddress = \"127.0.0.1\"\nport = 0\n";
    fs::write(&file, listen).unwrap();
    let mut process = Process::serve(&["--config", file.to_str().unwrap()]);
    fs::write(
        &file,
        format!("instance = \"other\"\n{listen}{listen}[limits]\nsessions = 5\n"),
    )
    .unwrap();
    process.signal(Signal::HUP);
    let line = process.wait_for("only after a restart");
    assert!(line.contains("listen, instance"), "{line}");
    process.connect().await.run().await;

    // The message is repeated as long as the running settings differ from the file.
    fs::write(
        &file,
        format!("sandbox = \"required\"\n{listen}{listen}[log]\nformat = \"json\"\n"),
    )
    .unwrap();
    for _ in 0..2 {
        process.signal(Signal::HUP);
        let line = process.wait_for("only after a restart");
        assert!(line.contains("listen, sandbox, log"), "{line}");
        assert!(!line.contains("instance"), "{line}");
    }
    fs::write(&file, listen).unwrap();
    process.signal(Signal::HUP);
    process.wait_for("reloaded");
    process.connect().await.run().await;
    process.signal(Signal::TERM);
    let (_, log) = process.end();
    assert!(!log.contains("restart"), "{log}");
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_not_taken_over() {
    let mut process = Process::serve(&SERVE);
    let elsewhere = tempfile::tempdir().unwrap();
    let long_ago = "2011-02-03T12:00:00Z".parse().unwrap();
    let expired = Identity::mint(&["127.0.0.1".to_owned()], 8443, [], long_ago).unwrap();
    expired.save_new(elsewhere.path()).unwrap();
    for name in ["server-certificate.pem", "server-key.pem"] {
        fs::copy(
            elsewhere.path().join(name),
            process.directory.path().join(name),
        )
        .unwrap();
    }
    process.signal(Signal::HUP);
    let line = process.wait_for("reload failed");
    assert!(line.contains("expired on 2021-02-02T00:00:00Z"), "{line}");
    assert!(line.contains("roll-over begin"), "{line}");
    process.connect().await.run().await;
}

#[tokio::test]
async fn a_next_certificate_that_is_of_no_use_is_told_and_nothing_more() {
    let mut process = Process::serve(&SERVE);
    let next = process.directory.path().join("next-server-certificate.pem");
    fs::write(&next, "nothing").unwrap();
    let another = add_key_without_a_connection_string(&process);
    process.signal(Signal::HUP);
    let line = process.wait_for("`serve` works without it");
    assert!(line.contains(&*next.to_string_lossy()), "{line}");
    let stream = process.connect().await.stream;
    Dialogue::new(stream, &another).run().await;
}

#[tokio::test]
async fn an_admin_has_it_reload_over_the_control_service() {
    let mut process = Process::serve(&SERVE);
    let admin = add_key(&process, &["--admin"]);
    process.signal(Signal::HUP);
    process.wait_for("reloaded");
    let mut control = Control::over(process.connect().await.stream).await;
    assert_eq!(control.reload(&admin).await.unwrap(), [""; 0]);

    let path = process.directory.path().join("keys.toml");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, "keys = 5\n").unwrap();
    let answer = control.reload(&admin).await.unwrap_err();
    assert_eq!(answer.code(), Code::FailedPrecondition);
    fs::write(&path, good).unwrap();
    assert_eq!(control.reload(&admin).await.unwrap(), [""; 0]);
}

/// If READY=1 followed STOPPING=1, systemd would assume that the server keeps running.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn who_stops_reloads_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let systemd = in_place_of_systemd(&path);
    let file = directory.path().join("server.toml");
    fs::write(&file, "notice_seconds = 600\n").unwrap();
    let mut command = program();
    command.env("NOTIFY_SOCKET", &path);
    let with_notice = ["--config", file.to_str().unwrap()];
    let mut process = Process::serve_as(command, &[&with_notice[..], &SERVE].concat());
    let admin = add_key(&process, &["--admin"]);
    process.signal(Signal::HUP);
    process.wait_for("reloaded");
    let mut control = Control::over(process.connect().await.stream).await;
    assert_eq!(control.reload(&admin).await.unwrap(), [""; 0]);
    process.signal(Signal::TERM);
    while !what_systemd_is_told(&systemd)
        .unwrap()
        .starts_with("STOPPING=1")
    {}
    process.signal(Signal::HUP);
    let answer = control.reload(&admin).await.unwrap_err();
    assert_eq!(answer.code(), Code::Unavailable);
    process.signal(Signal::TERM);
    let (status, log) = process.end();
    assert!(status.success(), "{log}");
    systemd.set_nonblocking(true).unwrap();
    while let Ok(more) = what_systemd_is_told(&systemd) {
        assert!(more.starts_with("STOPPING=1"), "{more}");
    }
}
