//! Checks decoded answers of a server over the control service: the client takes from each, within bounds, the part
//! that belongs to a measurement, and the judge can then judge the run.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use probe_core::control_record::ServerDescription;
use probe_core::run::answer::{of_all, of_instance};
use probe_documents::{RunDocument, judge_again};
use prost::Message as _;
use proto::wire;

/// A recorded run. The server's answers are about its first probe.
static RUN: LazyLock<RunDocument> = LazyLock::new(|| {
    let text = include_str!("../../tests/lab/records/dropped-by-firewall.json");
    serde_json::from_str(text).expect("a recorded run")
});

fuzz_target!(|bytes: &[u8]| {
    let [flags, since, rest @ ..] = bytes else {
        return;
    };
    let mut rest = rest;
    let description = ServerDescription {
        version: "0.1.0".to_owned(),
        instance: "echo".to_owned(),
        listeners: Vec::new(),
        your_address: None,
        sees_half_open: flags & 1 != 0,
        sees_every_syn: flags & 2 != 0,
        clock_offset_ms: 0,
        round_trip_us: 20_000,
        began_us: None,
    };
    let mut sightings = Vec::new();
    while sightings.len() < 32
        && let Ok(sighting) = wire::Sighting::decode_length_delimited(&mut rest)
    {
        sightings.push(sighting);
    }
    // A server may repeat its sightings, up to the number that the client reads.
    let most = LENGTHS[usize::from(*flags >> 2) % LENGTHS.len()].max(sightings.len());
    let repeated: Vec<&wire::Sighting> = sightings.iter().cycle().take(most).collect();
    let mut run = RUN.clone();
    let measurement = &mut run.probes[0].measurement;
    let since_us = u64::from(*since) << 16;
    let one = of_instance(&repeated, measurement, &description, since_us);
    let other = of_instance(
        &repeated[..repeated.len() / 2],
        measurement,
        &description,
        0,
    );
    measurement.sighting = of_all([one, other].into_iter(), None, None);
    let once = judge_again(run);
    let twice = judge_again(once.clone());
    assert_eq!(once.probes[0].verdict.id, twice.probes[0].verdict.id);
});

const LENGTHS: [usize; 3] = [0, 300, 4096];
