//! Checks that links between documents lead to files that exist, and to headings in these files.

use std::fs;
use std::path::{Path, PathBuf};

use super::documents;

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let (mut count, mut dead) = (0, Vec::new());
    for document in documents() {
        let text = fs::read_to_string(&document).expect("UTF-8");
        for target in targets(&text) {
            count += 1;
            if let Err(why) = exists(&document, target) {
                dead.push(format!("{}: ({target}): {why}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn a_dead_link_is_noticed() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    assert_eq!(targets("[a](b.md) [c](https://d) [e](#f)"), ["b.md", "#f"]);
    assert!(exists(&readme, "CONTRIBUTING.md").is_ok());
    assert!(exists(&readme, "docs/no-such.md").is_err());
    assert!(exists(&readme, "README.md#no-such-heading").is_err());
}

/// Returns the targets of Markdown links, without links to the web.
fn targets(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
        .collect()
}

fn exists(document: &Path, target: &str) -> Result<(), String> {
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file: PathBuf = if path.is_empty() {
        document.to_owned()
    } else {
        document.with_file_name(path)
    };
    if !file.exists() {
        return Err("no such file".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let headings = text.lines().filter(|line| line.starts_with('#'));
    if headings.map(slug).any(|heading| heading == anchor) {
        Ok(())
    } else {
        Err(format!("no heading #{anchor}"))
    }
}

/// Returns the anchor that a heading gets when Markdown is rendered.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
