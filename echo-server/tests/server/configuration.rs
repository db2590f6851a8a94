//! `fwprobe-echo check-config`, with one file for each mistake.

use std::fs;
use std::path::Path;

use crate::command::{failure, new_identity, stdout};

/// The expected answer for each file in `tests/configurations`. `DIR` stands for their directory.
const PROBLEMS: [(&str, &str); 24] = [
    ("syntax", "DIR/syntax.toml:2:9: this is not valid TOML: "),
    (
        "unknown-key",
        "DIR/unknown-key.toml:1:1: unknown key `port`; did you mean `ports`?",
    ),
    (
        "unknown-limit",
        "DIR/unknown-limit.toml:2:1: unknown key `session`; did you mean `sessions`?",
    ),
    (
        "wrong-type",
        "DIR/wrong-type.toml:1:9: `ports` is a whole number; write it like ports = [80, 443]",
    ),
    (
        "port-too-large",
        "DIR/port-too-large.toml:1:14: `ports` is 65536; it may be 0 to 65535",
    ),
    (
        "port-as-text",
        "DIR/port-as-text.toml:1:10: `ports` is a text; write it like ports = [80, 443]",
    ),
    (
        "control-port-zero",
        "DIR/control-port-zero.toml:1:16: `control_port` is 0; it may be 1 to 65535",
    ),
    (
        "bad-address",
        "DIR/bad-address.toml:1:26: `addresses` is \"10.0.0.256\"; invalid IP address syntax",
    ),
    (
        "bad-instance",
        "DIR/bad-instance.toml:1:12: `instance` is \"west europe\"; an instance's name is 1 to 32 \
         characters of A-Z a-z 0-9 - _ .",
    ),
    (
        "listener-without-port",
        "DIR/listener-without-port.toml:1:1: this listener has no `port`; add one, such as port = \
         20080",
    ),
    (
        "listener-twice",
        "DIR/listener-twice.toml:4: port 20080 of 10.0.0.4 already has a listener \
         (DIR/listener-twice.toml:1); remove one of the two",
    ),
    (
        "port-twice",
        "DIR/port-twice.toml:1: port 80 of every address already has a listener \
         (DIR/port-twice.toml:1); remove one of the two",
    ),
    (
        "listener-covered",
        "DIR/listener-covered.toml:2: port 443 of 10.0.0.4 already has a listener \
         (DIR/listener-covered.toml:1); remove one of the two",
    ),
    (
        "no-listener",
        "there is nothing to listen on; name at least one port",
    ),
    (
        "limit-out-of-range",
        "DIR/limit-out-of-range.toml:2:12: `sessions` is 0; it may be 1 to 1000000",
    ),
    (
        "key-above-sessions",
        "DIR/key-above-sessions.toml:2:20: `sessions_per_key` is 501, which is more than \
         `sessions` (500 in line 3); lower `sessions_per_key` or raise `sessions`",
    ),
    (
        "key-above-default-sessions",
        "DIR/key-above-default-sessions.toml:2:20: `sessions_per_key` is 15001, which is more than \
         `sessions` (15000 by default); lower `sessions_per_key` or raise `sessions`",
    ),
    (
        "held-above-key",
        "DIR/held-above-key.toml:3:16: `held_per_key` is 11, which is more than `sessions_per_key` \
         (10 in line 2); lower `held_per_key` or raise `sessions_per_key`",
    ),
    (
        "source-above-strangers",
        "DIR/source-above-strangers.toml:3:24: `strangers_per_source` is 200, which is more than \
         `strangers` (100 in line 2); lower `strangers_per_source` or raise `strangers`",
    ),
    (
        "private-covered",
        "DIR/private-covered.toml:3: port 443 of 127.0.0.1 already has a listener \
         (DIR/private-covered.toml:1); remove one of the two",
    ),
    (
        "private-without-port",
        "DIR/private-without-port.toml:2:11: `metrics` is \"127.0.0.1\"; invalid socket address \
         syntax",
    ),
    (
        "sandbox",
        "DIR/sandbox.toml:1:11: `sandbox` is \"strict\"; use one of best-effort, required, off",
    ),
    (
        "log-format",
        "DIR/log-format.toml:2:10: `format` is \"xml\"; use one of text, json",
    ),
    (
        "log-level",
        "DIR/log-level.toml:2:9: `level` is \"loud\"; use one of error, warn, info, debug, trace",
    ),
];

