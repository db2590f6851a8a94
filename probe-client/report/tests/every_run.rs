//! Writes every recorded run in every format.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the recorded runs from files, and fail if they cannot"
)]

use std::path::Path;

use probe_core::profile::Expectation;
use probe_documents::{RunDocument, contradictions, judge_again};
use probe_report::{FORMATS, Format, Look, Report, Template, write};

#[test]
fn every_record_of_the_lab_can_be_written_in_every_format() {
    let mut verdicts = std::collections::BTreeSet::new();
    let mut count = 0;
    for path in records() {
        let text = std::fs::read_to_string(&path).unwrap();
        let saved: RunDocument = serde_json::from_str(&text).unwrap();
        let wrong = contradictions(&saved);
        assert!(wrong.is_empty(), "{}: {wrong:?}", path.display());
        let document = judge_again(saved);
        verdicts.extend(document.probes.iter().map(|p| p.verdict.id));
        for format in &FORMATS {
            assert!(
                !written(format, &document).is_empty(),
                "{}: {}",
                format.name,
                path.display()
            );
        }
        count += 1;
    }
    assert!(count > 300, "only {count} records");
    assert!(verdicts.len() > 20, "only {verdicts:?}");
}

/// The drawing claims no more than the verdict: its place names no hop that the verdict's own words do not name. Its
/// hops begin at this host, without gaps or repetitions.
#[test]
fn the_place_of_every_drawing_is_that_of_its_verdict() {
    let mut with_hops = 0;
    for path in records() {
        let text = std::fs::read_to_string(&path).unwrap();
        let report = Report::of(&judge_again(serde_json::from_str(&text).unwrap()));
        for failure in &report.failures {
            let (way, shown) = (&failure.way, path.display());
            let empty = failure
                .evidence
                .iter()
                .find(|f| f.trim_end().ends_with(':'));
            assert_eq!(empty, None, "{shown}");
            let mut next = 1;
            for (first, last) in way.stops.iter().filter_map(|stop| stop.hops) {
                assert_eq!(first, next, "{shown}: {way:?}");
                assert!(first <= last, "{shown}: {way:?}");
                next = last + 1;
            }
            let Some(place) = &way.place else {
                assert_eq!(
                    report.ports[failure.rows[0]].verdict.segment, "none",
                    "{shown}"
                );
                continue;
            };
            let segment = report.ports[failure.rows[0]].verdict.segment;
            let is_open = report.ports[failure.rows[0]]
                .verdict
                .id
                .starts_with("reachable");
            assert!(!(place.cut && is_open), "{shown}: {way:?}");
            assert_eq!(
                segment == "unknown" || segment == "none",
                place.words == "place not known",
                "{shown}: {way:?}"
            );
            let row = &report.ports[failure.rows[0]].verdict;
            let step = failure.next_step.as_deref().unwrap_or_default();
            let told = [&row.place, &row.claim, step, &failure.evidence.join(" ")].join(" ");
            for hop in hops_in(&place.words) {
                with_hops += 1;
                assert!(
                    hops_in(&told).contains(&hop),
                    "{shown}: {} is not {told}",
                    place.words
                );
            }
        }
    }
    assert!(with_hops > 100, "only {with_hops} hops");
}

/// A request has one wording for a place, which includes every hop between which the claim says that packets are lost.
#[test]
fn the_place_of_every_request_is_as_wide_as_its_claim() {
    let mut between = 0;
    for path in records() {
        let text = std::fs::read_to_string(&path).unwrap();
        let report = Report::of(&judge_again(serde_json::from_str(&text).unwrap()));
        for row in &report.request.asked {
            let (claim, place) = (&row.verdict.claim, &row.verdict.place);
            let shown = path.display();
            assert!(!place.starts_with("path hop"), "{shown}: {place}");
            let Some((_, end)) = claim.split_once(" or between it and ") else {
                continue;
            };
            between += 1;
            assert!(
                place.contains("or between it and "),
                "{shown}: {place} is not {claim}"
            );
            let first = |text: &str| hops_in(text).first().copied();
            let to_the_server = place.contains("or between it and the server");
            if end.starts_with("hop ") && !to_the_server {
                assert_eq!(
                    hops_in(place).last().copied(),
                    first(end),
                    "{shown}: {place} is not {claim}"
                );
            }
        }
    }
    assert!(between > 10, "only {between} requests");
}

