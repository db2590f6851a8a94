//! `fwprobe man`: prints the man page.

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::arguments::Arguments;
use crate::terminal;

pub(super) fn execute() -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Arguments::command()).render(&mut text)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    Ok(0)
}
