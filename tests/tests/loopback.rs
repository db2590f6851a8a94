//! The two programs against each other on this machine's loopback addresses, as an ordinary user and without any
//! network.
//!
//! The tests check the results with nothing between the programs, and with every kind of device that needs no right to
//! change packets.

use std::process::ExitCode;

use fwprobe_tests::trial::Trials;
use libtest_mimic::{Arguments, Trial};

mod loopback {
    pub(crate) mod alteration;
    pub(crate) mod bad_input;
    pub(crate) mod compromised;
    pub(crate) mod conversion;
    pub(crate) mod cut;
    pub(crate) mod desktop;
    pub(crate) mod difference;
    pub(crate) mod expectation;
    pub(crate) mod head_node;
    pub(crate) mod hello;
    pub(crate) mod hpc_pack;
    pub(crate) mod inspection;
    pub(crate) mod instances;
    pub(crate) mod interception;
    pub(crate) mod interruption;
    pub(crate) mod labels;
    pub(crate) mod many_nodes;
    pub(crate) mod names;
    pub(crate) mod outputs;
    pub(crate) mod progress;
    pub(crate) mod quick;
    pub(crate) mod reachable;
    pub(crate) mod reloading;
    pub(crate) mod reports;
    pub(crate) mod server_bad_input;
    pub(crate) mod server_state;
    pub(crate) mod strangers;
    pub(crate) mod told;
    pub(crate) mod until_open;
    pub(crate) mod uploads;
    pub(crate) mod watch;
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Trials wait most of the time, each for an answer that never comes: many of them can run at once.
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let trials: Vec<Trial> = [
        loopback::reachable::trials(),
        loopback::strangers::trials(),
        loopback::interception::trials(),
        loopback::alteration::trials(),
        loopback::compromised::trials(),
        loopback::conversion::trials(),
        loopback::cut::trials(),
        loopback::inspection::trials(),
        loopback::hello::trials(),
        loopback::server_state::trials(),
        loopback::instances::trials(),
        loopback::names::trials(),
        loopback::desktop::trials(),
        loopback::difference::trials(),
        loopback::many_nodes::trials(),
        loopback::expectation::trials(),
        loopback::head_node::trials(),
        loopback::hpc_pack::trials(),
        loopback::bad_input::trials(),
        loopback::server_bad_input::trials(),
        loopback::outputs::trials(),
        loopback::reloading::trials(),
        loopback::reports::trials(),
        loopback::interruption::trials(),
        loopback::told::trials(),
        loopback::progress::trials(),
        loopback::quick::trials(),
        loopback::until_open::trials(),
        loopback::labels::trials(),
        loopback::uploads::trials(),
        loopback::watch::trials(),
    ]
    .into_iter()
    .flat_map(Trials::into_vec)
    .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

const SIDE_BY_SIDE: usize = 6;
