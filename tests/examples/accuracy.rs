//! Writes docs/reference/accuracy.md: how often fwprobe, and the programs that administrators use today, are right
//! about a port, in every scenario of the fault lab.
//!
//! Needs root; it installs the programs if necessary.
//!
//!     cargo build --workspace --bins && cargo run -p fwprobe-tests --example accuracy
//!
//! The argument `again` judges the outputs of the last measurement anew. Other arguments are names of scenarios: only
//! these are played, their outputs are kept for `again`, and no page is written.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use fwprobe_tests::lab::accuracy::{Circumstances, PEERS, Played, page, play, scenarios, unasked};
use fwprobe_tests::lab::{Family, Scenario};

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let scenarios = scenarios(Path::new(SCENARIOS))?;
    let whole = words.is_empty();
    let kept = Path::new(KEPT);
    let (circumstances, played) = if words == ["again"] {
        let circumstances = std::fs::read(kept.join(CIRCUMSTANCES))?;
        (serde_json::from_slice(&circumstances)?, read(kept)?)
    } else {
        let wanted = |name: &&String| whole || words.contains(name);
        measure(&scenarios, wanted, whole)?
    };
    let (text, shortcomings) = page(&circumstances, &scenarios, &played)?;
    let mut out = std::io::stdout();
    if whole || words == ["again"] {
        let file = Path::new(PAGE);
        let unfinished = file.with_extension("md.new");
        std::fs::write(&unfinished, text)?;
        std::fs::rename(&unfinished, file)?;
        writeln!(out, "written: {PAGE}")?;
    } else {
        writeln!(out, "{text}")?;
    }
    for shortcoming in &shortcomings {
        writeln!(out, "falls short: {shortcoming}")?;
    }
    Ok(if shortcomings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

type Turn<'s> = (&'s String, &'s Scenario, Family);

/// Plays the scenarios that `wanted` accepts, and keeps the outputs. If `whole`, earlier outputs are removed first.
fn measure(
    scenarios: &BTreeMap<String, Scenario>,
    wanted: impl Fn(&&String) -> bool,
    whole: bool,
) -> anyhow::Result<(Circumstances, Vec<Played>)> {
    let installed = Command::new(SET_UP).status().context(SET_UP)?;
    ensure!(installed.success(), "{SET_UP} failed");
    let asked = scenarios
        .iter()
        .filter(|(_, scenario)| unasked(scenario).is_none());
    let turns: VecDeque<Turn<'_>> = asked
        .filter(|(name, _)| wanted(name))
        .flat_map(|(name, scenario)| {
            let families = scenario.families.iter();
            families.map(move |family| (name, scenario, *family))
        })
        .collect();
    ensure!(!turns.is_empty(), "no scenario has this name");
    let kept = Path::new(KEPT);
    if whole && kept.is_dir() {
        std::fs::remove_dir_all(kept)?;
    }
    std::fs::create_dir_all(kept)?;
    let done = play_all(turns)?;
    let circumstances = circumstances()?;
    if whole {
        let file = kept.join(CIRCUMSTANCES);
        std::fs::write(file, serde_json::to_vec_pretty(&circumstances)?)?;
    }
    let mut played: Vec<Played> = done.into_iter().collect::<Result<_, _>>()?;
    played.sort_by(|a, b| (&a.scenario, a.family).cmp(&(&b.scenario, b.family)));
    Ok((circumstances, played))
}

/// Plays several scenarios at once, because each waits most of the time for an answer that never comes.
fn play_all(turns: VecDeque<Turn<'_>>) -> anyhow::Result<Vec<anyhow::Result<Played>>> {
    let all = turns.len();
    let (turns, done) = (Mutex::new(turns), Mutex::new(Vec::new()));
    let next = || turns.lock().ok()?.pop_front();
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((name, scenario, family)) = next() {
                    let begin = Instant::now();
                    let played = play(name, scenario, family)
                        .and_then(keep)
                        .with_context(|| format!("{name} {}", family.name()));
                    let (seconds, family) = (begin.elapsed().as_secs(), family.name());
                    let Ok(mut done) = done.lock() else { break };
                    done.push(played);
                    // A lost line of progress does not matter.
                    let _ = writeln!(
                        std::io::stdout(),
                        "{:3} of {all}  {seconds:3} s  {name} {family}",
                        done.len()
                    );
                }
            });
        }
    });
    done.into_inner().ok().context("a scenario panicked")
}

/// Keeps the outputs at once, so that a later failure loses nothing.
fn keep(played: Played) -> anyhow::Result<Played> {
    let name = format!("{}-{}.json", played.scenario, played.family.name());
    std::fs::write(
        Path::new(KEPT).join(name),
        serde_json::to_vec_pretty(&played)?,
    )?;
    Ok(played)
}

fn read(folder: &Path) -> anyhow::Result<Vec<Played>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in folder.read_dir().context(KEPT)? {
        files.push(entry?.path());
    }
    files.retain(|file| !file.ends_with(CIRCUMSTANCES));
    files.sort();
    let read = |file: PathBuf| {
        let text = std::fs::read(&file)?;
        serde_json::from_slice(&text).with_context(|| file.display().to_string())
    };
    files.into_iter().map(read).collect()
}

fn circumstances() -> anyhow::Result<Circumstances> {
    let mut versions = BTreeMap::new();
    let commands = PEERS.iter().map(|peer| peer.version);
    for command in commands {
        versions.insert(command.to_owned(), first_line(command)?);
    }
    let debian = first_line("cat /etc/debian_version")?;
    let kernel = first_line("uname -sr")?;
    Ok(Circumstances {
        date: first_line("date -u +%F")?,
        system: format!("Debian {debian}, {kernel}"),
        cores: std::thread::available_parallelism()?.get(),
        side_by_side: SIDE_BY_SIDE,
        versions,
    })
}

/// Returns the first line of the output of `command` that is not blank.
fn first_line(command: &str) -> anyhow::Result<String> {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let output = Command::new(program)
        .args(words)
        .output()
        .context(program.to_owned())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| !line.trim().is_empty());
    Ok(line.unwrap_or(command).trim().to_owned())
}

const SIDE_BY_SIDE: usize = 6;
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/lab/scenarios");
const SET_UP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/accuracy-peers");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference/accuracy.md");
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/accuracy");
const CIRCUMSTANCES: &str = "circumstances.json";
