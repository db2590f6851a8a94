//! The command `fwprobe-echo identity`.

use std::fs;
use std::path::Path;

use echo_server::Identity;
use proto::connection_string::ConnectionString;

use crate::command::{failure, new_identity, run, stdout};

pub(crate) fn connection_strings(printed: &str) -> Vec<ConnectionString> {
    let lines = printed
        .lines()
        .filter(|line| line.starts_with("fwprobe://"));
    lines.map(|line| line.parse().unwrap()).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != LOCK_FILE)
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_identity_is_printed_as_what_its_clients_need() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("identity");
    let path = dir.to_str().unwrap();
    let printed = stdout(&[
        "identity",
        "new",
        "--dir",
        path,
        "--host",
        "echo.example",
        "--host",
        "2001:db8::7",
        "--key",
        "head node A",
        "--key",
        "head node B",
        "--control-port",
        "9443",
    ]);
    let identity = Identity::load(&dir).unwrap();
    let strings = connection_strings(&printed);
    assert_eq!(strings.len(), 2);
    for (string, key) in strings.iter().zip(identity.keys()) {
        assert_eq!(*string, identity.connection_string(key));
        assert_eq!(string.hosts, ["echo.example", "2001:db8::7"]);
        assert_eq!(string.control_port, 9443);
    }
    let labels: Vec<_> = identity
        .keys()
        .iter()
        .map(|key| key.label.as_str())
        .collect();
    assert_eq!(labels, ["head node A", "head node B"]);
    let lines: Vec<_> = printed
        .lines()
        .filter(|line| !line.starts_with("fwprobe://"))
        .collect();
    assert_eq!(
        lines.join("\n"),
        format!(
            "Made server-key.pem, server-certificate.pem and keys.toml in \
             {path}.\n\
             Clients recognise the server by the key in its certificate; they ignore its names \
             and its expiry date.\n\n\
             Connection string for head node A, key {}:\n\n\
             Connection string for head node B, key {}:\n\n\
             Everybody who has such a line can use the server, and it is not shown again: copy \
             each, without the\nother lines, into a file that only its user can read (with \
             --output, this command writes that file).\nThen:\n  here              fwprobe-echo \
             serve --identity {path}\n  on the head node  fwprobe run hpc-2008r2-sp1 \
             --connection-file FILE\n\
             `fwprobe profiles list` names the other profiles.",
            strings[0].key_id, strings[1].key_id
        )
    );
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("above/identity");
    new_identity(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(
        names(&dir),
        ["keys.toml", "server-certificate.pem", "server-key.pem"]
    );
    for name in names(&dir).iter().map(String::as_str).chain([LOCK_FILE]) {
        assert_eq!(mode(&dir.join(name)), 0o600);
    }
}

