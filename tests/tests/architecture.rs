//! Checks the source tree against the rules of ARCHITECTURE.md: which crates depend on which, what pure crates must not
//! use, and how long files may be.

#[path = "architecture/imports.rs"]
mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use fwprobe_tests::tree;
use probe_core::catalogue::VerdictId;

use self::imports::Imports;

/// The crates of this workspace that each crate may use.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("proto", "proto", &[]),
    ("socket-facts", "socket-facts", &[]),
    ("private-http", "private-http", &[]),
    ("settings-file", "settings-file", &["proto"]),
    (
        "probe-core",
        "probe-client/core",
        &["proto", "settings-file"],
    ),
    ("head-node", "probe-client/head-node", &["probe-core"]),
    (
        "probe-documents",
        "probe-client/documents",
        &["head-node", "probe-core", "settings-file"],
    ),
    (
        "probe-report",
        "probe-client/report",
        &["head-node", "probe-core", "probe-documents"],
    ),
    ("echo-core", "echo-server/core", &["proto"]),
    (
        "echo-server",
        "echo-server",
        &[
            "echo-core",
            "private-http",
            "proto",
            "settings-file",
            "socket-facts",
        ],
    ),
    (
        "probe-client",
        "probe-client",
        &[
            "echo-server",
            "head-node",
            "private-http",
            "probe-core",
            "probe-documents",
            "probe-report",
            "proto",
            "settings-file",
            "socket-facts",
        ],
    ),
];

/// The dependencies that a pure crate must not have.
const IMPURE: &[&str] = &[
    "clap",
    "hyper",
    "nix",
    "rand",
    "rustls",
    "socket2",
    "tokio",
    "tokio-rustls",
    "tracing",
];

/// The folders of the pure crates.
const PURE: [&str; 7] = [
    "proto",
    "settings-file",
    "probe-client/core",
    "probe-client/documents",
    "probe-client/head-node",
    "probe-client/report",
    "echo-server/core",
];

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _, _)| *name).collect();
    for (name, folder, allowed) in ARROWS {
        let used = dependencies(folder);
        let used: BTreeSet<&str> = used
            .iter()
            .map(String::as_str)
            .filter(|d| ours.contains(d))
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        assert_eq!(used, allowed, "{name}");
    }
}

#[test]
fn pure_crates_have_no_runtime_socket_or_terminal() {
    for folder in PURE {
        let used = dependencies(folder);
        for impure in IMPURE {
            assert!(!used.contains(*impure), "{folder} depends on {impure}");
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let crates = ARROWS.iter().map(|(_, folder, _)| *folder);
    let mut told = Vec::new();
    for folder in crates {
        let circles = Imports::of_crate(&root().join(folder).join("src")).circles();
        told.extend(
            circles
                .iter()
                .map(|c| format!("{folder}: {}", c.join(" -> "))),
        );
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Finds files that no module declares, for example a file that a merge brought back. They are not compiled, so the
/// compiler does not notice them.
#[test]
fn every_file_is_a_module_of_its_crate() {
    for (_, folder, _) in ARROWS {
        let files = Imports::of_crate(&root().join(folder).join("src")).undeclared();
        assert!(files.is_empty(), "{folder}: {files:?}");
    }
}

#[test]
fn a_file_that_is_in_no_module_is_found() {
    let texts = [
        ("", "mod a;"),
        ("a", "mod c;"),
        ("a::c", ""),
        ("a::d", ""),
        ("b", ""),
    ];
    assert_eq!(Imports::of_texts(&texts).undeclared(), ["a::d", "b"]);
}

#[test]
fn a_circle_is_found_through_a_name_that_is_passed_on() {
    let texts = [
        ("", "mod a; mod b;"),
        ("a", "mod c; pub use self::c::Thing;"),
        ("a::c", "use crate::b::helps; pub struct Thing;"),
        ("b", "pub fn helps(_: &crate::a::Thing) {}"),
    ];
    let circles = Imports::of_texts(&texts).circles();
    let expected = ["a::c", "b"].map(str::to_owned).to_vec();
    assert_eq!(circles.into_iter().collect::<Vec<_>>(), [expected]);
}

#[test]
fn a_child_may_use_its_parent() {
    let texts = [
        ("", "mod a;"),
        ("a", "mod c; pub struct Thing; pub fn f() { self::c::g() }"),
        (
            "a::c",
            "use super::Thing; pub fn g() -> Option<Thing> { None }",
        ),
    ];
    assert!(Imports::of_texts(&texts).circles().is_empty());
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut lengths = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 450, "{} has {lines} lines", file.display());
        // A test module in its own file belongs to the file that it tests, and needs no doc comment.
        let is_test =
            file.ends_with("tests.rs") || file.components().any(|c| c.as_os_str() == "tests");
        assert!(
            is_test || text.starts_with("//!"),
            "{} does not open with a //!",
            file.display()
        );
        lengths.push(lines);
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 120, "the median file has {median} lines");
}

#[test]
fn every_verdict_names_its_file() {
    let causes = tree::files(&root().join("probe-client/core/src/judge/cause"), "rs");
    let opens = |file: &PathBuf| -> String {
        let text = fs::read_to_string(file).unwrap();
        text.lines().take_while(|l| l.starts_with("//!")).collect()
    };
    let opening: Vec<String> = causes.iter().map(opens).collect();
    for id in VerdictId::ALL {
        let named = format!("`{id}`");
        let found = opening.iter().any(|text| text.contains(&named));
        assert!(found, "no file in judge/cause opens with {named}");
    }
}

#[test]
fn no_file_is_a_mod_rs() {
    for file in sources() {
        assert!(!file.ends_with("mod.rs"), "{}", file.display());
    }
}

/// Returns the names of the normal and build dependencies of the crate in `folder`.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let file = root().join(folder).join("Cargo.toml");
    let text = fs::read_to_string(file).expect("a manifest");
    let manifest: toml::Table = text.parse().expect("a manifest in TOML");
    let mut tables: Vec<&toml::Value> = vec![&manifest["dependencies"]];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        tables.extend(targets.values().filter_map(|t| t.get("dependencies")));
    }
    tables
        .into_iter()
        .filter_map(toml::Value::as_table)
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn sources() -> Vec<PathBuf> {
    let files = tree::sources();
    assert!(files.len() > 100, "only {} files found", files.len());
    files
}

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
