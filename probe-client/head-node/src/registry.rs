//! The part of a Windows registry that checks need, from any source. Keys and names are compared without regard to
//! case, as in Windows.

use std::collections::BTreeMap;

mod export;
mod lines;
mod text;
mod value;

pub use export::{Export, ExportError, LineProblem, MAX_EXPORT_BYTES, parse_export};
pub use text::Encoding;
pub use value::Value;

/// Keys and values. Only keys that [`wanted`] accepts, and the keys above them, are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// For the path of each key, its values by name. Paths and names are in lower case;
    /// the name of a default value is `""`.
    keys: BTreeMap<String, BTreeMap<String, Value>>,
    /// Parts of the source could not be read, so a missing key or value may still exist.
    pub(crate) has_gaps: bool,
}

impl Registry {
    /// Adds a key that exists, with or without values.
    pub fn add_key(&mut self, path: &str) {
        if kept(path) {
            self.keys.entry(path.to_lowercase()).or_default();
        }
    }

    /// Adds a value, and its key.
    pub fn set(&mut self, path: &str, name: &str, value: Value) {
        if wanted(path) {
            let values = self.keys.entry(path.to_lowercase()).or_default();
            values.insert(name.to_lowercase(), value);
        }
    }

    /// Records that parts of the source could not be read.
    pub fn note_gaps(&mut self) {
        self.has_gaps = true;
    }

    /// Removes a key and everything below it. Returns the number of keys that it looked at: the key, the keys below it
    /// and the one after those. It looks at no others, because an export may contain as many deletions as keys.
    pub(crate) fn remove_key(&mut self, path: &str) -> usize {
        let path = path.to_lowercase();
        self.keys.remove(&path);
        let below = format!("{path}\\");
        let mut looked_at = 1;
        let keys = self.keys.range(below.clone()..).map(|(key, _)| key);
        let keys = keys.inspect(|_| looked_at += 1);
        let inside = keys.take_while(|key| key.starts_with(&below));
        for key in inside.cloned().collect::<Vec<_>>() {
            self.keys.remove(&key);
        }
        looked_at
    }

    pub(crate) fn remove_value(&mut self, path: &str, name: &str) {
        if let Some(values) = self.keys.get_mut(&path.to_lowercase()) {
            values.remove(&name.to_lowercase());
        }
    }

    pub(super) fn has_key(&self, path: &str) -> bool {
        self.keys.contains_key(&path.to_lowercase())
    }

    pub(super) fn value(&self, path: &str, name: &str) -> Option<&Value> {
        let values = self.keys.get(&path.to_lowercase())?;
        values.get(&name.to_lowercase())
    }

    /// Returns the names of the keys directly below `path`, in lower case.
    pub(super) fn below(&self, path: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{}\\", path.to_lowercase());
        let from = prefix.clone();
        let keys = self.keys.range(from..).map(|(key, _)| key.as_str());
        keys.map_while(move |key| key.strip_prefix(prefix.as_str()))
            .filter(|rest| !rest.contains('\\'))
    }

    /// Returns whether the source contains all of `path`, so that a value missing there does not exist.
    ///
    /// That is the case if the source contains `path` or a key above it, without gaps.
    pub(super) fn covers(&self, path: &str) -> bool {
        if self.has_gaps {
            return false;
        }
        let path = path.to_lowercase();
        let mut part = path.as_str();
        loop {
            if self.keys.contains_key(part) {
                return true;
            }
            match part.rsplit_once('\\') {
                // A bare root key proves nothing: exports are made of some key below it.
                Some((above, _)) if above.contains('\\') => part = above,
                Some(_) | None => return false,
            }
        }
    }
}

/// Returns whether a check may need values of this key.
pub fn wanted(path: &str) -> bool {
    let path = path.to_lowercase();
    all_wanted().any(|wanted| is_or_below(&path, wanted))
}

/// Returns whether the checks read a key, or a key below it. The keys above show what an export covers.
fn kept(path: &str) -> bool {
    let path = path.to_lowercase();
    all_wanted().any(|wanted| is_or_below(&path, wanted) || is_or_below(wanted, &path))
}

fn all_wanted() -> impl Iterator<Item = &'static str> {
    WANTED.iter().chain(CERTIFICATE_STORES).copied()
}

fn is_or_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

/// The keys that checks need, in lower case. A reader of a live registry reads these.
pub const WANTED: &[&str] = &[
    r"hkey_local_machine\software\microsoft\hpc",
    r"hkey_local_machine\software\wow6432node\microsoft\hpc",
    r"hkey_local_machine\software\microsoft\windows\currentversion\uninstall",
    r"hkey_local_machine\software\wow6432node\microsoft\windows\currentversion\uninstall",
    r"hkey_local_machine\software\microsoft\windows\currentversion\internet settings",
    r"hkey_current_user\software\microsoft\windows\currentversion\internet settings",
];

/// The keys that show certificates in an export.
///
/// On a live system, Windows is asked for its stores instead, because they also include certificates kept elsewhere,
/// for example by group policy.
const CERTIFICATE_STORES: &[&str] = &[
    r"hkey_local_machine\software\microsoft\systemcertificates\my\certificates",
    r"hkey_local_machine\software\microsoft\systemcertificates\root\certificates",
    r"hkey_current_user\software\microsoft\systemcertificates\my\certificates",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_with_all_below_it_and_nothing_beside_it() {
        let hpc = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\HPC";
        let mut registry = Registry::default();
        for path in ["", r"\A", r"\A\B", r"\AB", r"\A-1", r"\A]"] {
            registry.add_key(&format!("{hpc}{path}"));
        }
        assert_eq!(registry.remove_key(&format!(r"{hpc}\a")), 3);
        let left: Vec<&str> = registry.below(hpc).collect();
        assert_eq!(left, ["a-1", "a]", "ab"]);
    }

    #[test]
    fn a_deletion_looks_at_no_key_beside_it_however_many_there_are() {
        let hpc = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\HPC";
        let mut registry = Registry::default();
        for number in 0..5000 {
            registry.add_key(&format!(r"{hpc}\K{number}"));
        }
        for number in 0..5000 {
            assert!(registry.remove_key(&format!(r"{hpc}\K{number}\absent")) <= 2);
        }
        assert_eq!(registry.remove_key(hpc), 5001);
        assert_eq!(registry.below(hpc).count(), 0);
    }
}
