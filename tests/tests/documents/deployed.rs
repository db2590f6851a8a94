//! Finds the commands in the files of `deploy/`: units, schedules, pipelines, containers. The tests of documents check
//! them as they check the commands of documents.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns every command in `deploy/`, with its file. Documents and tests are left out, and so are scripts, which fill
/// in the names in their commands when they run.
pub(crate) fn deployed() -> Vec<(PathBuf, String)> {
    let root = root();
    let mut all = Vec::new();
    for file in files(&root) {
        let extension = file.extension().unwrap_or_default();
        if LEFT_OUT.iter().any(|left_out| extension == *left_out)
            || file.starts_with(root.join("tests"))
        {
            continue;
        }
        // A program that was copied there for an image is not text.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let commands = commands(&text).into_iter();
        all.extend(commands.map(|command| (file.clone(), command)));
    }
    all
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Returns the files in `folder` and below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the tree");
    let places = entries.map(|entry| entry.expect("an entry of it").path());
    places
        .flat_map(|place| {
            if place.is_dir() {
                files(&place)
            } else {
                vec![place]
            }
        })
        .collect()
}

/// Returns the commands in the text of a file.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in folded(text) {
        if let Some((_, rest)) = line.split_once("<Arguments>") {
            let arguments = rest.split("</Arguments>").next().unwrap_or_default();
            found.push(format!("fwprobe {arguments}"));
        }
        if let Some(arguments) = of_container(&line) {
            found.push(format!("fwprobe-echo {}", arguments.join(" ")));
        }
        found.extend(in_line(&line));
    }
    found
}

/// Returns the lines of `text`. A line goes on if it ends with a backslash, or if the next line begins with a flag.
fn folded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let trimmed = line.trim_start();
        match lines.last_mut() {
            Some(last) if trimmed.starts_with("--") && !trimmed.starts_with("---") => {
                last.push(' ');
                last.push_str(trimmed);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

/// Returns the arguments of a container: `args: ["serve"]` or `CMD ["serve"]`.
fn of_container(line: &str) -> Option<Vec<String>> {
    let line = line.trim_start();
    let list = line
        .strip_prefix("args: ")
        .or_else(|| line.strip_prefix("CMD "))?;
    Some(serde_json::from_str(list).expect("a list of words"))
}

/// Returns the commands in a line, without what a shell does with their output.
fn in_line(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for program in ["fwprobe ", "fwprobe-echo "] {
        for (at, _) in line.match_indices(program) {
            let (before, rest) = line.split_at(at);
            let last = before.chars().next_back();
            if !last.is_none_or(|last| [' ', '/', '`'].contains(&last)) {
                continue;
            }
            let command = rest.split('`').next().unwrap_or_default();
            let words = command.split_whitespace();
            let words: Vec<&str> = words
                .take_while(|word| !word.starts_with(['|', '>', '#']))
                .collect();
            if words.get(1).is_some_and(|verb| VERBS.contains(verb)) {
                found.push(words.join(" "));
            }
        }
    }
    found
}

/// The extensions of documents and scripts.
const LEFT_OUT: [&str; 4] = ["md", "ps1", "sbatch", "sh"];

/// Words that begin a command, as opposed to a sentence about the program.
pub(crate) const VERBS: [&str; 21] = [
    "check",
    "check-config",
    "completions",
    "config",
    "demo",
    "diff",
    "expect",
    "explain",
    "history",
    "hpc-test",
    "identity",
    "idle",
    "man",
    "merge",
    "plan",
    "profiles",
    "reload-server",
    "report",
    "run",
    "serve",
    "watch",
];

#[test]
fn every_schedule_and_unit_has_its_command() {
    let all = deployed();
    let has = |file: &Path| all.iter().any(|(other, _)| other == file);
    let schedules = files(&root().join("schedulers"));
    assert!(schedules.len() > 4, "{schedules:?}");
    for file in schedules {
        assert!(has(&file), "no command in {}", file.display());
    }
    for name in [
        "systemd/fwprobe-watch.service",
        "systemd/fwprobe.service",
        "systemd/fwprobe-echo.service",
        "cloud-init.yaml",
        "container/Dockerfile",
        "kubernetes/deployment.yaml",
    ] {
        assert!(has(&root().join(name)), "no command in {name}");
    }
}

#[test]
fn a_command_is_found_in_each_form() {
    for (text, command) in [
        (
            "ExecStart=/usr/local/bin/fwprobe watch --count 1 \\\n    --output ${STATE}",
            "fwprobe watch --count 1 --output ${STATE}",
        ),
        (
            "run: >-\n  fwprobe run p --output a.json\n  --output b.md\n- name: x",
            "fwprobe run p --output a.json --output b.md",
        ),
        (
            "1 * * * * /usr/bin/fwprobe watch --count 1 >/dev/null",
            "fwprobe watch --count 1",
        ),
        (
            "<Arguments>watch --count 1</Arguments>",
            "fwprobe watch --count 1",
        ),
        ("  args: [\"serve\"]\n---\n", "fwprobe-echo serve"),
        (
            "# One run of fwprobe, see `fwprobe config sample` there",
            "fwprobe config sample",
        ),
    ] {
        assert_eq!(commands(text), [command], "{text}");
    }
    assert_eq!(
        commands("# fwprobe on a host\nUser=fwprobe-echo\n"),
        [""; 0]
    );
}
