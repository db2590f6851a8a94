//! The files of the project's tree.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns `place` if it is a file with `extension`, or all such files in and below it if it is a folder.
///
/// # Panics
/// Panics if a folder cannot be read.
pub fn files(place: &Path, extension: &str) -> Vec<PathBuf> {
    if !place.is_dir() {
        let fits = place.extension().is_some_and(|e| e == extension);
        return fits.then(|| place.to_owned()).into_iter().collect();
    }
    let entries = fs::read_dir(place).expect("a folder of the tree");
    let places = entries.map(|entry| entry.expect("an entry of it").path());
    places.flat_map(|place| files(&place, extension)).collect()
}

/// Returns the source files of all crates of the workspace, including those of their tests.
///
/// # Panics
/// Panics if a folder cannot be read.
pub fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = [
        "echo-server",
        "private-http",
        "probe-client",
        "proto",
        "settings-file",
        "socket-facts",
        "tests",
        "xtask",
    ];
    let folders = crates.iter().map(|name| root.join(name));
    folders.flat_map(|folder| files(&folder, "rs")).collect()
}
