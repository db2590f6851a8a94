//! Makes the destinations of a run: every server over every path. Names are resolved here only if a path needs
//! addresses.

use std::net::IpAddr;
use std::sync::Arc;

use probe_core::measurement::Measurement;
use probe_core::observation::Observation;
use probe_core::path::NetworkPath;

use super::{Run, task};
use crate::control::Allowance;
use crate::destination::{Destination, Way};
use crate::proxy::ProxyWay;

/// The result of resolving a run's names.
#[derive(Debug, Default)]
pub(super) struct ResolvedNames {
    pub(super) destinations: Vec<Destination>,
    /// One measurement for every rule and path of a name that has no address.
    pub(super) unresolved: Vec<Measurement>,
}

/// Returns every host over every path, in the order of the plan.
pub(super) async fn find(run: &Run) -> ResolvedNames {
    let config = &run.config;
    let mut ways = Vec::new();
    for path in &config.plan.paths {
        ways.push((path, way(run, path).await));
    }
    let mut found = ResolvedNames::default();
    for host in &config.plan.hosts {
        // Resolve only if a path needs it: a network whose proxies resolve names may have no other resolver.
        let here = if ways.iter().any(|(path, _)| path.resolves_here()) {
            Some(run.context.resolve(host, config.family).await)
        } else {
            None
        };
        for (path, way) in &ways {
            if config.plan.over(path, host).next().is_none() {
                continue;
            }
            match here.as_ref().filter(|_| path.resolves_here()) {
                None => found.destinations.push(Destination {
                    host: host.clone(),
                    address: host.parse().ok(),
                    resolved: None,
                    way: way.clone(),
                    control: Allowance::default(),
                }),
                Some(resolved) => found.resolved(run, host, path, way, resolved),
            }
        }
    }
    found
}

async fn way(run: &Run, path: &NetworkPath) -> Way {
    match path {
        NetworkPath::Direct => Way::Direct,
        NetworkPath::Proxy(address) => {
            let access = &run.config.proxies;
            let prepared = ProxyWay::prepare(address, access, &run.context).await;
            Way::Proxy(Arc::new(prepared))
        }
    }
}

impl ResolvedNames {
    fn resolved(
        &mut self,
        run: &Run,
        host: &str,
        path: &NetworkPath,
        way: &Way,
        (addresses, observation): &(Vec<IpAddr>, Observation),
    ) {
        if addresses.is_empty() {
            let planned = run.config.plan.over(path, host);
            self.unresolved
                .extend(planned.map(|p| task::unresolved(p, path, host, observation)));
        }
        let mut sorted = addresses.clone();
        sorted.sort_unstable();
        self.destinations
            .extend(sorted.into_iter().map(|address| Destination {
                host: host.to_owned(),
                address: Some(address),
                resolved: Some(observation.clone()),
                way: way.clone(),
                control: Allowance::default(),
            }));
    }
}
