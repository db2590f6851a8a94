//! The client's own host is in the way.

use anyhow::ensure;
use fwprobe_tests::namespace::Host;
use fwprobe_tests::trial::{Need, Trials};
use probe_core::catalogue::VerdictId;
use probe_core::verdict::Segment;

use super::site::Site;

pub(crate) fn trials() -> Trials {
    Trials::of("local")
        .needing(&[Need::Root], "own_firewall", own_firewall)
        .needing(&[Need::Root], "no_route", || {
            unrouted(["-4 route del default", "-6 route del default"])
        })
        .needing(&[Need::Root], "an_unreachable_route", || {
            unrouted([
                "route add unreachable 10.73.2.0/24",
                "route add unreachable fd73:2::/64",
            ])
        })
        .needing(&[Need::Root], "a_blackhole_route", || {
            unrouted([
                "route add blackhole 10.73.2.0/24",
                "route add blackhole fd73:2::/64",
            ])
        })
}

fn own_firewall() -> anyhow::Result<()> {
    let site = Site::with_filter(Host::Client, "output", PROHIBITED)?;
    let run = site.expect_one(5901, VerdictId::BlockedOnThisHost)?;
    for probe in run.of_port(5901)? {
        ensure!(
            probe.verdict.segment == Segment::ThisHost,
            "{:?}",
            probe.verdict.segment
        );
    }
    site.server.stop().map(drop)
}

fn unrouted(changes: [&str; 2]) -> anyhow::Result<()> {
    let site = Site::build()?;
    for change in changes {
        site.lab.ip(Host::Client, change)?;
    }
    let run = site.probe()?.run()?;
    run.expect_exit(1)?.expect_all(VerdictId::NoRoute)?;
    site.server.stop().map(drop)
}

const PROHIBITED: &str = "tcp dport 5901 reject with icmpx type admin-prohibited";