pub(crate) const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/configurations");

pub(crate) fn check(directory: &Path, file: &str) -> (i32, String) {
    let identity = directory.to_str().unwrap();
    let (code, message) = failure(&["check-config", "--config", file, "--identity", identity]);
    let message = message.replace(DIRECTORY, "DIR");
    let problems = message.strip_prefix("fwprobe-echo: the configuration is not usable:\n");
    (
        code,
        problems.unwrap_or_else(|| panic!("{message}")).to_owned(),
    )
}

#[test]
fn each_defect_is_named_with_its_line_and_what_would_be_right() {
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    for (name, expected) in PROBLEMS {
        let (code, problems) = check(directory.path(), &format!("{DIRECTORY}/{name}.toml"));
        assert_eq!(code, 2);
        let first = problems.lines().next().unwrap();
        // The TOML parser chooses its own words, so only the beginning is compared.
        let exact = first == expected || name == "syntax" && first.starts_with(expected);
        assert!(exact, "{name}:\n{problems}");
        assert_eq!(problems.lines().count(), 1, "{name}:\n{problems}");
    }
}

#[test]
fn every_file_of_a_defect_is_checked() {
    let mut files: Vec<_> = fs::read_dir(DIRECTORY)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    files.sort();
    let mut names: Vec<_> = PROBLEMS
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let of_their_own = ["good", "many-problems", "every-limit", "contradictions"];
    names.extend(of_their_own.map(str::to_owned));
    names.sort();
    assert_eq!(files, names);
}

#[test]
fn all_problems_come_at_once_with_those_of_the_identity() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("nowhere");
    let (code, problems) = check(&nowhere, &format!("{DIRECTORY}/many-problems.toml"));
    assert_eq!(code, 2);
    let nowhere = nowhere.display();
    assert_eq!(
        problems,
        format!(
            "DIR/many-problems.toml:1:12: `instance` is a whole number; write it like instance = \
             \"westeurope-1\"\n\
             DIR/many-problems.toml:2:15: `ports` is 99999; it may be 0 to 65535\n\
             DIR/many-problems.toml:3:17: `grace_seconds` is 99999; it may be 0 to 3600\n\
             DIR/many-problems.toml:5:1: unknown key `colour`; `log` has format, level\n\
             there is no identity in {nowhere}; make one with `fwprobe-echo identity new --dir \
             {nowhere} --host HOST`\n\
             DIR/many-problems.toml:2: port 443 of every address already has a listener \
             (DIR/many-problems.toml:2); remove one of the two\n"
        )
    );
}

