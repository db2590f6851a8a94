use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::*;

#[test]
fn every_page_begins_with_its_id_and_title() {
    for (id, title, page) in pages() {
        assert_eq!(page.lines().next(), Some(&*format!("# {id}: {title}")));
    }
}

#[test]
fn every_page_has_the_four_sections_and_fits_a_terminal() {
    for (id, _, page) in pages() {
        let sections: Vec<_> = page.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(sections, SECTIONS, "{id}");
        let lines = page.lines().count();
        assert!((20..=45).contains(&lines), "{id} has {lines} lines");
        assert!(page.ends_with('\n') && !page.ends_with("\n\n"), "{id}");
        for line in page.lines() {
            assert!(line.len() <= 78 && line.is_ascii(), "{id}: {line}");
            assert_eq!(line, line.trim_end(), "{id}");
            // A command that is broken over two lines cannot be copied.
            assert_eq!(line.matches('`').count() % 2, 0, "{id}: {line}");
        }
    }
}

#[test]
fn pages_use_headings_paragraphs_lists_and_indented_code_only() {
    for (id, _, page) in pages() {
        let mut in_list = false;
        for line in page.lines().filter(|line| !line.is_empty()) {
            // After a list item, four spaces continue the item instead of starting a code block.
            let code = line.starts_with("    ");
            assert!(!(code && in_list), "{id}: {line}");
            in_list = line.starts_with("- ") || (in_list && line.starts_with("  "));
            if code || in_list {
                continue;
            }
            let plain = line.starts_with(char::is_alphanumeric)
                || line.starts_with(['`', '"', '(', '{'])
                || line.starts_with("# ")
                || line.starts_with("## ");
            assert!(plain, "{id}: {line}");
            assert!(!line.contains(['<', '*', '|']), "{id}: {line}");
        }
    }
}

#[test]
fn a_ticket_and_commands_are_blocks_of_their_own() {
    for (id, _, page) in pages() {
        // To Markdown, two blocks separated only by a blank line are one block, and they get pasted as one.
        assert!(!joined_blocks(page), "{id}");
    }
}

#[test]
fn every_see_also_names_another_page() {
    for (id, _, page) in pages() {
        let (_, list) = page.split_once(&format!("## {SEE_ALSO}\n\n")).unwrap();
        assert!(list.lines().count() >= 2, "{id}");
        for line in list.lines() {
            let (other, why) = see_also(line).unwrap_or_else(|| panic!("{id}: {line}"));
            assert!(super::page(other).is_some(), "{id}: {other}");
            assert!(other != id && !why.is_empty(), "{id}: {line}");
        }
    }
}

#[test]
fn placeholders_are_those_of_the_list() {
    let listed: Vec<_> = PLACEHOLDERS.iter().map(|p| p.name).collect();
    assert!(listed.is_sorted());
    let mut used = BTreeSet::new();
    for (id, _, page) in pages() {
        for part in page.split('{').skip(1) {
            let (name, _) = part
                .split_once('}')
                .unwrap_or_else(|| panic!("{id}: {part}"));
            assert!(listed.contains(&name), "{id}: {name}");
            used.insert(name);
        }
    }
    assert_eq!(used.into_iter().collect::<Vec<_>>(), listed);
}

#[test]
fn no_page_file_is_without_an_id() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    let verdicts: BTreeSet<_> = VerdictId::ALL.iter().map(|id| format!("{id}.md")).collect();
    let findings: BTreeSet<_> = FindingId::ALL.iter().map(|id| format!("{id}.md")).collect();
    assert_eq!(files(&folder.join("verdicts")), verdicts);
    assert_eq!(files(&folder.join("findings")), findings);
}

#[test]
fn no_id_is_given_twice_or_again() {
    let verdicts = VerdictId::ALL.iter().map(|id| id.name());
    let findings = FindingId::ALL.iter().map(|id| id.name());
    let retired = [VerdictId::RETIRED, FindingId::RETIRED].concat();
    let mut seen = BTreeSet::new();
    for id in verdicts.chain(findings).chain(retired) {
        assert!(seen.insert(id), "{id} repeats");
        let kebab = id.split('-').all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        });
        assert!(kebab, "{id}");
    }
}

#[test]
fn an_id_is_the_same_word_everywhere() {
    for &id in VerdictId::ALL {
        assert_eq!(serde_json::to_value(id).unwrap(), id.name());
        assert_eq!(id.to_string(), id.name());
        assert_eq!(id.name().parse(), Ok(id));
        assert_eq!(id.entry().id, id);
    }
    for &id in FindingId::ALL {
        assert_eq!(serde_json::to_value(id).unwrap(), id.name());
        assert_eq!(id.to_string(), id.name());
        assert_eq!(id.name().parse(), Ok(id));
        assert_eq!(id.entry().id, id);
    }
    assert_eq!("Reachable".parse::<VerdictId>(), Err(UnknownVerdictId));
    assert_eq!("reachable".parse::<FindingId>(), Err(UnknownFindingId));
}

#[test]
fn the_schema_lists_every_id_with_its_meaning() {
    let verdicts = VerdictId::ALL
        .iter()
        .map(|id| (id.name(), id.entry().meaning));
    assert!(schema_rows(schemars::schema_for!(VerdictId)).eq(verdicts.map(owned)));
    let findings = FindingId::ALL
        .iter()
        .map(|id| (id.name(), id.entry().meaning));
    assert!(schema_rows(schemars::schema_for!(FindingId)).eq(findings.map(owned)));
}

