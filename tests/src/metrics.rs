//! What a server counts, as Prometheus would read it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};

use crate::WATCHDOG;

/// One reading.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// # Errors
    /// Nobody answers at `address`, or not with metrics.
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

    /// The sum of all series that begin with `name`, which can go as far as into the labels.
    pub fn sum(&self, name: &str) -> f64 {
        let series = self.0.lines().filter(|line| line.starts_with(name));
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// Connections that have proved no key and are still there.
    pub fn strangers(&self) -> f64 {
        self.sum("fwprobe_echo_present{standing=\"stranger\"}")
    }

    /// Connections under a key, those of the control service included.
    pub fn known(&self) -> f64 {
        self.sum("fwprobe_echo_present{standing=\"session\"}")
            + self.sum("fwprobe_echo_present{standing=\"control\"}")
    }

    /// In MiB.
    pub fn resident_mib(&self) -> f64 {
        self.sum("fwprobe_echo_resident_memory_bytes") / 1024.0 / 1024.0
    }

    pub fn descriptors(&self) -> f64 {
        self.sum("fwprobe_echo_open_descriptors")
    }
}