#[test]
fn no_limit_is_nothing_or_beyond_all_bounds() {
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    let (code, problems) = check(directory.path(), &format!("{DIRECTORY}/every-limit.toml"));
    assert_eq!(code, 2);
    insta::assert_snapshot!(problems, @r"
    DIR/every-limit.toml:2:12: `sessions` is 1000001; it may be 1 to 1000000
    DIR/every-limit.toml:3:20: `sessions_per_key` is 0; it may be 1 to 1000000
    DIR/every-limit.toml:4:16: `held_per_key` is a number with a fraction; write it like held_per_key = 10000
    DIR/every-limit.toml:5:26: `new_per_second_per_key` is 0; it may be 1 to 1000000
    DIR/every-limit.toml:6:13: `strangers` is 0; it may be 2 to 1000000
    DIR/every-limit.toml:7:24: `strangers_per_source` is -1; it may be 1 to 1000000
    DIR/every-limit.toml:8:29: `new_per_second_per_source` is 1000001; it may be 1 to 1000000
    DIR/every-limit.toml:9:23: `control_connections` is 0; it may be 1 to 1000000
    DIR/every-limit.toml:10:19: `session_seconds` is 59; it may be 60 to 86400
    DIR/every-limit.toml:11:17: `session_bytes` is 262143; it may be 262144 to 1073741824
    ");
}

#[test]
fn limits_that_contradict_each_other_are_named_with_all_else() {
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    let file = format!("{DIRECTORY}/contradictions.toml");
    let (code, problems) = check(directory.path(), &file);
    assert_eq!(code, 2);
    insta::assert_snapshot!(problems, @r"
    DIR/contradictions.toml:1:1: unknown key `colour`; a configuration has identity, instance, addresses, ports, control_port, listen, reuse_port, behind_source_nat, witness, notice_seconds, grace_seconds, sandbox, private, limits, log
    DIR/contradictions.toml:4:20: `sessions_per_key` is 30, which is more than `sessions` (20 in line 3); lower `sessions_per_key` or raise `sessions`
    DIR/contradictions.toml:5:16: `held_per_key` is 40, which is more than `sessions_per_key` (30 in line 4); lower `held_per_key` or raise `sessions_per_key`
    DIR/contradictions.toml:7:24: `strangers_per_source` is 6, which is more than `strangers` (5 in line 6); lower `strangers_per_source` or raise `strangers`
    ");
}

#[test]
fn limits_that_are_not_named_follow_those_that_are() {
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    let file = directory.path().join("server.toml");
    fs::write(&file, "[limits]\nsessions = 5\nstrangers = 7\n").unwrap();
    let (file, identity) = (file.to_str().unwrap(), directory.path().to_str().unwrap());
    let printed = stdout(&["check-config", "--config", file, "--identity", identity]);
    let limits = printed.split("[limits]").nth(1).unwrap();
    for line in [
        "sessions_per_key = 5\n",
        "held_per_key = 5\n",
        "strangers_per_source = 3\n",
    ] {
        assert!(limits.contains(line), "{limits}");
    }
}

#[test]
fn a_file_that_is_not_there_is_the_only_problem_then() {
    let (code, message) = failure(&["check-config", "--config", "/nowhere/serve.toml"]);
    assert_eq!(code, 2);
    assert_eq!(
        message,
        "fwprobe-echo: the configuration is not usable:\n/nowhere/serve.toml: this file cannot be \
         read: No such file or directory\n"
    );
}

#[test]
fn what_is_resolved_is_printed_as_a_configuration_that_comes_to_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let identity = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let good = format!("{DIRECTORY}/good.toml");
    for arguments in [
        &["check-config", "--identity", identity, "--instance", "here"][..],
        &["check-config", "--identity", identity, "--config", &good],
        &[
            "check-config",
            "--identity",
            identity,
            "--config",
            &good,
            "--port",
            "8080",
            "--address",
            "::1",
            "--listen",
            "127.0.0.1:9000",
            "--log-level",
            "debug",
            "--grace",
            "0",
        ],
    ] {
        let printed = stdout(arguments);
        let file = directory.path().join("printed.toml");
        fs::write(&file, &printed).unwrap();
        let again = stdout(&["check-config", "--config", file.to_str().unwrap()]);
        assert_eq!(again, printed);
    }
}

#[test]
fn the_defaults_are_seven_ports_and_the_identitys_control_port() {
    let directory = tempfile::tempdir().unwrap();
    let identity = directory.path().to_str().unwrap();
    stdout(&[
        "identity",
        "new",
        "--dir",
        identity,
        "--host",
        "h.example",
        "--control-port",
        "9443",
    ]);
    let printed = stdout(&["check-config", "--identity", identity, "--instance", "here"]);
    let printed = printed.replace(identity, "DIR");
    insta::assert_snapshot!(printed, @r#"
    identity = "DIR"
    instance = "here"
    reuse_port = false
    behind_source_nat = false
    witness = false
    notice_seconds = 0
    grace_seconds = 10
    sandbox = "best-effort"

    [[listen]]
    port = 80

    [[listen]]
    port = 443

    [[listen]]
    port = 3389

    [[listen]]
    port = 5901

    [[listen]]
    port = 5902

    [[listen]]
    port = 7998

    [[listen]]
    port = 7999

    [[listen]]
    port = 9443

    [limits]
    sessions = 15000
    sessions_per_key = 12000
    held_per_key = 10000
    new_per_second_per_key = 20000
    strangers = 4096
    strangers_per_source = 2048
    new_per_second_per_source = 1000
    control_connections = 256
    session_seconds = 2700
    session_bytes = 16777216

    [log]
    format = "text"
    level = "info"
    "#);
}

#[test]
fn a_relative_path_counts_from_the_file_it_stands_in() {
    let directory = tempfile::tempdir().unwrap();
    new_identity(&directory.path().join("keys of mine"));
    let file = directory.path().join("serve.toml");
    fs::write(&file, "identity = \"keys of mine\"\n").unwrap();
    let printed = stdout(&["check-config", "--config", file.to_str().unwrap()]);
    let identity = directory.path().join("keys of mine");
    let expected = format!("identity = \"{}\"\n", identity.display());
    assert!(printed.starts_with(&expected), "{printed}");
}
