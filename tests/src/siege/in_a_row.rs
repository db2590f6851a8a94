//! Attacks one server several times in a row, so that the memory that each attack leaves behind adds up.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU16};

use anyhow::{Context as _, ensure};

use super::{Attack, Siege, Sources, Target, at_rest, calm, finish, ground, under};
use crate::{Identity, Metrics, Place, ServerPlan};

/// The total memory that a server may use, in MiB.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The limit at any time.
    pub at_most: f64,
    /// The limit within ten seconds after the last stranger has disconnected.
    pub at_rest: f64,
}

impl Siege {
    /// Runs `attacks` one after another against one server with default limits, in a network namespace, each from its
    /// own sources.
    ///
    /// During each attack an authenticated client must find every session kind reachable, and memory must stay within
    /// `bounds`, during the attack and after it.
    ///
    /// # Errors
    /// Fails if one of these does not hold.
    pub fn in_a_row(
        self,
        attacks: &[(&str, Sources, Attack)],
        bounds: Bounds,
    ) -> anyhow::Result<()> {
        ground::on_a_host_of_its_own(|| self.in_a_row_here(attacks, bounds))
    }

    fn in_a_row_here(
        self,
        attacks: &[(&str, Sources, Attack)],
        bounds: Bounds,
    ) -> anyhow::Result<()> {
        let place = Place::ordinary().with_descriptors(self.descriptors);
        let identity = Identity::make(&place, &[&self.ip.to_string()])?;
        let insider = identity.add_key("insider")?;
        let plan = ServerPlan::on(self.ip).ports(1).at(place).with_metrics();
        let server = plan.start_as(identity)?;
        let before = calm(&server, |_| true)?;
        let is_quiet = |metrics: &Metrics| metrics.descriptors() <= before.descriptors();
        writeln!(io::stdout(), "{:.1} MiB before", before.resident_mib())?;
        for (name, sources, attack) in attacks {
            let target = Target {
                address: server.address(1),
                insider: insider.clone().with_control_port(server.port(0)),
                connection: server.connection(),
                sources: *sources,
                turns: AtomicU16::new(0),
                over: AtomicBool::new(false),
            };
            let seen = under(&server, &target, *attack).context((*name).to_owned())?;
            calm(&server, is_quiet).context((*name).to_owned())?;
            let rest = at_rest(&server, bounds.at_rest).context((*name).to_owned())?;
            let most = server.most_memory_mib()?;
            // One row of docs/operate/reliability.md.
            writeln!(
                io::stdout(),
                "| {name} | {:.0} | {:.0} | {most:.1} | {:.1} |",
                seen.a_second,
                seen.metrics.strangers(),
                rest.resident_mib(),
            )?;
            ensure!(
                most <= bounds.at_most,
                "{name}: {most:.1} MiB at its height, where {:.1} are allowed",
                bounds.at_most
            );
        }
        finish(server)
    }
}
