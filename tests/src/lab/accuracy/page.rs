//! Writes all of docs/reference/accuracy.md: what was done, the totals, every mark, and the rules.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::rule::SUCCESS;
use super::{Mark, PEERS, Played, RULES, Scenario, Truth, unasked};
use table::Totals;

/// The date of the measurement, and the machine and programs that were used.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Circumstances {
    pub date: String,
    pub system: String,
    pub cores: usize,
    /// The number of scenarios that were played at the same time.
    pub side_by_side: usize,
    /// The first line of each program's version output, by the command that printed it.
    pub versions: BTreeMap<String, String>,
}

/// Returns the page, and a list of fwprobe's shortcomings: the ports where it is wrong, or cannot tell what another
/// program gets right.
///
/// # Errors
/// Fails if a scenario that was played is not in `scenarios`.
pub fn page(
    circumstances: &Circumstances,
    scenarios: &BTreeMap<String, Scenario>,
    played: &[Played],
) -> anyhow::Result<(String, Vec<String>)> {
    let rows = table::rows(scenarios, played)?;
    let totals = Totals::of(&rows);
    let mut text = String::from(HEAD);
    text.push_str(&circumstances.text());
    let names: BTreeSet<&String> = played.iter().map(|played| &played.scenario).collect();
    let (count, looks) = (names.len(), rows.len());
    writeln!(
        text,
        "\n{count} scenarios, {looks} ports under test, most of them over IPv4 and IPv6."
    )
    .expect(STRING);
    text.push_str(&totals.text());
    text.push_str(&lesson(&totals));
    text.push_str(&table::text(&rows));
    text.push_str(&left_out(scenarios));
    text.push_str(&classes());
    text.push_str(&commands());
    text.push_str(&rules(&totals));
    Ok((text, table::shortcomings(&rows)))
}

impl Circumstances {
    fn text(&self) -> String {
        let mut text = format!(
            "Seen on {} on a virtual machine with {} cores that other work shared ({}), {} \
             scenarios side by side, with\n\n",
            self.date, self.cores, self.system, self.side_by_side
        );
        for version in self.versions.values() {
            writeln!(text, "- {version}").expect(STRING);
        }
        text
    }
}

/// Returns the conclusions from the totals.
fn lesson(totals: &Totals) -> String {
    let most = |mark| {
        let counts = PEERS.iter().map(|peer| totals.share(peer.name, mark));
        let (least, most) = counts.fold((100, 0), |(least, most), n| (n.min(least), n.max(most)));
        format!("{least} to {most} %")
    };
    let counted = |rules: &[&str]| {
        let counts = PEERS.iter().map(|peer| {
            let by_rule = rules.iter().map(|rule| totals.by_rule(peer.name, rule));
            (peer.name, by_rule.sum::<u32>())
        });
        let counts = counts.filter(|(_, count)| *count > 0);
        let counts: Vec<String> = counts.map(|(name, n)| format!("{name} {n}")).collect();
        counts.join(", ")
    };
    format!(
        "\nThe other programs are right in {} of the cases, cannot tell in {}, and are wrong in \
         {}.\n\n\
         - False successes (rules {}): {}. A program that only connects cannot avoid them.\n\
         - Closed or refused, for what a device resets (c2): {}.\n\
         - Right only if the reader compares a packet's hop limit, or a hop's number, with those \
         of a port that works (rules {}): {}.\n\
         - Unanswered SYNs look alike from one end, whichever device drops them (b2).\n\
         - A large part of every program's right marks comes from ports that work (a2).\n",
        most(Mark::Right),
        most(Mark::CannotTell),
        most(Mark::Wrong),
        PHANTOM.join(", "),
        counted(&PHANTOM),
        counted(&["c2"]),
        COMPARED.join(", "),
        counted(&COMPARED),
    )
}

fn left_out(scenarios: &BTreeMap<String, Scenario>) -> String {
    let mut lines = scenarios.iter().filter_map(|(name, scenario)| {
        let why = unasked(scenario)?;
        Some(format!("- {name}: {why}\n"))
    });
    let Some(first) = lines.next() else {
        return String::new();
    };
    let rest: String = lines.collect();
    format!(
        "\nScenarios that the other programs were not asked about, left out of all totals:\n\n\
         {first}{rest}"
    )
}

