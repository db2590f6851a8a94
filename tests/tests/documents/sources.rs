//! Checks that every source file that a document names exists, so that moving a file includes correcting the documents.

use std::fs;

use fwprobe_tests::tree;

use super::documents;

#[test]
fn every_source_file_in_a_document_exists() {
    let sources = tree::sources();
    let (mut count, mut missing) = (0, Vec::new());
    for document in documents() {
        let text = fs::read_to_string(&document).expect("UTF-8");
        for name in named(&text) {
            count += 1;
            if !sources.iter().any(|source| source.ends_with(name)) {
                missing.push(format!("{}: no file `{name}`", document.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(count > 100, "only {count} names were found");
}

#[test]
fn names_of_source_files_are_told_from_placeholders() {
    let text = "`judge/cause.rs`, `cause/ID.rs`, `cargo xtask`, `a.toml` and `no/such.rs`";
    assert_eq!(named(text), ["judge/cause.rs", "no/such.rs"]);
    let sources = tree::sources();
    let exists = |name: &str| sources.iter().any(|source| source.ends_with(name));
    assert!(exists("judge/cause.rs") && !exists("no/such.rs") && !exists("use.rs"));
}

/// Returns the names of source files between backticks, except for placeholders, which contain capitals.
fn named(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.ends_with(".rs") && !span.contains(char::is_whitespace))
        .filter(|span| !span.contains(|c: char| c.is_ascii_uppercase()))
        // Tables name files relative to the folder that they are about.
        .map(|span| span.trim_start_matches("../"))
        .collect()
}
