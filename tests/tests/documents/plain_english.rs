//! Finds phrases that are not plain English, as far as a search can: those of CONTRIBUTING.md's table, in documents, in
//! the pages of the catalogue, in the programs' texts, in comments (some of which are the help of a command or the
//! description of a field), and in what is deployed.

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
    ("told as", "reported as"),
    ("hoever ", "name the noun"),
    ("in these words", "with this message"),
    ("in those words", "with that message"),
    ("what was read", "name what was read"),
    ("What was read", "name what was read"),
    ("nothing that was read", "no source that was read"),
    ("not read here", "fwprobe cannot read it"),
    ("not known here", "fwprobe does not know it"),
    ("wants to know who", "requires authentication"),
    ("if it stays so", "if the result is the same"),
    ("has no way to", "has no route to, or: cannot deliver to"),
    ("single ports", "individual ports"),
    ("belongs into", "belongs in"),
    ("belong into", "belong in"),
    ("without a word", "silently"),
    ("of no use", "cannot be used"),
    ("look which", "find out which"),
    ("nobody knows whether", "whether … is not known"),
    ("is to be asked", "ask …"),
    ("parts them so", "separates them like this"),
    ("comes to an end", "ends"),
    ("came to no end", "did not complete"),
    ("as little as", "neither … nor"),
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
    let sources = tree::sources().into_iter();
    for source in sources.filter(|source| is_of_a_program(source.strip_prefix(&root).unwrap())) {
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
fn comments_are_in_plain_english() {
    let (mut found, mut count) = (Vec::new(), 0);
    let itself = Path::new(file!()).file_name();
    for source in tree::sources().iter().filter(|s| s.file_name() != itself) {
        let text = fs::read_to_string(source).expect("UTF-8");
        for comment in comments(&text) {
            count += 1;
            for phrase in quaint(&comment) {
                found.push(format!("{}: {phrase}", source.display()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(count > 5000, "only {count} comments were found");
}

#[test]
fn pages_messages_and_deployments_are_in_plain_english() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut found, mut count) = (Vec::new(), 0);
    let extensions = [
        "html", "css", "js", "proto", "yaml", "yml", "sh", "tf", "bicep", "toml", "xml", "ps1",
    ];
    let folders = [
        "deploy",
        "echo-server",
        "probe-client",
        "proto",
        ".ci",
        ".github",
    ];
    let files = folders.iter().flat_map(|folder| {
        let folder = root.join(folder);
        extensions
            .iter()
            .flat_map(move |end| tree::files(&folder, end))
    });
    for file in files {
        count += 1;
        let text = fs::read_to_string(&file).expect("UTF-8");
        // The lines of a comment make one text.
        let lines = text
            .lines()
            .map(|line| line.trim_start_matches(['#', '/', '*', ' ']));
        for phrase in quaint(&lines.collect::<Vec<_>>().join(" ")) {
            found.push(format!("{}: {phrase}", file.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(count > 100, "only {count} files were found");
}

/// Returns whether the file at this path of the project is a part of a program: neither a test nor a tool.
fn is_of_a_program(source: &Path) -> bool {
    let mut parts = source.iter().map(|part| part.to_string_lossy());
    let is_a_tool = ["tests", "xtask", "fuzz"]
        .iter()
        .any(|tool| source.starts_with(tool));
    !is_a_tool && !parts.any(|part| part.starts_with("tests"))
}

#[test]
fn scenarios_are_in_plain_english() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab");
    let scenarios = tree::files(&lab.join("scenarios"), "toml");
    assert!(!scenarios.is_empty());
    let mut found = Vec::new();
    for scenario in scenarios {
        for phrase in quaint(&fs::read_to_string(&scenario).expect("UTF-8")) {
            found.push(format!("{}: {phrase}", scenario.display()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn what_is_not_plain_is_noticed() {
    for text in [
        "a file is wanted here",
        "It ends. Whoever asks is told",
        "`x` is no port",
        "Who knocks is let in.",
        "the server, whoever runs it",
        "another key than the server's",
        "Other TCP options than sent",
    ] {
        assert!(!quaint(text).is_empty(), "{text}");
    }
    for text in [
        "Who issued it? Nobody.",
        "there is no port",
        "a key other than the server's",
        "another key, smaller than the server's",
        "one after the other, which is longer than that",
        "11 hops",
    ] {
        assert!(quaint(text).is_empty(), "{text}");
    }
    let source = "// \"so many\"\nlet a = \"is \\\n    wanted\"; let b = '\"';";
    assert_eq!(literals(source), ["is wanted"]);
    let source = "/// One\n/// comment.\nlet a = 1; // Another\n\n//! A third";
    assert_eq!(comments(source), ["One comment.", "Another", "A third"]);
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
    for at in compared_with_another(text) {
        found.push(format!("\"{}\": … other than …", around(text, at)));
    }
    found
}

/// Returns the positions of "another" or "other" with "than" after one to four words more, as in "another key than ours".
fn compared_with_another(text: &str) -> Vec<usize> {
    let starts = ["nother ", "Other ", " other "];
    let found = starts.iter().flat_map(|start| text.match_indices(start));
    let is_comparison = |(at, start): &(usize, &str)| {
        let rest = &text[at + start.len()..];
        let phrase = rest.split_once(" than ").map_or("", |(words, _)| words);
        let words = phrase.split_whitespace().count();
        (1..=4).contains(&words) && !phrase.contains([',', '.', ';', ':', '(', ')'])
    };
    found.filter(is_comparison).map(|(at, _)| at).collect()
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

/// Returns the comments of Rust source, with the lines of each joined. A comment after code is one of its own.
fn comments(source: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in source.lines() {
        let line = line.trim_start();
        let alone = line.starts_with("//");
        let comment = if alone {
            Some(line)
        } else {
            line.split_once(" // ").map(|(_, after)| after)
        };
        let text = comment.map(|c| c.trim_start_matches(['/', '!']).trim());
        match (text, found.last_mut()) {
            (Some(text), Some(last)) if alone && goes_on => *last = format!("{last} {text}"),
            (Some(text), _) => found.push(text.to_owned()),
            (None, _) => {}
        }
        goes_on = alone;
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
