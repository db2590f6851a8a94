//! `fwprobe-echo identity … --output`: the file with a connection string.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use echo_server::Identity;
use proto::connection_string::ConnectionString;

use crate::command::{failure, new_identity, stdout};
use crate::identity::connection_strings;

#[test]
fn a_connection_string_goes_to_a_new_file_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (dir, file) = (
        directory.path().join("id"),
        directory.path().join("echo.txt"),
    );
    let (dir_text, file_text) = (dir.to_str().unwrap(), file.to_str().unwrap());
    let new = |more: &[&'static str]| {
        let all = [
            "identity",
            "new",
            "--dir",
            dir_text,
            "--host",
            "h.example",
            "--output",
            file_text,
        ];
        [&all[..], more].concat()
    };
    let (code, message) = failure(&new(&["--key", "a", "--key", "b"]));
    assert_eq!(code, 2);
    assert!(message.contains("2 keys were requested"), "{message}");
    assert!(!dir.exists() && !file.exists());

    let printed = stdout(&new(&[]));
    assert!(!printed.contains("fwprobe://"), "{printed}");
    let identity = Identity::load(&dir).unwrap();
    let written = fs::read_to_string(&file).unwrap();
    let string: ConnectionString = written.trim_end().parse().unwrap();
    assert_eq!(string, identity.connection_string(&identity.keys()[0]));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    fs::remove_dir_all(&dir).unwrap();
    let (code, message) = failure(&new(&[]));
    assert_eq!(code, 2);
    assert!(message.contains("is left unchanged"), "{message}");
    assert_eq!(fs::read_to_string(&file).unwrap(), written);
    assert!(!dir.exists());
}

#[cfg(unix)]
#[test]
fn a_further_key_goes_to_a_file_that_only_its_owner_reads() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("identity");
    new_identity(&dir);
    let file = directory.path().join("second.txt");
    let (path, output) = (dir.to_str().unwrap(), file.to_str().unwrap());
    let add = ["identity", "add-key", "--dir", path, "--key", "second"];
    let arguments = [&add[..], &["--output", output]].concat();
    let printed = stdout(&arguments);
    assert!(connection_strings(&printed).is_empty(), "{printed}");
    assert!(printed.contains(output), "{printed}");
    let written: ConnectionString = fs::read_to_string(&file).unwrap().trim().parse().unwrap();
    let identity = Identity::load(&dir).unwrap();
    let key = identity.keys().last().unwrap();
    assert_eq!(key.label.as_str(), "second");
    assert_eq!(written, identity.connection_string(key));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // An existing file is left unchanged, and no unused key is made.
    let keys = identity.keys().len();
    assert!(failure(&arguments).1.contains("exists already"));
    assert_eq!(Identity::load(&dir).unwrap().keys().len(), keys);
}
