//! Exercises a watch on loopback for an hour, or for the number of minutes in its argument.
//!
//! In turn, the server is stopped and started, suspended and resumed, and the disk is full. No run that was finished
//! may be lost, and memory must not grow. The folder for temporary files has to be on a small file system, which the
//! soak fills. As root:
//!
//!     cargo xtask watch-soak 60

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use fwprobe_tests::{EchoServer, ServerPlan, WatchPlan, Watching, documents};

fn main() -> anyhow::Result<()> {
    let minutes: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().context("minutes, as a whole number")?,
        None => 60,
    };
    let server = ServerPlan::on(LOOPBACK).ports(2).start()?;
    let ports: Vec<u16> = (0..3).map(|index| server.port(index)).collect();
    let plan = WatchPlan::of(&server)?.every("2s").keeping_documents();
    let plan = plan.args(["--timeout", "1", "--port", &format!("{}/tcp", ports[1])]);
    let watch = plan
        .args(["--port", &format!("{}/https", ports[2])])
        .start()?;
    let mut soak = Soak { watch, ports };
    let mut server = server;
    let (begin, all) = (Instant::now(), Duration::from_secs(60 * minutes));
    let (mut rounds, mut first) = (0, None);
    while begin.elapsed() < all {
        server = soak.round(server)?;
        rounds += 1;
        let memory = soak.watch.memory_mib()?;
        let runs = soak.nothing_lost()?;
        writeln!(
            std::io::stdout(),
            "{:>4} s, round {rounds}: {runs} runs, {memory:.1} MiB",
            begin.elapsed().as_secs()
        )?;
        // The strips of the status page are full after 50 runs.
        if runs < FULL {
            continue;
        }
        let first = *first.get_or_insert(memory);
        ensure!(
            memory <= first + MAX_GROWN_MIB,
            "memory has grown from {first:.1} to {memory:.1} MiB"
        );
    }
    ensure!(
        first.is_some(),
        "too few runs to judge the growth of memory"
    );
    let (finished, plan) = soak.watch.stop()?;
    let runs = finished.stdout.matches(RUN).count();
    let kept = documents(&plan.folder())?.len();
    ensure!(runs == kept, "{kept} documents of {runs} runs");
    writeln!(
        std::io::stdout(),
        "{runs} runs in {rounds} rounds, nothing lost"
    )?;
    Ok(())
}

struct Soak {
    watch: Watching,
    /// The ports of the server, which it keeps when it is started again.
    ports: Vec<u16>,
}

impl Soak {
    /// Causes each kind of trouble once, with two runs before, during and after each.
    fn round(&mut self, server: EchoServer) -> anyhow::Result<EchoServer> {
        self.until(0)?;
        let identity = server.kill()?;
        self.until(UNDECIDED)?;
        let server = ServerPlan::on(LOOPBACK).at_ports(&self.ports).ports(2);
        let server = server.start_as(identity)?;
        self.until(0)?;
        server.freeze()?;
        self.until(UNDECIDED)?;
        server.thaw()?;
        self.until(0)?;
        self.full_disk()?;
        self.until(0)?;
        Ok(server)
    }

    /// Waits for two runs in a row that end with `code`.
    fn until(&mut self, code: u64) -> anyhow::Result<()> {
        let mut in_a_row = 0;
        for _ in 0..MOST_RUNS {
            in_a_row = if self.watch.next_run()? == code {
                in_a_row + 1
            } else {
                0
            };
            if in_a_row == 2 {
                return Ok(());
            }
        }
        bail!("{MOST_RUNS} runs, and none ends with {code}")
    }

    fn full_disk(&mut self) -> anyhow::Result<()> {
        let problems = self.watch.events("problem", 0)?.len();
        let ballast = self.watch.plan().path("ballast");
        fill(&ballast)?;
        self.watch.events("problem", problems + 2)?;
        let metrics = self.watch.get("/metrics")?;
        ensure!(!metrics.body.contains(ALL_WRITTEN), "{metrics:?}");
        std::fs::remove_file(ballast)?;
        Ok(())
    }

    /// Checks that the document of every run is written, and returns the number of runs.
    fn nothing_lost(&mut self) -> anyhow::Result<usize> {
        // A document is written before its run is reported, and one run may be under way.
        let runs = self.watch.events("run", 0)?.len();
        let kept = documents(&self.watch.plan().folder())?.len();
        ensure!(kept >= runs, "{kept} documents of {runs} runs");
        let metrics = self.watch.get("/metrics")?;
        ensure!(metrics.body.contains(ALL_WRITTEN), "{metrics:?}");
        Ok(runs)
    }
}

/// Fills the file system of `ballast`.
fn fill(ballast: &Path) -> anyhow::Result<()> {
    let mut file = File::create(ballast)?;
    let block = vec![0; 64 * 1024];
    for _ in 0..LARGEST_BALLAST / block.len() {
        match file.write(&block) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
            Err(error) => return Err(error).context("the ballast"),
        }
    }
    std::fs::remove_file(ballast)?;
    bail!("TMPDIR has to be on a file system with less than {LARGEST_BALLAST} bytes of room")
}

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// A run in the log of a watch.
const RUN: &str = r#""event":"run""#;
/// The metric of a watch whose documents are all written.
const ALL_WRITTEN: &str = "fwprobe_documents_unwritten 0\n";
/// The exit code of a run without a server.
const UNDECIDED: u64 = 3;
/// The maximum number of runs that a change may take to show.
const MOST_RUNS: u32 = 20;
/// The number of runs after which the number that a watch remembers no longer grows.
const FULL: usize = 100;
/// The growth that the allocator may cause.
const MAX_GROWN_MIB: f64 = 6.0;
/// The maximum free space of the file system that the soak fills, in bytes.
const LARGEST_BALLAST: usize = 1 << 30;
