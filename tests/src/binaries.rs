//! Finds the programs under test in the target directory of the running test.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// Returns the path of the client program.
///
/// # Errors
/// Fails if the program was not built.
pub fn fwprobe() -> anyhow::Result<PathBuf> {
    find("fwprobe", "probe-client")
}

/// Returns the path of the server program.
///
/// # Errors
/// Fails if the program was not built.
pub fn fwprobe_echo() -> anyhow::Result<PathBuf> {
    find("fwprobe-echo", "echo-server")
}

/// Returns the path of the program `name`. Cargo puts programs one directory above the test executables, which are in
/// `target/PROFILE/deps`.
fn find(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("where this test itself is")?;
    let profile = test
        .ancestors()
        .nth(2)
        .with_context(|| format!("{} is not in a target directory", test.display()))?;
    let program = profile.join(name);
    if !program.is_file() {
        bail!(
            "{} does not exist: these tests run the programs themselves, and cargo builds them \
             only when the whole workspace is tested; run `cargo build -p {package}` (with the \
             same profile) first",
            program.display()
        );
    }
    Ok(program)
}
