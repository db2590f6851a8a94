//! Tests that nothing is left of the lab when its harness is killed in the middle of a trial.

use std::os::fd::OwnedFd;
use std::process::Command;

use anyhow::{Context as _, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open};

use crate::scratch::{is_left_of, sweep};
use crate::{Process, WATCHDOG};

/// Starts a harness that plays [`TRIAL`], and ends it with `signal` while the client is running.
pub(super) fn nothing_is_left(signal: Signal) -> anyhow::Result<()> {
    let mut command = Command::new("env");
    // A shell makes background programs ignore SIGINT, so this resets it to the default.
    command
        .arg("--default-signal=INT")
        .arg(std::env::current_exe()?);
    let mut harness = Process::start({
        command.args(["--exact", TRIAL]);
        command
    })?;
    let id = harness.id();
    harness.wait_until(|| Ok(children_of(id)?.iter().any(|child| child.name == "fwprobe")))?;
    let children = children_of(id)?;
    ensure!(children.len() >= AT_WORK, "{children:?}");
    ensure!(is_left_of(id)?, "no directory of the trial's");
    harness.signal(signal)?;
    harness.finish()?;
    for child in children {
        ensure!(child.ends()?, "{} has outlived the harness", child.name);
    }
    sweep()?;
    ensure!(!is_left_of(id)?, "a directory has outlived the next start");
    Ok(())
}

#[derive(Debug)]
struct Child {
    name: String,
    handle: OwnedFd,
}

impl Child {
    /// Waits until the program ends; returns false if it does not.
    fn ends(&self) -> anyhow::Result<bool> {
        let mut wanted = [PollFd::new(&self.handle, PollFlags::IN)];
        let at_most = Timespec::try_from(WATCHDOG)?;
        Ok(poll(&mut wanted, Some(&at_most))? > 0)
    }
}

/// Returns the programs that the process `parent` has started itself and that have not ended.
fn children_of(parent: u32) -> anyhow::Result<Vec<Child>> {
    let mut children = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{parent}/task"))? {
        // Threads and programs may end while this reads, so a missing file is not an error.
        let list = thread?.path().join("children");
        let list = std::fs::read_to_string(list).unwrap_or_default();
        for id in list.split_whitespace() {
            let pid = Pid::from_raw(id.parse()?).context("a process id")?;
            let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
                continue;
            };
            let name = std::fs::read_to_string(format!("/proc/{id}/comm"));
            children.push(Child {
                name: name.unwrap_or_default().trim().to_owned(),
                handle,
            });
        }
    }
    Ok(children)
}

/// The number of running children: four hosts, the server and the client.
const AT_WORK: usize = 6;

/// A trial in which nothing is answered, so that it lasts long enough to be interrupted.
const TRIAL: &str = "lab::everything-dropped::ipv4";
