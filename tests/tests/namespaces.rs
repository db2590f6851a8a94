//! The two programs on two hosts with a router between them, each a network namespace, both as users
//! without rights: the real ports, both families in one run, and firewall rules that are really there.
//! Needs root, to make the hosts.

use std::process::ExitCode;

use fwprobe_tests::trial::Trials;
use libtest_mimic::{Arguments, Trial};

mod namespaces {
    pub(crate) mod blocked;
    pub(crate) mod local;
    pub(crate) mod server;
    pub(crate) mod site;
}

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        namespaces::server::trials(),
        namespaces::blocked::trials(),
        namespaces::local::trials(),
    ]
    .into_iter()
    .flat_map(Trials::into_vec)
    .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
