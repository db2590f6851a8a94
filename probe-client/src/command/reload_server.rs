//! `fwprobe reload-server`: makes an echo server read its configuration and keys again, over its control service.

use anyhow::Context as _;
use probe_core::excerpt::printable;
use probe_core::observation::Failure;
use proto::connection_string::ConnectionString;
use tokio_util::sync::CancellationToken;

use super::run::on_network;
use crate::arguments::ReloadServerArguments;
use crate::connect::ConnectOptions;
use crate::context::RunContext;
use crate::control::{Allowance, ControlChannel, ControlIdentity};
use crate::destination::{Destination, Way};
use crate::resolve::{Family, resolve};
use crate::{connection, terminal};

pub(super) fn execute(arguments: &ReloadServerArguments) -> anyhow::Result<u8> {
    let file = arguments.connection_file.as_deref();
    let connection = connection::find(file, std::env::var(connection::VARIABLE).ok(), None)?;
    let reloading = Reloading {
        port: arguments.port.unwrap_or(connection.control_port),
        context: RunContext::ordinary(
            ConnectOptions::ordinary(None, arguments.timeout),
            connection.pins.clone(),
            None,
            CancellationToken::new(),
        ),
        connection,
    };
    let hosts = if arguments.hosts.is_empty() {
        reloading.connection.hosts.clone()
    } else {
        arguments.hosts.clone()
    };
    let all_done = on_network(async {
        let mut all_done = true;
        for host in &hosts {
            all_done &= reloading.host(host).await?;
        }
        anyhow::Ok(all_done)
    })??;
    Ok(if all_done { 0 } else { NOT_RELOADED })
}

struct Reloading {
    connection: ConnectionString,
    port: u16,
    context: RunContext,
}

impl Reloading {
    /// Reloads the server at each address of `host`, and reports the result. Returns whether all of them have reloaded.
    async fn host(&self, host: &str) -> anyhow::Result<bool> {
        let context = &self.context;
        let idle_timeout = context.options.idle_timeout;
        let (addresses, looked_up) = resolve(host, Family::Both, idle_timeout, context.clock).await;
        if let Some(failure) = &looked_up.failure {
            terminal::tell(&format!("error: {host}: {}", told(failure)));
        }
        let mut all_done = !addresses.is_empty();
        for address in addresses {
            let destination = Destination {
                host: host.to_owned(),
                address: Some(address),
                resolved: None,
                way: Way::Direct,
                control: Allowance::default(),
            };
            let shown = destination.shown(self.port);
            match self.one(&destination).await {
                Ok(said) => terminal::print(&format!("{shown}: {}\n", printable(&said)))
                    .context("standard output")?,
                Err(failure) => {
                    terminal::tell(&format!("error: {shown}: {}", told(&failure)));
                    all_done = false;
                }
            }
        }
        Ok(all_done)
    }

    async fn one(&self, destination: &Destination) -> Result<String, Failure> {
        let identity = ControlIdentity::of(&self.connection, &destination.host);
        let opening = ControlChannel::open(destination, self.port, &identity, &self.context);
        let mut channel = opening.await?;
        let instance = channel.describe().await?.instance;
        let waiting = channel.reload().await?;
        let mut said = format!("{instance} has read its configuration and keys again");
        if !waiting.is_empty() {
            said.push_str("; these settings changed too, and need a restart: ");
            said.push_str(&waiting.join(", "));
        }
        Ok(said)
    }
}

/// Returns the reason why a server was not reloaded, with the text that the other end sent.
fn told(failure: &Failure) -> String {
    let what = failure.kind.describe();
    match &failure.text {
        Some(text) => format!("not reloaded, {what}: {text}"),
        None => format!("not reloaded: {what}"),
    }
}

/// Exit code if a server was not reached, or did not reload.
const NOT_RELOADED: u8 = 3;
