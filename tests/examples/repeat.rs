//! Plays scenarios of the lab many times, and prints how many runs had the expected result. Needs root, to make the
//! lab's hosts, and `cargo build --workspace --bins` first:
//!
//!     cargo run -p fwprobe-tests --example repeat -- 40 tests/lab/scenarios/loss-and-a-port-dropped.toml::ipv4
//!
//! `links` instead of files plays the link matrix, with the client's default idle timeout:
//!
//!     cargo run -p fwprobe-tests --example repeat -- 20 links [ipv6]
//!
//! `seeds` plays mixtures of faults instead, by their seeds:
//!
//!     cargo run -p fwprobe-tests --example repeat -- 10 seeds 17,30..35
//!
//! `FWPROBE_SIDE_BY_SIDE` sets the number of runs at the same time (default 4). `FWPROBE_KEEP=FOLDER` keeps the
//! documents of wrong runs. `FWPROBE_OWN_PATIENCE=1` uses the client's default idle timeout for files, too.

#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use fwprobe_tests::lab::{
    Count, Family, Repeated, Repetition, links, repeat, repeated_mixtures, seeds,
};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [times, what @ ..] = arguments.as_slice() else {
        anyhow::bail!(USAGE);
    };
    let times: usize = times.parse().context(USAGE)?;
    let side_by_side = match std::env::var("FWPROBE_SIDE_BY_SIDE") {
        Ok(text) => text
            .parse()
            .context("FWPROBE_SIDE_BY_SIDE: expected a number")?,
        Err(_) => SIDE_BY_SIDE,
    };
    let is_matrix = what.first().is_some_and(|word| word == "links");
    let all = match what {
        [] => anyhow::bail!(USAGE),
        [first, which] if first == "seeds" => {
            repeated_mixtures(Path::new(PARTS), seeds(which)?, times)?
        }
        [_] if is_matrix => links(Path::new(SCENARIOS), Family::Ipv4, times)?,
        [_, family] if is_matrix && family == "ipv6" => {
            links(Path::new(SCENARIOS), Family::Ipv6, times)?
        }
        files => files
            .iter()
            .map(|file| Repeated::parse(file, times))
            .collect::<anyhow::Result<_>>()?,
    };
    let how = Repetition {
        side_by_side,
        own_patience: is_matrix || std::env::var_os("FWPROBE_OWN_PATIENCE").is_some(),
        longest: is_matrix.then_some(LONGEST),
        keep: std::env::var_os("FWPROBE_KEEP").map(Into::into),
    };
    let counts = repeat(&all, &how, |name, wrong| {
        println!("wrong: {name}: {}", wrong.join("\n    "));
    })?;
    for (one, count) in all.iter().zip(&counts) {
        print(&one.name, count);
    }
    let right = counts.iter().all(|count| count.right == count.played);
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(name: &str, count: &Count) {
    println!(
        "{name}: right {} of {}, longest {:.1} s",
        count.right,
        count.played,
        count.longest.as_secs_f64()
    );
    for (said, times) in &count.said {
        println!("  {times:>3} x {said}");
    }
}

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios");

const PARTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/parts.toml");

const SIDE_BY_SIDE: usize = 4;

/// The time limit of a run on a link of the matrix.
const LONGEST: Duration = Duration::from_secs(60);

const USAGE: &str =
    "usage: repeat TIMES links | seeds SEEDS | SCENARIO[::ipv4|::ipv6][::control_blocked]…";
