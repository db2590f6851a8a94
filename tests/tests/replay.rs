//! Judges every replay record of the fault lab anew. Needs neither root nor a network.

use std::path::Path;
use std::process::ExitCode;

use fwprobe_tests::lab;
use libtest_mimic::Arguments;

fn main() -> anyhow::Result<ExitCode> {
    let trials = lab::replays(Path::new(SCENARIOS), Path::new(RECORDS))?;
    Ok(libtest_mimic::run(&Arguments::from_args(), trials.into_vec()).exit_code())
}

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios");
const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/records");
