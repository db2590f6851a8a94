//! Makes one answer of the runs of many nodes with `fwprobe merge`. The runs are recorded ones under other names.

use anyhow::{Context as _, ensure};
use fwprobe_tests::fleet::Fleet;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, Finished};
use probe_documents::merge::fold;
use serde_json::Value;

pub(crate) fn trials() -> Trials {
    Trials::of("many_nodes")
        .once(
            "one_node_differs_and_one_is_missing",
            one_node_differs_and_one_is_missing,
        )
        .once("all_is_as_expected", all_is_as_expected)
        .once("every_row_of_a_spreadsheet", every_row_of_a_spreadsheet)
        .once("what_changed_and_the_files", what_changed_and_the_files)
        .once(
            "ten_nodes_of_a_cluster_changed",
            ten_nodes_of_a_cluster_changed,
        )
        .once("what_cannot_be_merged", what_cannot_be_merged)
}

/// A folder with good runs, one with a dropped port, an older run of a node, and files that are not runs.
fn one_node_differs_and_one_is_missing() -> anyhow::Result<()> {
    let files = Cli::fwprobe()?;
    files.file("n001.json", &run(OPEN, "n001", NOON)?)?;
    files.file("n002.json", &run(OPEN, "n002", NOON)?)?;
    files.file("n003.json", &run(DROPPED, "n003", NOON)?)?;
    let lines = [
        run(OPEN, "n004", NOON)?,
        run(DROPPED, "n001", MORNING)?,
        "{\"document\":".to_owned(),
    ];
    files.file("others.ndjson", &lines.join("\n"))?;
    files.file("foreign.json", "{\"runs\": []}")?;
    files.file("notes.txt", "not a run at all")?;

    let finished = merge(
        &files,
        &["--expect-nodes", "n[001-005]", "--format", "json"],
    )?;
    ensure!(finished.code()? == 1, "{finished:?}");
    let merged: Value = serde_json::from_str(&finished.stdout)?;
    ensure!(merged["document"] == "fwprobe.merge/1", "{merged}");
    let names = |index: usize| merged["groups"][index]["nodes"]["names"].to_string();
    ensure!(names(0) == "[\"n003\"]", "{merged}");
    ensure!(names(1) == "[\"n[001-002,004]\"]", "{merged}");
    let failing = merged["groups"][0]["rows"].as_array().context("rows")?;
    let dropped = failing.iter().find(|row| row["verdict"] == "dropped");
    let dropped = dropped.context("no dropped port")?;
    ensure!(dropped["port"] == 5902, "{merged}");
    ensure!(merged["missing"]["names"][0] == "n005", "{merged}");
    ensure!(merged["duplicates"]["runs"] == 1, "{merged}");
    ensure!(merged["unread"]["count"] == 2, "{merged}");
    let kinds = merged["unread"]["kinds"].to_string();
    ensure!(
        kinds.contains("cut-off") && kinds.contains("foreign"),
        "{merged}"
    );
    fits_the_schema(&merged)?;

    let finished = merge(&files, &[])?;
    ensure!(finished.code()? == 1, "{finished:?}");
    for part in [
        "FAIL 1 node: 1 of 2 tests not as expected\n  n003\n",
        "5902/nettcp (port-5902-nettcp) over direct, IPv4: dropped",
        "n[001-002,004]",
        "others.ndjson,",
        "4 nodes in 2 groups: 3 as expected, 1 not as expected; 2 files not read\n",
    ] {
        let text = &finished.stdout;
        ensure!(text.contains(part), "it lacks {part:?}:\n{text}");
    }
    Ok(())
}

fn all_is_as_expected() -> anyhow::Result<()> {
    let files = Cli::fwprobe()?;
    files.file("a.json", &run(OPEN, "n1", NOON)?)?;
    files.file("b.json", &run(OPEN, "n2", NOON)?)?;
    let finished = merge(&files, &["--expect-nodes", "n[1-2]"])?;
    ensure!(finished.code()? == 0, "{finished:?}");
    ensure!(finished.stdout.contains("  n[1-2]\n"), "{finished:?}");
    let finished = merge(&files, &["--expect-nodes", "n[1-3],head"])?;
    ensure!(finished.code()? == 3, "{finished:?}");
    let missing = "missing: 2 nodes: head, n3";
    ensure!(finished.stdout.contains(missing), "{finished:?}");
    Ok(())
}

