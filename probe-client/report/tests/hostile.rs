//! Writes hostile text in every place that strangers can fill: in every format, in every form of a difference, and in
//! the checks of a head node.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read the recorded runs from files, and fail if they cannot"
)]

use head_node::answer::{Check, CheckStatus};
use head_node::catalogue::CheckId;
use head_node::check::{CHECK_DOCUMENT, CheckDocument, CheckSummary};
use probe_core::catalogue::VerdictClass;
use probe_core::excerpt::unprintable;
use probe_core::plan::SkippedRule;
use probe_core::profile::{Note, Sourcing, Untestable};
use probe_documents::diff::Diff;
use probe_documents::{RunDocument, judge_again};
use probe_report::{FORMATS, Format, Look, Report, Template, check_table, write};
use serde_json::Value;

#[test]
fn hostile_text_is_harmless_in_every_format() {
    for name in ["dropped", "through-proxies", "demo"] {
        for hostile in corpus() {
            let document = with_more(poisoned(name, OUTSIDE, &hostile), &hostile);
            for format in &FORMATS {
                let text = written(format, &document);
                harmless(format.name, &text);
            }
            harmless("table on a screen", &on_a_screen(&document));
            let template = "{% for p in ports %}{{ p.claim }}{{ p.purpose }}\n{% endfor %}";
            let template = Template::parse("own.txt", template.to_owned()).unwrap();
            let mut out = Vec::new();
            template.write(&Report::of(&document), &mut out).unwrap();
            harmless("template", &String::from_utf8(out).unwrap());
        }
    }
}

#[test]
fn hostile_text_is_harmless_in_every_form_of_a_difference() {
    let forms: Vec<_> = FORMATS.iter().filter(|f| f.diff.is_some()).collect();
    assert_eq!(forms.len(), 4);
    for name in ["dropped", "demo"] {
        let before = with_more(poisoned(name, OUTSIDE, "plain"), "plain");
        let before = with_open_ports_alone(before);
        for hostile in corpus() {
            let after = with_more(poisoned(name, OUTSIDE, &hostile), &hostile);
            for (before, after) in [(&before, &after), (&after, &before)] {
                let diff = Diff::between(before, after);
                assert!(
                    !diff.changes.is_empty() && diff.facts.len() > 1,
                    "there is nothing to write: {diff:?}"
                );
                for format in &forms {
                    let mut out = Vec::new();
                    format.diff.unwrap()(&diff, Look::PLAIN, &mut out).unwrap();
                    harmless(format.name, &String::from_utf8(out).unwrap());
                }
            }
        }
    }
}

#[test]
fn hostile_text_is_harmless_in_the_checks_of_a_head_node() {
    for hostile in corpus() {
        let text = check_table(&checks_with(&hostile), Look::PLAIN).unwrap();
        harmless("check", &text);
        for shown in ["FAIL  ", "2 skipped", "next: ", "Notes on the profile"] {
            assert!(text.contains(shown), "{shown} is not in\n{text}");
        }
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

/// Returns the run with a rule that was not tested and with checks of the head node, in which texts are `hostile`.
fn with_more(mut document: RunDocument, hostile: &str) -> RunDocument {
    document.skipped = vec![SkippedRule {
        id: "notify".parse().unwrap(),
        port: "9087".parse().unwrap(),
        purpose: hostile.to_owned(),
        because: Untestable::Inbound,
    }];
    document.checks = checks_with(hostile).checks;
    document
}

/// Returns the run with the verdict of its first open port on every port.
fn with_open_ports_alone(mut document: RunDocument) -> RunDocument {
    let open = |p: &&probe_documents::Probe| p.verdict.id.entry().class == VerdictClass::Open;
    let open = document.probes.iter().find(open).unwrap().clone();
    for probe in &mut document.probes {
        probe.verdict = open.verdict.clone();
        probe.outcome = open.outcome;
    }
    document
}

/// Returns answers of each status, about the node and about a file, in which every text is `hostile`.
fn checks_with(hostile: &str) -> CheckDocument {
    let statuses = [
        CheckStatus::Skipped,
        CheckStatus::Pass,
        CheckStatus::Warn,
        CheckStatus::Skipped,
        CheckStatus::Fail,
    ];
    let mut checks = Vec::new();
    for about in [None, Some(hostile.to_owned())] {
        for (id, status) in CheckId::ALL.iter().zip(statuses) {
            checks.push(Check {
                about: about.clone(),
                origins: vec![hostile.to_owned()],
                ..Check::new(*id, status, hostile).next(hostile)
            });
        }
    }
    CheckDocument {
        document: CHECK_DOCUMENT.to_owned(),
        made: "2026-11-30T05:34:00Z".to_owned(),
        version: "0.1.0".to_owned(),
        checks,
        profile: Some("hpc-2008r2-sp1".parse().unwrap()),
        notes: vec![Note {
            text: hostile.to_owned(),
            source: hostile.to_owned(),
            sourcing: Sourcing::Verified,
        }],
        summary: CheckSummary {
            pass: 2,
            warn: 2,
            fail: 2,
            skipped: 4,
            exit_code: 1,
        },
    }
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

/// Returns the table as standard output shows it without `--verbose`.
fn on_a_screen(document: &RunDocument) -> String {
    let mut out = Vec::new();
    let look = Look {
        whole: false,
        ..Look::PLAIN
    };
    let table = Format::named("table").unwrap();
    write(table, document, look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
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
