//! The program's output and exit codes as a user sees them: help, lists, pages, usage errors.

use std::process::{Command, Output};

fn fwprobe(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fwprobe"))
        .args(arguments)
        .env_remove("FWPROBE_CONNECTION")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("HOME", "/nonexistent")
        .env("APPDATA", "/nonexistent")
        .output()
        .expect("the program starts")
}

fn succeeds(arguments: &[&str]) -> String {
    let output = fwprobe(arguments);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn fails(arguments: &[&str]) -> String {
    let output = fwprobe(arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn the_help_of_the_program() {
    insta::assert_snapshot!(succeeds(&["--help"]));
}

#[test]
fn the_help_of_run() {
    insta::assert_snapshot!(succeeds(&["run", "--help"]));
}

#[test]
fn a_flag_that_this_build_lacks_is_not_offered() {
    let help = succeeds(&["watch", "--help"]);
    assert_eq!(help.contains("--otlp"), cfg!(feature = "otlp"), "{help}");
    assert!(help.contains("--textfile"), "{help}");
}

/// The short help names each flag with one sentence or two; what is rarely needed is in the long one alone.
#[test]
fn the_short_help_is_short() {
    for command in ["run", "watch", "idle", "plan"] {
        let short = succeeds(&[command, "-h"]);
        let long = succeeds(&[command, "--help"]);
        let lines = |help: &str| help.lines().count();
        assert!(4 * lines(&short) < 3 * lines(&long), "{short}");
        assert!(short.contains("(see more with '--help')"), "{short}");
        for (named, is_short) in [("--via", true), ("--proxy-password-in-clear", false)] {
            assert_eq!(short.contains(named), is_short, "{named}: {short}");
            assert!(long.contains(named), "{named}: {long}");
        }
    }
    let run = succeeds(&["run", "-h"]);
    assert!(!run.contains("Slurm, HPC Pack and Kubernetes"), "{run}");
    assert!(run.contains("In the table, TIME is "), "{run}");
}

#[test]
fn the_list_of_profiles() {
    insta::assert_snapshot!(succeeds(&["profiles", "list"]));
}

#[test]
fn a_profile_is_shown_as_a_file_that_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.toml");
    std::fs::write(&file, succeeds(&["profiles", "show", "hpc-2008r2-sp3"])).unwrap();
    let said = succeeds(&["profiles", "validate", file.to_str().unwrap()]);
    assert!(said.ends_with("hpc-2008r2-sp3 (6 rules), good\n"), "{said}");
}

#[test]
fn every_page_can_be_read() {
    let page = succeeds(&["explain", "not-listening"]);
    assert!(page.starts_with("# not-listening: "), "{page}");
    let all = succeeds(&["explain", "--all"]);
    assert!(all.contains(page.lines().nth(2).unwrap()), "{all}");
}

#[test]
fn an_unknown_id_is_told_the_known_ones() {
    let said = fails(&["explain", "no-such-thing"]);
    assert!(
        said.starts_with("error: `no-such-thing` is neither an id nor a file."),
        "{said}"
    );
    assert!(said.contains("answered-by-middlebox"), "{said}");
}

#[test]
fn a_missing_file_is_named() {
    for file in ["nosuch.json", "runs/nosuch"] {
        let said = fails(&["explain", file]);
        let expected = format!("error: there is no file `{file}`\n");
        assert_eq!(said, expected);
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    insta::assert_snapshot!(fails(&[
        "run",
        "hpc-2008r2-sp9",
        "--port",
        "99999",
        "--port",
        "80/gopher",
        "--map",
        "80",
        "--via",
        "carrier-pigeon",
        "--host",
        "not a host",
    ]));
}

#[test]
fn completions_and_manual_are_printed() {
    let script = succeeds(&["completions", "bash"]);
    assert!(script.contains("_fwprobe"));
    for word in ["hpc-2008r2-sp1", "not-listening", "firewall-request"] {
        assert!(script.contains(word), "no completion of {word}");
    }
    assert!(succeeds(&["man"]).contains(".TH fwprobe"));
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let written = fwprobe(&["man", "--output", pages.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    let count = std::fs::read_dir(&pages).unwrap().count();
    let told = String::from_utf8_lossy(&written.stderr).into_owned();
    assert!(
        told.starts_with(&format!("written: {count} pages to ")),
        "{told}"
    );
    for (words, named) in [
        (&["run"][..], "until\\-open"),
        (&["profiles", "list"], "the built\\-in profiles"),
    ] {
        let page = succeeds(&[&["man"], words].concat());
        assert!(page.contains(named), "{page}");
        let file = pages.join(format!("fwprobe-{}.1", words.join("-")));
        assert_eq!(page, std::fs::read_to_string(file).unwrap());
    }
    let said = fails(&["man", "walk"]);
    assert!(
        said.contains("fwprobe has no command `walk`; expected one of demo, run,"),
        "{said}"
    );
}

#[test]
fn the_schema_is_the_committed_one() {
    let committed = include_str!("../documents/schema/fwprobe.run-1.json");
    assert!(
        succeeds(&["report", "--schema"]) == committed,
        "rewrite it: fwprobe report --schema > probe-client/documents/schema/fwprobe.run-1.json"
    );
}

/// A shell sets the umask, because it belongs to a whole process.
#[cfg(unix)]
#[test]
fn a_report_file_follows_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let run = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/core/tests/scenarios/demo.json"
    );
    for (umask, mode) in [("077", 0o600), ("002", 0o664)] {
        let report = directory.path().join(format!("{umask}.json"));
        let written = Command::new("sh")
            .args([
                "-c",
                "umask $1 && exec $2 report $3 --output $4",
                "sh",
                umask,
            ])
            .args([env!("CARGO_BIN_EXE_fwprobe"), run])
            .arg(&report)
            .output()
            .unwrap();
        assert!(written.status.success(), "{written:?}");
        // The report goes into the file alone.
        assert!(written.stdout.is_empty(), "{written:?}");
        let permissions = std::fs::metadata(&report).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "umask {umask}");
    }
}

/// Every command that reads a saved run says in one line why it cannot, and exits with 2.
#[test]
fn a_file_that_is_not_a_saved_run_is_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/core/tests/scenarios/demo.json"
    );
    let whole = std::fs::read_to_string(good).unwrap();
    for (name, text, told) in [
        (
            "cut-off.json",
            &whole[..whole.len() / 2],
            "is cut off: line ",
        ),
        ("empty.json", "", "is empty; name a file that"),
        (
            "newer.json",
            r#"{"document":"fwprobe.run/2","ports":[]}"#,
            "is a `fwprobe.run/2`; this version reads `fwprobe.run/1`",
        ),
        (
            "foreign.json",
            r#"{"version":"2.1.0","runs":[]}"#,
            "is not a run document `fwprobe.run/1`: line 1, column ",
        ),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        for arguments in [
            &["report", file][..],
            &["report", file, "--format", "firewall-request"],
            &["explain", file],
            &["diff", file, good],
            &["diff", good, file],
            &["expect", "save", file],
        ] {
            let said = fails(arguments);
            assert!(
                said.starts_with(&format!("error: {file} ")) && said.contains(told),
                "{arguments:?}: {said}"
            );
            assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        }
    }
}

