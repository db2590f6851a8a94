//! What users type. Only this module knows clap; everything after it works on plain values.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod diff;
mod examples;
mod format;
mod history;
mod hpc_test;
mod known;
mod merge;
mod options;
mod time;
mod watch;

pub(crate) use self::diff::DiffArguments;
pub(crate) use self::history::HistoryArguments;
pub(crate) use self::hpc_test::{HpcTestCommand, HpcTestDefinition};
use self::known::{PROFILES, SUBJECTS};
pub(crate) use self::merge::MergeArguments;
pub(crate) use self::options::{
    ClusterOptions, HeadNodeOptions, ProductOptions, ReportOptions, ServerOptions, WhatToProbe,
};
use self::options::{HOW, REPORTS};
use self::time::{idle_timeout, interval, silence};
pub(crate) use self::watch::WatchArguments;
use crate::keep::Keep;

/// Tests from both ends whether a firewall lets this host reach the cloud.
#[derive(Debug, Parser)]
#[command(name = "fwprobe", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    /// When to colour the output.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it work: a full run against an echo server that it starts itself, on this machine only.
    #[command(after_help = examples::DEMO)]
    Demo(DemoArguments),
    /// Probe every rule of a profile and report, port by port, whether it is reachable and what stops it.
    #[command(after_help = examples::RUN)]
    Run(RunArguments),
    /// Repeat a run, keep every document, and serve metrics and a status page.
    #[command(after_help = examples::WATCH)]
    Watch(WatchArguments),
    /// Keep verified sessions silent for several lengths of time, and see which survive.
    #[command(after_help = examples::IDLE)]
    Idle(IdleArguments),
    /// Show what `run` would probe, as data, without sending anything.
    #[command(after_help = examples::PLAN)]
    Plan(PlanArguments),
    /// Check the head node itself: service pack, ports mode, certificate, routes. Probes nothing.
    #[command(after_help = examples::CHECK)]
    Check(CheckArguments),
    /// Explain a verdict, finding or check by its id, or the verdicts of a saved run.
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArguments),
    /// Write a saved run in another format, or print the document's schema.
    #[command(after_help = examples::REPORT)]
    Report(ReportArguments),
    /// Say what changed between two saved runs.
    #[command(after_help = examples::DIFF)]
    Diff(DiffArguments),
    /// List the runs in a folder, with what changed from one to the next.
    #[command(after_help = examples::HISTORY)]
    History(HistoryArguments),
    /// Make one answer of the runs of many nodes, and name the odd and the missing ones.
    #[command(after_help = examples::MERGE)]
    Merge(MergeArguments),
    /// Have the echo server read its configuration and keys again. Needs an admin's key.
    ReloadServer(ReloadServerArguments),
    /// List, show or validate profiles.
    Profiles {
        #[command(subcommand)]
        command: ProfilesCommand,
    },
    /// Write what a saved run found as a file for --expect, or check such a file.
    Expect {
        #[command(subcommand)]
        command: ExpectCommand,
    },
    /// Show the settings in force and where each comes from, or print a sample configuration file.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Run fwprobe as a diagnostic test of HPC Cluster Manager.
    HpcTest {
        #[command(subcommand)]
        command: HpcTestCommand,
    },
    /// Print a shell's completion script.
    Completions { shell: clap_complete::Shell },
    /// Print the manual page of a command, or write those of all commands.
    Man(ManArguments),
}

