//! Groups of options that several commands share. `-h` shows the first paragraph of a flag's comment, `--help`
//! all of it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use head_node::NodeType;
use probe_core::labels::Label;

use super::format::FormatParser;
use super::known::PROFILES;
use super::time::interval;
use crate::report_format::FormatChoice;

/// The product that is installed on the head node. It chooses the profile if the user names none.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEAD_NODE)]
pub(crate) struct ProductOptions {
    /// Registry export of the head node (`reg export HKLM\SOFTWARE\Microsoft\HPC FILE`). Repeatable.
    #[arg(long = "registry-export", value_name = "FILE")]
    pub registry_exports: Vec<PathBuf>,
    /// Use this value if it cannot be read: sp=3, version=4.5, role=HN, use-sp2-azure-ports=1, file-staging-calls=64,
    /// nettcp-over-443=true, topology=TEXT or thumbprint=HEX. Repeatable.
    #[arg(long = "assume", value_name = "KEY=VALUE")]
    pub assumptions: Vec<String>,
}

/// The options of the head node's checks.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = HEAD_NODE)]
pub(crate) struct HeadNodeOptions {
    #[command(flatten)]
    pub product: ProductOptions,
    /// The management certificate: .pfx, .p12, .cer, .crt, .pem or .p7b. Repeatable.
    #[arg(long = "certificate", value_name = "FILE")]
    pub certificates: Vec<PathBuf>,
    /// File whose first line is the password of certificate files. Otherwise it is taken from the
    /// variable FWPROBE_CERTIFICATE_PASSWORD, or asked for on a terminal.
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub certificate_password_file: Option<PathBuf>,
    /// The type of Azure nodes that are planned: worker or vm.
    #[arg(long, value_name = "TYPE")]
    pub node_type: Option<NodeType>,
    /// How many Azure nodes are planned.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub nodes: Option<u32>,
    /// The number of cores of all planned Azure nodes together.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cores: Option<u32>,
}

/// The rules to probe, and the paths over which to probe them.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "What to probe")]
pub(crate) struct WhatToProbe {
    /// A profile's id (see `fwprobe profiles list`), or a profile file of your own (….toml).
    ///
    /// Without one, the head node's version chooses it, if --registry-export or --assume gives that version.
    #[arg(
        value_parser = PROFILES,
        hide_possible_values = true,
        help_heading = None::<&'static str>
    )]
    pub profile: Option<String>,
    /// Probe this port, instead of a profile or in addition to one: 443, 443/https or 5901/nettcp.
    #[arg(long = "port", value_name = "PORT[/KIND]")]
    pub ports: Vec<String>,
    /// The path to the server: `direct` (the default), or a proxy, such as http://HOST:PORT. Repeatable: every rule is
    /// probed over every path.
    ///
    /// A proxy is http://HOST:PORT (CONNECT), https:// (CONNECT over TLS to the proxy), socks5:// (names resolved here)
    /// or socks5h:// (names resolved at the proxy). `env` and `system` are the proxies that the environment or the
    /// system names (on Windows: Internet settings, proxy scripts, WinHTTP).
    #[arg(long = "via", value_name = "PATH")]
    pub via: Vec<String>,
    /// Dial a port other than the rule's: 80=20080. Repeatable.
    #[arg(long = "map", value_name = "PORT=DIALLED")]
    pub maps: Vec<String>,
    /// A file that says what to expect of rules, where it differs from the profile.
    ///
    /// It has lines of `[rules]` such as rdp = "blocked" or https = { direct = "blocked", proxy = "open" }.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Probe IPv4 addresses only.
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    pub ipv4: bool,
    /// Probe IPv6 addresses only.
    #[arg(short = '6', long)]
    pub ipv6: bool,
}

