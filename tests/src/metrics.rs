//! Reads a server's metrics, as Prometheus would.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};

use crate::WATCHDOG;

/// The text of one answer of the metrics endpoint.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// Reads the metrics at `address`.
    ///
    /// # Errors
    /// Fails if nothing answers at `address`, or the answer is not metrics.
    pub fn read(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).context("the metrics")?;
        stream.set_read_timeout(Some(WATCHDOG))?;
        let request = "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        ensure!(text.ends_with("# EOF\n"), "no metrics:\n{text}");
        Ok(Self(text))
    }

    /// Returns the sum of all series that begin with `name`, which may extend into the labels.
    pub fn sum(&self, name: &str) -> f64 {
        let series = self.0.lines().filter(|line| line.starts_with(name));
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// Returns the number of open connections over which no key was proved.
    pub fn strangers(&self) -> f64 {
        self.sum("fwprobe_echo_present{standing=\"stranger\"}")
    }

    /// Returns the number of open connections over which a key was proved, including those of the control service.
    pub fn known(&self) -> f64 {
        self.sum("fwprobe_echo_present{standing=\"session\"}")
            + self.sum("fwprobe_echo_present{standing=\"control\"}")
    }

    /// Returns the resident memory in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.sum("fwprobe_echo_resident_memory_bytes") / 1024.0 / 1024.0
    }

    pub fn descriptors(&self) -> f64 {
        self.sum("fwprobe_echo_open_descriptors")
    }
}
