//! Firewalls on the way and on the server's host: which it is, as far as it can be told.

use std::net::IpAddr;

use anyhow::ensure;
use fwprobe_tests::namespace::{Host, Lab};
use fwprobe_tests::trial::{Need, Trials};
use probe_core::catalogue::VerdictId;
use probe_core::verdict::Segment;

use super::site::{PORTS, Site};

pub(crate) fn trials() -> Trials {
    Trials::of("blocked")
        .needing(&[Need::Root], "syn_dropped_by_the_router", || {
            dropped(Host::Router, "forward", "tcp dport 5901 drop")
        })
        .needing(&[Need::Root], "syn_dropped_by_the_servers_host", || {
            dropped(Host::Server, "input", "tcp dport 5901 drop")
        })
        .needing(&[Need::Root], "answer_dropped_by_the_router", || {
            reply_dropped(Host::Router, "forward")
        })
        .needing(&[Need::Root], "answer_dropped_by_the_servers_host", || {
            reply_dropped(Host::Server, "output")
        })
        .needing(
            &[Need::Root],
            "prohibited_by_the_router",
            prohibited_by_the_router,
        )
        .needing(
            &[Need::Root],
            "prohibited_by_the_servers_host",
            prohibited_by_the_servers_host,
        )
        .needing(&[Need::Root], "reset_by_the_router", reset_by_the_router)
        .needing(
            &[Need::Root],
            "everything_dropped_by_the_router",
            everything_dropped,
        )
}

fn dropped(host: Host, hook: &str, rule: &str) -> anyhow::Result<()> {
    let site = Site::with_filter(host, hook, rule)?;
    // A server that has just been started cannot tell what came before that, and says so. This run's
    // own silence lasts for longer than its doubt.
    for probe in site.probe()?.run()?.of_port(5901)? {
        ensure!(
            matches!(
                probe.verdict.id,
                VerdictId::Dropped | VerdictId::Inconclusive
            ),
            "{}",
            probe.verdict.claim
        );
    }
    site.expect_one(5901, VerdictId::Dropped)?;
    site.server.stop().map(drop)
}

/// The SYN arrives, and the server's SYN-ACK does not leave or does not come back.
fn reply_dropped(host: Host, hook: &str) -> anyhow::Result<()> {
    let rule = "tcp sport 5901 tcp flags & (syn | ack) == (syn | ack) drop";
    let site = Site::with_filter(host, hook, rule)?;
    site.expect_one(5901, VerdictId::ReplyDropped)?;
    site.server.stop().map(drop)
}

fn prohibited_by_the_router() -> anyhow::Result<()> {
    let site = Site::with_filter(Host::Router, "forward", PROHIBITED)?;
    let run = site.expect_one(5901, VerdictId::Prohibited)?;
    for probe in run.of_port(5901)? {
        let Some(IpAddr::V4(_)) = probe.measurement.server() else {
            names(probe, Lab::ROUTER_V6)?;
            continue;
        };
        names(probe, Lab::ROUTER_V4)?;
    }
    site.server.stop().map(drop)
}

fn names(probe: &probe_core::document::Probe, router: &str) -> anyhow::Result<()> {
    let address = Some(router.parse()?);
    ensure!(
        matches!(probe.verdict.segment, Segment::Path { address: found, .. } if found == address),
        "{:?} does not name {router}",
        probe.verdict.segment
    );
    ensure!(
        probe.verdict.claim.contains(router),
        "{}",
        probe.verdict.claim
    );
    Ok(())
}

fn prohibited_by_the_servers_host() -> anyhow::Result<()> {
    let site = Site::with_filter(Host::Server, "input", PROHIBITED)?;
    let run = site.expect_one(5901, VerdictId::Prohibited)?;
    for probe in run.of_port(5901)? {
        ensure!(
            probe.verdict.segment == Segment::ServerHost,
            "{:?}",
            probe.verdict.segment
        );
    }
    site.server.stop().map(drop)
}

/// The server listens there and knows that it does: whoever sent the RST, it was not the server.
fn reset_by_the_router() -> anyhow::Result<()> {
    let site = Site::with_filter(
        Host::Router,
        "forward",
        "tcp dport 5901 reject with tcp reset",
    )?;
    site.expect_one(5901, VerdictId::Rejected)?;
    site.server.stop().map(drop)
}

/// One statement about the address, not one about each port.
fn everything_dropped() -> anyhow::Result<()> {
    let site = Site::with_filter(Host::Router, "forward", "meta l4proto tcp drop")?;
    let run = site.probe()?.run()?;
    run.expect_exit(3)?
        .expect_all(VerdictId::ServerUnreachable)?;
    ensure!(
        run.document()?.probes.len() == 2 * PORTS.len(),
        "{}",
        run.text()
    );
    site.server.stop().map(drop)
}

const PROHIBITED: &str = "tcp dport 5901 reject with icmpx type admin-prohibited";
