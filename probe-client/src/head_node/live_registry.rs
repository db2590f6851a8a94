//! The registry of this machine as a source, as the account that runs this program sees it.

use std::io;

use probe_core::head_node::registry::{Registry, Value, WANTED};
use probe_core::head_node::{HeadNode, Origin, SourceRead, SourceState};
use winreg::RegKey;
use winreg::enums::{HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE};

/// Adds what the wanted keys hold; what cannot be read is an answer. `account`: who reads.
pub(super) fn read(node: &mut HeadNode, account: &str) {
    let mut reading = Reading::default();
    for path in WANTED {
        reading.take_tree(path);
    }
    for above in SEEN_WHOLE {
        reading.registry.add_key(above);
    }
    let origin = Origin::LiveRegistry(account.to_owned());
    let state = if reading.problems.is_empty() {
        SourceState::Read {
            keys: reading.keys,
            values: reading.values,
        }
    } else {
        reading.registry.note_gaps();
        SourceState::Partly {
            problems: reading.problems,
        }
    };
    node.read_registry(&reading.registry, &origin);
    node.sources.push(SourceRead { origin, state });
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    registry: Registry,
    keys: usize,
    values: usize,
    problems: Vec<String>,
}

impl Reading {
    /// A key with its values, and the keys right below it with theirs: no check asks for more.
    fn take_tree(&mut self, path: &str) {
        let Some(key) = self.open(path) else {
            return;
        };
        self.take(path, &key);
        // What HPC Pack keeps below its own key are secrets, and not for everybody.
        if path.ends_with(r"\hpc") {
            return;
        }
        for (index, name) in key.enum_keys().enumerate() {
            if index == MAX_ENTRIES {
                return self.problem(path, "it has too many keys");
            }
            match name {
                Ok(name) => {
                    let below = format!(r"{path}\{name}");
                    if let Some(key) = self.open(&below) {
                        self.take(&below, &key);
                    }
                }
                Err(error) => self.problem(path, error),
            }
        }
    }

    fn take(&mut self, path: &str, key: &RegKey) {
        self.keys += 1;
        self.registry.add_key(path);
        for (index, value) in key.enum_values().enumerate() {
            if index == MAX_ENTRIES {
                return self.problem(path, "it has too many values");
            }
            match value {
                Ok((name, value)) => {
                    self.values += 1;
                    let kind = value.vtype as u32;
                    let value = Value::of_bytes(kind, value.bytes.into_owned(), true);
                    self.registry.set(path, &name, value);
                }
                Err(error) => self.problem(path, error),
            }
        }
    }

    /// Opens it in the 64-bit view; the 32-bit one is `Wow6432Node` there. A key that is not there is
    /// no problem.
    fn open(&mut self, path: &str) -> Option<RegKey> {
        let (root, rest) = path.split_once('\\')?;
        let root = match root {
            "hkey_current_user" => HKEY_CURRENT_USER,
            _ => HKEY_LOCAL_MACHINE,
        };
        match RegKey::predef(root).open_subkey(rest) {
            Ok(key) => Some(key),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                self.problem(path, error);
                None
            }
        }
    }

    fn problem(&mut self, path: &str, why: impl std::fmt::Display) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(format!("{path} cannot be read: {why}"));
        }
    }
}

/// All wanted keys below these were asked for.
const SEEN_WHOLE: [&str; 2] = [
    r"HKEY_LOCAL_MACHINE\SOFTWARE",
    r"HKEY_CURRENT_USER\SOFTWARE",
];

/// Keys, or values, of one key; a list of installed programs has hundreds.
const MAX_ENTRIES: usize = 10_000;

/// More of them say no more.
const MAX_PROBLEMS: usize = 10;