fn every_row_of_a_spreadsheet() -> anyhow::Result<()> {
    let files = Cli::fwprobe()?;
    files.file("a.json", &run(OPEN, "n1", NOON)?)?;
    files.file("b.json", &run(DROPPED, "n2", NOON)?)?;
    let finished = merge(&files, &["--format", "csv"])?;
    ensure!(finished.code()? == 1, "{finished:?}");
    let mut lines = finished.stdout.lines();
    let head = lines
        .next()
        .context("a line with the names of the columns")?;
    ensure!(head.starts_with("group,state,nodes,names,"), "{head}");
    ensure!(lines.count() == 2 + 4, "{}", finished.stdout);
    Ok(())
}

/// The node n2 has a port more and a family less than in its earlier run; n1 is unchanged.
fn what_changed_and_the_files() -> anyhow::Result<()> {
    let (now, before, into) = (Cli::fwprobe()?, Cli::fwprobe()?, Cli::fwprobe()?);
    for (files, second, started) in [(&before, OPEN, MORNING), (&now, DROPPED, NOON)] {
        files.file("n1.json", &run(OPEN, "n1", started)?)?;
        files.file("n2.json", &run(second, "n2", started)?)?;
    }
    let page = into.directory().join("site.html");
    let metrics = into.directory().join("site.prom");
    let finished = Cli::fwprobe()?
        .arg("merge")
        .arg(now.directory())
        .arg("--before")
        .arg(before.directory())
        .args(["--format", "json"])
        .arg("--output")
        .arg(&page)
        .arg("--textfile")
        .arg(&metrics)
        .run()?;
    ensure!(finished.code()? == 1, "{finished:?}");
    let merged: Value = serde_json::from_str(&finished.stdout)?;
    let changes = &merged["changes"];
    ensure!(changes["unchanged"] == 1, "{changes}");
    ensure!(
        changes["groups"][0]["nodes"]["names"][0] == "n2",
        "{changes}"
    );
    let rows = changes["groups"][0]["rows"].as_array().context("rows")?;
    let kinds: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["change"].as_str())
        .collect();
    ensure!(
        kinds.contains(&"new") && kinds.contains(&"gone"),
        "{changes}"
    );
    fits_the_schema(&merged)?;
    let page = std::fs::read_to_string(&page)?;
    ensure!(page.contains("Changed since the earlier runs"), "{page}");
    let metrics = std::fs::read_to_string(&metrics)?;
    for sample in [
        "fwprobe_site_nodes{state=\"as_expected\"} 1\n",
        "fwprobe_site_nodes{state=\"not_as_expected\"} 1\n",
        "fwprobe_site_groups 2\n",
    ] {
        ensure!(metrics.contains(sample), "it lacks {sample}:\n{metrics}");
    }
    Ok(())
}

/// A cluster in which ten nodes lost a port, with files that are cut off or foreign at both times.
fn ten_nodes_of_a_cluster_changed() -> anyhow::Result<()> {
    let (now, before) = (Cli::fwprobe()?, Cli::fwprobe()?);
    let fleet = |odd| Fleet {
        nodes: 300,
        odd,
        seed: 7,
    };
    fleet(0).write(before.directory())?;
    let odd = fleet(10).write(now.directory())?;
    let earlier = before.directory().display().to_string();
    let finished = merge(&now, &["--before", &earlier, "--format", "json"])?;
    ensure!(finished.code()? == 1, "{finished:?}");
    let merged: Value = serde_json::from_str(&finished.stdout)?;
    ensure!(merged["summary"]["nodes"] == 300, "{}", merged["summary"]);
    let groups = merged["groups"].as_array().context("groups")?;
    ensure!(groups.len() == 3, "{} groups", groups.len());
    ensure!(merged["unread"]["count"] == 2, "{}", merged["unread"]);
    let changes = &merged["changes"];
    let changed = changes["groups"].as_array().context("changed groups")?;
    ensure!(changed.len() == 1, "{changes}");
    let names = Value::from(fold(odd.iter().map(String::as_str)));
    ensure!(odd.len() == 10, "{odd:?}");
    ensure!(changed[0]["nodes"]["names"] == names, "{changes}");
    ensure!(changed[0]["rows"][0]["change"] == "regression", "{changes}");
    ensure!(changes["unchanged"] == 290, "{changes}");
    Ok(())
}

