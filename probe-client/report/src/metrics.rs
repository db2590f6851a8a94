//! Writes the last run of a watch as samples for Prometheus. Every sample is read from a run document or from the
//! figures of the watch; nothing is counted here.
//!
//! The number of series follows from the settings alone: each rule over each path has [`SERIES_OF_A_ROW`] at most.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_documents::watch::{Recent, Row, rows};
use probe_documents::{RunDocument, Timings};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

mod classic;
#[cfg(feature = "otlp")]
pub mod otlp;
mod site;

/// The figures of a watch since its start.
#[derive(Clone, Debug, Default)]
pub struct WatchFigures {
    /// The version of fwprobe.
    pub version: String,
    /// The time from the start of one run to the start of the next.
    pub interval: Duration,
    /// The number of runs whose outcome as a whole was as expected. The next two count the other outcomes.
    pub as_expected: u64,
    pub not_as_expected: u64,
    pub undecided: u64,
    /// The number of changes that two runs in a row confirmed.
    pub changes: u64,
    /// The number of finished documents that are not written yet.
    pub unwritten: u64,
}

/// The text format of an exposition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exposition {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The older format of Prometheus, which node_exporter and windows_exporter read from files.
    Classic,
}

impl Exposition {
    /// The content type for HTTP.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Returns the samples of `run`, if there was one, and those of the watch itself.
    pub fn of_watch(
        self,
        run: Option<&RunDocument>,
        recent: &Recent,
        figures: &WatchFigures,
    ) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        register_watch(&mut registry, figures);
        if let Some(run) = run {
            register_run(&mut registry, run);
            let rows = rows(run, None);
            register_rows(&mut registry, &rows);
            register_repetition(&mut registry, &rows, recent);
        }
        self.written(&registry)
    }

    /// Returns the samples of the server that is named `host` in `run`; `None` if the run did not probe it.
    pub fn of_target(self, run: &RunDocument, host: &str) -> Option<String> {
        let rows = rows(run, Some(host));
        if rows.is_empty() {
            return None;
        }
        let mut registry = Registry::with_prefix(PREFIX);
        register_run(&mut registry, run);
        register_rows(&mut registry, &rows);
        Some(self.written(&registry))
    }

    fn written(self, registry: &Registry) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, registry);
        match self {
            Self::OpenMetrics => out,
            Self::Classic => classic::of_open_metrics(&out),
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RowLabels {
    rule: String,
    path: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabels {
    rule: String,
    path: String,
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VerdictLabels {
    rule: String,
    path: String,
    verdict: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PhaseLabels {
    rule: String,
    path: String,
    phase: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

type Float = Gauge<f64, AtomicU64>;

fn register_watch(registry: &mut Registry, figures: &WatchFigures) {
    let build = Info::new(vec![("version", figures.version.clone())]);
    registry.register("build", "This program", build);
    let interval = Float::default();
    interval.set(figures.interval.as_secs_f64());
    let help = "From the beginning of a run to that of the next";
    registry.register_with_unit("run_interval", help, Unit::Seconds, interval);
    let runs: Family<OutcomeLabel, Counter> = Family::default();
    for (outcome, count) in [
        (name(Outcome::AsExpected), figures.as_expected),
        (name(Outcome::NotAsExpected), figures.not_as_expected),
        (name(Outcome::Undecided), figures.undecided),
    ] {
        runs.get_or_create(&OutcomeLabel { outcome }).inc_by(count);
    }
    registry.register(
        "runs",
        "Runs that ended, by the outcome of the whole run",
        runs,
    );
    let changes: Counter = Counter::default();
    changes.inc_by(figures.changes);
    let help = "Changes that two runs in a row confirmed";
    registry.register("changes", help, changes);
    let unwritten: Gauge = Gauge::default();
    unwritten.set(i64::try_from(figures.unwritten).unwrap_or(i64::MAX));
    let help = "Documents of finished runs that could not be written yet";
    registry.register("documents_unwritten", help, unwritten);
}

fn register_run(registry: &mut Registry, run: &RunDocument) {
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let Some(finished) = moment(&run.run.finished) else {
        return;
    };
    let gauge = Float::default();
    gauge.set(finished.as_duration().as_secs_f64());
    let help = "When the last run finished";
    registry.register_with_unit("run_last_finished_timestamp", help, Unit::Seconds, gauge);
    if let Some(started) = moment(&run.run.started) {
        let gauge = Float::default();
        gauge.set(finished.duration_since(started).as_secs_f64());
        let help = "How long the last run took";
        registry.register_with_unit("run_duration", help, Unit::Seconds, gauge);
    }
}

fn register_rows(registry: &mut Registry, rows: &[Row<'_>]) {
    let outcomes: Family<StateLabels, Gauge> = Family::default();
    let verdicts: Family<VerdictLabels, Gauge> = Family::default();
    let phases: Family<PhaseLabels, Float> = Family::default();
    for row in rows {
        let (rule, path) = (row.rule().to_string(), row.path());
        for outcome in OUTCOMES {
            let labels = StateLabels {
                rule: rule.clone(),
                path: path.clone(),
                state: name(outcome),
            };
            let is = row.probe.outcome == outcome;
            outcomes.get_or_create(&labels).set(i64::from(is));
        }
        for verdict in VerdictId::ALL {
            let labels = VerdictLabels {
                rule: rule.clone(),
                path: path.clone(),
                verdict: verdict.name(),
            };
            let is = row.probe.verdict.id == *verdict;
            verdicts.get_or_create(&labels).set(i64::from(is));
        }
        for (phase, micros) in measured(&row.probe.timings) {
            let labels = PhaseLabels {
                rule: rule.clone(),
                path: path.clone(),
                phase,
            };
            phases.get_or_create(&labels).set(micros as f64 / 1e6);
        }
    }
    registry.register(
        "rule_outcome",
        "Whether the rule is as expected: one of these states is 1",
        outcomes,
    );
    registry.register(
        "rule_verdict",
        "The verdict on the rule: one of these is 1",
        verdicts,
    );
    registry.register_with_unit(
        "probe_duration",
        "How long a phase of the rule's session took; absent if it was not reached",
        Unit::Seconds,
        phases,
    );
}

fn register_repetition(registry: &mut Registry, rows: &[Row<'_>], recent: &Recent) {
    let in_a_row: Family<RowLabels, Gauge> = Family::default();
    for row in rows {
        let (rule, path) = (row.rule().to_string(), row.path());
        let count = recent.strip(&rule, &path).in_a_row;
        let labels = RowLabels { rule, path };
        in_a_row.get_or_create(&labels).set(count.into());
    }
    registry.register(
        "rule_outcome_runs",
        "The number of runs in a row with the present outcome, 50 at most",
        in_a_row,
    );
}

/// Returns the phases that were measured, in microseconds.
fn measured(timings: &Timings) -> impl Iterator<Item = (&'static str, u64)> {
    let phases = [
        ("proxy", timings.proxy_us),
        ("connect", timings.connect_us),
        ("tls", timings.tls_us),
        ("greeting", timings.testimony_us),
        ("exchange", timings.exchange_us),
        ("session", Some(timings.total_us)),
    ];
    let measured = phases.into_iter();
    measured.filter_map(|(phase, micros)| Some((phase, micros?)))
}

const fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::AsExpected => "as_expected",
        Outcome::NotAsExpected => "not_as_expected",
        Outcome::Undecided => "undecided",
    }
}

const PREFIX: &str = "fwprobe";
const OUTCOMES: [Outcome; 3] = [
    Outcome::AsExpected,
    Outcome::NotAsExpected,
    Outcome::Undecided,
];
/// The maximum number of series of one rule over one path: its states, verdicts and phases, and the number of runs in a
/// row.
pub const SERIES_OF_A_ROW: usize = OUTCOMES.len() + VerdictId::ALL.len() + 6 + 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded;

    fn figures() -> WatchFigures {
        WatchFigures {
            version: "1.2.3".to_owned(),
            interval: Duration::from_secs(300),
            as_expected: 7,
            not_as_expected: 2,
            undecided: 1,
            changes: 3,
            unwritten: 0,
        }
    }

    fn samples(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn a_run_with_a_dropped_port() {
        let run = recorded::DROPPED_BEHIND_FIRST_HOP.read();
        let mut recent = Recent::default();
        recent.add(&run);
        recent.add(&run);
        let text = Exposition::Classic.of_watch(Some(&run), &recent, &figures());
        // The verdicts that are 0 tell a reader of the snapshot nothing.
        let kept = text
            .lines()
            .filter(|line| !(line.starts_with("fwprobe_rule_verdict") && line.ends_with(" 0")));
        insta::assert_snapshot!(sorted(kept));
    }

    /// Returns the lines with the samples of each metric sorted, since the encoder's order varies.
    fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> String {
        let mut blocks: Vec<Vec<&str>> = Vec::new();
        for line in lines {
            match blocks.last_mut() {
                Some(block) if !line.starts_with("# HELP") => block.push(line),
                _ => blocks.push(vec![line]),
            }
        }
        for block in &mut blocks {
            block[2..].sort_unstable();
        }
        blocks.concat().join("\n")
    }

    #[test]
    fn before_the_first_run_there_are_only_the_watchs_own_figures() {
        let text = Exposition::OpenMetrics.of_watch(None, &Recent::default(), &figures());
        assert!(
            !text.contains("rule_") && !text.contains("last_finished"),
            "{text}"
        );
        assert!(
            text.contains("fwprobe_runs_total{outcome=\"as_expected\"} 7"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn the_number_of_series_is_as_stated() {
        for recorded in recorded::ALL {
            let run = recorded.read();
            let mut recent = Recent::default();
            recent.add(&run);
            let with = Exposition::Classic.of_watch(Some(&run), &recent, &figures());
            let without = Exposition::Classic.of_watch(None, &recent, &figures());
            let (rows, both) = (rows(&run, None).len(), 2);
            let added = samples(&with).len() - samples(&without).len() - both;
            assert!(
                added <= rows * SERIES_OF_A_ROW,
                "{}: {added}",
                recorded.name
            );
            assert!(
                added >= rows * (SERIES_OF_A_ROW - 6),
                "{}: {added}",
                recorded.name
            );
        }
    }

    #[test]
    fn the_documentation_states_the_number_of_series() {
        let text = include_str!("../../../docs/user/repeated-runs.md");
        let own = Exposition::Classic.of_watch(None, &Recent::default(), &figures());
        // A run adds two series: the time when the last run ended, and its duration.
        let own = samples(&own).len() + 2;
        let rows = format!(
            "at most {SERIES_OF_A_ROW} series\nfor each rule over each path, and {own} more"
        );
        assert!(text.contains(&rows), "{rows}");
    }

    #[test]
    fn a_target_is_a_server_of_the_run() {
        let run = recorded::DROPPED.read();
        let host = run.server.hosts[0].clone();
        let text = Exposition::Classic.of_target(&run, &host).unwrap();
        assert!(text.contains("fwprobe_rule_outcome"), "{text}");
        assert!(!text.contains("fwprobe_runs_total"), "{text}");
        assert_eq!(Exposition::Classic.of_target(&run, "other.example"), None);
    }

    #[test]
    fn hostile_text_stays_in_its_label() {
        let mut run = recorded::DROPPED.read();
        run.probes.truncate(1);
        let mut recent = Recent::default();
        recent.add(&run);
        let rule = rows(&run, None)[0].rule().to_string();
        let labels = RowLabels {
            rule,
            path: "http://\"} 1\nfwprobe_runs_total 9".to_owned(),
        };
        let family: Family<RowLabels, Gauge> = Family::default();
        family.get_or_create(&labels).set(1);
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("rule_outcome_runs", "x", family);
        let text = Exposition::Classic.written(&registry);
        assert_eq!(samples(&text).len(), 1, "{text}");
    }
}
