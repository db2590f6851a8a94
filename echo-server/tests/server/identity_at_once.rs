//! Several processes change one identity at the same time.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};

use echo_server::Identity;
use proto::connection_string::ConnectionString;

use crate::command::{failure, new_identity, program};
use crate::identity::connection_strings;

fn start(directory: &Path, words: &[&str]) -> Child {
    program()
        .arg("identity")
        .args(words)
        .args(["--dir", directory.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the output of a process that succeeds.
fn printed(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_that_are_printed_are_stored_and_keys_that_are_revoked_stay_so() {
    let directory = tempfile::tempdir().unwrap();
    let first = connection_strings(&new_identity(directory.path())).remove(0);
    let mut strings = vec![first];
    let mut revoked = BTreeSet::new();
    for _ in 0..ROUNDS {
        // In each round one key is revoked while others are added.
        let gone = strings[revoked.len()].key_id.to_string();
        let mut adding: Vec<_> = (0..ADDED_AT_ONCE)
            .map(|_| start(directory.path(), &["add-key", "--key", "at once"]))
            .collect();
        let revoking = start(directory.path(), &["revoke-key", &gone]);
        adding.extend(
            (0..ADDED_AT_ONCE).map(|_| start(directory.path(), &["add-key", "--key", "later"])),
        );
        printed(revoking);
        revoked.insert(gone);
        for child in adding {
            strings.extend(connection_strings(&printed(child)));
        }
    }
    let identity = Identity::load(directory.path()).unwrap();
    let stored: Vec<ConnectionString> = identity
        .keys()
        .iter()
        .map(|key| identity.connection_string(key))
        .collect();
    let sorted = |strings: &[ConnectionString]| {
        let mut strings: Vec<_> = strings.iter().map(ConnectionString::expose).collect();
        strings.sort();
        strings
    };
    assert_eq!(sorted(&stored), sorted(&strings));
    assert_eq!(stored.len(), 1 + ROUNDS * 2 * ADDED_AT_ONCE);
    let now_revoked = identity.keys().iter().filter(|key| key.revoked);
    let now_revoked: BTreeSet<_> = now_revoked.map(|key| key.id.to_string()).collect();
    assert_eq!(now_revoked, revoked);
}

#[test]
fn one_identity_is_made_and_one_roll_over_begun_of_many_that_are_asked_for() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("identity");
    let one_of = |words: &[&str]| {
        let all: Vec<_> = (0..MADE_AT_ONCE)
            .map(|_| start(&directory, words))
            .collect();
        let outputs = all
            .into_iter()
            .map(|child| child.wait_with_output().unwrap());
        let (made, refused): (Vec<_>, Vec<_>) = outputs.partition(|made| made.status.success());
        assert_eq!(made.len(), 1, "{made:?}");
        for output in refused {
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(said.contains("an identity exists already"), "{said}");
            assert!(output.stdout.is_empty());
        }
        String::from_utf8(made[0].stdout.clone()).unwrap()
    };
    let made = one_of(&["new", "--host", "127.0.0.1"]);
    let identity = Identity::load(&directory).unwrap();
    let [key] = identity.keys() else {
        panic!("{identity:?}")
    };
    assert_eq!(connection_strings(&made), [identity.connection_string(key)]);
    let begun = one_of(&["roll-over", "begin"]);
    let next = Identity::load(&directory).unwrap().next_pin().unwrap();
    assert!(begun.contains(&format!("&pin={next}\n")), "{begun}");
}

/// A mistyped directory is left unchanged.
#[test]
fn nothing_is_made_where_there_is_no_identity() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for words in [
        &["add-key", "--key", "x"][..],
        &["revoke-key", "k0"],
        &["roll-over", "begin"],
        &["roll-over", "finish"],
    ] {
        failure(&[&["identity"], words, &["--dir", path]].concat());
        assert_eq!(directory.path().read_dir().unwrap().count(), 0, "{words:?}");
    }
}

const ROUNDS: usize = 4;
/// The number of keys that are added before the revocation starts, and again after it.
const ADDED_AT_ONCE: usize = 5;
const MADE_AT_ONCE: usize = 6;
