//! The arguments of the command line, as clap parses them. The rest of the program works on plain values.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use proto::connection_string::DEFAULT_CONTROL_PORT;
use proto::key::KeyId;

use crate::config::InstanceName;
use crate::identity::Label;
use crate::logging::{LogFormat, LogLevel};
use crate::sandbox::SandboxMode;

/// The server in the cloud: proves its identity to clients that hold a key, and reports what arrived. To all others it
/// is silent.
#[derive(Debug, Parser)]
#[command(name = "fwprobe-echo", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make or change the server's certificate and its client keys.
    Identity {
        #[command(subcommand)]
        command: IdentityCommand,
    },
    /// Listen and answer, until SIGTERM or SIGINT.
    Serve(ServeArguments),
    /// Report everything that is wrong with the configuration, or print the settings that result from it.
    CheckConfig(ServeArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Make a certificate and client keys, and print a connection string for each key.
    New(NewIdentity),
    /// Show the pin, the hosts and the keys, without secrets.
    Show(InDirectory),
    /// Make one more client key, and print its connection string.
    AddKey(AddKey),
    /// Revoke a client key, so that it opens no more sessions.
    RevokeKey(RevokeKey),
    /// Replace the server's key and certificate without an interruption for clients.
    RollOver {
        #[command(subcommand)]
        step: RollOverStep,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RollOverStep {
    /// Make the next key and certificate, and print the pin that clients have to know before the
    /// second step.
    Begin(InDirectory),
    /// Put the next key and certificate into use.
    Finish(InDirectory),
}

#[derive(Args, Debug)]
pub(crate) struct InDirectory {
    /// The identity's directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct NewIdentity {
    #[command(flatten)]
    pub(crate) directory: InDirectory,
    /// Name or address at which clients find this server. Repeatable.
    #[arg(long = "host", value_name = "HOST", required = true)]
    pub(crate) hosts: Vec<String>,
    /// Make a client key with this label. Repeatable; without it, one key is made.
    #[arg(long = "key", value_name = "LABEL")]
    pub(crate) labels: Vec<Label>,
    /// Make this many client keys, numbered.
    #[arg(long = "keys", value_name = "N", conflicts_with = "labels", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: Option<u16>,
    /// Write the connection string to this new file, which only you can read, instead of printing it. For one key.
    #[arg(long, value_name = "FILE", conflicts_with = "count")]
    pub(crate) output: Option<PathBuf>,
    /// Control port of the server, outside every profile; clients also compare it with the ports under test.
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_CONTROL_PORT, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) control_port: u16,
}

#[derive(Args, Debug)]
pub(crate) struct AddKey {
    #[command(flatten)]
    pub(crate) directory: InDirectory,
    /// Label of the key: whose it is.
    #[arg(long = "key", value_name = "LABEL")]
    pub(crate) label: Label,
    /// Let this key also reload the server, over the control service.
    #[arg(long)]
    pub(crate) admin: bool,
    /// Write the connection string to this new file, which only its owner can read, instead of printing it.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct RevokeKey {
    #[command(flatten)]
    pub(crate) directory: InDirectory,
    /// The key's id, as `identity show` lists it.
    #[arg(value_name = "KEYID")]
    pub(crate) id: KeyId,
}

/// The arguments of `serve`. Each takes precedence over the same key of the configuration file.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeArguments {
    /// Configuration file (TOML). Without it, the defaults and the other arguments apply.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The identity's directory [default: /etc/fwprobe-echo].
    #[arg(long, value_name = "DIR")]
    pub(crate) identity: Option<PathBuf>,
    /// Port to listen on [default: 80, 443, 3389, 5901, 5902, 7998, 7999]. Repeatable.
    #[arg(long = "port", value_name = "PORT")]
    pub(crate) ports: Vec<u16>,
    /// Listen only on these addresses [default: all of both families]. Repeatable.
    #[arg(long = "address", value_name = "IP")]
    pub(crate) addresses: Vec<IpAddr>,
    /// Listen on this port of this address as well, or instead if no --port is given. Repeatable.
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Control port, an additional port to listen on [default: the port in the connection strings].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) control_port: Option<u16>,
    /// Name of this server in testimonies [default: the host's name].
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<InstanceName>,
    /// Let further processes listen on the same ports.
    #[arg(long)]
    pub(crate) reuse_port: bool,
    /// The server does not see the clients' own addresses: release a sighting only by its first bytes.
    #[arg(long)]
    pub(crate) behind_source_nat: bool,
    /// How long running sessions may go on after SIGTERM or SIGINT [default: 10].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub(crate) grace: Option<u16>,
    /// Give up all rights that serving does not need: as far as the kernel can, completely, or not at all [default:
    /// best-effort].
    #[arg(long, value_enum, value_name = "MODE")]
    pub(crate) sandbox: Option<SandboxMode>,
    /// How to log, on standard error [default: text].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// How much to log; debug reports each session [default: info].
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) log_level: Option<LogLevel>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done; 2 not done, and standard error says why and what would be right.

First steps: `fwprobe-echo identity new --dir /etc/fwprobe-echo --host NAME`, then
`fwprobe-echo serve`, then on the head node `fwprobe run` with the connection string that the
first command printed.";
