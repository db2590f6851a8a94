//! The arguments of `fwprobe history`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::PlanFormat;
use super::time::moment;

/// A folder of runs, and which of them to show.
#[derive(Debug, Args)]
#[command(after_help = HISTORY_HELP)]
pub(crate) struct HistoryArguments {
    /// A folder of runs that were saved as JSON.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Show only the runs of this host, or of the node that the label `node` names. Repeatable.
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Show only the runs of this profile. Repeatable.
    #[arg(long = "profile", value_name = "PROFILE")]
    pub profiles: Vec<String>,
    /// Show only runs that began at this time or later: 2026-11-30, 2026-11-30T08:00:00Z, or 7d for the last
    /// seven days (also h and m).
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Show only runs that began before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// Show only runs in which something changed.
    #[arg(long)]
    pub changes: bool,
    /// Show this many runs, the newest ones (1 to 10000) [default: 50; with --since, all].
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub last: Option<u16>,
    /// The format in which to print the history.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table)]
    pub format: PlanFormat,
}

const HISTORY_HELP: &str = "\
Examples:
  fwprobe history runs/
  fwprobe history runs/ --changes --since 30d

A run is compared with the one before it of the same host, profile and servers. If a run is
undecided about a rule, the next run is compared with the last run that decided about this rule.
Two runs in full: `fwprobe diff BEFORE AFTER`. Files that are not runs are named on standard error
and left out.

Exit codes: 0; 2 usage, or a folder without a run.";
