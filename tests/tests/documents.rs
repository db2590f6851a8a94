//! Checks every `fwprobe …` and `fwprobe-echo …` in pages, documents and deployments against the programs themselves,
//! so that no reader is sent to a command or an option that does not exist.

#[path = "documents/as_printed.rs"]
mod as_printed;
#[path = "documents/deployed.rs"]
mod deployed;
#[path = "documents/links.rs"]
mod links;
#[path = "documents/plain_english.rs"]
mod plain_english;
#[path = "documents/sources.rs"]
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fwprobe_tests::{binaries, tree};
use probe_core::alternative::Alternative;

#[test]
fn every_command_in_a_document_exists() {
    let mut found = deployed::deployed();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("UTF-8");
        let typed = typed(&text).into_iter();
        found.extend(typed.map(|command| (document.clone(), command)));
    }
    let (count, mut wrong) = (found.len(), Vec::new());
    for (file, command) in found {
        if let Err(why) = understood(&command) {
            wrong.push(format!("{}: `{command}`: {why}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} were found");
}

/// Checks that every saved run that a command of a document reads was written by an earlier command of that document.
#[test]
fn a_saved_run_is_written_before_it_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for document in ["README.md", "docs/user/reports.md"] {
        let text = fs::read_to_string(root.join(document)).expect("UTF-8");
        let lines = text.replace("\\\n", " ");
        let mut written = BTreeSet::new();
        for command in lines.lines().flat_map(typed) {
            let words: Vec<&str> = command.split(' ').collect();
            let outputs = words.windows(2).filter(|pair| pair[0] == "--output");
            let outputs = outputs.map(|pair| pair[1].rsplit('=').next().unwrap_or(pair[1]));
            if ["report", "explain", "diff"].contains(&words[1]) {
                let read = words[2..].iter().filter(|word| word.ends_with(".json"));
                for file in read.filter(|file| !outputs.clone().any(|output| output == **file)) {
                    assert!(
                        written.contains(*file),
                        "{document}: nothing wrote {file}: {command}"
                    );
                    count += 1;
                }
            }
            written.extend(outputs.map(str::to_owned));
        }
    }
    assert!(count > 5, "only {count} were found");
}

/// Checks that each row of docs/develop/how-verdicts-are-decided.md names files and scenarios that exist, and that
/// the document names every alternative of a verdict.
#[test]
fn the_table_of_inferences_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text =
        fs::read_to_string(root.join("docs/develop/how-verdicts-are-decided.md")).expect("UTF-8");
    let (mut rows, mut wrong) = (0, Vec::new());
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, _, _, _, files, proofs] = cells.as_slice() else {
            wrong.push(format!("not six columns: {row}"));
            continue;
        };
        if *files == "file" {
            continue;
        }
        rows += 1;
        wrong.extend(missing(&root, files, proofs));
    }
    let rules: Vec<&str> = text
        .split("\n- ")
        .skip(1)
        .map(|rule| rule.split("\n\n").next().unwrap_or_default())
        .collect();
    for rule in &rules {
        let named = rule
            .rsplit_once('[')
            .and_then(|(_, r)| r.trim_end().strip_suffix(']'));
        match named.and_then(|named| named.split_once(':')) {
            Some((files, proofs)) => wrong.extend(missing(&root, files, proofs)),
            None => wrong.push(format!("a rule without [`file`: scenarios]: {rule}")),
        }
    }
    for other in Alternative::ALL {
        let id = serde_json::to_string(&other).expect("a name");
        let id = format!("`{}`", id.trim_matches('"'));
        if !text.contains(&id) {
            wrong.push(format!("no row names {id}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows > 40, "only {rows} rows");
    assert!(rules.len() > 15, "only {} rules", rules.len());
}

/// Lists the judge's files in `files` and the scenarios in `proofs` (both comma-separated) that do not exist.
fn missing(root: &Path, files: &str, proofs: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in files.split(',').map(|f| f.trim().trim_matches('`')) {
        if !root
            .join("probe-client/core/src/judge")
            .join(file)
            .is_file()
        {
            wrong.push(format!("no file {file}"));
        }
    }
    for proof in proofs
        .split(',')
        .map(str::trim)
        .filter(|p| !p.starts_with("none"))
    {
        let place = if proof.ends_with(".json") {
            root.join("probe-client/core/tests/scenarios").join(proof)
        } else {
            root.join(format!("tests/lab/scenarios/{proof}.toml"))
        };
        if !place.is_file() {
            wrong.push(format!("no scenario {proof}"));
        }
    }
    wrong
}

#[test]
fn what_does_not_exist_is_noticed() {
    let text = "Compare: `fwprobe guess`, or\n`fwprobe run\n--bogus`.\n\n    fwprobe-echo \
                serve \\\n      --quickly # soon\n";
    let typed = typed(text);
    assert_eq!(
        typed,
        [
            "fwprobe-echo serve --quickly",
            "fwprobe guess",
            "fwprobe run --bogus"
        ]
    );
    for command in typed {
        assert!(understood(&command).is_err(), "{command}");
    }
}

/// Returns every document of the project.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = PLACES.iter();
    places
        .flat_map(|place| tree::files(&root.join(place), "md"))
        .collect()
}

/// Returns the commands in `text`: first those in lines of code blocks, then those in code spans (in backticks).
fn typed(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let (mut code, mut prose) = (Vec::new(), String::new());
    let mut fenced = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            code.push(trimmed);
        } else {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    let code = code.into_iter().filter(|line| {
        // Lines with these verbs are part of a ticket's text and not commands.
        let verb = line.split(' ').nth(1).unwrap_or_default();
        !VERBS.contains(&verb)
    });
    // A missing backtick affects only its own paragraph.
    let spans = prose
        .split("\n\n")
        .flat_map(|p| p.split('`').skip(1).step_by(2));
    code.chain(spans)
        .map(|command| {
            let words = command.split_whitespace();
            let words = words.take_while(|word| !["|", ">", "#"].contains(word));
            words.collect::<Vec<_>>().join(" ")
        })
        .filter(|command| command.starts_with("fwprobe ") || command.starts_with("fwprobe-echo "))
        .collect()
}

/// Checks that the program accepts the command when `--help` is appended.
fn understood(typed: &str) -> Result<(), String> {
    let mut words = typed.split(' ');
    let program = match words.next() {
        Some("fwprobe") => binaries::fwprobe(),
        _ => binaries::fwprobe_echo(),
    };
    let mut command = Command::new(program.expect("it was built"));
    command.args(words.clone().map(|word| word.replace(['{', '}'], "")));
    let asked = |command: &mut Command| command.arg("--help").output().expect("it starts");
    let mut output = asked(&mut command);
    // The document names an option without its value, so a value is added.
    if !output.status.success() && words.next_back().is_some_and(|last| last.starts_with("--")) {
        let mut valued = Command::new(command.get_program());
        let given = command.get_args().count() - 1;
        valued.args(command.get_args().take(given)).arg("1");
        output = asked(&mut valued);
    }
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(told.lines().next().unwrap_or_default().to_owned())
}

/// Documents and folders; folders include everything below them.
const PLACES: [&str; 11] = [
    ".github",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "SECURITY.md",
    "deploy",
    "docs",
    "probe-client/core/pages",
    "probe-client/head-node/pages",
];

const VERBS: [&str; 2] = ["from", "shows"];