impl Command {
    /// Returns the field for the configuration file's connection string; `None` if the command does not read that file.
    pub(crate) fn configured(&mut self) -> Option<&mut Option<(String, PathBuf)>> {
        match self {
            Self::Run(arguments) => Some(&mut arguments.measuring.server.configured),
            Self::Watch(arguments) => Some(&mut arguments.measuring.server.configured),
            Self::Idle(arguments) => Some(&mut arguments.server.configured),
            Self::Plan(arguments) => Some(&mut arguments.server.configured),
            Self::Check(arguments) => Some(&mut arguments.configured),
            Self::Demo(_)
            | Self::Explain(_)
            | Self::Report(_)
            | Self::Diff(_)
            | Self::History(_)
            | Self::Merge(_)
            | Self::ReloadServer(_)
            | Self::Profiles { .. }
            | Self::Config { .. }
            | Self::Expect { .. }
            | Self::HpcTest { .. }
            | Self::Completions { .. }
            | Self::Man(_) => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    #[command(flatten)]
    pub reports: ReportOptions,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub measuring: MeasuringArguments,
    #[command(flatten)]
    pub reports: ReportOptions,
    /// Delete the oldest files that --output DIR/ has written.
    ///
    /// 100 keeps the newest 100 files of each format, 30d keeps those of the last 30 days. Only files that fwprobe
    /// named itself on this host are deleted.
    #[arg(
        long,
        value_name = "NUMBER|DAYS",
        value_parser = Keep::parse,
        help_heading = REPORTS
    )]
    pub keep: Option<Keep>,
    /// Run again, 5 seconds after each run, until every rule is as expected or this much time has passed (90s or 10m;
    /// 10m if no time is given).
    ///
    /// Only the last run is reported.
    #[arg(
        long,
        value_name = "TIME",
        value_parser = interval,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10m",
        help_heading = HOW
    )]
    pub until_open: Option<Duration>,
}

/// What a run measures, and how.
#[derive(Debug, Args)]
pub(crate) struct MeasuringArguments {
    #[command(flatten)]
    pub what: WhatToProbe,
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub head_node: HeadNodeOptions,
    #[command(flatten)]
    pub cluster: ClusterOptions,
    /// Present this certificate in TLS, and see whether it arrives: .pfx, or .pem with its key.
    #[arg(long, value_name = "FILE", help_heading = HOW)]
    pub client_certificate: Option<PathBuf>,
    /// Number of connections to each port that works, from different source ports, to find faults that affect only some
    /// connections (1 to 1000).
    ///
    /// Default: 12, or fewer for more than 18 ports. 12 connections find a fault that affects one flow in four with a
    /// probability of 96.8 percent; 50 find a fault that affects one in sixteen with 96 percent.
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u16).range(1..=1000),
        help_heading = HOW
    )]
    pub flows: Option<u16>,
    /// Take no second looks: no sessions that differ, no search for the place of a fault, no search for faults of
    /// single flows.
    ///
    /// Most ports that fail have a verdict within two seconds, but no verdict is of high confidence.
    #[arg(long, conflicts_with = "flows", help_heading = HOW)]
    pub quick: bool,
    /// How long each step waits without progress, in seconds (1 to 60).
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = idle_timeout,
        default_value = "3.5",
        help_heading = HOW
    )]
    pub timeout: Duration,
}

impl MeasuringArguments {
    /// Returns the input files that these arguments name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let client = self.client_certificate.as_deref();
        let others = self.server.files().chain(self.head_node.files());
        self.what.files().chain(others).chain(client)
    }
}

