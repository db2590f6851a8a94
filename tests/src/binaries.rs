//! Finds the programs under test beside the running test.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// The client.
///
/// # Errors
/// It was not built.
pub fn fwprobe() -> anyhow::Result<PathBuf> {
    find("fwprobe", "probe-client")
}

/// The server.
///
/// # Errors
/// It was not built.
pub fn fwprobe_echo() -> anyhow::Result<PathBuf> {
    find("fwprobe-echo", "echo-server")
}

/// Test executables stand in `target/PROFILE/deps`, programs one above.
fn find(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("where this test itself is")?;
    let profile = test
        .ancestors()
        .nth(2)
        .with_context(|| format!("{} is in no target directory", test.display()))?;
    let program = profile.join(name);
    if !program.is_file() {
        bail!(
            "{} is not there: these tests run the programs themselves, and cargo builds them only \
             when the whole workspace is tested; run `cargo build -p {package}` (with the same \
             profile) first",
            program.display()
        );
    }
    Ok(program)
}
