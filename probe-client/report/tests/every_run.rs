//! Writes every recorded run in every format, as it is and with hostile text in every place that strangers can fill.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the recorded runs from files, and fail if they cannot"
)]

use std::path::Path;

use probe_core::excerpt::unprintable;
use probe_core::profile::Expectation;
use probe_documents::{RunDocument, contradictions, judge_again};
use probe_report::{FORMATS, Format, Look, Report, Template, write};
use serde_json::Value;

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
fn hostile_text_is_harmless_in_every_format() {
    for name in ["dropped", "through-proxies", "demo"] {
        for hostile in corpus() {
            let document = poisoned(name, OUTSIDE, &hostile);
            for format in &FORMATS {
                let text = written(format, &document);
                harmless(format.name, &text);
            }
            let template = "{% for p in ports %}{{ p.claim }}{{ p.purpose }}\n{% endfor %}";
            let template = Template::parse("own.txt", template.to_owned()).unwrap();
            let mut out = Vec::new();
            template.write(&Report::of(&document), &mut out).unwrap();
            harmless("template", &String::from_utf8(out).unwrap());
        }
    }
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
fn names_of_a_mebibyte_are_cut_in_every_format_which_says_so() {
    let document = poisoned("dropped", OUTSIDE, &"<".repeat(1024 * 1024));
    let document_itself = |format: &&Format| format.name != "json";
    for format in FORMATS.iter().filter(document_itself) {
        let text = written(format, &document);
        let most = match format.name {
            // GitHub drops a larger summary.
            "markdown" => 1024 * 1024,
            _ => 2 * 1024 * 1024,
        };
        assert!(text.len() < most, "{}: {} bytes", format.name, text.len());
        assert!(text.contains(" characters more)"), "{}", format.name);
    }
}

/// The check for harmful text can fail.
#[test]
fn a_terminal_escape_and_a_command_are_noticed() {
    for text in [
        "a\u{1b}[2Jb",
        "a ##vso[x]b",
        "##[error]x",
        "a\n  ::add-mask::b",
    ] {
        let told = std::panic::catch_unwind(|| harmless("table", text));
        assert!(told.is_err(), "{text}");
    }
}

#[test]
fn a_page_with_hostile_text_has_no_element_of_its_own() {
    let document = poisoned(
        "dropped",
        OUTSIDE,
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
    );
    let html = written(Format::named("html").unwrap(), &document);
    assert!(html.contains("&lt;script&gt;"), "the text is not there");
    assert!(!html.contains("<script") && !html.contains("<img"));
    let markdown = written(Format::named("markdown").unwrap(), &document);
    assert!(!markdown.contains("<script") && !markdown.contains("<img"));
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

/// Text that a server, a proxy or a certificate may send.
fn corpus() -> Vec<String> {
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "]]> &lt; &#0; <!-- -- >",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
        "\u{202e}gnp.exe\u{202c} \u{2066}x\u{2069} \u{feff}",
        "hidden\u{200b}\u{e0041}\u{e0042}\u{2060}\u{ad} text",
        "line\nbreak\r\nand\u{2028}more\u{0}",
        "=HYPERLINK(\"http://x.invalid\")",
        "@SUM(1) | a | `b` [c](http://d.invalid) **e** @team",
        "{{ run.id }} {% raw %}",
        "\u{fffe}\u{ffff}\u{1f525}",
        "##vso[task.setvariable variable=a]b ##[error]c ##teamcity[d]",
        "::error file=a::b",
        "a\n::add-mask::b\r\n  ::stop-commands::c",
        // A line that is wrapped may begin at any word.
        &"::error::a".repeat(40),
        &"x ::warning::a".repeat(40),
    ]
    .map(str::to_owned)
    .into()
}

/// Returns a recorded run in which every text from outside is `hostile`.
fn poisoned(name: &str, fields: &[&str], hostile: &str) -> RunDocument {
    let file = format!("{CORE}/tests/scenarios/{name}.json");
    let text = std::fs::read_to_string(file).unwrap();
    let judged: RunDocument = judge_again(serde_json::from_str(&text).unwrap());
    let mut value = serde_json::to_value(judged).unwrap();
    let replaced = poison(&mut value, fields, hostile);
    assert!(replaced > 2, "only {replaced} texts replaced");
    serde_json::from_value(value).unwrap()
}

/// Replaces the values of `fields` everywhere, and all evidence if these are [`OUTSIDE`].
/// Returns the number of replaced texts.
fn poison(value: &mut Value, fields: &[&str], hostile: &str) -> usize {
    match value {
        Value::Array(values) => values.iter_mut().map(|v| poison(v, fields, hostile)).sum(),
        Value::Object(map) => {
            let mut replaced = 0;
            for (key, value) in map {
                if let Value::String(text) = value
                    && fields.contains(&key.as_str())
                {
                    *text = hostile.to_owned();
                    replaced += 1;
                } else if let Value::Array(values) = value
                    && key == "evidence"
                    && fields == OUTSIDE
                {
                    values.truncate(2);
                    replaced += values.len();
                    values.fill(Value::from(hostile));
                } else {
                    replaced += poison(value, fields, hostile);
                }
            }
            replaced
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn harmless(format: &str, text: &str) {
    let odd = text
        .chars()
        .find(|c| unprintable(*c) && !matches!(c, '\n' | '\r'));
    assert_eq!(odd, None, "{format}");
    let command = text.lines().find(|line| is_command(line));
    assert_eq!(command, None, "{format}");
}

/// Returns whether a pipeline that prints `line` obeys it, as the agents of Azure Pipelines, GitHub Actions
/// (ActionCommand.cs) and TeamCity recognise commands.
fn is_command(line: &str) -> bool {
    let line = line.to_lowercase();
    if ["##vso[", "##[", "##teamcity["]
        .iter()
        .any(|start| line.contains(start))
    {
        return true;
    }
    let Some((command, _)) = line
        .trim_start()
        .strip_prefix("::")
        .and_then(|rest| rest.split_once("::"))
    else {
        return false;
    };
    let name = command.split(' ').next().unwrap_or_default();
    // Commands have names such as error and add-mask.
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
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

/// The fields that hold text from outside.
const OUTSIDE: &[&str] = &[
    "purpose",
    "claim",
    "next_step",
    "name",
    "user",
    "text",
    "detail",
    "destination",
    "system",
    "host",
    "version",
];
const CORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core");
const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/lab/records");
