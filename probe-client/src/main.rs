//! The program `fwprobe`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    probe_client::main()
}
