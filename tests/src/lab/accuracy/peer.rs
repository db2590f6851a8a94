//! The programs that fwprobe is compared with: the commands to run, and the readers of their output.

mod blackbox;
mod curl;
mod ncat;
mod nmap;
mod nping;
mod tcptraceroute;

use std::net::IpAddr;
use std::path::Path;

use anyhow::Context as _;
use probe_core::session_kind::SessionKind;
use serde::{Deserialize, Serialize};

use super::statement::{Claim, Statement};
use crate::{Finished, Place, Process};

pub(super) use blackbox::Exporter;

/// A program to compare with, and how it is run.
#[derive(Debug)]
pub struct Peer {
    pub name: &'static str,
    /// The command that prints the version.
    pub version: &'static str,
    /// The commands, which are run one after another; words in braces are placeholders.
    pub commands: &'static [&'static str],
    pub ipv6: bool,
    reads: fn(&[Output], &Errand) -> Statement,
}

/// The port that a program is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    pub address: IpAddr,
    pub port: u16,
    pub kind: SessionKind,
}

/// Everything that a program printed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Output {
    /// The exit code; `None` if a signal ended the program.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The compared programs.
///
/// Each program gets the best conditions: root if it can use it, the server's own certificate, the status with which
/// the server answers, and a working port to compare with.
pub const PEERS: [Peer; 7] = [
    Peer {
        name: "nmap -sT",
        version: "nmap --version",
        commands: &["nmap {6} -Pn -n -sT --reason -p {port} -oX - {address}"],
        ipv6: true,
        reads: nmap::read,
    },
    Peer {
        name: "nmap -sS",
        version: "nmap --version",
        commands: &["nmap {6} -Pn -n -sS --reason -p {port},8443 -oX - {address}"],
        ipv6: true,
        reads: nmap::read,
    },
    Peer {
        name: "nping",
        version: "nping --version",
        commands: &["nping {6} --tcp-connect -c 3 --rate 2 -p {port} {address}"],
        ipv6: true,
        reads: nping::read,
    },
    Peer {
        name: "ncat",
        version: "ncat --version",
        commands: &["ncat {6} -z -v -w 6 {address} {port}"],
        ipv6: true,
        reads: ncat::read,
    },
    Peer {
        name: "curl",
        version: "curl --version",
        commands: &[
            "curl -g -sS -v --http1.1 --max-time 8 --cacert {certificate} -o /dev/null -w %{json} \
             {scheme}://{host}:{port}/",
        ],
        ipv6: true,
        reads: curl::read,
    },
    Peer {
        name: "blackbox_exporter",
        version: "prometheus-blackbox-exporter --version",
        commands: &["curl -g -sS --max-time 12 \
                     http://127.0.0.1:9115/probe?target={scheme}://{host}:{port}/&module={scheme}&debug=true"],
        ipv6: true,
        reads: blackbox::read,
    },
    Peer {
        name: "tcptraceroute",
        version: "tcptraceroute --version",
        commands: &[
            "tcptraceroute -n -q 2 -w 1 -m 5 {address} {port}",
            "tcptraceroute -n -q 2 -w 1 -m 5 {address} 8443",
        ],
        ipv6: false,
        reads: tcptraceroute::read,
    },
];

impl Peer {
    /// Runs the program in `place`, as that place's user, and returns what it printed.
    pub(super) fn run(
        &self,
        place: &Place,
        errand: &Errand,
        certificate: &Path,
    ) -> anyhow::Result<Vec<Output>> {
        let mut outputs = Vec::new();
        for template in self.commands {
            let mut command = place.command("timeout");
            command.args(["--kill-after", "1", LONGEST]);
            command.args(errand.fill(template, certificate));
            let finished = Process::start(command)?.finish();
            outputs.push(finished.context(self.name)?.into());
        }
        Ok(outputs)
    }

    /// Returns what the program says about the port.
    pub fn statement(&self, outputs: &[Output], errand: &Errand) -> Statement {
        let mut statement = (self.reads)(outputs, errand);
        if statement.said == Claim::Served && !errand.is_spoken() {
            statement.said = Claim::ServedOtherwise;
        }
        statement
    }
}

impl Errand {
    /// Returns the words of a command, with its placeholders filled in.
    fn fill(&self, template: &str, certificate: &Path) -> Vec<String> {
        let host = match self.address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        let values = [
            ("{6}", if self.address.is_ipv6() { "-6" } else { "" }),
            ("{address}", &self.address.to_string()),
            ("{host}", &host),
            ("{port}", &self.port.to_string()),
            ("{scheme}", self.scheme()),
            ("{certificate}", &certificate.display().to_string()),
        ];
        let filled = |word: &str| {
            let all = values.iter();
            all.fold(word.to_owned(), |word, (name, value)| {
                word.replace(name, value)
            })
        };
        let words = template.split(' ').map(filled);
        words.filter(|word| !word.is_empty()).collect()
    }

    /// Returns the scheme for programs that speak HTTP: `http` on ports for HTTP in clear text, otherwise `https`. The
    /// server answers both on any port.
    fn scheme(&self) -> &'static str {
        match self.kind {
            SessionKind::Http => "http",
            SessionKind::Tcp
            | SessionKind::Tls
            | SessionKind::Https
            | SessionKind::Rdp
            | SessionKind::Nettcp => "https",
        }
    }

    /// Returns whether a request with [`scheme`](Self::scheme) fits the port's own session kind.
    fn is_spoken(&self) -> bool {
        match self.kind {
            SessionKind::Http | SessionKind::Https | SessionKind::Tls => true,
            SessionKind::Tcp | SessionKind::Rdp | SessionKind::Nettcp => false,
        }
    }
}

impl From<Finished> for Output {
    fn from(finished: Finished) -> Self {
        Self {
            code: finished.status.code(),
            stdout: finished.stdout,
            stderr: finished.stderr,
        }
    }
}

/// Returns the statement for an answer with this status. The server answers every unknown request with the same status.
fn answered(status: u64) -> Claim {
    if status == SERVERS_STATUS {
        Claim::Served
    } else {
        Claim::OtherAnswer
    }
}

const SERVERS_STATUS: u64 = 404;

/// The time limit of one command in seconds; the programs' own timeouts are shorter.
const LONGEST: &str = "15";

#[cfg(test)]
mod tests;
