//! Runs the program as its operator does.

use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fwprobe-echo"));
    command.env("NO_COLOR", "1").env_remove("RUST_LOG");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// Returns the standard output of a run that succeeds.
pub(crate) fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the exit code and the standard error of a run that fails.
pub(crate) fn failure(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let code = output.status.code().unwrap();
    assert_ne!(code, 0);
    (code, String::from_utf8(output.stderr).unwrap())
}

/// Makes an identity with one key in `directory`, and returns what was printed.
pub(crate) fn new_identity(directory: &Path) -> String {
    let directory = directory.to_str().unwrap();
    stdout(&["identity", "new", "--dir", directory, "--host", "127.0.0.1"])
}
