//! Resolves names to addresses with the system's own resolver, as the applications do.

use std::net::IpAddr;
use std::time::Duration;

use dns_lookup::{LookupError, LookupErrorKind};
use probe_core::observation::{Failure, FailureKind, Observation, Operation, Origin};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::clock::RunClock;
use crate::observe::Pending;

/// The address family to use.
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

/// Returns every address of `host`, each once, in the resolver's order. The list is empty if the observation failed.
pub(crate) async fn resolve(
    host: &str,
    family: Family,
    idle_timeout: Duration,
    clock: RunClock,
) -> (Vec<IpAddr>, Observation) {
    let pending = Pending::start(clock, Operation::Resolve, host);
    let looked_up = match host.parse::<IpAddr>() {
        Ok(literal) => Ok(vec![literal]),
        Err(_) => look_up(host, idle_timeout).await,
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

async fn look_up(host: &str, idle_timeout: Duration) -> Result<Vec<IpAddr>, Failure> {
    let name = host.to_owned();
    let asked = spawn_blocking(move || dns_lookup::lookup_host(&name).map(Vec::from_iter));
    let failed = |kind, text: &str| Err(Failure::new(kind, Origin::Unknown).with_text(text));
    let answered = match timeout(idle_timeout, asked).await {
        Err(_elapsed) => {
            return failed(
                FailureKind::ResolverFailed,
                "the resolver did not answer in time",
            );
        }
        Ok(Err(_panicked)) => {
            return failed(
                FailureKind::ResolverFailed,
                "the resolver could not be asked",
            );
        }
        Ok(Ok(answered)) => answered,
    };
    let addresses = answered.map_err(|error| refusal(&error))?;
    let mut all = Vec::new();
    for ip in addresses {
        if !all.contains(&ip) && all.len() < MAX_ADDRESSES {
            all.push(ip);
        }
    }
    Ok(all)
}

/// Returns the failure for an error of getaddrinfo (RFC 3493 section 6.1). `EAI_AGAIN` and `EAI_FAIL` say nothing about
/// the name.
fn refusal(error: &LookupError) -> Failure {
    let (kind, text) = match error.kind() {
        LookupErrorKind::NoName => (
            FailureKind::NameNotFound,
            "the name is not known".to_owned(),
        ),
        LookupErrorKind::NoData => {
            let text = "the name is known and has no address".to_owned();
            (FailureKind::NameNotFound, text)
        }
        LookupErrorKind::Again => {
            let text = "a temporary failure: no name server gave a usable answer".to_owned();
            (FailureKind::ResolverFailed, text)
        }
        LookupErrorKind::Fail => {
            let text = "a permanent failure: the name servers do not serve this host".to_owned();
            (FailureKind::ResolverFailed, text)
        }
        LookupErrorKind::Badflags
        | LookupErrorKind::Family
        | LookupErrorKind::Socktype
        | LookupErrorKind::Service
        | LookupErrorKind::Memory
        | LookupErrorKind::System
        | LookupErrorKind::Unknown
        | LookupErrorKind::IO => (FailureKind::ResolverFailed, error.to_string()),
    };
    Failure::new(kind, Origin::Unknown)
        .with_code(Some(error.error_num()))
        .with_text(text)
}

fn list(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// Maximum number of addresses. Every address is probed separately; a name with more than this belongs to a content
/// network, not to an echo server.
const MAX_ADDRESSES: usize = 16;
