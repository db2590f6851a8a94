//! The arguments of `fwprobe merge`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use probe_documents::merge::unfold;
use probe_report::Format;

use super::format::MERGE_FORMATS;

/// The runs of many nodes.
#[derive(Debug, Args)]
#[command(after_help = MERGE_HELP)]
pub(crate) struct MergeArguments {
    /// Runs that were saved as JSON: folders, and files with one run (.json) or with one run per line (.ndjson,
    /// .jsonl).
    #[arg(value_name = "DIR|FILE", required_unless_present = "schema")]
    pub inputs: Vec<PathBuf>,
    /// Earlier runs of these nodes, as folders or files: the answer then says what has changed since. Repeatable.
    #[arg(long = "before", value_name = "DIR|FILE")]
    pub earlier: Vec<PathBuf>,
    /// The names of the nodes that should have a run, as in `n[001-100],head` (1000000 at most). Nodes without a run
    /// are reported as missing.
    #[arg(long, value_name = "NAMES", value_parser = unfold)]
    pub expect_nodes: Option<BTreeSet<String>>,
    /// Print the JSON schema of the document that --format json prints.
    #[arg(long)]
    pub schema: bool,
    /// The format in which to print the answer.
    #[arg(long, default_value = "table", value_parser = MERGE_FORMATS)]
    pub format: &'static Format,
    /// Write the answer to a file as well, in the format that its ending names, or as FORMAT=FILE. Repeatable.
    #[arg(long = "output", value_name = "[FORMAT=]FILE")]
    pub outputs: Vec<String>,
    /// Write metrics of the whole site to this file (….prom), for node_exporter or windows_exporter.
    #[arg(long, value_name = "FILE")]
    pub textfile: Option<PathBuf>,
}

const MERGE_HELP: &str = "\
Examples:
  fwprobe merge runs/
  fwprobe merge runs/ --expect-nodes \"n[001-100]\"
  fwprobe merge runs/ --before runs-of-last-week/ --output site.html

Nodes with the same answer are one group: the same outcome, verdict and place for the same rules,
paths and address families. Groups with failures come first, and the smallest of them first. The
newest run of a node counts. Files that are not runs are counted and named.

Exit codes: 0 all rules of all nodes as expected; 1 a rule of a node is conclusively not; 3 a rule
is undecided, a node is missing, or a file could not be read; 2 usage, such as a path that does
not exist, or no run at all. Changes since earlier runs do not count.";
