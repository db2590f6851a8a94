//! Counts the statements of the table: a fault is stated once, however many ports it stops.
//!
//! The lab's records keep only one of several probes that failed alike, so these
//! tests add copies of it with other ports.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the recorded runs from files, and fail if they cannot"
)]

use std::path::Path;

use probe_documents::{RunDocument, judge_again};
use probe_report::{Format, Look, write};
use serde_json::{Value, json};

#[test]
fn one_thing_that_is_wrong_is_one_statement() {
    for name in ONE_CAUSE {
        for file in files(name) {
            let (single, double) = (written(&read(&file)), written(&twice(read(&file))));
            assert_eq!(statements(&single), 1, "{file}:\n{single}");
            assert_eq!(statements(&double), 1, "{file}:\n{double}");
            assert!(
                double.contains(&OTHER_PORT.to_string()),
                "{file}:\n{double}"
            );
        }
    }
}

#[test]
fn ports_that_fail_alike_are_one_statement_among_others() {
    for name in SEVERAL_CAUSES {
        for file in files(name) {
            let (single, double) = (written(&read(&file)), written(&twice(read(&file))));
            assert!(statements(&single) > 0, "{file}:\n{single}");
            assert_eq!(
                statements(&double),
                statements(&single),
                "{file}:\n{double}"
            );
        }
    }
}

/// The checks above can fail: a port that fails in another way has a statement of its own.
#[test]
fn another_cause_is_another_statement() {
    let mut document = twice(read("server-stopped.json"));
    let last = document.probes.last_mut().unwrap();
    last.verdict.claim.push_str(" and more");
    let text = written(&document);
    assert_eq!(statements(&text), 2, "{text}");
}

/// A report of five faults fits on a screen.
#[test]
fn five_ports_that_are_dropped_take_few_lines() {
    let text = include_str!("../../core/tests/scenarios/dropped.json");
    let document = judge_again(serde_json::from_str(text).unwrap());
    let failed = document.probes.iter().filter(|p| p.needs_a_word()).count();
    assert_eq!(failed, 1, "the run has another form");
    let text = written(&with_copies(document, 4));
    assert_eq!(statements(&text), 1, "{text}");
    assert!(text.contains("5 not: dropped"), "{text}");
    assert!(text.lines().count() <= 45, "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

fn statements(text: &str) -> usize {
    text.lines()
        .filter(|line| line.trim_start().starts_with("next: "))
        .count()
}

/// Returns the names of the scenario's records. A record with the control service blocked may not exist.
fn files(name: &str) -> Vec<String> {
    let mut files = vec![format!("{name}.json")];
    let blocked = format!("{name}-control-blocked.json");
    if Path::new(RECORDS).join(&blocked).exists() {
        files.push(blocked);
    }
    files
}

fn read(file: &str) -> RunDocument {
    let text = std::fs::read_to_string(Path::new(RECORDS).join(file)).unwrap();
    judge_again(serde_json::from_str(&text).unwrap())
}

/// Returns the run with one copy of each failed probe, as a probe of another port.
fn twice(document: RunDocument) -> RunDocument {
    with_copies(document, 1)
}

/// Returns the run with `copies` copies of each failed probe, as probes of other ports.
fn with_copies(document: RunDocument, copies: usize) -> RunDocument {
    let failed = document.probes.iter().filter(|probe| probe.needs_a_word());
    let ports: Vec<u16> = failed
        .map(|probe| probe.measurement.rule.port.get())
        .collect();
    assert!(!ports.is_empty(), "nothing failed");
    let ports = ports
        .iter()
        .flat_map(|port| std::iter::repeat_n(*port, copies));
    let mut value = serde_json::to_value(document).unwrap();
    for (port, new) in ports.zip(OTHER_PORT..) {
        let probes = value["probes"].as_array_mut().unwrap();
        let of_port = |probe: &&Value| probe["rule"]["port"] == port;
        let mut probe = probes.iter().find(of_port).unwrap().clone();
        move_to(&mut probe, port, new);
        probe["rule"]["id"] = json!(format!("port-{new}"));
        probes.push(probe);
        for control in value["server"]["controls"].as_array_mut().unwrap() {
            let listeners = control.pointer_mut("/outcome/description/listeners");
            if let Some(listeners) = listeners.and_then(Value::as_array_mut) {
                let mut listener = listeners[0].clone();
                let address = listener["address"].as_str().unwrap();
                let old = address.rsplit(':').next().unwrap().parse().unwrap();
                move_to(&mut listener, old, new);
                listeners.push(listener);
            }
        }
    }
    judge_again(serde_json::from_value(value).unwrap())
}

/// Replaces a port wherever `value` contains it: as a number, or after an address.
fn move_to(value: &mut Value, port: u16, new: u16) {
    match value {
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| move_to(value, port, new)),
        Value::Object(map) => {
            for (key, value) in map {
                if key.contains("port") && *value == port {
                    *value = json!(new);
                } else {
                    move_to(value, port, new);
                }
            }
        }
        Value::String(text) => {
            if let Some(address) = text.strip_suffix(&format!(":{port}")) {
                *text = format!("{address}:{new}");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn written(document: &RunDocument) -> String {
    let mut out = Vec::new();
    let table = Format::named("table").unwrap();
    write(table, document, Look::PLAIN, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Scenarios with a single fault.
const ONE_CAUSE: [&str; 14] = [
    "server-stopped",
    "server-stopped-behind-a-syn-proxy",
    "delay-and-a-server-stopped-behind-a-syn-proxy",
    "server-address-dead",
    "no-route",
    "no-route-at-the-provider",
    "everything-dropped",
    "everything-dropped-by-cloud-edge",
    "everything-reset",
    "prohibited-everywhere",
    "name-server-down",
    "name-server-silent",
    "server-frozen",
    "line-lost-during-the-run",
];

/// Scenarios with several failures, each on more than one port.
const SEVERAL_CAUSES: [&str; 2] = [
    "mtu-black-hole-on-the-way-up",
    "default-deny-and-a-filter-that-accepts",
];

/// A port that no record has.
const OTHER_PORT: u16 = 6100;

const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lab/records");
