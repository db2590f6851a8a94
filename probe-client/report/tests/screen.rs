//! Counts the lines of the table on a screen: a run with several faults is folded until it fits, a single fault is shown
//! whole, and what is folded is still in the whole table.
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
    let whole = written(&document, Look::PLAIN);
    assert_eq!(explanations(&screen), explanations(&whole));
    assert!(screen.matches("  seen: ").count() > 5, "{screen}");
}

/// What else there is makes room for a single failure.
#[test]
fn findings_are_folded_around_a_single_failure() {
    let mut document = brief(run(&[DIRECT], &FIVE[..1]));
    let found = recorded_run(NAT_POOL).probes;
    let finding = found.iter().find_map(|p| p.findings.first()).unwrap();
    document.probes[0].findings = (0..40)
        .map(|number| {
            let mut finding = finding.clone();
            finding.claim.push_str(&format!(" ({number})"));
            finding
        })
        .collect();
    let (screen, whole) = (written(&document, SCREEN), written(&document, Look::PLAIN));
    assert!(whole.contains("\nNoted\n") && whole.lines().count() > 45);
    assert!(screen.lines().count() <= 45, "{screen}");
    assert_eq!(explanations(&screen), explanations(&whole));
    let name = finding.id.name();
    assert!(screen.contains("\n  noted: ") && screen.contains(name));
    assert!(!screen.contains("\nNoted\n"), "{screen}");
    // The failure's own page is in its explanation.
    assert_eq!(words(&screen).matches("`fwprobe explain ").count(), 1);
    assert_eq!(words(&screen).matches("--verbose").count(), 1, "{screen}");
}

/// A failure that alone is longer than a screen stays whole, and the rest is as short as it can be.
#[test]
fn the_allow_list_is_one_line_beside_a_long_failure() {
    let mut document = recorded_run(NAT_POOL);
    let mut probes = document.probes.iter_mut();
    let failed = probes.find(|p| p.needs_a_word()).unwrap();
    let facts = (0..60).map(|number| format!("fact {number}"));
    failed.verdict.evidence = facts.collect();
    let (screen, whole) = (written(&document, SCREEN), written(&document, Look::PLAIN));
    assert_eq!(Report::of(&document).failures.len(), 1, "{whole}");
    assert_eq!(explanations(&screen), explanations(&whole));
    assert!(whole.contains("\nFor allow lists "), "{whole}");
    assert!(!screen.contains("\nFor allow lists "), "{screen}");
    let line = screen.lines().find(|line| line.starts_with("  allow: "));
    let egress = &Report::of(&document).egress;
    let first = egress[0].from.to_string();
    assert!(line.unwrap().contains(&first), "{screen}");
    assert!(!screen.contains("noted: "), "{screen}");
}

/// The first failures have facts although all of them would not fit with theirs.
#[test]
fn the_first_failures_have_the_facts_for_which_there_is_room() {
    let mut document = brief(run(&[DIRECT], &FIVE));
    let failed = document.probes.iter_mut().filter(|p| p.needs_a_word());
    for (number, probe) in failed.enumerate().skip(2) {
        probe.verdict.evidence = vec![format!("{number} {}", "long ".repeat(300))];
    }
    let screen = written(&document, SCREEN);
    fits(&screen, 45);
    assert_eq!(screen.matches("\n  seen: fact 0\n").count(), 2, "{screen}");
    assert_eq!(screen.matches("  seen: ").count(), 2, "{screen}");
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

/// A verdict that is not certain says so wherever it is the headline.
#[test]
fn the_confidence_is_in_the_headlines_of_each_form() {
    let document = run(&[DIRECT], &FIVE);
    let failures = Report::of(&document).failures;
    let doubted: Vec<_> = failures.iter().filter(|f| f.doubt.is_some()).collect();
    assert!(!doubted.is_empty(), "{failures:?}");
    let whole = words(&written(&document, Look::PLAIN));
    for failure in &doubted {
        let doubt = failure.doubt.unwrap();
        let headline = format!("{} {} ({doubt})", failure.ports, failure.verdict);
        assert!(whole.contains(&headline), "{headline}: {whole}");
    }
    for (name, begin, end) in [
        ("markdown", "## **FAIL**", ""),
        ("html", "<summary>", "</summary>"),
    ] {
        let mut out = Vec::new();
        let format = Format::named(name).unwrap();
        write(format, &document, Look::PLAIN, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let said = |line: &&str| {
            line.starts_with(begin)
                && ["medium", "low"]
                    .iter()
                    .any(|word| line.ends_with(&format!("), confidence {word}{end}")))
        };
        assert_eq!(text.lines().filter(said).count(), doubted.len(), "{text}");
    }
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
    for place in [
        "--verbose",
        "`--output run.json` saves it for `fwprobe explain run.json`",
    ] {
        assert_eq!(words.matches(place).count(), 1, "{screen}");
    }
    let (_, more) = screen.split_once("\n  more: ").unwrap();
    let hint = more.lines().take_while(|line| !line.is_empty());
    assert!(hint.count() <= 2, "{screen}");
}

/// Returns the blocks of the failures that are shown whole.
fn explanations(text: &str) -> Vec<&str> {
    let blocks = text.split("\n\n");
    blocks.filter(|block| block.starts_with("FAIL ")).collect()
}

/// Returns the run with short texts for what failed: a claim of its own for each, and three facts.
fn brief(mut document: RunDocument) -> RunDocument {
    let failed = document.probes.iter_mut().filter(|p| p.needs_a_word());
    for (number, probe) in failed.enumerate() {
        probe.verdict.claim = format!("claim {number}");
        probe.verdict.next_step = Some("ask".to_owned());
        probe.verdict.evidence = (0..3).map(|fact| format!("fact {fact}")).collect();
    }
    document
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

/// Returns a recorded run, judged again.
fn recorded_run(file: &str) -> RunDocument {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path.join("../..").join(file)).unwrap();
    judge_again(serde_json::from_str(&text).unwrap())
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

/// A run with one failure, several findings and addresses for allow lists.
const NAT_POOL: &str = "tests/lab/records/nat-pool-with-a-port-dropped.json";

const SERVER: &str = "10.73.3.2";
const DIRECT: &str = "direct";
const HTTP: &str = "http://127.0.0.1:23128";
const SOCKS: &str = "socks5h://127.0.0.1:21080";

/// The look of standard output without `--verbose`.
const SCREEN: Look = Look {
    whole: false,
    ..Look::PLAIN
};
