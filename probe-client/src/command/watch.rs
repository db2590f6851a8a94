//! `fwprobe watch`: repeats a run, keeps its documents and serves its metrics.

use std::net::TcpListener;

use anyhow::{Context as _, bail};
use probe_documents::watch::Rhythm;

use super::delivery::KEEP_WITHOUT_FOLDER;
use super::run::on_network;
use crate::arguments::WatchArguments;
use crate::environment::Environment;
use crate::prepared::Prepared;
use crate::watch::{Destinations, DocumentFolder, Log, OnChange, OtlpReceiver, Textfile, watch};

pub(super) fn execute(arguments: &WatchArguments) -> anyhow::Result<u8> {
    let environment: Environment<'_> = &|name| std::env::var(name).ok();
    let jitter = arguments.jitter.unwrap_or(arguments.interval / 10);
    if jitter > arguments.interval {
        bail!("--jitter must not be longer than --interval");
    }
    let prepared = Prepared::read(&arguments.measuring, environment)?;
    let destinations = destinations(arguments)?;
    let rhythm = Rhythm {
        interval: arguments.interval,
        jitter,
    };
    on_network(watch(prepared, rhythm, destinations, arguments.count))?
}

fn destinations(arguments: &WatchArguments) -> anyhow::Result<Destinations> {
    let folder = match arguments.outputs.as_slice() {
        [] if arguments.keep.is_some() => bail!(KEEP_WITHOUT_FOLDER),
        [] => None,
        [folder] => Some(DocumentFolder::open(folder, arguments.keep)?),
        [_, ..] => bail!("--output: a watch keeps its documents in one folder"),
    };
    let textfile = arguments.textfile.as_deref().map(Textfile::open);
    let listener = arguments.listen.map(|address| {
        TcpListener::bind(address).with_context(|| {
            format!("--listen {address}: choose another port, or stop the program that uses it")
        })
    });
    let receiver = arguments.otlp.as_deref().map(OtlpReceiver::named);
    Ok(Destinations {
        log: Log::for_reader(),
        folder,
        textfile: textfile.transpose()?,
        otlp: receiver.transpose()?,
        on_change: arguments.on_change.clone().map(OnChange::new),
        listener: listener.transpose()?,
    })
}
