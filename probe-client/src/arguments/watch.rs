//! The arguments of `watch`.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command, Error};
use probe_report::Format;

use super::MeasuringArguments;
use super::options::{HOW, REPORTS};
use super::time::interval;
use crate::keep::Keep;
use crate::report_format::FormatChoice;
use crate::signed_url;

#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    #[command(flatten)]
    pub measuring: MeasuringArguments,
    /// Time from the beginning of one run to the beginning of the next, at most 7 days: 30s, 5m, 1h.
    ///
    /// Runs never overlap: after each run, watch rests for at least a quarter of this time.
    #[arg(long, value_name = "TIME", value_parser = interval, default_value = "5m", help_heading = HOW)]
    pub interval: Duration,
    /// Delay each run but the first by a random part of this time, so that many hosts do not begin together
    /// [default: a tenth of the interval].
    #[arg(long, value_name = "TIME", value_parser = interval, help_heading = HOW)]
    pub jitter: Option<Duration>,
    /// Serve metrics and a status page here, without a password; `none`: nowhere.
    #[arg(
        long,
        value_name = "ADDRESS:PORT|none",
        value_parser = listen,
        default_value = "127.0.0.1:9844",
        help_heading = REPORTS
    )]
    pub listen: Listen,
    /// Keep the document of every run in this folder, named by time and node.
    #[arg(long = "output", value_name = "FOLDER", value_parser = FolderParser, help_heading = REPORTS)]
    pub outputs: Vec<PathBuf>,
    /// Delete the oldest of these documents.
    ///
    /// 100 keeps the newest 100, 30d keeps those of the last 30 days. Only files that fwprobe named itself on this host
    /// are deleted.
    #[arg(long, value_name = "NUMBER|DAYS", value_parser = Keep::parse, help_heading = REPORTS)]
    pub keep: Option<Keep>,
    /// Run this command in a shell at each change that two runs in a row confirm, with the run document on its standard
    /// input; it is ended after 60 seconds.
    #[arg(long, value_name = "COMMAND", help_heading = REPORTS)]
    pub on_change: Option<String>,
    /// Write the metrics of each run to this file too, for node_exporter or windows_exporter: ….prom.
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    pub textfile: Option<PathBuf>,
    /// Push the metrics of each run, and a log record for each change, to this OTLP receiver over HTTP:
    /// http://127.0.0.1:4318.
    ///
    /// Not every build can do that.
    // A build without it still reads the flag, to say what is missing.
    #[arg(long, value_name = "URL", hide = cfg!(not(feature = "otlp")), help_heading = REPORTS)]
    pub otlp: Option<String>,
    /// End after this number of runs, with the exit code of the last one.
    #[arg(
        long,
        value_name = "NUMBER",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = HOW
    )]
    pub count: Option<u32>,
}

/// Where to serve metrics; `None` if nowhere.
pub(crate) type Listen = Option<SocketAddr>;

fn listen(text: &str) -> Result<Listen, String> {
    if text == "none" {
        return Ok(None);
    }
    let right = "expected ADDRESS:PORT, such as 127.0.0.1:9844 or [::1]:9844, or none";
    text.parse().map(Some).map_err(|_| right.to_owned())
}

/// Parses the name of a folder. The error for a URL does not show it, since it contains a secret.
#[derive(Clone, Copy, Debug)]
struct FolderParser;

impl TypedValueParser for FolderParser {
    type Value = PathBuf;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<PathBuf, Error> {
        let text = value.to_string_lossy();
        let shown = signed_url::without_secrets(&text);
        let why = if signed_url::is_meant(&text) {
            Some("a watch sends nothing to a URL; name a folder".to_owned())
        } else if *shown != *text {
            // The error of clap would show the whole value.
            folder(&text).err()
        } else {
            None
        };
        if let Some(why) = why {
            let why = format!("--output {shown}: {why}\n");
            return Err(Error::raw(ErrorKind::ValueValidation, why).with_cmd(command));
        }
        TypedValueParser::parse_ref(&folder, command, argument, value)
    }
}

/// Reads the name of a folder. A value that would name a report for `run` is refused.
fn folder(text: &str) -> Result<PathBuf, String> {
    let path = Path::new(text);
    let ending = path.extension().and_then(|ending| ending.to_str());
    let names_a_format = ending.and_then(Format::of_extension).is_some()
        || text
            .split_once('=')
            .is_some_and(|(name, _)| FormatChoice::named(name).is_some());
    if names_a_format && !path.is_dir() {
        return Err("a watch keeps one document per run, so name a folder".to_owned());
    }
    Ok(path.to_owned())
}
