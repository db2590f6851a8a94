//! `fwprobe check`: checks the head node's own prerequisites, without probing anything.

use std::time::Duration;

use anyhow::Context as _;
use head_node::check::CheckDocument;
use head_node::{HeadNode, NameLookup};

use super::run::on_network;
use crate::arguments::{CheckArguments, Colour, PlanFormat};
use crate::clock::RunClock;
use crate::environment::Environment;
use crate::resolve::{Family, resolve};
use crate::{connection, terminal};

pub(super) fn execute(arguments: &CheckArguments, colour: Colour) -> anyhow::Result<u8> {
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let mut node = crate::head_node::gather(&arguments.head_node, environment)?;
    let variable = environment(connection::VARIABLE);
    let configured = arguments.configured.clone();
    if arguments.connection_file.is_some() || variable.is_some() || configured.is_some() {
        let file = arguments.connection_file.as_deref();
        let hosts = connection::find(file, variable, configured)?.hosts;
        on_network(look_up(&mut node, &hosts))?;
    }
    let document = CheckDocument::new(&node, jiff::Timestamp::now(), env!("CARGO_PKG_VERSION"));
    let text = match arguments.format {
        PlanFormat::Json => format!("{}\n", serde_json::to_string_pretty(&document)?),
        PlanFormat::Table => probe_report::check_table(&document, terminal::look(colour))?,
    };
    terminal::print(&text).context("standard output")?;
    Ok(document.summary.exit_code)
}

async fn look_up(node: &mut HeadNode, hosts: &[String]) {
    let clock = RunClock::start();
    for host in hosts {
        let (addresses, observation) = resolve(host, Family::Both, IDLE_TIMEOUT, clock).await;
        let failure = observation.failure.and_then(|failure| failure.text);
        let nothing = || "the resolver gave none".to_owned();
        node.names.push(NameLookup {
            name: host.clone(),
            result: if addresses.is_empty() {
                Err(failure.unwrap_or_else(nothing))
            } else {
                Ok(addresses)
            },
        });
    }
}

/// Time limit of a name lookup, the same as the default of a run.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
