//! Paths through proxies: small ones on loopback that work or fail on purpose, and real ones.

use std::process::ExitCode;

use fwprobe_tests::trial::Trials;
use libtest_mimic::{Arguments, Trial};

mod proxies {
    pub(crate) mod bump;
    pub(crate) mod causes;
    pub(crate) mod credentials;
    pub(crate) mod domain_accounts;
    pub(crate) mod paths;
    pub(crate) mod real;
    pub(crate) mod real_socks;
    pub(crate) mod secrecy;
}

fn main() -> ExitCode {
    let trials: Vec<Trial> = [
        proxies::paths::trials(),
        proxies::causes::trials(),
        proxies::credentials::trials(),
        proxies::domain_accounts::trials(),
        proxies::real::trials(),
        proxies::bump::trials(),
        proxies::real_socks::trials(),
        proxies::secrecy::trials(),
    ]
    .into_iter()
    .flat_map(Trials::into_vec)
    .collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