/// The server often runs as a user other than the one who changes its files.
#[cfg(unix)]
#[test]
fn what_is_changed_stays_readable_for_those_who_could_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let of = |name: &str| directory.path().join(name);
    let modes = [
        ("keys.toml", 0o640),
        ("server-certificate.pem", 0o644),
        ("server-key.pem", 0o440),
    ];
    for (name, mode) in modes {
        fs::set_permissions(of(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mode = |name: &str| fs::metadata(of(name)).unwrap().permissions().mode() & 0o7777;
    let id = Identity::load(directory.path()).unwrap().keys()[0]
        .id
        .to_string();
    stdout(&["identity", "revoke-key", "--dir", path, &id]);
    assert_eq!(mode("keys.toml"), 0o640);
    stdout(&["identity", "add-key", "--dir", path, "--key", "CI"]);
    assert_eq!(mode("keys.toml"), 0o640);
    stdout(&["identity", "roll-over", "begin", "--dir", path]);
    assert_eq!(mode("next-server-certificate.pem"), 0o644);
    assert_eq!(mode("next-server-key.pem"), 0o440);
    stdout(&["identity", "roll-over", "finish", "--dir", path]);
    assert_eq!(
        modes.map(|(name, _)| mode(name)),
        modes.map(|(_, mode)| mode)
    );
}

#[test]
fn secrets_stand_in_the_keys_file_and_the_connection_string_alone() {
    let directory = tempfile::tempdir().unwrap();
    let printed = new_identity(directory.path());
    let string = connection_strings(&printed).remove(0).expose();
    let secret = string.split([':', '@']).nth(2).unwrap();
    assert_eq!(secret.len(), 43);
    assert_eq!(printed.matches(secret).count(), 1);
    for name in ["server-certificate.pem", "server-key.pem"] {
        let text = fs::read_to_string(directory.path().join(name)).unwrap();
        assert!(!text.contains(secret), "{name}");
    }
    let shown = stdout(&[
        "identity",
        "show",
        "--dir",
        directory.path().to_str().unwrap(),
    ]);
    assert!(!shown.contains(secret), "{shown}");
    let identity = Identity::load(directory.path()).unwrap();
    assert!(!format!("{identity:?}").contains(secret));
}

#[test]
fn an_identity_that_is_there_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let keys = directory.path().join("keys.toml");
    let before = fs::read(&keys).unwrap();
    fs::remove_file(directory.path().join("server-key.pem")).unwrap();
    let (code, message) = failure(&["identity", "new", "--dir", path, "--host", "h.example"]);
    assert_eq!(
        (code, message.as_str()),
        (
            2,
            format!(
                "fwprobe-echo: an identity exists already and is left unchanged: \
                 {path}/server-certificate.pem, {path}/keys.toml; give another --dir, or move it \
                 away\n"
            )
            .as_str()
        )
    );
    assert_eq!(fs::read(&keys).unwrap(), before);
    assert_eq!(
        names(directory.path()),
        ["keys.toml", "server-certificate.pem"]
    );
}

#[test]
fn nothing_is_left_behind_where_it_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let dir = file.join("identity");
    let arguments = [
        "identity",
        "new",
        "--dir",
        dir.to_str().unwrap(),
        "--host",
        "h.example",
    ];
    let (code, message) = failure(&arguments);
    assert_eq!(code, 2);
    let expected = format!("fwprobe-echo: {} cannot be written: ", dir.display());
    assert!(message.starts_with(&expected), "{message}");
    assert_eq!(names(directory.path()), ["file"]);
}

#[test]
fn what_cannot_be_looked_at_is_not_called_missing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let path = file.to_str().unwrap();
    let (code, message) = failure(&["identity", "show", "--dir", path]);
    let expected = format!("fwprobe-echo: {path}/server-certificate.pem cannot be read: ");
    assert_eq!(code, 2);
    assert!(message.starts_with(&expected), "{message}");
}

#[test]
fn what_is_no_host_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("identity");
    for host in ["echo.example:443", "[::1]", "a b", ""] {
        let arguments = [
            "identity",
            "new",
            "--dir",
            dir.to_str().unwrap(),
            "--host",
            host,
        ];
        let (code, message) = failure(&arguments);
        assert_eq!(code, 2);
        assert_eq!(
            message,
            format!(
                "fwprobe-echo: `{host}` is not a host name or IP address (IPv6 without brackets, \
                 and no port)\n"
            )
        );
    }
    assert!(!dir.exists());
}

#[test]
fn keys_are_numbered_where_nobody_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("identity");
    let path = dir.to_str().unwrap();
    stdout(&[
        "identity",
        "new",
        "--dir",
        path,
        "--host",
        "h.example",
        "--keys",
        "3",
    ]);
    let identity = Identity::load(&dir).unwrap();
    let labels: Vec<_> = identity
        .keys()
        .iter()
        .map(|key| key.label.as_str())
        .collect();
    assert_eq!(labels, ["client 1", "client 2", "client 3"]);
}

#[test]
fn keys_are_added_and_revoked_one_by_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let printed = stdout(&["identity", "add-key", "--dir", path, "--key", "CI"]);
    let added = connection_strings(&printed).remove(0);
    assert!(printed.ends_with(TAKEN_OVER));
    let id = added.key_id.as_str();
    let printed = stdout(&["identity", "revoke-key", "--dir", path, id]);
    let expected = format!("Key {id} is revoked. {TAKEN_OVER}");
    assert_eq!(printed, expected);
    let identity = Identity::load(directory.path()).unwrap();
    let revoked: Vec<_> = identity.keys().iter().map(|key| key.revoked).collect();
    assert_eq!(revoked, [false, true]);
    assert_eq!(identity.keys()[1].secret, added.secret);
    let known: Vec<_> = identity
        .keys()
        .iter()
        .map(|key| key.id.to_string())
        .collect();
    let (code, message) = failure(&["identity", "revoke-key", "--dir", path, "nobody"]);
    let expected = format!(
        "fwprobe-echo: there is no key `nobody`; there are: {}\n",
        known.join(", ")
    );
    assert_eq!((code, message), (2, expected));
}

