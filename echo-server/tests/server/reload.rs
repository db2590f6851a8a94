//! Configuration, keys and certificate change while sessions run.
#![cfg(unix)]

use std::fs;

use echo_server::Identity;
use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tonic::Code;

use crate::command::stdout;
use crate::control::Control;
use crate::dialogue::{Dialogue, rest};
use crate::process::Process;
use crate::running::Holder;

const SERVE: [&str; 4] = ["--listen", "127.0.0.1:0", "--log-level", "debug"];

/// One more key, made with these further words.
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
    let line = process.wait_for("wait for a restart");
    assert!(line.contains("listen, instance"), "{line}");
    process.connect().await.run().await;
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