/// Recorded runs in a folder, beside files that are none.
#[test]
fn the_history_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = concat!(env!("CARGO_MANIFEST_DIR"), "/core/tests/scenarios/");
    for name in ["demo", "dropped", "reachable-both-families"] {
        let file = format!("{name}.json");
        std::fs::copy(format!("{recorded}{file}"), folder.path().join(file)).unwrap();
    }
    for (name, text) in [
        ("cut-off.json", "{\"document\":\"fwprobe.run/1\""),
        ("foreign.json", "{\"runs\":[]}"),
        ("notes.txt", "no run"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let output = fwprobe(&["history", path]);
    assert!(output.status.success(), "{output:?}");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
    let told = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines.len() == 2
            && lines[0].contains("cut-off.json is cut off")
            && lines[1].contains("foreign.json is not a run document"),
        "{told}"
    );
    for (arguments, runs) in [
        (&["--profile", "hpc-2008r2-sp1"][..], 1),
        (&["--profile", "none-such"], 0),
        (&["--last", "2"], 2),
        (&["--since", "2000-01-01", "--until", "2000-01-02"], 0),
        (&["--host", "headnode", "--since", "2000-01-01"], 3),
    ] {
        let line = [&["history", path, "--format", "json"], arguments].concat();
        let output = fwprobe(&line);
        assert!(output.status.success(), "{output:?}");
        let history: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let shown = history["runs"].as_array().unwrap().len();
        assert_eq!(shown, runs, "{arguments:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    let said = fails(&["history", empty.path().to_str().unwrap()]);
    assert!(said.contains("contains no run; expected files"), "{said}");
    let said = fails(&["history", path, "--since", "yesterday"]);
    assert!(
        said.contains("expected a time such as 2026-11-30"),
        "{said}"
    );
    let said = fails(&["history", "no-such-folder"]);
    assert!(said.contains("no-such-folder cannot be read"), "{said}");
}
