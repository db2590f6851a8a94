use std::collections::BTreeSet;
use std::path::Path;

use probe_core::catalogue::{FindingId, PLACEHOLDERS, SEE_ALSO, VerdictId, see_also};
use probe_core::profile::Sourcing;

use super::markdown::{OF_NO_REQUIREMENT, REQUIREMENTS};
use super::*;

#[test]
fn every_page_has_its_title_its_sections_and_fits_a_terminal() {
    for id in CheckId::ALL {
        let entry = id.entry();
        let first = format!("# {id}: {}", entry.title);
        assert_eq!(entry.page.lines().next(), Some(first.as_str()));
        let sections: Vec<_> = entry
            .page
            .lines()
            .filter_map(|l| l.strip_prefix("## "))
            .collect();
        assert_eq!(sections, SECTIONS, "{id}");
        for line in entry.page.lines() {
            assert!(line.len() <= 78 && line.is_ascii(), "{id}: {line}");
            assert_eq!(line, line.trim_end(), "{id}");
            assert_eq!(line.matches('`').count() % 2, 0, "{id}: {line}");
        }
    }
}

#[test]
fn every_see_also_names_another_page() {
    for id in CheckId::ALL {
        let heading = format!("## {SEE_ALSO}\n\n");
        let (_, list) = id.entry().page.split_once(&heading).unwrap();
        assert!(list.lines().count() >= 2, "{id}");
        for line in list.lines() {
            let (other, why) = see_also(line).unwrap_or_else(|| panic!("{id}: {line}"));
            let known = page(other).or_else(|| probe_core::catalogue::page(other));
            assert!(known.is_some(), "{id}: {other}");
            assert!(other != id.name() && !why.is_empty(), "{id}: {line}");
        }
    }
}

#[test]
fn braces_hold_known_words() {
    for id in CheckId::ALL {
        for part in id.entry().page.split('{').skip(1) {
            let name = part.split('}').next().unwrap();
            assert!(PLACEHOLDERS.iter().any(|p| p.name == name), "{id}: {name}");
        }
    }
}

#[test]
fn no_page_file_is_without_an_id_and_no_id_is_given_twice() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages/checks");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let ids: BTreeSet<String> = CheckId::ALL.iter().map(|id| format!("{id}.md")).collect();
    assert_eq!(files, ids);
    for id in CheckId::ALL
        .iter()
        .map(|id| id.name())
        .chain(CheckId::RETIRED.iter().copied())
    {
        assert!(
            id.parse::<VerdictId>().is_err() && id.parse::<FindingId>().is_err(),
            "{id}"
        );
        let elsewhere = [VerdictId::RETIRED, FindingId::RETIRED].concat();
        assert!(!elsewhere.contains(&id), "{id}");
    }
}

#[test]
fn every_check_answers_a_requirement_or_is_excepted() {
    for id in CheckId::ALL {
        let required = REQUIREMENTS.iter().any(|(_, checks)| checks.contains(id));
        assert_ne!(required, OF_NO_REQUIREMENT.contains(id), "{id}");
    }
}

#[test]
fn what_is_not_verified_says_so_on_its_page() {
    for id in CheckId::ALL {
        let entry = id.entry();
        if entry.sourcing == Sourcing::FromMemory {
            let says = entry.page.contains("unconfirmed");
            assert!(says || entry.id == CheckId::CertificateChain, "{id}");
        }
    }
}

#[test]
fn every_link_of_the_document_leads_to_a_heading() {
    let (checks, verdicts) = (markdown(), probe_core::catalogue::markdown());
    for (document, mark) in [(&checks, "](#"), (&verdicts, "](verdicts.md#")] {
        for part in checks.split(mark).skip(1) {
            let target = part.split(')').next().unwrap();
            assert!(document.contains(&format!("\n## {target}\n")), "{target}");
        }
    }
    assert_eq!(CheckId::Clock.anchor(), "docs/reference/checks.md#clock");
}

#[test]
fn the_committed_document_is_what_the_catalogue_renders() {
    let committed = include_str!("../../../../docs/reference/checks.md");
    assert!(
        committed == markdown(),
        "docs/reference/checks.md: rewrite it with `cargo run --bin fwprobe -- explain --checks > \
         docs/reference/checks.md`"
    );
}

const SECTIONS: [&str; 4] = [
    "What it asks",
    "What the answers mean",
    "What to do",
    SEE_ALSO,
];
