//! Turns arguments, environment and files into one complete configuration. Every problem is found before anything is
//! sent, and all problems are reported together.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use head_node::HeadNode;
use probe_core::labels::Labels;
use probe_core::path::ProxyAddress;
use probe_core::plan::{Plan, PortMap};
use probe_core::profile::{InvalidPort, Port, Profile, Rule};
use probe_core::proxy::ProxyCredentials;
use probe_core::session_kind::SessionKind;
use proto::connection_string::{ConnectionString, DEFAULT_CONTROL_PORT};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::arguments::{ClusterOptions, ServerOptions, WhatToProbe};
use crate::connection::ConnectionError;
use crate::environment::Environment;
use crate::key_store::ClientIdentity;
use crate::proxy::ProxyAccess;
use crate::resolve::Family;
use crate::{connection, given_file, proxy_credentials};

mod by_hand;
mod environment;
mod labels;
mod paths;
mod problems;
mod selection;
#[cfg(any(windows, test))]
mod system;

pub(crate) use paths::without_user;
pub(crate) use problems::Problems;
pub(crate) use selection::{load, load_file};

/// The complete configuration of a run.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub connection: ConnectionString,
    pub plan: Plan,
    pub family: Family,
    pub bind: Option<IpAddr>,
    /// The timeout of each step.
    pub idle_timeout: Duration,
    /// Number of connections to each port from different source ports, including the probe's own session; `None` if it
    /// depends on the number of ports.
    pub flows: Option<usize>,
    /// Whether to take no second looks.
    pub quick: bool,
    pub proxies: ProxyAccess,
    /// The client certificate to present in TLS.
    pub client: Option<ClientIdentity>,
    pub labels: Labels,
    /// The longest time to wait before the first packet; `None` if the run begins at once.
    pub start_jitter: Option<Duration>,
}

fn check_hosts(hosts: &[String], problems: &mut Problems) {
    for host in hosts {
        if !proto::connection_string::is_host(host) {
            problems.add(format!("--host {host}: not a host name or address"));
        }
    }
}

/// Resolves the arguments of `run`.
///
/// # Errors
///
/// Returns all problems together.
pub(crate) fn resolve(
    what: &WhatToProbe,
    server: &ServerOptions,
    cluster: &ClusterOptions,
    head_node: &HeadNode,
    idle_timeout: Duration,
    environment: Environment<'_>,
) -> Result<Config, Problems> {
    let mut problems = Problems::default();
    let connection = problems.take(connection::find(
        server.connection_file.as_deref(),
        environment(connection::VARIABLE),
        server.configured.clone(),
    ));
    let inputs = PlanInputs {
        what,
        server,
        head_node,
        environment,
    };
    let (credentials, authorities) = inputs.identities(server.ask_proxy_credentials, &mut problems);
    let whereabouts = connection.as_ref().map(Whereabouts::of);
    let planned = inputs.planned(whereabouts, &mut problems);
    let labels = labels::of_run(&cluster.labels, environment, &mut problems);
    problems.none()?;
    let (Some(connection), Some((plan, own))) = (connection, planned) else {
        return Err(problems);
    };
    Ok(Config {
        plan,
        connection,
        family: family(what),
        bind: server.bind,
        idle_timeout,
        flows: Some(1),
        quick: false,
        proxies: ProxyAccess {
            credentials,
            own,
            password_in_clear: server.proxy_password_in_clear,
            authorities,
        },
        client: None,
        labels,
        start_jitter: cluster.start_jitter,
    })
}

/// Resolves the arguments of `plan`. It needs no server: without a connection string, the plan is for the hosts that
/// `--host` names, or for none yet.
///
/// # Errors
///
/// Returns all problems together.
pub(crate) fn plan_alone(
    what: &WhatToProbe,
    server: &ServerOptions,
    head_node: &HeadNode,
    environment: Environment<'_>,
) -> Result<Plan, Problems> {
    let mut problems = Problems::default();
    let whereabouts = match connection::find(
        server.connection_file.as_deref(),
        environment(connection::VARIABLE),
        server.configured.clone(),
    ) {
        Ok(connection) => Some(Whereabouts::of(&connection)),
        Err(ConnectionError::None) => Some(Whereabouts::unknown()),
        Err(error) => problems.take(Err(error)),
    };
    let inputs = PlanInputs {
        what,
        server,
        head_node,
        environment,
    };
    // Nothing is sent, so the user need not type a password.
    inputs.identities(false, &mut problems);
    let planned = inputs.planned(whereabouts, &mut problems);
    problems.none()?;
    planned.map(|(plan, _)| plan).ok_or(problems)
}

/// The credentials that are for one proxy each.
type OwnCredentials = Vec<(ProxyAddress, ProxyCredentials)>;

/// The server's hosts and control port, as a connection string gives them.
struct Whereabouts {
    hosts: Vec<String>,
    control_port: u16,
}

impl Whereabouts {
    fn of(connection: &ConnectionString) -> Self {
        Self {
            hosts: connection.hosts.clone(),
            control_port: connection.control_port,
        }
    }

    /// Returns the facts about a server that is not set up yet: no hosts, and the default control port.
    const fn unknown() -> Self {
        Self {
            hosts: Vec::new(),
            control_port: DEFAULT_CONTROL_PORT,
        }
    }
}

/// The arguments, environment and head node from which a plan follows.
struct PlanInputs<'a> {
    what: &'a WhatToProbe,
    server: &'a ServerOptions,
    head_node: &'a HeadNode,
    environment: Environment<'a>,
}

