//! Prints how long runs with faults take, stage by stage, and how long `nmap -sT` takes over the same way. Needs root,
//! to make the lab's hosts, and nmap; build the programs first:
//!
//!     cargo build --release --workspace --bins && cargo run --release -p fwprobe-tests --example run_times -- 3
//!
//! The first argument is the number of runs of each row. Further arguments select the rows whose names contain one of
//! them. The round trip is 20 ms; `FWPROBE_ROUND_TRIP=100` sets another one, in milliseconds.

#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context as _;
use fwprobe_tests::lab::{Family, Scenario, Timed, timed_with_peer};
use probe_core::measurement::Measurement;
use probe_core::observation::{Observation, Operation};
use probe_documents::RunDocument;

fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let times: usize = words.next().context(USAGE)?.parse().context(USAGE)?;
    let wanted: Vec<String> = words.collect();
    let round_trip: u64 = match std::env::var("FWPROBE_ROUND_TRIP") {
        Ok(text) => text.parse().context("FWPROBE_ROUND_TRIP: milliseconds")?,
        Err(_) => 20,
    };
    let rows = ROWS
        .iter()
        .filter(|row| wanted.is_empty() || wanted.iter().any(|word| row.name.contains(word)));
    for row in rows {
        let scenario = row.scenario(round_trip)?;
        let mut all = Vec::new();
        for _ in 0..times.max(1) {
            all.push(timed_with_peer(&scenario, Family::Ipv4, PEER)?);
        }
        print(row.name, round_trip, all)?;
    }
    Ok(())
}

/// One kind of fault, and the rules that make it.
struct Row {
    name: &'static str,
    /// Rules of the firewall's forward chain.
    forward: &'static str,
    /// Ports of the run on which the server does not listen.
    absent: &'static [u16],
    /// The number of TLS rules that are probed instead of the profile's rules; 0 for the profile's.
    rules: u16,
}

impl Row {
    fn scenario(&self, round_trip: u64) -> anyhow::Result<Scenario> {
        let (forward, absent) = (self.forward, self.absent);
        let one_way = round_trip / 2;
        let ports: Vec<String> = (0..self.rules)
            .map(|n| format!("{}/tls", 9_001 + n))
            .collect();
        let text = format!(
            r#"
why = "To see how long a run takes."
exit = 0
ports = {ports:?}

[echo]
absent = {absent:?}

[firewall]
iptables = ["-t mangle -A FORWARD -p tcp -j NFQUEUE --queue-num 1"]

[firewall.chains]
forward = """
{forward}
"""

[[device]]
on = "firewall"
does = {{ delay = {{ queue = 1, milliseconds = {one_way} }} }}
"#
        );
        toml::from_str(&text).with_context(|| self.name.to_owned())
    }
}

fn print(name: &str, round_trip: u64, mut all: Vec<(Timed, Duration)>) -> anyhow::Result<()> {
    all.sort_by_key(|(run, _)| run.took);
    let took: Vec<f64> = all.iter().map(|(one, _)| one.took.as_secs_f64()).collect();
    let mut peers: Vec<f64> = all.iter().map(|(_, peer)| peer.as_secs_f64()).collect();
    peers.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    println!(
        "{name}, {round_trip} ms: {:.2} s (from {:.2} to {:.2}); nmap -sT {:.2} s",
        took[middle],
        took[0],
        took[took.len() - 1],
        peers[middle]
    );
    let document = all[middle].0.run.document()?;
    for (stage, (begin, end)) in Stages::of(document) {
        println!("    {begin:>6} .. {end:>6} ms  {stage}");
    }
    let mut verdicts: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for probe in &document.probes {
        let told = format!("{} {:?}", probe.verdict.id, probe.verdict.confidence);
        let ports = verdicts.entry(told).or_default();
        ports.push(probe.measurement.port_dialled());
    }
    for (verdict, ports) in verdicts {
        println!("    {verdict}: {ports:?}");
    }
    Ok(())
}

/// The start of the first and the end of the last step of each kind, in milliseconds since the run's start, if the
/// document contains them.
#[derive(Default)]
struct Stages(BTreeMap<String, (u64, u64)>);

