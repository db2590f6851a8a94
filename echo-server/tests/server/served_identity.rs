//! The messages of `serve` and `check-config` about an identity that cannot be used.

use std::fs;

use echo_server::Identity;

use crate::command::{failure, new_identity, stdout};
use crate::configuration::{DIRECTORY, check};

#[test]
fn all_that_is_wrong_with_an_identity_is_said_at_once() {
    let directory = tempfile::tempdir().unwrap();
    new_identity(directory.path());
    let good = format!("{DIRECTORY}/good.toml");
    let dir = directory.path().display();
    let of = |name: &str| directory.path().join(name);
    fs::write(of("keys.toml"), "control_port = 0\nkeys = 5\n").unwrap();
    fs::write(of("server-certificate.pem"), "nothing").unwrap();
    fs::remove_file(of("server-key.pem")).unwrap();
    let (code, problems) = check(directory.path(), &good);
    assert_eq!(code, 2);
    assert_eq!(
        problems,
        format!(
            "{dir}/server-certificate.pem does not contain the expected PEM block\n\
             {dir}/server-key.pem cannot be read: No such file or directory\n\
             {dir}/keys.toml:1:16: `control_port` is 0; it may be 1 to 65535\n\
             {dir}/keys.toml:2:8: `keys` is a whole number; write it like [[keys]] with id, label, \
             secret and created\n"
        )
    );

    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    expired().save_new(one.path()).unwrap();
    new_identity(other.path());
    fs::copy(
        other.path().join("server-key.pem"),
        one.path().join("server-key.pem"),
    )
    .unwrap();
    fs::write(one.path().join("keys.toml"), "keys = 5\n").unwrap();
    let (code, problems) = check(one.path(), &good);
    let lines: Vec<_> = problems.lines().collect();
    assert_eq!((code, lines.len()), (2, 3), "{problems}");
    assert!(lines[0].contains(" expired on "), "{problems}");
    assert!(lines[1].contains("keys.toml:1:8: `keys`"), "{problems}");
    assert!(
        lines[2].ends_with(": the private key does not belong to the certificate"),
        "{problems}"
    );
}

/// If a server used an expired certificate, clients would blame the network for the failures.
#[test]
fn a_certificate_that_has_expired_is_refused_and_one_of_tomorrow_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("old");
    let path = dir.to_str().unwrap();
    expired().save_new(&dir).unwrap();
    for command in ["serve", "check-config"] {
        let (code, message) = failure(&[command, "--identity", path, "--listen", "127.0.0.1:0"]);
        let (before, clock) = message.split_once("(the clock says ").unwrap();
        let (_, after) = clock.split_once(')').unwrap();
        assert_eq!(code, 2);
        assert_eq!(
            (before, after),
            (
                &*format!(
                    "fwprobe-echo: the configuration is not usable:\n\
                     {path}/server-certificate.pem expired on 2021-02-02T00:00:00Z "
                ),
                &*format!(
                    ": devices that inspect TLS reject an expired certificate, and fwprobe would \
                     blame the network; make a new one with `fwprobe-echo identity roll-over begin \
                     --dir {path}`, and follow the steps that it prints\n"
                )
            )
        );
    }
    // The message's advice can be followed, and solves the problem.
    stdout(&["identity", "roll-over", "begin", "--dir", path]);
    stdout(&["identity", "roll-over", "finish", "--dir", path]);
    stdout(&["check-config", "--identity", path]);

    let dir = directory.path().join("new");
    of("2999-02-03T12:00:00Z").save_new(&dir).unwrap();
    stdout(&["check-config", "--identity", dir.to_str().unwrap()]);
}

/// Only connection strings need the next certificate.
#[test]
fn a_next_certificate_that_is_of_no_use_keeps_no_server_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let next = directory.path().join("next-server-certificate.pem");
    fs::write(&next, "nothing").unwrap();
    let printed = stdout(&["check-config", "--identity", path]);
    let said = format!(
        "\n# {} does not contain the expected PEM block.\n# `serve` works without it; `identity \
         show`, `add-key` and `roll-over` do not.\n",
        next.display()
    );
    assert!(printed.ends_with(&said), "{printed}");
    for command in [&["show"][..], &["add-key", "--key", "CI"]] {
        let arguments = [&["identity"], command, &["--dir", path]].concat();
        let (code, message) = failure(&arguments);
        let expected = format!(
            "fwprobe-echo: {} does not contain the expected PEM block\n",
            next.display()
        );
        assert_eq!((code, message), (2, expected));
    }
}

/// Returns an identity that was made so long ago that its certificate has expired.
fn expired() -> Identity {
    of("2011-02-03T12:00:00Z")
}

fn of(date: &str) -> Identity {
    let labels = ["label".parse().unwrap()];
    let hosts = ["h.example".to_owned()];
    Identity::mint(&hosts, 8443, labels, date.parse().unwrap()).unwrap()
}
