//! Makes the commands that repeat a run. A value that the run document does not contain is written as FILE.

use super::path::PathRow;
use super::port::PortRow;
use super::run::RunRow;

/// Returns the commands: the run itself, then its reports from the saved document.
pub(super) fn commands(run: &RunRow, paths: &[PathRow], ports: &[PortRow]) -> Vec<String> {
    vec![
        command(run, paths, ports, "run.json"),
        "fwprobe report run.json".to_owned(),
    ]
}

/// Returns the command that repeats the run after a change, and saves it beside the earlier run.
pub(super) fn verification(run: &RunRow, paths: &[PathRow], ports: &[PortRow]) -> String {
    command(run, paths, ports, "after.json")
}

/// Returns the command that repeats the run and saves it as `output`.
fn command(run: &RunRow, paths: &[PathRow], ports: &[PortRow], output: &str) -> String {
    let silent = ports.iter().any(|p| p.silence.is_some());
    let mut words = vec![
        if silent {
            "fwprobe idle"
        } else {
            "fwprobe run"
        }
        .to_owned(),
    ];
    match &run.profile {
        Some(profile) => words.push(profile.clone()),
        None => {
            for port in each(ports.iter().map(PortRow::port_and_session)) {
                words.push(format!("--port {port}"));
            }
        }
    }
    let mapped = ports.iter().filter(|p| p.port != p.dialled);
    for map in each(mapped.map(|p| format!("{}={}", p.port, p.dialled))) {
        words.push(format!("--map {map}"));
    }
    if paths.iter().any(|p| p.path != "direct") {
        words.extend(paths.iter().map(|p| format!("--via {}", p.path)));
    }
    if silent {
        let times = ports.iter().filter_map(|p| p.silence);
        let times = each(times.map(|s| format!("{}s", s.seconds)));
        words.push(format!("--hold {}", times.join(",")));
    }
    if run.quick {
        words.push("--quick".to_owned());
    }
    // Without its expectations, a port that has to stay closed would be expected to be open.
    if ports.iter().any(PortRow::expects_blocked) {
        words.push("--expect FILE".to_owned());
    }
    words.push(format!("--connection-file FILE --output {output}"));
    words.join(" ")
}

/// Returns each text once, in the order of its first appearance.
fn each(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut each = Vec::new();
    for text in texts {
        if !each.contains(&text) {
            each.push(text);
        }
    }
    each
}
