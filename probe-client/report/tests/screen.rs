//! Counts the lines of the table on a screen: a run with several faults is folded until it fits, a run with one fault is
//! shown whole, and what is folded is still in the whole table.
//!
//! The runs are put together from recorded probes, which are moved to one server.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the recorded runs from files, and fail if they cannot"
)]

use std::path::Path;

use probe_core::alternative::Alternative;
use probe_core::catalogue::VerdictId;
use probe_core::judge::Outcome;
use probe_documents::{Probe, RunDocument, judge_again};
use probe_report::{Format, Look, Report, write};

#[test]
fn five_different_faults_fit_on_a_screen() {
    let document = run(&[DIRECT], &FIVE);
    let (screen, whole) = (written(&document, SCREEN), written(&document, Look::PLAIN));
    assert!(whole.lines().count() > 80, "{whole}");
    fits(&screen, 45);
    assert_eq!(statements(&screen), 5, "{screen}");
    for (port, _, verdict) in FIVE {
        let headline = format!("FAIL {port}/");
        let mut lines = screen.lines();
        let line = lines.find(|line| line.starts_with(&headline) && line.contains(verdict.name()));
        assert!(line.is_some(), "{port}: {screen}");
    }
    let words = words(&screen);
    for failure in Report::of(&document).failures {
        assert!(
            words.contains(&failure.claim),
            "{}: {screen}",
            failure.claim
        );
    }
    assert!(words.contains("(confidence medium)"), "{screen}");
    assert!(words.contains("5 not: dropped 443"), "{screen}");
}

#[test]
fn three_paths_fit_on_two_screens() {
    let faults = [
        (3389, DIRECT, VerdictId::PayloadDropped),
        (5901, DIRECT, VerdictId::Dropped),
        (5902, DIRECT, VerdictId::Dropped),
        (7998, DIRECT, VerdictId::NotListening),
        (80, HTTP, VerdictId::ProxyDenied),
        (3389, HTTP, VerdictId::ProxyDenied),
        (5901, HTTP, VerdictId::ProxyDenied),
        (5902, HTTP, VerdictId::ProxyDenied),
        (7999, HTTP, VerdictId::ProxyDenied),
        (7998, SOCKS, VerdictId::ProxyCouldNotConnect),
    ];
    let document = run(&[DIRECT, HTTP, SOCKS], &faults);
    let (screen, whole) = (written(&document, SCREEN), written(&document, Look::PLAIN));
    assert!(whole.lines().count() > 80, "{whole}");
    fits(&screen, 80);
    // Ports that fail alike are one statement, which names their paths.
    assert_eq!(statements(&screen), 5, "{screen}");
    for (ports, path) in [
        ("5901/nettcp, 5902/nettcp dropped (", "path A"),
        ("proxy-denied (", "path B"),
        ("proxy-could-not-connect (", "path C"),
    ] {
        let line = screen.lines().find(|line| line.contains(ports));
        assert!(line.unwrap_or_default().contains(path), "{path}: {screen}");
    }
}

#[test]
fn equal_failures_over_two_paths_are_one_statement() {
    let faults = [
        (80, DIRECT, VerdictId::Dropped),
        (443, DIRECT, VerdictId::PayloadDropped),
        (443, HTTP, VerdictId::PayloadDropped),
        (5901, DIRECT, VerdictId::StallsAfterBytes),
    ];
    let document = run(&[DIRECT, HTTP], &faults);
    let screen = written(&document, SCREEN);
    fits(&screen, 80);
    assert_eq!(statements(&screen), 3, "{screen}");
    let both = "443/https payload-dropped (paths A and B";
    assert!(words(&screen).contains(both), "{screen}");
}

#[test]
fn a_single_failure_is_shown_whole() {
    let document = run(&[DIRECT], &[(5901, DIRECT, VerdictId::StallsAfterBytes)]);
    let screen = written(&document, SCREEN);
    assert_eq!(screen, written(&document, Look::PLAIN));
    assert!(screen.matches("  seen: ").count() > 5, "{screen}");
    assert!(!screen.contains("--verbose"), "{screen}");
}