impl Stages {
    /// Returns the stages of a run in the order in which they began.
    fn of(document: &RunDocument) -> Vec<(String, (u64, u64))> {
        let mut stages = Self::default();
        for probe in &document.probes {
            stages.probe(&probe.measurement);
        }
        for reference in &document.reference_probes {
            stages.session("reference probe".to_owned(), reference);
        }
        let controls = document.server.controls.iter();
        for attempt in controls.flat_map(|control| &control.observations) {
            let search = "control search".to_owned();
            stages.note(search, attempt.start_us, attempt.end_us());
        }
        let mut all: Vec<_> = stages.0.into_iter().collect();
        all.sort_by_key(|(_, time)| *time);
        all
    }

    fn probe(&mut self, m: &Measurement) {
        let how = if m.ran_whole() { "whole" } else { "failed" };
        self.session(format!("sessions, {how}"), m);
        for varied in &m.variations {
            let stage = format!("variations {:?}", varied.variation);
            self.session(stage, &varied.measurement);
        }
        for flow in &m.flows {
            let stage = format!("side connections {:?}", flow.round);
            self.note(stage, flow.start_us, flow.start_us + flow.duration_us);
        }
        for hop in m.survey.iter().flat_map(|survey| &survey.tries) {
            let end_us = hop.start_us + hop.duration_us;
            self.note("surveys".to_owned(), hop.start_us, end_us);
        }
    }

    fn session(&mut self, stage: String, m: &Measurement) {
        let all = m.observations.iter();
        let own = || all.clone().filter(|o| o.operation != Operation::Resolve);
        let begin = own().map(|o| o.start_us).min();
        let end = own().map(Observation::end_us).max();
        if let (Some(begin), Some(end)) = (begin, end) {
            self.note(stage, begin, end);
        }
    }

    fn note(&mut self, stage: String, begin_us: u64, end_us: u64) {
        let (begin, end) = (begin_us / 1_000, end_us / 1_000);
        let known = self.0.entry(stage).or_insert((begin, end));
        *known = (known.0.min(begin), known.1.max(end));
    }
}

const ROWS: &[Row] = &[
    Row {
        name: "all open",
        forward: "",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "one dropped",
        forward: "tcp dport 5901 drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "two dropped",
        forward: "tcp dport { 5901, 5902 } drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "three dropped",
        forward: "tcp dport { 3389, 5901, 5902 } drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "five different faults",
        forward: "tcp dport 5901 drop
tcp dport 5902 reject with tcp reset
tcp dport 3389 reject with icmpx type admin-prohibited
tcp dport 7998 @ih,0,32 0x00010001 reject with tcp reset",
        absent: &[7999],
        rules: 0,
    },
    Row {
        name: "only 443 open",
        forward: "tcp dport { 80, 3389, 5901, 5902, 7998, 7999, 8443 } drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "control port dropped",
        forward: "tcp dport 8443 drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "one reset",
        forward: "tcp dport 5901 reject with tcp reset",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "one prohibited",
        forward: "tcp dport 5901 reject with icmpx type admin-prohibited",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "all dropped",
        forward: "meta l4proto tcp drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "a limit of one new connection a second",
        forward: "tcp flags & (syn | ack) == syn limit rate over 1/second burst 1 packets drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "a limit of three connections",
        forward: "ct state new ct count over 3 drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "one flow in four dropped",
        forward: "tcp dport { 443, 5901 } tcp sport & 6 == 6 drop",
        absent: &[],
        rules: 0,
    },
    Row {
        name: "40 rules",
        forward: "",
        absent: &[],
        rules: 40,
    },
    Row {
        name: "40 rules, 20 of them dropped",
        forward: "tcp dport 9001-9020 drop",
        absent: &[],
        rules: 40,
    },
];

const PEER: &str = "nmap -Pn -n -sT --reason -p 80,443,3389,5901,5902,7998,7999 <cloud>";
const USAGE: &str = "usage: run_times TIMES [ROW]…";