#[test]
fn an_identity_is_shown_without_its_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let identity = Identity::load(directory.path()).unwrap();
    let key = &identity.keys()[0];
    assert_eq!(
        stdout(&["identity", "show", "--dir", path]),
        format!(
            "pin           {}\nhosts         127.0.0.1\ncontrol port  8443\n\
             key           {}  valid  created {:.0}  client 1\n",
            identity.pin(),
            key.id,
            key.created
        )
    );
}

#[test]
fn everything_wrong_with_the_keys_is_said_at_once_and_no_secret_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let keys = directory.path().join("keys.toml");
    let file = r#"control_port = 0
[[keys]]
id = "a b"
label = ""
secret = "hunter2hunter2"
created = "yesterday"
colour = "red"
[[keys]]
id = "twice"
label = "x"
secret = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
created = "2026-01-31T12:00:00Z"
[[keys]]
id = "twice"
label = "y"
secret = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
created = "2026-01-31T12:00:00Z"
"#;
    fs::write(&keys, file).unwrap();
    let output = run(&["identity", "show", "--dir", path]);
    let message = String::from_utf8(output.stderr).unwrap();
    let keys = keys.display().to_string();
    let message = message.replace(&keys, "K");
    let (before_date, after_date) = message.split_once("`created` is \"yesterday\"").unwrap();
    let (_, after_date) = after_date.split_once('\n').unwrap();
    assert_eq!(
        before_date,
        "fwprobe-echo: K:1:16: `control_port` is 0; it may be 1 to 65535\n\
         K:3:6: `id` is \"a b\"; a key id is 1 to 32 characters of A-Z a-z 0-9 - \
         _\n\
         K:4:9: `label` is \"\"; a label is 1 to 64 printable characters\n\
         K:5:10: `secret` is not what it should be; expected 43 characters of base64url (256 \
         bits)\n\
         K:6:11: "
    );
    assert_eq!(
        after_date,
        "K:7:1: unknown key `colour`; a key has id, label, secret, created, revoked, admin\n\
         K:13:1: the key id `twice` is taken already, in line 8; remove one of the two\n"
    );
}

#[test]
fn a_certificate_rolls_over_in_two_steps_and_connection_strings_know_both_pins() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    new_identity(directory.path());
    let old = Identity::load(directory.path()).unwrap().pin();
    let finish = ["identity", "roll-over", "finish", "--dir", path];
    let (_, message) = failure(&finish);
    assert!(message.contains("no roll-over has begun"), "{message}");

    let printed = stdout(&["identity", "roll-over", "begin", "--dir", path]);
    let identity = Identity::load(directory.path()).unwrap();
    let next = identity.next_pin().unwrap();
    assert!(printed.contains(&format!("&pin={next}\n")), "{printed}");
    assert_eq!(identity.pin(), old);
    let printed = stdout(&[
        "identity", "add-key", "--dir", path, "--key", "CI", "--admin",
    ]);
    assert_eq!(connection_strings(&printed)[0].pins, [old, next]);
    let (_, message) = failure(&["identity", "roll-over", "begin", "--dir", path]);
    assert!(message.contains("next-server-key.pem"), "{message}");

    stdout(&finish);
    let identity = Identity::load(directory.path()).unwrap();
    assert_eq!((identity.pin(), identity.next_pin()), (next, None));
    let admins: Vec<_> = identity.keys().iter().map(|key| key.admin).collect();
    assert_eq!(admins, [false, true]);
    assert_eq!(names(directory.path()).len(), 3);
}

/// If finishing is interrupted between the two files, the identity is broken until finishing is repeated.
#[test]
fn a_roll_over_that_was_interrupted_is_finished_by_repeating_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    new_identity(path);
    Identity::begin_roll_over(path, jiff::Timestamp::now()).unwrap();
    let next = Identity::load(path).unwrap().next_pin().unwrap();
    fs::rename(
        path.join("next-server-key.pem"),
        path.join("server-key.pem"),
    )
    .unwrap();
    assert!(Identity::load(path).is_err());
    assert_eq!(Identity::finish_roll_over(path).unwrap(), next);
    assert_eq!(Identity::load(path).unwrap().pin(), next);
}

const TAKEN_OVER: &str = "A running server takes this over when it reloads: `systemctl reload \
                          fwprobe-echo`, or SIGHUP.\n";

/// The file by which processes that change an identity wait for each other.
const LOCK_FILE: &str = ".lock";