/// Two failures leave room for the facts that carry their conclusions.
#[test]
fn facts_are_shown_as_long_as_there_is_room() {
    let document = run(&[DIRECT], &FIVE[..2]);
    let screen = written(&document, SCREEN);
    fits(&screen, 45);
    assert_eq!(statements(&screen), 2, "{screen}");
    // Both failures are about one server, so the traffic to look for is one entry.
    assert_eq!(screen.matches("\n  logs: ").count(), 1, "{screen}");
    let words = words(&screen);
    for failure in Report::of(&document).failures {
        let first = &failure.evidence[0];
        assert!(words.contains(first), "{first}: {screen}");
    }
    assert!(!screen.contains("\n  or: "), "{screen}");
}

#[test]
fn a_run_without_failures_has_nothing_to_fold() {
    let document = run(&[DIRECT], &[]);
    assert_eq!(written(&document, SCREEN), written(&document, Look::PLAIN));
}

#[test]
fn colour_adds_nothing_but_escapes() {
    let document = run(&[DIRECT], &FIVE);
    let look = Look {
        colour: true,
        ..SCREEN
    };
    let (coloured, plain) = (written(&document, look), written(&document, SCREEN));
    assert_ne!(coloured, plain);
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, plain);
}

/// A file and `--verbose` show what the screen leaves out.
#[test]
fn the_whole_table_has_all_evidence() {
    let document = run(&[DIRECT], &FIVE);
    let table = written(&document, Look::PLAIN);
    let whole = words(&table);
    for failure in Report::of(&document).failures {
        for fact in failure.evidence.iter().chain(&failure.next_step) {
            let fact = Alternative::named_by(fact).unwrap_or(fact);
            assert!(whole.contains(fact), "{fact}");
        }
    }
    // Causes that are not excluded were not seen.
    assert!(table.contains("\n  or:   "), "{table}");
    assert!(!table.contains("not excluded"), "{table}");
    assert!(!whole.contains("--verbose"), "{whole}");
}

/// Even a run in which everything fails differently keeps every claim, and its conclusion stays last.
#[test]
fn what_cannot_fit_keeps_claims_and_conclusion() {
    let text = std::fs::read_to_string(recorded(VerdictId::ProxyDenied)).unwrap();
    let mut document = judge_again(serde_json::from_str(&text).unwrap());
    document.probes = (0..30)
        .map(|number| {
            let mut probe = probe(VerdictId::Dropped);
            probe.measurement.rule.id = format!("rule-{number}").parse().unwrap();
            probe.verdict.claim.push_str(&format!(" ({number})"));
            probe
        })
        .collect();
    let screen = written(&document, SCREEN);
    assert_eq!(statements(&screen), 30, "{screen}");
    let sentence = Report::of(&document).summary.sentence;
    assert!(words(&screen).ends_with(&sentence), "{screen}");
}

/// Checks that `screen` has at most `most` lines of 80 columns, and says once that it is folded.
fn fits(screen: &str, most: usize) {
    let count = screen.lines().count();
    assert!(count <= most, "{count} lines:\n{screen}");
    let narrow = screen.lines().all(|line| line.chars().count() <= 80);
    assert!(narrow, "{screen}");
    assert_eq!(screen.matches("\n  more: ").count(), 1, "{screen}");
    let words = words(screen);
    for place in ["--verbose", "`fwprobe explain run.json`"] {
        assert_eq!(words.matches(place).count(), 1, "{screen}");
    }
}

fn statements(text: &str) -> usize {
    text.lines()
        .filter(|line| line.trim_start().starts_with("next: "))
        .count()
}

/// Returns `text` on one line.
fn words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