/// The echo server, and how to reach it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server and proxies")]
pub(crate) struct ServerOptions {
    /// File with the connection string that the server printed.
    ///
    /// Otherwise it is taken from the variable FWPROBE_CONNECTION, or from the configuration file.
    #[arg(long, value_name = "FILE")]
    pub connection_file: Option<PathBuf>,
    /// Configuration file. Default: fwprobe/config.toml in the user's configuration directory.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The configuration file's connection string, and the path of that file.
    #[arg(skip)]
    pub configured: Option<(String, PathBuf)>,
    /// Probe this host or address instead of those in the connection string. Repeatable.
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// File with one line, user:password, for proxies that require authentication.
    ///
    /// The user may be DOMAIN\user or user@REALM. Without the file, both are taken from the variable
    /// FWPROBE_PROXY_CREDENTIALS.
    #[arg(long, value_name = "FILE")]
    pub proxy_credentials_file: Option<PathBuf>,
    /// Ask for the proxy's user name and password on the terminal.
    #[arg(long, conflicts_with = "proxy_credentials_file")]
    pub ask_proxy_credentials: bool,
    /// Send the password of a domain account (DOMAIN\user, user@REALM) even to a proxy that takes it in clear only, by
    /// Basic or SOCKS: everybody on the way to the proxy can read it.
    #[arg(long, hide_short_help = true)]
    pub proxy_password_in_clear: bool,
    /// File with certificates (PEM) to trust in addition to the system's, for https:// proxies: certificates of
    /// authorities, or the proxy's own certificate.
    #[arg(long, value_name = "FILE")]
    pub proxy_ca: Option<PathBuf>,
    /// Connect from this local address.
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
}

/// The place of this run among those of a cluster's nodes.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterOptions {
    /// Add this label to the run document and its reports: rack=12.
    ///
    /// The label `node` names the node instead of the host's own name. Slurm, HPC Pack and Kubernetes give labels of
    /// their own: node, job, task and pod. Repeatable.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub labels: Vec<Label>,
    /// Wait before the first packet, for a part of this time that follows from the node's name and labels, so that the
    /// nodes of a cluster do not begin together: 30s, 10m.
    #[arg(long, value_name = "TIME", value_parser = interval, hide_short_help = true)]
    pub start_jitter: Option<Duration>,
}

/// Where reports go, and in which form.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = REPORTS)]
pub(crate) struct ReportOptions {
    /// What to print on standard output [default: table].
    #[arg(long, value_parser = FormatParser)]
    pub format: Option<FormatChoice>,
    /// Write a report to a file as well, in the format that its ending names, or as FORMAT=FILE.
    ///
    /// Or write it to a folder, DIR/ (as JSON) or FORMAT=DIR/, in a new file that is named by time and node. `run` and
    /// `idle` can then also send it to a signed URL, [FORMAT=]https://…, by PUT. Repeatable.
    #[arg(long = "output", value_name = "[FORMAT=]FILE|DIR/")]
    pub outputs: Vec<String>,
    /// Open the HTML report that --output writes, if there is a desktop.
    #[arg(long)]
    pub open: bool,
    /// Show no progress, and do not say which files were written: standard error shows only errors.
    #[arg(long, short)]
    pub quiet: bool,
    /// Print all evidence of every failure, even if the table is then longer than a screen.
    ///
    /// Files that --output writes always have all of it.
    #[arg(long, short)]
    pub verbose: bool,
}

impl HeadNodeOptions {
    /// Returns the input files that these options name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let lists = [&self.product.registry_exports, &self.certificates];
        let named = lists.into_iter().flatten();
        named
            .chain(&self.certificate_password_file)
            .map(PathBuf::as_path)
    }
}

impl WhatToProbe {
    /// Returns the input files that these options name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let profile = self.profile.as_deref().map(Path::new);
        profile.into_iter().chain(self.expect.as_deref())
    }
}

impl ServerOptions {
    /// Returns the input files that these options name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let configured = self.configured.as_ref().map(|(_, file)| file);
        let named = [
            self.connection_file.as_ref(),
            self.config.as_ref(),
            configured,
            self.proxy_credentials_file.as_ref(),
            self.proxy_ca.as_ref(),
        ];
        named.into_iter().flatten().map(PathBuf::as_path)
    }
}

/// The headings of groups of options in the help of commands.
const HEAD_NODE: &str = "Head node";
pub(super) const REPORTS: &str = "Reports";
/// The heading of the options that change how a command runs.
pub(super) const HOW: &str = "How it runs";