impl PlanInputs<'_> {
    /// Returns the credentials for proxies and the authorities to trust, and checks the local address to connect from.
    fn identities(
        &self,
        ask: bool,
        problems: &mut Problems,
    ) -> (Option<ProxyCredentials>, Vec<CertificateDer<'static>>) {
        let credentials = problems.take(proxy_credentials::find(
            self.server.proxy_credentials_file.as_deref(),
            (self.environment)(proxy_credentials::VARIABLE),
            ask,
        ));
        let authorities = problems.take(authorities(self.server.proxy_ca.as_deref()));
        if let Some(bind) = self.server.bind {
            problems.take(check_bind(bind));
        }
        (credentials.flatten(), authorities.unwrap_or_default())
    }

    /// Returns the plan, and the credentials that are for one proxy each. Without `whereabouts`, it only looks for
    /// problems.
    fn planned(
        &self,
        whereabouts: Option<Whereabouts>,
        problems: &mut Problems,
    ) -> Option<(Plan, OwnCredentials)> {
        let Self { what, server, .. } = self;
        let selected = selection::rules(what, self.head_node, problems);
        let maps = selection::maps(&what.maps, problems);
        check_hosts(&server.hosts, problems);
        let whereabouts = whereabouts?;
        let (profile, rules) = selected?;
        selection::check_maps(&maps, &rules, whereabouts.control_port, problems);
        let control_port = Port::new(whereabouts.control_port).ok_or(InvalidPort);
        let control_port = problems.take(control_port)?;
        let hosts = if server.hosts.is_empty() {
            whereabouts.hosts
        } else {
            server.hosts.clone()
        };
        let hosts = of_family(hosts, family(what), problems);
        let destinations = destinations(&rules, &maps);
        let paths = paths::resolve(&what.via, &hosts, &destinations, self.environment, problems);
        let profile = profile.as_ref();
        let plan = Plan::new(profile, &rules, hosts, paths.all, &maps, control_port);
        let scopes = paths.scopes;
        Some((Plan { scopes, ..plan }, paths.credentials))
    }
}

impl Config {
    /// Returns this configuration if its plan has a probe.
    ///
    /// # Errors
    ///
    /// The plan has no probe: a run would report that everything is as expected.
    pub(crate) fn with_something_to_probe(self) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        if self.plan.probes.is_empty() {
            let mut why: Vec<String> = Vec::new();
            for skipped in &self.plan.skipped {
                let reason = skipped.because.to_string();
                if !why.contains(&reason) {
                    why.push(reason);
                }
            }
            problems.add(format!(
                "no rule of this profile can be tested from here ({}): name another profile, or \
                 give --port; `fwprobe plan` shows its rules",
                why.join("; ")
            ));
        }
        problems.none()?;
        Ok(self)
    }
}

/// Returns the session kinds and ports to dial, the same for every host.
fn destinations(rules: &[Rule], maps: &PortMap) -> Vec<(SessionKind, Port)> {
    let testable = rules.iter().filter_map(|rule| {
        let dialled = maps.get(&rule.port).copied().unwrap_or(rule.port);
        Some((rule.testable().ok()?, dialled))
    });
    testable.collect()
}

/// Returns the certificates in a PEM file.
fn authorities(path: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let shown = path.display();
    let file = given_file::open(path).map_err(|error| format!("--proxy-ca {shown}: {error}"))?;
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_reader_iter(file.take(MAX_AUTHORITIES)).collect();
    match read {
        Ok(certificates) if Vec::is_empty(&certificates) => Err(format!(
            "--proxy-ca {shown}: no PEM certificate found in this file"
        )),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("--proxy-ca {shown}: {error}")),
    }
}

/// Maximum size in bytes of a file of authorities; the largest bundles in use have a quarter of that.
const MAX_AUTHORITIES: u64 = 1024 * 1024;

/// Removes addresses of the family that the user excluded. Names are resolved later.
fn of_family(hosts: Vec<String>, family: Family, problems: &mut Problems) -> Vec<String> {
    let wanted: Vec<String> = hosts
        .iter()
        .filter(|host| {
            host.parse().is_ok_and(|ip| family.admits(&ip)) || host.parse::<IpAddr>().is_err()
        })
        .cloned()
        .collect();
    if wanted.is_empty() && !hosts.is_empty() {
        problems.add(format!(
            "no server is left to probe: {} is of the other address family",
            hosts.join(", ")
        ));
    }
    wanted
}

/// Checks that this host has the address.
///
/// # Errors
///
/// This host does not have the address.
fn check_bind(bind: IpAddr) -> Result<(), String> {
    match std::net::UdpSocket::bind((bind, 0)) {
        Err(error) if error.kind() == std::io::ErrorKind::AddrNotAvailable => {
            let own = socket_facts::local_addresses().unwrap_or_default();
            let own: Vec<String> = own.iter().map(ToString::to_string).collect();
            Err(format!(
                "--bind {bind}: this host has no such address; it has {}",
                own.join(", ")
            ))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

fn family(what: &WhatToProbe) -> Family {
    match (what.ipv4, what.ipv6) {
        (true, _) => Family::V4,
        (_, true) => Family::V6,
        (false, false) => Family::Both,
    }
}

/// A profile and its rules with `--port` and `--expect` applied.
type Selected = (Option<Profile>, Vec<Rule>);

/// Whether a profile argument names a file rather than a compiled-in profile.
pub(crate) fn is_file(profile: &str) -> bool {
    profile.contains(['/', '\\']) || Path::new(profile).extension().is_some_and(|e| e == "toml")
}
