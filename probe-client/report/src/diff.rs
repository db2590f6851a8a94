//! Reports of the difference between two runs. The rows are derived once; each format writes them.

use std::io::{self, Write};

use probe_core::judge::Outcome;
use probe_core::session_kind::SessionKind;
use probe_core::verdict::Segment;
use probe_core::words::counted;
use probe_documents::diff::{
    Change, ChangeKind, Diff, FactChange, FactKind, Judgement, LEAST_RUNS, RuleResult, Subject,
    TimeChange,
};

use crate::duration::milliseconds;
use crate::json;
use crate::rows::whole_seconds;
use crate::text::{Look, Tone, outcome};

mod junit;
mod markdown;
mod text;
mod warnings;

pub(crate) use junit::write as write_junit;
pub(crate) use markdown::write as write_markdown;
pub(crate) use text::write as write_text;

pub(crate) fn write_json(diff: &Diff, _look: Look, out: &mut dyn Write) -> io::Result<()> {
    json::pretty(diff, out)
}

/// The kinds of changes, the most urgent first. Each has a heading, a name to write before ports,
/// and a name to write after a number.
pub(crate) const KINDS: [(ChangeKind, &str, &str, &str); 7] = [
    (
        ChangeKind::Regression,
        "Regressions",
        "regression",
        "regressions",
    ),
    (
        ChangeKind::OtherCause,
        "Another cause",
        "other cause",
        "with another cause",
    ),
    (
        ChangeKind::OtherPlace,
        "Another place",
        "other place",
        "at another place",
    ),
    (ChangeKind::Fixed, "Fixed", "fixed", "fixed"),
    (
        ChangeKind::NotComparable,
        "Not comparable",
        "not comparable",
        "not comparable",
    ),
    (ChangeKind::New, "New", "new", "new"),
    (ChangeKind::Gone, "Gone", "gone", "gone"),
];

/// Returns the changes of one kind.
fn of_kind(diff: &Diff, kind: ChangeKind) -> impl Iterator<Item = &Change> {
    diff.changes.iter().filter(move |c| c.change == kind)
}

/// Returns the rule, path and family as words: `443/https (soa-https) over direct, IPv4`.
pub(crate) fn subject(
    subject: &Subject,
    port: u16,
    session: SessionKind,
    silence: Option<u32>,
) -> String {
    let mut text = format!("{port}/{session} ({}) over {}", subject.rule, subject.path);
    if let Some(family) = subject.family {
        text.push_str(&format!(", {}", family.words()));
    }
    if let Some(seconds) = silence {
        text.push_str(&format!(", silent for {seconds} s"));
    }
    text
}

fn subject_of(change: &Change) -> String {
    let (port, session) = (change.port, change.session);
    subject(&change.subject, port, session, change.silence_seconds)
}

/// Returns what changed: `reachable → dropped at cloud-edge`.
fn transition(change: &Change) -> String {
    match (&change.before, &change.after) {
        (Some(before), Some(after)) => format!("{} → {}", result(before), result(after)),
        (Some(found), None) | (None, Some(found)) => result(found),
        (None, None) => String::new(),
    }
}

fn result(found: &RuleResult) -> String {
    let verdict = found.verdict.name();
    if matches!(found.segment, Segment::None | Segment::Unknown) {
        return verdict.to_owned();
    }
    format!("{verdict} at {}", found.segment)
}

/// Returns the word and the colour for the outcome of a new rule, path or family; `None` if the change is of any other
/// kind.
fn outcome_of_new(change: &Change) -> Option<(&'static str, Tone)> {
    let after = change.after.as_ref()?;
    (change.change == ChangeKind::New).then(|| outcome(after.outcome))
}

/// Returns the number of new rules, paths and families that are not as expected.
fn new_failures(diff: &Diff) -> usize {
    let results = of_kind(diff, ChangeKind::New).filter_map(|change| change.after.as_ref());
    results
        .filter(|after| after.outcome == Outcome::NotAsExpected)
        .count()
}

/// Returns the new rules in words. Those that fail are named, since they do not count as regressions.
fn new_rules(count: usize, failures: usize) -> String {
    let rules = counted(count, "new rule");
    match failures {
        0 => rules,
        1 => format!("{rules}, 1 not as expected (not counted as a regression)"),
        _ => format!("{rules}, {failures} not as expected (not counted as regressions)"),
    }
}

