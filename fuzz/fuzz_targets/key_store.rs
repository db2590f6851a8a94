//! Checks certificate files of any content, with any password: each file is described or refused in words, the checks
//! can judge it, and no text that a stranger wrote reaches the terminal unescaped.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use head_node::HeadNode;
use head_node::check::checks;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

#[path = "../../probe-client/src"]
mod client {
    pub(crate) mod environment;
    #[expect(dead_code, reason = "the client reads other files with it, too")]
    pub(crate) mod given_file;
    #[expect(dead_code, unused_imports, reason = "the client uses more of it")]
    pub(crate) mod key_store;
}

use client::key_store::{ClientIdentity, PasswordSource, certificate_file, client_identity};
use client::{environment, given_file};

/// The file that the client reads; each process has its own.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("fwprobe-fuzz-key-store-{}", std::process::id());
    std::env::temp_dir().join(name)
});

fuzz_target!(|bytes: &[u8]| {
    let [password, file @ ..] = bytes else {
        return;
    };
    let password = PASSWORDS[usize::from(*password) % PASSWORDS.len()];
    std::fs::write(&*FILE, file).expect("a file of this process");
    let passwords = PasswordSource::new(None, &|_| Some(password.to_owned()));
    let described = certificate_file(&FILE, &passwords);
    let node = HeadNode {
        certificates: vec![described],
        ..HeadNode::default()
    };
    for check in checks(&node, Timestamp::UNIX_EPOCH) {
        for text in [check.text].into_iter().chain(check.next_step) {
            assert!(!text.contains(char::is_control), "{text:?}");
            assert!(password != SECRET || !text.contains(SECRET), "{text:?}");
        }
    }
    let identity: Result<ClientIdentity, _> = client_identity(&FILE, &passwords);
    if let Err(error) = identity {
        assert!(!error.to_string().is_empty());
    }
});

const PASSWORDS: [&str; 3] = ["", "secret", SECRET];

/// A password that no text contains by chance.
const SECRET: &str = "correct horse battery staple";
