//! Writes the run documents of a cluster, on which `fwprobe merge` can be measured:
//!
//!     cargo run --release -p fwprobe-tests --example fleet_documents -- 100000 fleet
//!
//! The arguments are the number of nodes and a folder; then, if the defaults do not suit, the number of nodes that
//! differ from their neighbours (10) and the seed by which these are drawn (1). Nodes with a number that ends in 0 have
//! a second answer. A document has about 30 kB.

#![expect(clippy::print_stdout, reason = "an example prints what it did")]

use std::path::PathBuf;

use anyhow::Context as _;
use fwprobe_tests::fleet::Fleet;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let nodes: usize = words.next().context(USAGE)?.parse().context(USAGE)?;
    let folder = PathBuf::from(words.next().context(USAGE)?);
    let odd: usize = words
        .next()
        .map_or(Ok(10), |w| w.parse::<usize>())
        .context(USAGE)?;
    let seed: u64 = words
        .next()
        .map_or(Ok(1), |w| w.parse::<u64>())
        .context(USAGE)?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let odd = Fleet { nodes, odd, seed }.write(&folder)?;
    println!("wrote the runs of {nodes} nodes into {}", folder.display());
    println!("odd nodes: {}", odd.join(" "));
    Ok(())
}

const USAGE: &str = "usage: fleet_documents NODES FOLDER [ODD [SEED]]";
