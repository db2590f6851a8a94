//! `fwprobe run`.

use anyhow::{Context as _, bail};
use probe_core::check::checks_of_run;
use probe_core::document::RunDocument;
use tokio_util::sync::CancellationToken;

use crate::arguments::{Colour, ReportFormat, ReportOptions, RunArguments};
use crate::config::{self, Config};
use crate::key_store::{ClientIdentity, PasswordSource, client_identity};
use crate::progress::Progress;
use crate::report::{self, Outputs};
use crate::{campaign, head_node, terminal};

pub(super) fn execute(arguments: &RunArguments, colour: Colour) -> anyhow::Result<u8> {
    let environment: config::Environment<'_> = &|name| std::env::var(name).ok();
    let mut head_node = head_node::gather(&arguments.head_node, environment)?;
    let config = config::resolve(
        &arguments.what,
        &arguments.server,
        &head_node,
        arguments.timeout,
        environment,
    )?;
    let config = Config {
        client: client(arguments, environment)?,
        ..config
    };
    let outputs = Outputs::open(&arguments.reports.outputs)?;
    let mut document = runtime()?.block_on(measure(&config));
    head_node::learn(&mut head_node, &document);
    document.checks = checks_of_run(&head_node, jiff::Timestamp::now());
    deliver(&document, &arguments.reports, outputs, colour)?;
    refuse_wrong_pin(&document)?;
    Ok(document.summary.exit_code)
}

/// # Errors
/// The genuine server presents a key that the connection string does not name.
pub(super) fn refuse_wrong_pin(document: &RunDocument) -> anyhow::Result<()> {
    if let Some(key) = document.unpinned_server_key() {
        bail!(
            "the pin in the connection string is not this server's: a server that holds the key answered, and its own \
             certificate is sha256:{key}. Ask its operator for the current connection string"
        );
    }
    Ok(())
}

/// What `--client-certificate` names.
fn client(
    arguments: &RunArguments,
    environment: config::Environment<'_>,
) -> anyhow::Result<Option<ClientIdentity>> {
    let Some(path) = &arguments.client_certificate else {
        return Ok(None);
    };
    let file = arguments.head_node.certificate_password_file.as_deref();
    let passwords = PasswordSource::new(file, environment);
    let identity = client_identity(path, &passwords)
        .with_context(|| format!("--client-certificate {}", path.display()))?;
    Ok(Some(identity))
}

/// The runtime of a command that uses the network.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime cannot start")
}

/// Runs `config`; Ctrl-C ends it early, with what was measured so far.
pub(super) async fn measure(config: &Config) -> RunDocument {
    let cancelled = CancellationToken::new();
    let progress = Progress::new(config.plan.len(), terminal::shows_progress());
    let running = campaign::run(config, &progress, cancelled.clone());
    tokio::pin!(running);
    loop {
        tokio::select! {
            document = &mut running => return document,
            // A second one falls to the system's default once this future is gone.
            signal = tokio::signal::ctrl_c(), if !cancelled.is_cancelled() => {
                if signal.is_ok() {
                    terminal::tell("interrupted: writing what was measured");
                }
                cancelled.cancel();
            }
        }
    }
}

/// The report on standard output, and the files.
pub(super) fn deliver(
    document: &RunDocument,
    options: &ReportOptions,
    outputs: Outputs,
    colour: Colour,
) -> anyhow::Result<()> {
    let mut text = Vec::new();
    let format = options.format.unwrap_or(ReportFormat::Table);
    report::write(format, document, terminal::look(colour), &mut text)?;
    terminal::print(&String::from_utf8_lossy(&text)).context("standard output")?;
    for path in outputs.write(document)? {
        terminal::tell(&format!("written: {}", path.display()));
    }
    Ok(())
}
