//! Names to addresses, through the system's own resolver: what the applications get.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use tokio::time::timeout;

use crate::clock::RunClock;
use crate::observe::Pending;

/// Which of a name's addresses are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Family {
    #[default]
    Both,
    V4,
    V6,
}

impl Family {
    pub(crate) fn admits(self, address: &IpAddr) -> bool {
        match self {
            Self::Both => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Every address of `host`, each once, in the resolver's order. Empty where the observation failed.
pub(crate) async fn resolve(
    host: &str,
    family: Family,
    patience: Duration,
    clock: RunClock,
) -> (Vec<IpAddr>, Observation) {
    let pending = Pending::start(clock, Operation::Resolve, host);
    let looked_up = match host.parse::<IpAddr>() {
        Ok(literal) => Ok(vec![literal]),
        Err(_) => look_up(host, patience).await,
    };
    let all = match looked_up {
        Ok(all) => all,
        Err(failure) => return (Vec::new(), pending.failed(failure)),
    };
    let admitted: Vec<IpAddr> = all.iter().copied().filter(|a| family.admits(a)).collect();
    if admitted.is_empty() {
        let failure = Failure::new(FailureKind::NameNotFound, Origin::Unknown).with_text(format!(
            "{host} has no address of the family asked for (it has {})",
            list(&all)
        ));
        return (admitted, pending.failed(failure));
    }
    (admitted, pending.succeeded())
}

async fn look_up(host: &str, patience: Duration) -> Result<Vec<IpAddr>, Failure> {
    // The port is not looked up; any number does.
    let answered = match timeout(patience, tokio::net::lookup_host((host, 0))).await {
        Err(_elapsed) => {
            return Err(Failure::new(FailureKind::ResolverFailed, Origin::Unknown)
                .with_text("the resolver did not answer in time"));
        }
        Ok(answered) => answered,
    };
    // getaddrinfo's own codes do not reach us through std: whether the name does not exist or the
    // resolver failed is left open, and the system's text goes into the report.
    let addresses = answered.map_err(|error| {
        Failure::new(FailureKind::NameNotFound, Origin::Unknown)
            .with_code(error.raw_os_error())
            .with_text(error.to_string())
    })?;
    let mut all = Vec::new();
    for ip in addresses.map(|a: SocketAddr| a.ip()) {
        if !all.contains(&ip) && all.len() < MAX_ADDRESSES {
            all.push(ip);
        }
    }
    Ok(all)
}

fn list(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// Every address is probed on its own; a name with more than this is a content network, not an
/// echo server.
const MAX_ADDRESSES: usize = 16;
