//! The outcome of one run of `fwprobe`.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use probe_core::catalogue::{FindingId, VerdictId};
use probe_documents::{Probe, RunDocument};

use crate::{Connection, Finished};

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Run {
    pub finished: Finished,
    /// The JSON report as written; `None` if there is none.
    pub json: Option<String>,
    document: Option<RunDocument>,
}

impl Run {
    /// Collects the outputs of a run, and checks that none of them contains the secret.
    ///
    /// # Errors
    /// Fails if an output contains the secret, or if the report is not a valid run document.
    pub fn of(
        finished: Finished,
        json: Option<String>,
        connection: &Connection,
    ) -> anyhow::Result<Self> {
        let written = json.as_deref().unwrap_or_default();
        for secret in connection.secret_texts() {
            let outputs = [finished.stdout.as_str(), &finished.stderr, written];
            ensure!(
                !outputs.iter().any(|output| output.contains(&secret)),
                "the secret is in an output:\n{outputs:?}"
            );
        }
        let document = json.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            document: document.context("the report cannot be read back")?,
            json,
            finished,
        })
    }

    /// Returns the run document.
    ///
    /// # Errors
    /// Fails if no report was written.
    pub fn document(&self) -> anyhow::Result<&RunDocument> {
        self.document
            .as_ref()
            .with_context(|| format!("no report was written:\n{}", self.text()))
    }

    /// Checks the exit code, both of the process and in the report.
    ///
    /// # Errors
    /// Fails if one of them is not `code`.
    pub fn expect_exit(&self, code: u8) -> anyhow::Result<&Self> {
        let (left, reported) = (self.finished.code()?, self.document()?.summary.exit_code);
        ensure!(
            left == i32::from(code) && reported == code,
            "exit code {left}, in the report {reported}, instead of {code}:\n{}",
            self.text()
        );
        Ok(self)
    }

    /// Checks that every probe has the verdict `id`.
    ///
    /// # Errors
    /// Fails if there are no probes, or if one of them has another verdict.
    pub fn expect_all(&self, id: VerdictId) -> anyhow::Result<&Self> {
        let probes = &self.document()?.probes;
        ensure!(!probes.is_empty(), "nothing was probed:\n{}", self.text());
        for probe in probes {
            self.expect(probe, id)?;
        }
        Ok(self)
    }

    /// Checks that all probes of the rule for `port` have the verdict `id`.
    ///
    /// # Errors
    /// Fails if one of these probes has another verdict, or if there are none.
    pub fn expect_port(&self, port: u16, id: VerdictId) -> anyhow::Result<&Self> {
        for probe in self.of_port(port)? {
            self.expect(probe, id)?;
        }
        Ok(self)
    }

    /// Checks that `probe` has the verdict `id`.
    ///
    /// # Errors
    /// Fails if `probe` has another verdict.
    pub fn expect(&self, probe: &Probe, id: VerdictId) -> anyhow::Result<()> {
        ensure!(
            probe.verdict.id == id,
            "port {} ({}) is {} instead of {id}:\n{}",
            probe.measurement.rule.port,
            probe.measurement.rule.session,
            probe.verdict.id,
            self.text()
        );
        Ok(())
    }

    /// Returns the probes of the rules for `port`, at least one.
    ///
    /// # Errors
    /// Fails if there is no probe.
    pub fn of_port(&self, port: u16) -> anyhow::Result<Vec<&Probe>> {
        let probes = self.document()?.probes.iter();
        let found: Vec<&Probe> = probes
            .filter(|p| p.measurement.rule.port.get() == port)
            .collect();
        ensure!(
            !found.is_empty(),
            "port {port} was not probed:\n{}",
            self.text()
        );
        Ok(found)
    }

    /// Returns the only probe of `port`.
    ///
    /// # Errors
    /// Fails if there is no probe, or more than one.
    pub fn one(&self, port: u16) -> anyhow::Result<&Probe> {
        match self.of_port(port)?.as_slice() {
            [one] => Ok(one),
            many => anyhow::bail!("port {port} was probed {} times", many.len()),
        }
    }

    /// Lists the variations of `probe` and how each failed, for the messages of tests.
    pub fn compared(probe: &Probe) -> String {
        let all = probe.measurement.variations.iter();
        let lines = all.map(|c| format!("{:?}: {:?}\n", c.variation, c.measurement.failure()));
        lines.collect()
    }

    /// Checks that `probe` has the finding `id`.
    ///
    /// # Errors
    /// Fails if `probe` lacks the finding.
    pub fn expect_finding(&self, probe: &Probe, id: FindingId) -> anyhow::Result<()> {
        ensure!(
            probe.findings.iter().any(|finding| finding.id == id),
            "port {} lacks the finding {id}:\n{}",
            probe.measurement.rule.port,
            self.text()
        );
        Ok(())
    }

    /// Checks that each of `addresses` was probed.
    ///
    /// # Errors
    /// Fails if an address was not probed.
    pub fn expect_addresses(&self, addresses: &[IpAddr]) -> anyhow::Result<&Self> {
        let probes = &self.document()?.probes;
        for address in addresses {
            ensure!(
                probes
                    .iter()
                    .any(|p| p.measurement.server() == Some(*address)),
                "{address} was not probed:\n{}",
                self.text()
            );
        }
        Ok(self)
    }

    /// Returns everything that was printed, for a failure's message.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.finished.stdout, self.finished.stderr)
    }
}