fn classes() -> String {
    let mut text = String::from(CLASSES);
    for truth in Truth::ALL {
        if truth != Truth::Unasked {
            writeln!(text, "| {} | {} |", truth.word(), truth.text()).expect(STRING);
        }
    }
    text
}

fn commands() -> String {
    let mut text = String::from(COMMANDS);
    for peer in &PEERS {
        for command in peer.commands {
            writeln!(text, "| {} | `{command}` |", peer.name).expect(STRING);
        }
    }
    text
}

fn rules(totals: &Totals) -> String {
    let mut text = String::from(RULES_HEAD);
    for rule in &RULES {
        let join = |words: Vec<&str>, all: &str| match words.is_empty() {
            true => all.to_owned(),
            false => words.join("; "),
        };
        let truths = join(
            rule.truths.iter().map(|truth| truth.word()).collect(),
            "any",
        );
        let mut says = if rule.says == SUCCESS {
            "any success".to_owned()
        } else {
            let said = rule.says.iter().map(|said| said.text());
            join(said.collect(), "anything else")
        };
        if rule.there {
            says.push_str(", and names the host that does it");
        }
        let counts = PEERS.iter().filter_map(|peer| {
            let count = totals.by_rule(peer.name, rule.id);
            (count > 0).then(|| format!("{} {count}", peer.name))
        });
        let counts: Vec<String> = counts.collect();
        let (id, mark, because) = (rule.id, rule.mark.text(), rule.because);
        let counts = counts.join(", ");
        writeln!(
            text,
            "| {id} | {truths} | {says} | {mark} | {because} | {counts} |"
        )
        .expect(STRING);
    }
    text
}

/// The rules about false successes.
const PHANTOM: [&str; 3] = ["h3", "i3", "k1"];

/// The rules about faults that only a comparison of two distances shows.
const COMPARED: [&str; 2] = ["c1", "h1"];

const STRING: &str = "a String takes everything";

const HEAD: &str = "# Accuracy compared with other tools

fwprobe beside what administrators use today, in the fault lab of its own tests: four hosts in a \
                    row, a fault
somewhere on the way, the server at the far end. In each scenario fwprobe runs first, without \
                    privileges; then, with
the fault still in place, each of the others is asked about one port of every fault, and about one \
                    port where
nothing is wrong. What they print is read by one program and judged by the rules below; no mark is \
                    made by hand.
This page is written by

    cargo build --workspace --bins && cargo run -p fwprobe-tests --example accuracy

as root: it installs the others, plays everything, and keeps what was printed in \
                    `target/accuracy`, from which
`… --example accuracy again` judges once more.

The others get their best case: root where that helps, the server's certificate as the one that \
                    they trust, the
status that the server answers strangers with as the right one, a port that works to compare \
                    distances with, a
pause before each, and no demand that they name a place. fwprobe is right where the verdict and \
                    the place are those
of the scenario's file (its findings are not counted here, and neither are those of the other \
                    programs), cannot tell where it says
`inconclusive`, and is wrong otherwise. The scenarios are fwprobe's own, and it was built with \
                    them in view: this
shows what can be told from both ends, and is no blind comparison.

";

const CLASSES: &str = "\n## What is true\n
The verdict that a scenario's file expects, without what nobody could say who does not know the \
                       server:\n
| class | what it means |\n|---|---|\n";

const COMMANDS: &str = "\n## What is run\n
`{scheme}` is `http` on ports that are about HTTP in clear text and `https` on all others; the \
                        server answers both on
every port. Each command has 15 s.\n
| program | command |\n|---|---|\n";

const RULES_HEAD: &str = "\n## The rules\n
The first that fits counts. A reader who disagrees with one finds in the last column whose marks \
                          it made.\n
| rule | what is true | what is said | mark | because | marks |\n|---|---|---|---|---|---|\n";
