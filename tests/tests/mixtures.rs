//! Mixtures of faults, drawn by seeds. `FWPROBE_SEEDS=0..500` plays these seeds instead of the first twenty. Needs
//! root, to make the lab's hosts.

use std::path::Path;
use std::process::ExitCode;

use fwprobe_tests::lab;
use libtest_mimic::Arguments;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = Arguments::from_args();
    // Trials wait most of the time, each for an answer that never comes: many of them can run at once.
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let seeds = match std::env::var("FWPROBE_SEEDS") {
        Ok(text) => lab::seeds(&text)?,
        Err(_) => (0..BY_DEFAULT).collect(),
    };
    let trials = lab::mixtures(Path::new(PARTS), seeds)?;
    Ok(libtest_mimic::run(&arguments, trials.into_vec()).exit_code())
}

const PARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/parts.toml");

const BY_DEFAULT: u64 = 20;

const SIDE_BY_SIDE: usize = 12;
