//! Reads the registry of this machine as a source, as the account that runs this program sees it.

use std::io;

use head_node::registry::{Registry, Value, WANTED};
use head_node::{HeadNode, Origin, SourceRead, SourceState};
use winreg::RegKey;
use winreg::enums::{HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE};

/// Adds the content of the keys that checks need, read by `account`, and the problems with keys that cannot be read.
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

/// The keys read so far, and the problems.
#[derive(Debug, Default)]
struct Reading {
    registry: Registry,
    keys: usize,
    values: usize,
    problems: Vec<String>,
}

impl Reading {
    /// Reads a key with its values, and the keys directly below it with theirs; no check needs more.
    fn take_tree(&mut self, path: &str) {
        let Some(key) = self.open(path) else {
            return;
        };
        self.take(path, &key);
        // The keys below HPC Pack's own key contain secrets, which only some accounts may read.
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

    /// Opens a key in the 64-bit view, in which the 32-bit one is `Wow6432Node`. A missing key is not a problem.
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

/// The keys below which every key that checks need was read.
const SEEN_WHOLE: [&str; 2] = [
    r"HKEY_LOCAL_MACHINE\SOFTWARE",
    r"HKEY_CURRENT_USER\SOFTWARE",
];

/// Maximum number of keys or values in one key; a list of installed programs has hundreds.
const MAX_ENTRIES: usize = 10_000;

/// Maximum number of problems to report; more of them add nothing.
const MAX_PROBLEMS: usize = 10;