/// Returns the explanation of a change, as labels and texts.
fn explanation(change: &Change) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(change.because.iter().map(|why| ("why: ", why.clone())));
    if let Some(after) = &change.after
        && change.change != ChangeKind::Fixed
    {
        lines.push(("now: ", after.claim.clone()));
        let next = after.next_step.iter();
        lines.extend(next.map(|step| ("next: ", step.clone())));
    }
    if let (Some(before), Some(after)) = (&change.before, &change.after) {
        let (before, after) = (milliseconds(before.time_us), milliseconds(after.time_us));
        lines.push(("time: ", format!("{before} before, {after} now")));
    }
    lines
}

/// Returns the name of a changed fact for people, with what the fact is about and what it means for the comparison.
fn fact(change: &FactChange) -> String {
    let name = fact_name(change.fact);
    match &change.about {
        None if change.fact == FactKind::FwprobeVersion => {
            format!("{name}, so verdicts may differ for that reason")
        }
        None if change.fact == FactKind::Looks => {
            format!("{name}, so places are not compared, and causes may differ for that reason")
        }
        None => name.to_owned(),
        Some(about) => format!("{name}, {about}"),
    }
}

/// Returns the name of a kind of fact for people.
pub(crate) const fn fact_name(fact: FactKind) -> &'static str {
    match fact {
        FactKind::Profile => "profile",
        FactKind::Server => "server",
        FactKind::Node => "host that ran fwprobe",
        FactKind::Paths => "paths",
        FactKind::Looks => "looks",
        FactKind::Key => "client key",
        FactKind::FwprobeVersion => "fwprobe's version",
        FactKind::EgressAddress => "egress address",
        FactKind::ServerInstance => "server instance",
        FactKind::ServerVersion => "server's version",
        FactKind::Certificate => "certificate",
        FactKind::Check => "head node",
    }
}

/// Returns the comparison of times: `166 ms [150 ms, 190 ms] → 210 ms [200 ms, 220 ms], slower by 26 percent`.
fn times(change: &TimeChange) -> String {
    let [before, after] = [change.before, change.after].map(|m| {
        let (median, low) = (milliseconds(m.median_us), milliseconds(m.low_us));
        format!("{median} [{low}, {}]", milliseconds(m.high_us))
    });
    let percent = 100.0 * (change.after.median_us as f64 / change.before.median_us as f64 - 1.0);
    let judged = match change.judgement {
        Judgement::Same => "~".to_owned(),
        Judgement::Slower => format!("slower by {percent:.0} percent"),
        Judgement::Faster => format!("faster by {:.0} percent", -percent),
    };
    format!("{before} → {after}, {judged} (p = {:.3})", change.p)
}

/// Returns the heading of the times, with the number of runs that they come from.
fn heading_of_times(diff: &Diff) -> String {
    format!(
        "Times: medians of {} and {} runs [95 percent interval]; ~ means that chance explains the \
         difference",
        diff.before.runs, diff.after.runs
    )
}

/// Returns the reason why times are not judged, if there is more than one run.
fn why_no_times(diff: &Diff) -> Option<String> {
    let several = diff.before.runs > 1 || diff.after.runs > 1;
    (several && diff.times.is_empty()).then(|| {
        format!(
            "times are not compared: each side needs {LEAST_RUNS} runs of the same profile and \
             host, and there are {} and {}",
            diff.before.runs, diff.after.runs
        )
    })
}

/// Returns the unchanged rules in one line.
fn unchanged(diff: &Diff) -> String {
    let count = diff.unchanged.len();
    if count == 0 {
        return "nothing is unchanged".to_owned();
    }
    let mut ports: Vec<String> = Vec::new();
    for same in &diff.unchanged {
        let port = same.port.to_string();
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    format!("~ {count} unchanged: {}", ports.join(", "))
}

/// Returns the whole difference in one sentence.
fn sentence(diff: &Diff) -> String {
    let mut parts = Vec::new();
    for (kind, _, _, counted) in KINDS {
        match diff.count(kind) {
            0 => {}
            1 if kind == ChangeKind::Regression => parts.push("1 regression".to_owned()),
            count if kind == ChangeKind::New => parts.push(new_rules(count, new_failures(diff))),
            count => parts.push(format!("{count} {counted}")),
        }
    }
    match diff.facts.len() {
        0 => {}
        1 => parts.push("1 fact changed".to_owned()),
        count => parts.push(format!("{count} facts changed")),
    }
    if parts.is_empty() {
        parts.push("no change".to_owned());
    }
    format!("{}; {} unchanged", parts.join(", "), diff.unchanged.len())
}

/// Returns one of the two runs in words: `2026-11-30T09:20:59Z from headnode`.
fn side(side: &probe_documents::diff::Side) -> String {
    let started = whole_seconds(&side.started);
    match &side.node {
        None => started,
        Some(node) => format!("{started} from {node}"),
    }
}

#[cfg(test)]
mod tests;
