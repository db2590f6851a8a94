//! Compares runs with one another: repeated without a change, and before and after a change in the network.

use anyhow::{Context as _, ensure};
use probe_documents::RunDocument;
use probe_documents::diff::{ChangeKind, Diff, FactKind};

use super::play::{SILENCE, Scene, change, staged};
use super::scenario::{Changes, Scenario};
use super::trials::NEEDS;
use super::{Family, Host, Variant};
use crate::trial::Trials;
use crate::{Probe, User};

/// Adds the trials of this file.
pub(super) fn added_to(trials: Trials) -> Trials {
    trials
        .needing(NEEDS, "differences::none_in_ten_runs", || {
            none_in_ten_runs("")
        })
        .needing(NEEDS, "differences::none_with_loss", || {
            none_in_ten_runs(LOSS)
        })
        .needing(
            NEEDS,
            "differences::a_rule_and_its_place",
            a_rule_and_its_place,
        )
        .needing(NEEDS, "differences::an_egress_address", an_egress_address)
}

fn none_in_ten_runs(fault: &str) -> anyhow::Result<()> {
    in_the_lab(fault, |scene| {
        let mut before = scene.run.document()?.clone();
        for _ in 0..10 {
            let after = again(scene)?;
            let diff = Diff::between(&before, &after);
            ensure!(diff.is_empty() && diff.exit_code() == 0, "{diff:#?}");
            before = after;
        }
        Ok(())
    })
}

/// Compares the runs before and after each change: the firewall drops a port, then the last router does so instead, and
/// then nothing drops it.
fn a_rule_and_its_place() -> anyhow::Result<()> {
    in_the_lab("", |scene| {
        let open = scene.run.document()?.clone();
        put(scene, Host::Firewall, DROPPED)?;
        let dropped = again(scene)?;
        expect(&open, &dropped, ChangeKind::Regression, "path hop 1")?;
        scene
            .network
            .run(Host::Firewall, "nft", ["flush ruleset"])?;
        put(scene, Host::Isp, DROPPED)?;
        let elsewhere = again(scene)?;
        expect(&dropped, &elsewhere, ChangeKind::OtherPlace, "cloud-edge")?;
        scene.network.run(Host::Isp, "nft", ["flush ruleset"])?;
        expect(&elsewhere, &again(scene)?, ChangeKind::Fixed, "")
    })
}

/// Expects that the runs differ in port 5901 alone.
fn expect(
    before: &RunDocument,
    after: &RunDocument,
    kind: ChangeKind,
    place: &str,
) -> anyhow::Result<()> {
    let diff = Diff::between(before, after);
    let [change] = diff.changes.as_slice() else {
        anyhow::bail!("{diff:#?}");
    };
    let found = change.after.as_ref().context("the later run")?;
    ensure!(
        change.change == kind
            && change.port == 5901
            && found.segment.to_string().starts_with(place)
            && diff.facts.is_empty()
            && diff.unchanged.len() == 1,
        "{diff:#?}"
    );
    Ok(())
}

fn an_egress_address() -> anyhow::Result<()> {
    in_the_lab("", |scene| {
        put(scene, Host::Firewall, TRANSLATED)?;
        let diff = Diff::between(scene.run.document()?, &again(scene)?);
        let [fact] = diff.facts.as_slice() else {
            anyhow::bail!("{diff:#?}");
        };
        ensure!(
            fact.fact == FactKind::EgressAddress
                && fact.after == NEW_ADDRESS
                && diff.changes.is_empty(),
            "{diff:#?}"
        );
        Ok(())
    })
}

/// Plays a run of two ports with `fault` in the way, and then calls `then` while the server still runs.
fn in_the_lab(
    fault: &str,
    then: impl FnOnce(Scene<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let scenario: Scenario = toml::from_str(&format!("{SCENARIO}{fault}"))?;
    staged(&scenario, FAMILY, Variant::Default, Some(SILENCE), then)
}

/// Makes the same run once more.
fn again(scene: Scene<'_>) -> anyhow::Result<RunDocument> {
    let client = scene.network.place(Host::Client, User::Nobody);
    let mut probe = Probe::with(scene.identity.connection().clone())?
        .from(&client)
        .idle_timeout(SILENCE);
    for port in PORTS {
        probe = probe.arg("--port").arg(port);
    }
    Ok(probe.run()?.document()?.clone())
}

fn put(scene: Scene<'_>, host: Host, changes: &str) -> anyhow::Result<()> {
    let changes: Changes = toml::from_str(changes)?;
    change(scene.network, host, &changes, FAMILY)
}

const FAMILY: Family = Family::Ipv4;
const PORTS: [&str; 2] = ["443/https", "5901/nettcp"];
const SCENARIO: &str = r#"
why = "Runs that are compared."
ports = ["443/https", "5901/nettcp"]
exit = 0
"#;
const LOSS: &str = r#"
[isp.chains]
forward = "numgen random mod 100 < 2 drop"
"#;
const DROPPED: &str = r#"
[chains]
forward = "tcp dport 5901 drop"
"#;
const TRANSLATED: &str = r#"
ip = ["addr add 10.73.2.9/24 dev far"]
[chains]
nat-postrouting = "oifname far snat ip to 10.73.2.9"
"#;
const NEW_ADDRESS: &str = "10.73.2.9";