#[derive(Debug, Args)]
pub(crate) struct IdleArguments {
    #[command(flatten)]
    pub what: WhatToProbe,
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub cluster: ClusterOptions,
    #[command(flatten)]
    pub reports: ReportOptions,
    /// How long to keep silent, as a list: 90s,4m,30m (35 minutes at most).
    #[arg(
        long,
        value_name = "TIMES",
        value_delimiter = ',',
        value_parser = silence,
        default_value = "1m,2m,4m,5m,10m",
        help_heading = HOW
    )]
    pub hold: Vec<u32>,
    /// Whether sessions use TCP keep-alive; `both` runs one session without it and one with it for each length of
    /// silence.
    #[arg(long, value_enum, default_value_t = KeepAlive::Both, help_heading = HOW)]
    pub keep_alive: KeepAlive,
    /// Interval of the TCP keep-alive, in seconds (1 to 600). HPC Pack's own is 25.
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=600),
        default_value_t = 25,
        help_heading = HOW
    )]
    pub keep_alive_interval: u32,
    /// How long each step waits without progress, in seconds (1 to 60).
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = idle_timeout,
        default_value = "4",
        help_heading = HOW
    )]
    pub timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    #[command(flatten)]
    pub what: WhatToProbe,
    #[command(flatten)]
    pub server: ServerOptions,
    #[command(flatten)]
    pub product: ProductOptions,
    /// The format in which to print the plan.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table, help_heading = REPORTS)]
    pub format: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub head_node: HeadNodeOptions,
    /// File with the connection string. The check then also looks up the server's name.
    #[arg(long, value_name = "FILE", help_heading = HOW)]
    pub connection_file: Option<PathBuf>,
    /// Configuration file. Default: fwprobe/config.toml in the user's configuration directory.
    #[arg(long, value_name = "FILE", help_heading = HOW)]
    pub config: Option<PathBuf>,
    /// The configuration file's connection string, and the path of that file.
    #[arg(skip)]
    pub configured: Option<(String, PathBuf)>,
    /// The format in which to print the results.
    #[arg(long, value_enum, default_value_t = PlanFormat::Table, help_heading = REPORTS)]
    pub format: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// A verdict's, finding's or check's id, or the file of a saved run.
    #[arg(
        value_name = "ID|run.json",
        required_unless_present_any = ["all", "checks"],
        value_parser = SUBJECTS,
        hide_possible_values = true
    )]
    pub subject: Option<String>,
    /// Every page of verdicts and findings, as one Markdown document.
    #[arg(long, conflicts_with = "subject")]
    pub all: bool,
    /// Every page of checks, as one Markdown document.
    #[arg(long, conflicts_with_all = ["subject", "all"])]
    pub checks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// A run saved as JSON.
    #[arg(required_unless_present = "schema", value_name = "run.json")]
    pub run: Option<PathBuf>,
    /// Print the JSON schema of the run document.
    #[arg(long)]
    pub schema: bool,
    #[command(flatten)]
    pub reports: ReportOptions,
}

#[derive(Debug, Args)]
pub(crate) struct ReloadServerArguments {
    /// File with an admin's connection string, as `fwprobe-echo identity add-key --admin` printed it.
    /// Otherwise it is taken from the variable FWPROBE_CONNECTION.
    #[arg(long, value_name = "FILE")]
    pub connection_file: Option<PathBuf>,
    /// Reload this host or address instead of those in the connection string. Repeatable.
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Ask on this port [default: the control port in the connection string].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// How long to wait for the other end at each step, in seconds (1 to 60).
    #[arg(long, value_name = "SECONDS", value_parser = idle_timeout, default_value = "4")]
    pub timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The command, such as run or profiles list. Without one, the page of fwprobe itself.
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Write the pages of all commands to this folder instead: fwprobe.1, fwprobe-run.1 and so on.
    #[arg(long, value_name = "DIR/", conflicts_with = "command")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// List the built-in profiles.
    List,
    /// Show one profile, as the file that defines it.
    Show {
        #[arg(value_parser = PROFILES, hide_possible_values = true)]
        profile: String,
    },
    /// Check profile files of your own, and report all their problems at once.
    Validate {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExpectCommand {
    /// Print what a saved run found, port by port, as a file for --expect. A rule that the run did not decide becomes a
    /// comment.
    Save {
        /// A run saved as JSON.
        #[arg(value_name = "run.json")]
        run: PathBuf,
    },
    /// Check a file for --expect, and report all its problems at once.
    Check {
        file: PathBuf,
        /// Check against the rules of this profile too.
        #[arg(value_parser = PROFILES, hide_possible_values = true)]
        profile: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show each setting of a command and where it comes from: command line, environment, configuration
    /// file or default.
    Show {
        /// The command and its flags, as they would be typed: run hpc-2008r2-sp3 --flows 50.
        #[arg(
            value_name = "COMMAND",
            trailing_var_arg = true,
            allow_hyphen_values = true,
            default_value = "run"
        )]
        line: Vec<OsString>,
    },
    /// Print a configuration file with every key and its meaning, as comments.
    Sample,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeepAlive {
    Off,
    On,
    #[default]
    Both,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    #[default]
    Table,
    Json,
}

const AFTER_HELP: &str = "\
Exit codes: 0 all rules as expected; 1 a rule is conclusively not; 3 undecided (the server could not
be reached, refused the key, or the evidence does not decide); 2 usage or configuration.

First steps: `fwprobe demo`, then `fwprobe-echo identity new` on the server, then
`fwprobe run hpc-2008r2-sp1 --connection-file FILE` here.";