#[test]
fn classes_and_severities_have_one_word_each() {
    let class = VerdictClass::NotAboutThePort;
    assert_eq!(serde_json::to_value(class).unwrap(), class.name());
    for severity in [Severity::Info, Severity::Warning, Severity::Error] {
        assert_eq!(serde_json::to_value(severity).unwrap(), severity.name());
    }
    assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Error);
}

#[test]
fn what_meets_which_expectation() {
    let open = names(|entry| entry.class == VerdictClass::Open);
    assert_eq!(open, ["reachable", "reachable-with-loss"]);
    assert_eq!(
        names(|entry| entry.meets_blocked),
        [
            "dropped",
            "reply-dropped",
            "rejected",
            "prohibited",
            "payload-dropped",
            "payload-reset"
        ]
    );
    assert_eq!(
        names(|entry| entry.class == VerdictClass::NotAboutThePort),
        [
            "server-unreachable",
            "server-silent",
            "server-refused",
            "server-overloaded",
            "server-unproven",
            "server-other-version",
            "inconclusive"
        ]
    );
}

#[test]
fn a_page_says_whether_it_meets_blocked() {
    for id in VerdictId::ALL {
        let words = id.entry().page.split_whitespace().collect::<Vec<_>>();
        let says = words
            .join(" ")
            .contains("This meets a rule that expects `blocked`.");
        assert_eq!(says, id.entry().meets_blocked, "{id}");
    }
}

#[test]
fn titles_and_meanings_are_one_line_of_text() {
    let verdicts = VerdictId::ALL.iter().map(|id| id.entry());
    let findings = FindingId::ALL.iter().map(|id| id.entry());
    let texts = verdicts.map(|entry| (entry.title, entry.meaning));
    for (title, meaning) in texts.chain(findings.map(|entry| (entry.title, entry.meaning))) {
        assert!(!title.ends_with('.') && title.len() <= 60, "{title}");
        assert!(meaning.ends_with('.') && meaning.len() <= 100, "{meaning}");
        assert!(!meaning.contains(['|', '\n']), "{meaning}");
    }
}

#[test]
fn an_unknown_word_has_no_page() {
    assert!(page("dropped").is_some_and(|page| page.starts_with("# dropped: ")));
    assert!(page("clock-skew").is_some_and(|page| page.starts_with("# clock-skew: ")));
    assert_eq!(page("verdicts/dropped"), None);
}

#[test]
fn every_link_and_anchor_of_the_document_leads_to_a_heading() {
    let document = markdown();
    let headings: Vec<_> = document
        .lines()
        .filter_map(|l| l.strip_prefix("## "))
        .collect();
    for target in document
        .split("](#")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        assert!(headings.contains(&target), "{target}");
    }
    for (id, _, _) in pages() {
        assert_eq!(headings.iter().filter(|heading| **heading == id).count(), 1);
    }
    assert_eq!(
        VerdictId::NoRoute.anchor(),
        "docs/reference/verdicts.md#no-route"
    );
    assert!(document.contains("\n- [`prohibited`](#prohibited): a router elsewhere"));
}

#[test]
fn the_committed_document_is_what_the_catalogue_renders() {
    let committed = include_str!("../../../../docs/reference/verdicts.md");
    for (at, (is, should_be)) in committed.lines().zip(markdown().lines()).enumerate() {
        assert_eq!(
            is,
            should_be,
            "docs/reference/verdicts.md line {}; {REWRITE}",
            at + 1
        );
    }
    assert!(
        committed == markdown(),
        "docs/reference/verdicts.md: {REWRITE}"
    );
}

fn pages() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let verdicts = VerdictId::ALL.iter().map(|id| {
        let entry = id.entry();
        (id.name(), entry.title, entry.page)
    });
    verdicts.chain(FindingId::ALL.iter().map(|id| {
        let entry = id.entry();
        (id.name(), entry.title, entry.page)
    }))
}

fn joined_blocks(page: &str) -> bool {
    let lines: Vec<_> = page.lines().collect();
    let code = |line: &str| line.starts_with("    ");
    let mut triples = lines.windows(3);
    triples.any(|lines| code(lines[0]) && lines[1].is_empty() && code(lines[2]))
}

fn names(holds: impl Fn(&VerdictEntry) -> bool) -> Vec<&'static str> {
    let ids = VerdictId::ALL.iter().filter(|id| holds(id.entry()));
    ids.map(|id| id.name()).collect()
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn schema_rows(schema: schemars::Schema) -> impl Iterator<Item = (String, String)> {
    let rows = schema.get("oneOf").and_then(Value::as_array).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| (text(row, "const"), text(row, "description")))
        .collect();
    rows.into_iter()
}

fn owned((id, meaning): (&str, &str)) -> (String, String) {
    (id.to_owned(), meaning.to_owned())
}

const SECTIONS: [&str; 4] = ["What it says", "How fwprobe knows", "What to do", SEE_ALSO];
const REWRITE: &str =
    "rewrite it with `cargo run --bin fwprobe -- explain --all > docs/reference/verdicts.md`";