/// Returns the numbers after `hop ` and `hops `, and those of ranges.
fn hops_in(text: &str) -> Vec<u8> {
    let mut hops = Vec::new();
    for part in text.replace("hops ", "hop ").split("hop ").skip(1) {
        let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
        hops.extend(digits.parse::<u8>().ok());
    }
    hops
}

/// A run of many rules makes files that people can read; formats for programs have every rule.
#[test]
fn many_rules_are_shortened_for_people_and_whole_for_programs() {
    let document = of_many_rules(700);
    for format in FORMATS.iter().filter(|format| format.name != "json") {
        let text = written(format, &document);
        let (name, bytes) = (format.name, text.len());
        match name {
            "csv" => assert_eq!(text.matches("\r\n").count(), 701),
            "junit" => assert_eq!(text.matches("<testcase ").count(), 700),
            "firewall-request-json" => assert_eq!(text.matches("\"addressee\"").count(), 350),
            "firewall-request-algosec" => assert_eq!(text.matches("\"tcp/").count(), 1),
            "firewall-request-aerleon-ipv4" => {
                assert_eq!(text.matches("  - name: ").count(), 350);
            }
            _ => assert!(bytes < 1024 * 1024, "{name}: {bytes} bytes"),
        }
        let cut = [
            "table",
            "html",
            "markdown",
            "firewall-request",
            "firewall-request-markdown",
        ];
        if cut.contains(&name) || name.starts_with("hpc-step") {
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(words.join(" ").contains("Left out to keep"), "{name}");
        }
    }
}

/// Returns a run of `count` rules. Every second one is dropped, each with a claim of its own.
fn of_many_rules(count: u16) -> RunDocument {
    let text = include_str!("../../core/tests/scenarios/dropped-behind-first-hop.json");
    let mut document = judge_again(serde_json::from_str(text).unwrap());
    let recorded = std::mem::take(&mut document.probes);
    for number in 0..count {
        let mut probe = recorded[usize::from(number) % 2].clone();
        probe.measurement.rule.id = format!("rule-{number}").parse().unwrap();
        probe.measurement.rule.port = (number + 1).to_string().parse().unwrap();
        probe.verdict.claim.push_str(&format!(" ({number})"));
        document.probes.push(probe);
    }
    document
}

