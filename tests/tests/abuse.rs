//! Strangers do their worst to a real server on loopback, and a known client notices nothing but the
//! time that it takes. Every attack is bounded by the run that goes on under it. What befalls a server
//! without anybody's doing is here as well.

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
    // Two floods side by side would be one that nobody has asked for.
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}
