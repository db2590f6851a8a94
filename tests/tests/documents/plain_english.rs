//! Finds phrases that are not plain English, as far as a search can: those of CONTRIBUTING.md's table, in documents, in
//! the pages of the catalogue, and in the programs' texts.

use std::fs;
use std::path::Path;

use fwprobe_tests::tree;

use super::documents;

/// The phrases, each with its plain form.
const PHRASES: &[(&str, &str)] = &[
    ("is wanted", "expected …"),
    ("are wanted", "expected …"),
    ("Wanted:", "You need …, or: Expected …"),
    ("so many", "the number"),
    ("So many", "The number"),
    ("is to be had", "there is"),
    ("can be had", "is possible"),
    ("that is what", "name it"),
    ("` is no ", "is not a"),
    ("is no pin", "is not a pin"),
    ("is no port", "is not a port"),
    ("is no proxy", "is not a proxy"),
    (" 1 hops", "1 hop"),
    (" 1 ports", "1 port"),
    (" 1 sessions", "1 session"),
    (" 1 seconds", "1 second"),
    (" 1 times", "once"),
];

/// Pronouns that must not begin a sentence, except in questions.
const OPENINGS: &[&str] = &["Whoever ", "Who "];

/// The document that quotes these phrases, to tell readers to avoid them.
const EXEMPT: &str = "CONTRIBUTING.md";

#[test]
fn documents_are_in_plain_english() {
    let mut found = Vec::new();
    for document in documents().iter().filter(|d| !d.ends_with(EXEMPT)) {
        let text = fs::read_to_string(document).expect("UTF-8");
        for phrase in quaint(&text.replace('\n', " ")) {
            found.push(format!("{}: {phrase}", document.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_the_programs_say_is_in_plain_english() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut found, mut count) = (Vec::new(), 0);
    let places = [
        "probe-client/src",
        "probe-client/core/src",
        "probe-client/documents/src",
        "probe-client/head-node/src",
        "echo-server/src",
        "echo-server/core/src",
        "proto/src",
    ];
    let sources = places.map(|place| tree::files(&root.join(place), "rs"));
    for source in sources.concat() {
        let text = fs::read_to_string(&source).expect("UTF-8");
        for literal in literals(&text) {
            count += 1;
            for phrase in quaint(&literal) {
                found.push(format!("{}: {phrase}", source.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(count > 2000, "only {count} texts were found");
}

#[test]
fn what_is_not_plain_is_noticed() {
    for text in [
        "a file is wanted here",
        "It ends. Whoever asks is told",
        "`x` is no port",
        "Who knocks is let in.",
    ] {
        assert!(!quaint(text).is_empty(), "{text}");
    }
    for text in [
        "Who issued it? Nobody.",
        "the server, whoever runs it",
        "there is no port",
        "11 hops",
    ] {
        assert!(quaint(text).is_empty(), "{text}");
    }
    let source = "// \"so many\"\nlet a = \"is \\\n    wanted\"; let b = '\"';";
    assert_eq!(literals(source), ["is wanted"]);
}

/// Returns each phrase of `text` that has a plainer form, with some words around it.
fn quaint(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (phrase, plain) in PHRASES {
        for (at, _) in text.match_indices(phrase) {
            // "There is no port" is plain.
            if !text[..at].ends_with("here ") {
                found.push(format!("\"{}\": {plain}", around(text, at)));
            }
        }
    }
    for opening in OPENINGS {
        for (at, _) in text.match_indices(opening) {
            let before = text[..at].trim_end();
            let begins = before.is_empty() || before.ends_with(['.', ':', '!', '?', '|']);
            let sentence = text[at..]
                .split_inclusive(['.', '?', '!'])
                .next()
                .unwrap_or_default();
            if begins && !sentence.ends_with('?') {
                found.push(format!("\"{}\": name who", around(text, at)));
            }
        }
    }
    found
}

fn around(text: &str, at: usize) -> String {
    let before = text[..at].chars().rev().take(20).collect::<Vec<_>>();
    let after = text[at..].chars().take(40);
    before.into_iter().rev().chain(after).collect()
}

/// Returns the string literals of Rust source, with wrapped lines joined. Comments and raw strings are left out.
pub(super) fn literals(source: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), source);
    while let Some(at) = rest.find(['"', '/', '\'']) {
        rest = match &rest[at..] {
            comment if comment.starts_with("//") => {
                comment.split_once('\n').map_or("", |(_, after)| after)
            }
            quote if quote.starts_with("'\"'") => &quote[3..],
            text if text.starts_with('"') => {
                let end = end_of(&text[1..]);
                found.push(joined(&text[1..=end]));
                text.get(end + 2..).unwrap_or_default()
            }
            other => &other[1..],
        };
    }
    found
}

/// Returns the position of the closing quote; `text` begins after the opening quote.
fn end_of(text: &str) -> usize {
    let mut is_escaped = false;
    let quote = text.char_indices().find(|(_, character)| {
        let ends = *character == '"' && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        ends
    });
    quote.map_or(text.len(), |(at, _)| at)
}

fn joined(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
}
