//! `fwprobe completions`: prints shell completions.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::terminal;

pub(super) fn execute(shell: Shell) -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "fwprobe", &mut text);
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}
