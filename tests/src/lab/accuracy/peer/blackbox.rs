//! Runs Prometheus' blackbox_exporter, and reads its metrics and its log of the probe, because the metrics name no
//! cause.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use super::super::statement::{Claim, Statement};
use super::{Errand, Output, answered};
use crate::scratch::open_directory;
use crate::{Place, Process};

/// An exporter that runs until it is dropped.
#[derive(Debug)]
pub(in super::super) struct Exporter {
    _process: Process,
    _files: TempDir,
}

impl Exporter {
    pub(in super::super) fn start(place: &Place, certificate: &Path) -> anyhow::Result<Self> {
        let files = open_directory()?;
        let file = files.path().join("blackbox.yml");
        std::fs::write(&file, configuration(certificate))?;
        let mut command = place.command("prometheus-blackbox-exporter");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--web.listen-address={LISTENS}"));
        let mut process = Process::start(command)?;
        process
            .wait_until(|| {
                let mut command = place.command("ss");
                command.args(["-Htnl", &format!("src {LISTENS}")]);
                Ok(!Process::start(command)?.finish()?.stdout.is_empty())
            })
            .context("blackbox_exporter")?;
        Ok(Self {
            _process: process,
            _files: files,
        })
    }
}

pub(super) fn read(outputs: &[Output], _: &Errand) -> Statement {
    let [output] = outputs else {
        return Claim::Unclear.anywhere();
    };
    let text = &output.stdout;
    let status = metric(text, "probe_http_status_code ").and_then(|n| n.parse().ok());
    let said = match (status, error(text)) {
        (Some(status @ 1..), _) => answered(status),
        (_, Some(error)) => failed(&error, connected(text)),
        (_, None) => Claim::Unclear,
    };
    said.anywhere()
}

fn failed(error: &str, connected: bool) -> Claim {
    let any = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if !connected && any(&["deadline exceeded", "i/o timeout"]) {
        Claim::NoAnswer
    } else if any(&["dial tcp"]) {
        Claim::of_system_error(error)
    } else if any(&["x509:"]) {
        Claim::OtherCertificate
    } else if any(&["deadline exceeded", "i/o timeout", "handshake timeout"]) {
        Claim::Stalls
    } else if any(&["reset by peer", "EOF", "broken pipe"]) {
        Claim::Ends
    } else if any(&["tls:", "malformed HTTP", "transport connection broken"]) {
        Claim::OtherAnswer
    } else {
        Claim::Unclear
    }
}

/// Returns the error in the log: the rest of the line after `err=`, with `\"` replaced by `'`.
fn error(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains(FAILED))?;
    let (_, error) = line.split_once(" err=")?;
    Some(error.replace("\\\"", "'"))
}

/// Returns whether a TLS handshake began, or a connection was ready for use.
fn connected(text: &str) -> bool {
    let timings = text.lines().find(|line| line.contains(TIMINGS));
    let happened = |name: &str| {
        let value = timings.and_then(|line| line.split_once(name));
        value.is_some_and(|(_, value)| !value.starts_with(NEVER))
    };
    happened(" tlsStart=") || happened(" gotConn=")
}

fn metric<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

fn configuration(certificate: &Path) -> String {
    let http = "prober: http, timeout: 8s, http: { valid_status_codes: [404], follow_redirects: \
                false, enable_http2: false";
    let certificate = certificate.display();
    format!(
        "modules:\n  http: {{ {http} }} }}\n  https: {{ {http}, fail_if_not_ssl: true, \
         tls_config: {{ ca_file: \"{certificate}\" }} }} }}\n"
    )
}

const LISTENS: &str = "127.0.0.1:9115";
const FAILED: &str = "msg=\"Error for HTTP request\"";
const TIMINGS: &str = "msg=\"Response timings for roundtrip\"";

/// The beginning of a time that is not set, as Go prints it.
const NEVER: &str = "0001-01-01";
