//! The arguments of `fwprobe diff`.

use std::path::PathBuf;

use clap::Args;
use probe_report::Format;

use super::format::DIFF_FORMATS;

/// Two runs to compare.
#[derive(Debug, Args)]
#[command(after_help = DIFF_HELP)]
pub(crate) struct DiffArguments {
    /// The earlier run, saved as JSON; or a folder of runs, of which the newest is used.
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The later run, saved as JSON; or a folder of runs, of which the newest is used.
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// What to print on standard output.
    #[arg(long, default_value = "table", value_parser = DIFF_FORMATS)]
    pub format: &'static Format,
    /// Write the difference to a file as well, in the format that its ending names, or as FORMAT=FILE.
    /// Repeatable.
    #[arg(long = "output", value_name = "[FORMAT=]FILE")]
    pub outputs: Vec<String>,
}

const DIFF_HELP: &str = "\
Examples:
  fwprobe diff before.json after.json
  fwprobe diff runs-of-last-week/ runs/ --output changes.md

Rules are matched by their id, path and address family. Times of folders with five runs or more on
each side are compared as well; they never change the exit code.

Exit codes: 0 nothing got worse (a new rule that fails is not a regression); 1 a regression; 3
something cannot be compared, because a run is undecided or asks something else; 2 usage, or a file
that is not a run.";
