//! The flags of the server: they override the file, and a wrong one is an error of usage.

use crate::command::{new_identity, run, stdout};
use crate::configuration::DIRECTORY;

#[test]
fn flags_go_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let identity = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let good = format!("{DIRECTORY}/good.toml");
    let printed = stdout(&[
        "check-config",
        "--identity",
        identity,
        "--config",
        &good,
        "--port",
        "8080",
        "--control-port",
        "9443",
        "--address",
        "127.0.0.1",
        "--instance",
        "there",
        "--log-format",
        "text",
    ]);
    let printed = printed.replace(identity, "DIR");
    insta::assert_snapshot!(printed, @r#"
    identity = "DIR"
    instance = "there"
    reuse_port = true
    behind_source_nat = true
    witness = false
    notice_seconds = 15
    grace_seconds = 30
    sandbox = "required"

    [[listen]]
    address = "127.0.0.1"
    port = 8080

    [[listen]]
    address = "127.0.0.1"
    port = 9443

    [[listen]]
    address = "10.0.0.4"
    port = 20080
    public_port = 81

    [limits]
    sessions = 1000
    sessions_per_key = 500
    held_per_key = 400
    new_per_second_per_key = 300
    strangers = 200
    strangers_per_source = 100
    new_per_second_per_source = 50
    control_connections = 20
    session_seconds = 600
    session_bytes = 1048576

    [private]
    health = "127.0.0.1:9080"
    metrics = "127.0.0.1:9464"

    [log]
    format = "text"
    level = "warn"
    "#);
}

#[test]
fn a_flag_that_makes_no_sense_is_an_error_of_usage() {
    for flag in [
        ["--port", "65536"],
        ["--address", "localhost"],
        ["--listen", "443"],
        ["--control-port", "0"],
        ["--instance", "a b"],
        ["--log-level", "loud"],
        ["--grace", "3601"],
    ] {
        let output = run(&["check-config", flag[0], flag[1]]);
        assert_eq!(output.status.code(), Some(2), "{flag:?}");
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains(flag[0]) && message.contains(flag[1]),
            "{message}"
        );
    }
}