#[test]
fn labels_are_in_every_report_that_names_the_node() {
    let text = include_str!("../../core/tests/scenarios/dropped.json");
    let mut document: RunDocument = serde_json::from_str(text).unwrap();
    document.host.labels = serde_json::from_str(r#"{"node": "n042", "rack": "12"}"#).unwrap();
    for (name, expected) in [
        ("table", "labels: node=n042, rack=12"),
        ("json", "\"rack\": \"12\""),
        ("html", "Labels: node=n042, rack=12"),
        ("markdown", "Labels: node=n042, rack=12"),
        ("junit", "<property name=\"label.rack\" value=\"12\"/>"),
        ("csv", ",node=n042;rack=12,"),
        ("firewall-request", "from n042"),
        ("hpc-step-result", "<RowItem>rack</RowItem>"),
    ] {
        let text = written(Format::named(name).unwrap(), &document);
        assert!(text.contains(expected), "{name}: {text}");
    }
    let template = "{% for label in run.labels %}{{ label.key }}: {{ label.value }}\n{% endfor %}";
    let template = Template::parse("own.txt", template.to_owned()).unwrap();
    let mut out = Vec::new();
    template.write(&Report::of(&document), &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "node: n042\nrack: 12\n");
}

#[test]
fn a_run_of_blocked_rules_states_its_scope() {
    let text = include_str!("../../core/tests/scenarios/dropped.json");
    let mut document: RunDocument = serde_json::from_str(text).unwrap();
    for probe in &mut document.probes {
        probe.measurement.rule.expect = Expectation::Blocked;
    }
    for name in ["table", "markdown", "html"] {
        let format = FORMATS.iter().find(|f| f.name == name).unwrap();
        let text = written(format, &judge_again(document.clone()));
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        assert!(text.contains("shows nothing about other sources"), "{text}");
        document.probes[0].measurement.rule.expect = Expectation::Open;
        let mixed = written(format, &judge_again(document.clone()));
        assert!(!mixed.contains("shows nothing about"), "{mixed}");
        document.probes[0].measurement.rule.expect = Expectation::Blocked;
    }
}

#[test]
fn every_report_says_what_a_rule_expects_beside_what_was_found() {
    let text = include_str!("../../core/tests/scenarios/dropped.json");
    let saved: RunDocument = serde_json::from_str(text).unwrap();
    for (expected, told, of_table) in [
        (Expectation::Open, "dropped (expected open)", "(open)"),
        (
            Expectation::Blocked,
            "reachable (expected blocked, but open)",
            "EXPECTED",
        ),
    ] {
        let mut document = saved.clone();
        for probe in &mut document.probes {
            probe.measurement.rule.expect = expected;
        }
        let document = judge_again(document);
        let property = format!("<property name=\"expected\" value=\"{expected}\"/>");
        let cell = format!(",{expected},direct,");
        let (_, of_text) = told.trim_end_matches(')').split_once(" (").unwrap();
        for (name, words) in [
            ("markdown", told),
            ("html", told),
            ("hpc-step-result", told),
            ("hpc-step-summary", told),
            ("junit", of_text),
            ("junit", property.as_str()),
            ("csv", cell.as_str()),
            ("table", of_table),
        ] {
            let text = written(Format::named(name).unwrap(), &document);
            assert!(text.contains(words), "no {words} in {name}:\n{text}");
        }
    }
}

/// A firewall team sends a request back if one of these texts is missing. The recorded run has source NAT, a port that
/// the firewall before the NAT drops, and a port that the cloud's edge drops.
#[test]
fn each_owner_of_a_firewall_can_act_on_the_request_as_it_is() {
    let name = "source-nat-firewall-and-cloud-edge-drop.json";
    let text = std::fs::read_to_string(Path::new(RECORDS).join(name)).unwrap();
    let document = judge_again(serde_json::from_str(&text).unwrap());
    let text = written(Format::named("firewall-request").unwrap(), &document);
    let rows: Vec<&str> = text.split(". Allow TCP").skip(1).collect();
    let [edge, firewall] = rows.as_slice() else {
        panic!("not two rows:\n{text}");
    };
    for (row, port) in [(edge, "443"), (firewall, "5901")] {
        for part in [
            "Source:        10.73.1.2 (after address translation: 10.73.2.1, as the server saw it",
            "Destination:   10.73.3.2\n",
            &format!("Service:       TCP {port}, outbound"),
            "Ask:           ",
            "Justification: ",
            "; required by TechNet, Requirements for Windows Azure Nodes",
            "Evidence:      the server looked for a SYN",
            &format!(
                "In logs:       TCP from 10.73.1.2 (the server saw this host as 10.73.2.1) to \
                 10.73.3.2, port {port}, 20"
            ),
        ] {
            assert!(row.contains(part), "{part} is not in\n{row}");
        }
    }
    for blank in [
        "Requester:  ",
        "Approver:  ",
        "Start date:  ",
        "Expires:  ",
        "To roll back:",
    ] {
        assert!(text.contains(blank), "{text}");
    }
    // A rule after the translation is about the translated address, a rule before it about this host's.
    let nsg = "--source-address-prefixes 10.73.2.1 ";
    assert!(
        edge.contains(nsg) && !firewall.contains("az network"),
        "{text}"
    );
    let asa = "permit tcp host 10.73.1.2 host 10.73.3.2 eq 5901";
    assert!(
        firewall.contains(asa) && !edge.contains("access-list"),
        "{text}"
    );
}

fn written(format: &Format, document: &RunDocument) -> String {
    let mut out = Vec::new();
    write(format, document, Look::PLAIN, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn records() -> Vec<std::path::PathBuf> {
    let folder = Path::new(RECORDS);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lab/records");
