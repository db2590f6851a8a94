//! `fwprobe idle`: runs verified sessions that stay silent for several lengths of time, and then uses them again.

use std::path::Path;

use head_node::HeadNode;
use probe_core::plan::{Silence, Span};

use super::delivery::Delivery;
use super::run::{measure, on_network, upload, wait_to_start};
use crate::arguments::{Colour, IdleArguments, KeepAlive};
use crate::config::{self, Config};
use crate::terminal;
use crate::upload::Uploads;

pub(super) fn execute(arguments: &IdleArguments, colour: Colour) -> anyhow::Result<u8> {
    let config = config::resolve(
        &arguments.what,
        &arguments.server,
        &arguments.cluster,
        // The profile must be named, since this command reads nothing about the head node.
        &HeadNode::default(),
        arguments.timeout,
        &|name| std::env::var(name).ok(),
    )?
    .with_something_to_probe()?;
    let ladder = ladder(arguments);
    let config = Config {
        plan: config.plan.with_silences(&ladder),
        ..config
    };
    let files: Vec<&Path> = arguments
        .what
        .files()
        .chain(arguments.server.files())
        .collect();
    let (reports, uploads) = Uploads::split(&arguments.reports)?;
    let delivery = Delivery::open(&reports, &files)?;
    if let Some(longest) = ladder.iter().map(|s| s.seconds).max() {
        terminal::tell(&format!(
            "{} sessions on each address are opened at once and kept silent; the last is used \
             again after {}",
            config.plan.probes.len(),
            Span(longest)
        ));
    }
    let document = on_network(async {
        wait_to_start(&config, reports.quiet).await?;
        measure(&config, delivery.screen(colour)).await
    })??;
    let delivered = delivery.deliver(&document, colour);
    let saved = delivered.as_deref().unwrap_or_default().first();
    upload(&uploads.saved_in(saved), &config, &document, reports.quiet);
    delivered?;
    Ok(document.summary.exit_code)
}

/// Returns every length of silence, with and without keep-alive as asked, the shortest first.
fn ladder(arguments: &IdleArguments) -> Vec<Silence> {
    let mut seconds = arguments.hold.clone();
    seconds.sort_unstable();
    seconds.dedup();
    let every = arguments.keep_alive_interval;
    let settings: &[Option<u32>] = match arguments.keep_alive {
        KeepAlive::Off => &[None],
        KeepAlive::On => &[Some(every)],
        KeepAlive::Both => &[None, Some(every)],
    };
    settings
        .iter()
        .flat_map(|keep_alive_seconds| {
            seconds.iter().map(|seconds| Silence {
                keep_alive_seconds: *keep_alive_seconds,
                seconds: *seconds,
            })
        })
        .collect()
}
