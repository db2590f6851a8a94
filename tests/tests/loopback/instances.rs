//! Two instances of the server behind one address, with HAProxy distributing connections over them in turn.
//!
//! A fact about one instance alone, for example a port that it lacks, must not be reported as an effect of the network.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, ensure};
use fwprobe_tests::real_proxy::{RealProxy, Setting};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, Identity, Place, Probe, Run, ServerPlan, ShutPort};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    const HAPROXY: &[Need] = &[Need::Tool("haproxy")];
    const HAPROXY_V6: &[Need] = &[Need::Tool("haproxy"), Need::Ipv6Loopback];
    Trials::of("instances")
        .needing(HAPROXY, "all_is_reachable::ipv4", || all_reachable(V4))
        .needing(HAPROXY_V6, "all_is_reachable::ipv6", || all_reachable(V6))
        .needing(HAPROXY, "one_lacks_a_port::ipv4", || one_lacks_a_port(V4))
        .needing(HAPROXY_V6, "one_lacks_a_port::ipv6", || {
            one_lacks_a_port(V6)
        })
        .needing(HAPROXY, "one_refuses_the_key", one_refuses_the_key)
}

/// HAProxy, and the identity and ports of the instances behind it.
struct Farm {
    balancer: Setting,
    /// The ports that clients dial: the control port and two more.
    ports: [u16; 3],
    /// Reserves two of the ports until HAProxy listens on them; otherwise an instance might take one of them.
    held: [ShutPort; 2],
    identity: Identity,
}

impl Farm {
    fn on(ip: IpAddr) -> anyhow::Result<Self> {
        let balancer = Setting::on(ip)?;
        let held = [ShutPort::take(ip)?, ShutPort::take(ip)?];
        let [first, second] = held.each_ref().map(ShutPort::port);
        Ok(Self {
            ports: [balancer.address().port(), first, second],
            balancer,
            held,
            identity: Identity::make(&Place::ordinary(), &[&ip.to_string()])?,
        })
    }

    /// Starts an instance that serves the first `count` of the ports through HAProxy. Its listener 1 serves the first
    /// port.
    fn instance(&self, count: usize) -> anyhow::Result<EchoServer> {
        let plan = ServerPlan::on(self.balancer.address().ip()).setting("behind_source_nat = true");
        let ports = self.ports.iter().take(count);
        ports
            .fold(plan, |plan, port| plan.standing_for(*port))
            .start_as(self.identity.clone())
    }

    /// Starts HAProxy, which distributes the connections to each port over the addresses in `behind` in turn.
    fn balance(self, behind: [[SocketAddr; 2]; 3]) -> anyhow::Result<(RealProxy, Probe)> {
        let ip = self.balancer.address().ip();
        let mut text = HAPROXY.to_owned();
        for (port, servers) in self.ports.iter().zip(behind) {
            let bind = SocketAddr::new(ip, *port);
            writeln!(text, "listen p{port}\n  bind {bind}\n  balance roundrobin")?;
            for (server, name) in servers.iter().zip(["a", "b"]) {
                writeln!(text, "  server {name} {server}")?;
            }
        }
        let file = self.balancer.file("haproxy.cfg", &text)?;
        let file = file.to_str().context("a path in UTF-8")?.to_owned();
        let balancer = self.balancer.start("haproxy", &["-db", "-f", &file])?;
        drop(self.held);
        let connection = self.identity.connection().clone();
        let probe = Probe::with(connection.with_control_port(self.ports[0]))?;
        Ok((balancer, probe))
    }
}

fn all_reachable(ip: IpAddr) -> anyhow::Result<()> {
    let farm = Farm::on(ip)?;
    let [_, first, second] = farm.ports;
    let (a, b) = (farm.instance(3)?, farm.instance(3)?);
    let behind = [1, 2, 3].map(|index| [a.address(index), b.address(index)]);
    let (_balancer, probe) = farm.balance(behind)?;
    let run = probe
        .kinds(first, SessionKind::ALL)
        .kinds(second, SessionKind::ALL)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    ensure!(met(&run)?.len() == 2, "one instance alone was met");
    a.stop()?;
    b.stop().map(drop)
}

fn one_lacks_a_port(ip: IpAddr) -> anyhow::Result<()> {
    let farm = Farm::on(ip)?;
    let [_, everywhere, on_one] = farm.ports;
    let (mut a, mut b) = (farm.instance(3)?, farm.instance(2)?);
    let shut = ShutPort::take(ip)?;
    a.grow_old()?;
    b.grow_old()?;
    let (_balancer, probe) = farm.balance([
        [a.address(1), b.address(1)],
        [a.address(2), b.address(2)],
        [a.address(3), SocketAddr::new(ip, shut.port())],
    ])?;
    let twice = [SessionKind::Tcp, SessionKind::Tls];
    let run = probe.kinds(everywhere, twice).kinds(on_one, twice).run()?;
    run.expect_exit(1)?
        .expect_port(everywhere, VerdictId::Reachable)?;
    let mut verdicts = Vec::new();
    for probe in run.of_port(on_one)? {
        run.expect_finding(probe, FindingId::PortNotOnEveryInstance)?;
        verdicts.push(probe.verdict.id);
        let is_told = probe.verdict.claim.contains("not every instance listens");
        ensure!(
            is_told || probe.verdict.id == VerdictId::Reachable,
            "{}",
            run.text()
        );
    }
    verdicts.sort_unstable_by_key(ToString::to_string);
    ensure!(
        verdicts == [VerdictId::AnsweredByMiddlebox, VerdictId::Reachable],
        "{}",
        run.text()
    );
    a.stop()?;
    b.stop().map(drop)
}

/// One instance has newer keys than the other, and refuses the client's key.
fn one_refuses_the_key() -> anyhow::Result<()> {
    let farm = Farm::on(V4)?;
    let [_, first, second] = farm.ports;
    let mut a = farm.instance(3)?;
    a.grow_old()?;
    farm.identity.revoke()?;
    let b = farm.instance(3)?;
    let behind = [1, 2, 3].map(|index| [a.address(index), b.address(index)]);
    let (_balancer, probe) = farm.balance(behind)?;
    let twice = [SessionKind::Tcp, SessionKind::Tls];
    let run = probe.kinds(first, twice).kinds(second, twice).run()?;
    run.expect_exit(3)?;
    let verdicts: BTreeSet<String> = run
        .document()?
        .probes
        .iter()
        .map(|probe| probe.verdict.id.to_string())
        .collect();
    ensure!(
        verdicts == ["reachable", "server-refused"].map(str::to_owned).into(),
        "{verdicts:?}:\n{}",
        run.text()
    );
    a.stop()?;
    b.stop().map(drop)
}

/// Returns the names of the instances that testified.
fn met(run: &Run) -> anyhow::Result<BTreeSet<String>> {
    let probes = run.document()?.probes.iter();
    let sessions = probes.filter_map(|p| p.measurement.session.as_ref());
    let testified = sessions.filter_map(|s| s.testimony.as_ref());
    Ok(testified.map(|t| t.instance.clone()).collect())
}

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

/// The common configuration. With `retries 0`, a refused connection is not tried again, neither on the same server nor
/// on the other.
const HAPROXY: &str = "\
defaults
  mode tcp
  retries 0
  timeout connect 10s
  timeout client 120s
  timeout server 120s
";
