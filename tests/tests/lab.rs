//! The fault lab: every scenario in `lab/scenarios`, over IPv4 and IPv6, with and without a reachable control service.
//! Needs root, to make the lab's hosts.

use std::path::Path;
use std::process::ExitCode;

use fwprobe_tests::lab;
use libtest_mimic::Arguments;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    // Trials wait most of the time, each for an answer that never comes: many of them can run at once.
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let trials = lab::trials(Path::new(SCENARIOS))?.into_vec();
    Ok(libtest_mimic::run(&arguments, trials).exit_code())
}

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios");

const SIDE_BY_SIDE: usize = 20;