fn written(document: &RunDocument, look: Look) -> String {
    let mut out = Vec::new();
    let table = Format::named("table").unwrap();
    write(table, document, look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Returns a run of seven ports over `paths`, in which `faults` fail as recorded probes did.
fn run(paths: &[&str], faults: &[Fault]) -> RunDocument {
    let text = std::fs::read_to_string(recorded(VerdictId::ProxyDenied)).unwrap();
    let mut document: RunDocument = judge_again(serde_json::from_str(&text).unwrap());
    document.run.profile = Some("hpc-2008r2-sp1".parse().unwrap());
    document.server.hosts = vec![SERVER.to_owned()];
    if paths.len() == 1 {
        document.egress.clear();
    }
    document.probes.clear();
    for path in paths {
        for (port, session) in PORTS {
            let mut faults = faults.iter();
            let fault = faults.find(|(of, over, _)| (of, over) == (&port, path));
            let mut probe = probe(fault.map_or(VerdictId::Reachable, |(_, _, id)| *id));
            let measurement = &mut probe.measurement;
            measurement.rule.id = format!("port-{port}").parse().unwrap();
            measurement.rule.port = port.to_string().parse().unwrap();
            measurement.rule.session = session.parse().unwrap();
            measurement.host = SERVER.to_owned();
            measurement.address = Some(format!("{SERVER}:{port}").parse().unwrap());
            measurement.path = path.parse().unwrap();
            document.probes.push(probe);
        }
    }
    let probes = document.probes.iter();
    let expected = |p: &&Probe| p.outcome == Outcome::AsExpected;
    document.summary.probes = document.probes.len();
    document.summary.as_expected = probes.filter(expected).count();
    document.summary.not_as_expected = document.probes.len() - document.summary.as_expected;
    document.summary.undecided = 0;
    document
}

/// Returns the first recorded probe with this verdict.
fn probe(verdict: VerdictId) -> Probe {
    let text = std::fs::read_to_string(recorded(verdict)).unwrap();
    let document = judge_again(serde_json::from_str(&text).unwrap());
    let mut probes = document.probes.into_iter();
    let found = probes.find(|probe| probe.verdict.id == verdict);
    found.unwrap_or_else(|| panic!("{verdict} is not in its file"))
}

/// Returns the file with a probe of this verdict.
fn recorded(verdict: VerdictId) -> std::path::PathBuf {
    let (_, file) = FILES.iter().find(|(id, _)| *id == verdict).unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(file)
}

/// A port, the path over which it fails, and the verdict.
type Fault = (u16, &'static str, VerdictId);

const FIVE: [Fault; 5] = [
    (443, DIRECT, VerdictId::Dropped),
    (3389, DIRECT, VerdictId::PayloadDropped),
    (5901, DIRECT, VerdictId::Rejected),
    (5902, DIRECT, VerdictId::RedirectedToOtherPort),
    (7998, DIRECT, VerdictId::NotListening),
];

const PORTS: [(u16, &str); 7] = [
    (80, "http"),
    (443, "https"),
    (3389, "rdp"),
    (5901, "nettcp"),
    (5902, "nettcp"),
    (7998, "nettcp"),
    (7999, "nettcp"),
];

const FILES: [(VerdictId, &str); 9] = [
    (
        VerdictId::Reachable,
        "probe-client/core/tests/scenarios/demo.json",
    ),
    (
        VerdictId::Dropped,
        "probe-client/core/tests/scenarios/dropped-behind-first-hop.json",
    ),
    (
        VerdictId::Rejected,
        "probe-client/core/tests/scenarios/rejected.json",
    ),
    (
        VerdictId::RedirectedToOtherPort,
        "probe-client/core/tests/scenarios/redirected-to-other-port.json",
    ),
    (
        VerdictId::NotListening,
        "probe-client/core/tests/scenarios/not-listening.json",
    ),
    (
        VerdictId::ProxyDenied,
        "probe-client/core/tests/scenarios/through-proxies.json",
    ),
    (
        VerdictId::ProxyCouldNotConnect,
        "tests/lab/records/refused-behind-a-proxy.json",
    ),
    (
        VerdictId::PayloadDropped,
        "tests/lab/records/answers-dropped-after-the-handshake.json",
    ),
    (
        VerdictId::StallsAfterBytes,
        "tests/lab/records/flow-freezes-after-20-kilobytes.json",
    ),
];

const SERVER: &str = "10.73.3.2";
const DIRECT: &str = "direct";
const HTTP: &str = "http://127.0.0.1:23128";
const SOCKS: &str = "socks5h://127.0.0.1:21080";

/// The look of standard output without `--verbose`.
const SCREEN: Look = Look {
    whole: false,
    ..Look::PLAIN
};
