//! Variants of a scenario: the same fault under worse conditions.

use serde::Deserialize;

use super::network::Network;
use super::{Family, Host, Scenario};

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The scenario as its file has it.
    Default,
    /// The control service answers neither on its own port nor on a port that works; only the ports under test may let
    /// it through.
    ControlBlocked,
}

impl Variant {
    pub(super) const ALL: [Self; 2] = [Self::Default, Self::ControlBlocked];

    /// Returns the suffix of the trial's name.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::ControlBlocked => "::control_blocked",
        }
    }

    /// Returns the suffix of the replay record's file name.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::ControlBlocked => "-control-blocked",
        }
    }

    pub(super) fn apply(
        self,
        network: &Network,
        scenario: &Scenario,
        family: Family,
    ) -> anyhow::Result<()> {
        if self == Self::Default {
            return Ok(());
        }
        let probed = scenario.ports_probed()?;
        let reset = "-j REJECT --reject-with tcp-reset";
        let mut rules = vec![format!("-p tcp --dport {CONTROL_PORT} {reset}")];
        for port in scenario
            .expectation(Self::Default)
            .ports_under_test(&probed)
        {
            rules.push(format!("-p tcp --dport {port} -j RETURN"));
        }
        rules.push(format!(
            "-p tcp -m string --algo bm --hex-string {OFFERS_H2} {reset}"
        ));
        for rule in rules {
            let words = format!("-A FORWARD {rule}");
            network.run(Host::Firewall, family.iptables(), words.split(' '))?;
        }
        Ok(())
    }
}

const CONTROL_PORT: u16 = 8443;

/// The ALPN extension's protocol list in a ClientHello that offers `h2` alone (RFC 7301 section 3.1).
const OFFERS_H2: &str = "|0003026832|";