fn what_cannot_be_merged() -> anyhow::Result<()> {
    let files = Cli::fwprobe()?;
    let refused = |arguments: &[&str]| -> anyhow::Result<String> {
        let finished = Cli::fwprobe()?
            .arg("merge")
            .args(arguments.iter().copied())
            .run()?;
        ensure!(finished.code()? == 2, "{arguments:?}: {finished:?}");
        Ok(finished.stderr)
    };
    let told = refused(&["no-such-folder", "no-such-file.json"])?;
    for name in [
        "no-such-folder cannot be read",
        "no-such-file.json cannot be read",
    ] {
        ensure!(told.contains(name), "{told}");
    }
    let folder = files.directory().display().to_string();
    let told = refused(&[&folder])?;
    ensure!(
        told.contains("no run in ") && told.contains("expected files"),
        "{told}"
    );
    files.file("foreign.json", "{\"runs\": []}")?;
    let told = refused(&[&folder])?;
    ensure!(
        told.contains("no run in ") && told.contains("foreign.json is not a run document"),
        "{told}"
    );
    let told = refused(&[&folder, "--expect-nodes", "n[1-"])?;
    ensure!(
        told.contains("character 2: expected a closing bracket"),
        "{told}"
    );
    let told = refused(&[&folder, "--format", "junit"])?;
    ensure!(told.contains("table, json, html, csv"), "{told}");
    let page = files.directory().join("site.md").display().to_string();
    let told = refused(&[&folder, "--output", &page])?;
    ensure!(told.contains("expected table, json, html or csv"), "{told}");
    let told = refused(&[&folder, "--output", "site.pdf"])?;
    ensure!(told.contains("expected table, json, html or csv"), "{told}");
    ensure!(!told.contains("junit"), "{told}");
    refused(&[])?;
    Ok(())
}

/// Checks `merged` against the schema that the program prints.
fn fits_the_schema(merged: &Value) -> anyhow::Result<()> {
    let schema = Cli::fwprobe()?.args(["merge", "--schema"]).succeeds()?;
    let schema: Value = serde_json::from_str(&schema)?;
    let validator = jsonschema::validator_for(&schema).context("the schema is none")?;
    let wrong: Vec<String> = validator
        .iter_errors(merged)
        .map(|error| error.to_string())
        .collect();
    ensure!(wrong.is_empty(), "the answer does not fit: {wrong:#?}");
    let mut edited = merged.clone();
    edited["groups"][0]["outcome"] = Value::from("fine");
    ensure!(
        !validator.is_valid(&edited),
        "the schema takes an outcome that there is not"
    );
    Ok(())
}

/// Runs `fwprobe merge` on the folder of `files`.
fn merge(files: &Cli, arguments: &[&str]) -> anyhow::Result<Finished> {
    Cli::fwprobe()?
        .arg("merge")
        .arg(files.directory())
        .args(arguments.iter().copied())
        .run()
}

/// Returns the recorded run in one line, as a run of `node` that began at `started`.
fn run(recorded: &str, node: &str, started: &str) -> anyhow::Result<String> {
    let mut run: Value = serde_json::from_str(recorded)?;
    run["host"]["name"] = Value::from(node);
    run["run"]["started"] = Value::from(started);
    run["run"]["finished"] = Value::from(END);
    Ok(run.to_string())
}

const OPEN: &str =
    include_str!("../../../probe-client/core/tests/scenarios/reachable-both-families.json");
const DROPPED: &str = include_str!("../../../probe-client/core/tests/scenarios/dropped.json");
const MORNING: &str = "2026-11-22T06:00:00Z";
const NOON: &str = "2026-11-22T12:00:00Z";
const END: &str = "2026-11-22T12:00:30Z";
