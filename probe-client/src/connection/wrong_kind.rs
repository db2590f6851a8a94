//! Recognises files of other kinds that are given as the connection file, so that the error says what they are.

use std::io::{self, Read as _};
use std::path::Path;

use crate::given_file;

/// Returns what the file is, if it begins like a file of a known kind that is not a connection string.
pub(super) fn found_in(path: &Path) -> io::Result<Option<&'static str>> {
    let mut beginning = Vec::new();
    let file = given_file::open(path)?;
    file.take(LOOKED_AT).read_to_end(&mut beginning)?;
    Ok(named(&String::from_utf8_lossy(&beginning)))
}

fn named(beginning: &str) -> Option<&'static str> {
    let mut kinds = KINDS.iter();
    let found = kinds.find(|(mark, _)| beginning.contains(mark));
    found.map(|(_, kind)| *kind)
}

/// Texts that no connection string contains, and what a file with such a text is.
const KINDS: &[(&str, &str)] = &[
    ("PRIVATE KEY-----", "a private key"),
    ("-----BEGIN CERTIFICATE-----", "a certificate"),
    ("[[keys]]", "a server's list of client keys"),
    ("\"fwprobe.", "a document of fwprobe, such as a saved run"),
    (
        "Connection string for ",
        "more than the connection string: it has everything that `fwprobe-echo identity new` \
         printed",
    ),
    (
        "connection = ",
        "a configuration file, which --config reads",
    ),
];

/// The number of bytes at the beginning of a file by which it is recognised.
const LOOKED_AT: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    #[test]
    fn files_of_other_kinds_are_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let run = include_str!("../../core/tests/scenarios/demo.json");
        for (text, kind) in [
            ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "a private key"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "a certificate"),
            (
                "control_port = 8443\n\n[[keys]]\nid = \"a\"\n",
                "a server's list of client keys",
            ),
            (run, "a document of fwprobe, such as a saved run"),
            (
                "Connection string for client 1, key a:\nfwprobe://a:b@c?pin=d\n",
                "more than the connection string: ",
            ),
            (
                "connection = \"fwprobe://a:b@c?pin=d\"\n",
                "a configuration file, which --config reads",
            ),
        ] {
            let file = folder.path().join("echo.txt");
            std::fs::write(&file, text).unwrap();
            let error = find(Some(&file), None, None).unwrap_err().to_string();
            let told = format!("the connection file {} is {kind}", file.display());
            assert!(error.starts_with(&told), "{error}");
            assert!(error.contains("expected one line"), "{error}");
        }
    }

    #[test]
    fn a_connection_string_is_of_no_other_kind() {
        assert_eq!(named("fwprobe://a:b@[2001:db8::7]?pin=sha256:aa\n"), None);
        assert_eq!(named(""), None);
    }
}
