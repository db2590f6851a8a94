//! The program `fwprobe`; all its code is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    probe_client::main()
}
