//! Strangers attack a real server on loopback, and an authenticated client notices nothing except longer times. Every
//! attack lasts as long as the client's run.
//!
//! The tests of a server that is in trouble without being attacked are here as well.

use std::process::ExitCode;

use fwprobe_tests::trial::Trials;
use libtest_mimic::{Arguments, Trial};

mod abuse {
    pub(crate) mod amplification;
    pub(crate) mod attacks;
    pub(crate) mod default_limits;
    pub(crate) mod hardship;
    pub(crate) mod restart;
    pub(crate) mod shortage;
}

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        abuse::attacks::trials(),
        abuse::default_limits::trials(),
        abuse::amplification::trials(),
        abuse::restart::trials(),
        abuse::hardship::trials(),
        abuse::shortage::trials(),
    ]
    .into_iter()
    .flat_map(Trials::into_vec)
    .collect();
    let mut arguments = Arguments::from_args();
    // Two floods at the same time would be a different test.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}
