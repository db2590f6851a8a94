//! Runs the whole gate. Steps that need a quiet machine run alone, the others in parallel, and each step reports how
//! long it took.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::call::{Caller, Running};
use crate::steps::{self, Step};

/// The steps that run alone, in this order. `lab` measures time and memory; it includes what `test` runs.
const ALONE: &[&str] = &["fmt", "lint", "lab", "demo"];

/// The steps that run in parallel, on two cores: the soak mostly waits, and fuzzers and Wine use one core each.
const SIDE_BY_SIDE: &[&[&str]] = &[
    &["soak"],
    &["fuzz", "windows"],
    &["docs", "deny", "scripts", "reports", "deploy"],
];

/// Runs all steps, up to the first that fails.
pub(crate) fn all(root: &Path) -> Result<(), String> {
    let mut times = Vec::new();
    for step in named(ALONE)? {
        say(&format!("\n=== {}: {}", step.name, step.what));
        let begin = Instant::now();
        step.run(&Caller::shown(root))?;
        times.push((step.name, begin.elapsed()));
    }
    times.extend(side_by_side(root)?);
    say("\n=== time");
    for (name, time) in times {
        say(&format!("{:5} s  {name}", time.as_secs()));
    }
    Ok(())
}

fn side_by_side(root: &Path) -> Result<Vec<(&'static str, Duration)>, String> {
    let logs = root.join("target/xtask");
    fs::create_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
    let running = Running::default();
    let first_failure = Mutex::new(None);
    let lanes: Vec<Vec<&Step>> = SIDE_BY_SIDE
        .iter()
        .map(|lane| named(lane))
        .collect::<Result<_, _>>()?;
    let times = thread::scope(|scope| {
        let lanes: Vec<_> = lanes
            .into_iter()
            .map(|lane| {
                scope.spawn(|| {
                    let (mut times, running) = (Vec::new(), &running);
                    for step in lane {
                        match logged(step, root, &logs, running) {
                            Ok(time) => times.push((step.name, time)),
                            Err(why) => {
                                if !running.is_over() {
                                    running.end();
                                    if let Ok(mut failure) = first_failure.lock() {
                                        failure.get_or_insert(why);
                                    }
                                }
                                break;
                            }
                        }
                    }
                    times
                })
            })
            .collect();
        lanes
            .into_iter()
            .flat_map(|lane| lane.join().unwrap_or_default())
            .collect()
    });
    match first_failure.into_inner() {
        Ok(None) => Ok(times),
        Ok(Some(why)) => Err(why),
        Err(_) => Err("a lane of the gate panicked".to_owned()),
    }
}

/// Runs one step with its output in a log, and shows the log when the step is over.
fn logged(step: &Step, root: &Path, logs: &Path, running: &Running) -> Result<Duration, String> {
    let path = logs.join(format!("{}.log", step.name));
    let file = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    say(&format!("\n=== {} begins: {}", step.name, step.what));
    let begin = Instant::now();
    let done = step.run(&Caller::logged(root, &file, running));
    let time = begin.elapsed();
    if !running.is_over() {
        let log = fs::read_to_string(&path).unwrap_or_default();
        say(&format!(
            "\n=== {} after {} s\n{log}",
            step.name,
            time.as_secs()
        ));
    }
    done.map(|()| time)
}

fn named(names: &[&str]) -> Result<Vec<&'static Step>, String> {
    let find = |name: &&str| steps::find(name).ok_or_else(|| format!("no step {name}"));
    names.iter().map(find).collect()
}

fn say(text: &str) {
    // A closed standard output must not end the gate.
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{ALONE, SIDE_BY_SIDE};
    use crate::steps::STEPS;

    #[test]
    fn the_gate_runs_every_step_once() {
        let run: Vec<&str> = ALONE
            .iter()
            .chain(SIDE_BY_SIDE.iter().copied().flatten())
            .copied()
            .collect();
        let once: BTreeSet<&str> = run.iter().copied().collect();
        assert_eq!(run.len(), once.len());
        let all: BTreeSet<&str> = STEPS
            .iter()
            .map(|step| step.name)
            .filter(|name| *name != "test")
            .collect();
        assert_eq!(once, all);
    }
}
