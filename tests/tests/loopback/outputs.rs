//! Report files are written whole or not at all, and the previous file stays until then.

use std::fs::{File, FileType};
use std::io::{ErrorKind, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Cli, EchoServer, Finished, Place, Process, ServerPlan, User, binaries};

pub(crate) fn trials() -> Trials {
    Trials::of("outputs")
        .once(
            "into_a_directory_that_is_not_there",
            into_a_directory_that_is_not_there,
        )
        .once(
            "into_a_directory_without_the_right",
            into_a_directory_without_the_right,
        )
        .once("into_a_folder", into_a_folder)
        .once("no_more_than_are_kept", no_more_than_are_kept)
        .once(
            "in_a_format_without_an_ending",
            in_a_format_without_an_ending,
        )
        .once("in_no_format", in_no_format)
        .once("one_of_two_cannot_be_written", one_of_two_cannot_be_written)
        .once("over_an_older_report", over_an_older_report)
        .needing(
            [Need::Root],
            "into_what_is_no_regular_file_as_root",
            into_nodes,
        )
        .once("several_at_once", several_at_once)
        .once("one_file_twice", one_file_twice)
        .once("without_a_file", without_a_file)
        .once(
            "in_a_format_that_does_not_exist",
            in_a_format_that_does_not_exist,
        )
        .once(
            "in_a_template_with_an_unknown_name",
            in_a_template_with_an_unknown_name,
        )
        .once(
            "one_that_fails_costs_no_other",
            one_that_fails_costs_no_other,
        )
        .needing(
            [Need::Root],
            "onto_a_disk_that_is_full_as_root",
            onto_a_disk_that_is_full,
        )
}

fn into_a_directory_that_is_not_there() -> anyhow::Result<()> {
    refused("/nowhere/report.json", |_| Ok(()))
}

/// Even root may not create files there.
fn into_a_directory_without_the_right() -> anyhow::Result<()> {
    refused("/proc/report.json", |_| Ok(()))
}

/// Each run gets a file of its own, named by time and host, in every format.
fn into_a_folder() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let runs = cli.directory().join("runs");
    let pages = format!("html={}/", cli.directory().join("new").display());
    let cli = run(cli, &server).args(["--output", &pages, "--output"]);
    // The first run creates the folder, so the second needs no separator to name it.
    let cli = cli.arg(format!("{}/", runs.display()));
    cli.succeeds()?;
    let again = run(Cli::fwprobe()?, &server).args(["--output", &pages, "--output"]);
    again.arg(&runs).succeeds()?;
    for (folder, ending) in [("runs", ".json"), ("new", ".html")] {
        let names = entries(&cli.directory().join(folder))?;
        ensure!(names.len() == 2, "{names:?}");
        // `2026-11-30T084705Z-` and the host, with a number if both began in one second.
        let is_named = |name: &String| {
            name.as_bytes().get(17..19) == Some(b"Z-") && name.len() > 19 && name.ends_with(ending)
        };
        ensure!(names.iter().all(is_named), "{names:?}");
    }
    for name in entries(&runs)? {
        let text = std::fs::read_to_string(runs.join(name))?;
        ensure!(text.contains("fwprobe.run/1"), "{text}");
    }
    server.stop().map(drop)
}

/// `--keep` deletes only files that fwprobe itself has named on this host.
fn no_more_than_are_kept() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let runs = cli.directory().join("runs");
    let cli = run(cli, &server).args(["--keep", "2", "--output"]);
    let cli = cli.arg(format!("{}/", runs.display()));
    // The first run creates the folder.
    cli.succeeds()?;
    let foreign = [
        "2020-01-01T000000Z-another-host.json",
        "notes.txt",
        "run.json",
    ];
    for name in foreign {
        std::fs::write(runs.join(name), "foreign")?;
    }
    for _ in 0..3 {
        cli.succeeds()?;
    }
    let names = entries(&runs)?;
    ensure!(names.len() == foreign.len() + 2, "{names:?}");
    for name in foreign {
        ensure!(names.iter().any(|left| left == name), "{name}: {names:?}");
    }
    let without = run(Cli::fwprobe()?, &server).args(["--keep", "2"]).run()?;
    ensure!(
        without.code()? == 2 && without.stderr.contains("add --output with a folder"),
        "{without:?}"
    );
    server.stop().map(drop)
}

fn in_a_format_without_an_ending() -> anyhow::Result<()> {
    let folder = |path: &Path| {
        vec![PathBuf::from(format!(
            "firewall-request={}/",
            path.display()
        ))]
    };
    refused_as(folder, "have no ending of their own; name a file")
}

fn in_no_format() -> anyhow::Result<()> {
    refused("report.doc", |_| Ok(()))
}

/// Checks that `output` is refused before anything is sent. A relative path is in the test's directory.
fn refused(output: &str, prepare: fn(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let path = cli.directory().join(output);
    prepare(&path)?;
    let before = entries(cli.directory())?;
    let cli = run(cli, &server).arg("--output").arg(&path);
    let finished = cli.run()?;
    says_no(&finished, &path)?;
    let after = entries(cli.directory())?;
    ensure!(
        before == after,
        "files before: {before:?}, after: {after:?}"
    );
    server.stop().map(drop)
}

fn without_a_file() -> anyhow::Result<()> {
    refused_as(|_| vec!["html=".into()], "names no file")
}

fn in_a_format_that_does_not_exist() -> anyhow::Result<()> {
    refused_as(|_| vec!["htlm=report.txt".into()], "`htlm` is not a format")
}

fn one_file_twice() -> anyhow::Result<()> {
    let twice = |folder: &Path| ["report.json", "./report.json"].map(|name| folder.join(name));
    refused_as(|folder| twice(folder).to_vec(), "is named twice")
}

/// Checks that `outputs`, in the test's directory, are refused with `why`, and that nothing is written.
fn refused_as(outputs: impl Fn(&Path) -> Vec<PathBuf>, why: &str) -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let outputs = outputs(cli.directory());
    let all = outputs.into_iter();
    let cli = all.fold(run(cli, &server), |cli, output| {
        cli.arg("--output").arg(output)
    });
    let finished = cli.run()?;
    ensure!(
        finished.code()? == 2 && finished.stderr.contains(why),
        "{}",
        finished.stderr
    );
    ensure!(
        entries(cli.directory())?.is_empty(),
        "something was written"
    );
    server.stop().map(drop)
}

/// A mistake in a template is told before anything is sent.
fn in_a_template_with_an_unknown_name() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let port = TcpListener::bind((LOOPBACK, 0))?;
    port.set_nonblocking(true)?;
    for option in ["--format", "--output"] {
        let cli = Cli::fwprobe()?;
        let template = cli.file("own.txt", "first line\n{{ prots }}")?;
        let mut value = format!("template={}", template.display());
        if option == "--output" {
            value.push_str("=report.out");
        }
        let cli = cli
            .variable("FWPROBE_CONNECTION", server.connection().text())
            .args(["run", "--port"])
            .arg(format!("{}/tcp", port.local_addr()?.port()))
            .args([option, &value]);
        let finished = cli.run()?;
        says_no(&finished, &template)?;
        let told = "own.txt:2: unknown name `prots`; the names at the top are run, summary, ";
        ensure!(finished.stderr.contains(told), "{}", finished.stderr);
        ensure!(
            entries(cli.directory())? == ["own.txt"],
            "something was written"
        );
        let sent = port.accept().map(|(_, from)| from);
        ensure!(
            matches!(&sent, Err(error) if error.kind() == ErrorKind::WouldBlock),
            "a session was opened: {sent:?}"
        );
    }
    server.stop().map(drop)
}

/// A template that fails during the run must not cost any other output.
fn one_that_fails_costs_no_other() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let template = cli.file("late.txt", "{{ ports[99].verdict }}")?;
    let (before, after) = (
        cli.directory().join("before.json"),
        cli.directory().join("after.json"),
    );
    let late_out = cli.file("late.out", "older")?;
    let late = format!("template={}", template.display());
    let cli = run(cli, &server)
        .args(["--format", &late, "--output"])
        .arg(&before)
        .args(["--output", &format!("{late}={}", late_out.display())])
        .arg("--output")
        .arg(&after);
    let finished = cli.run()?;
    ensure!(finished.code()? == 2, "{}", finished.stderr);
    ensure!(
        finished.stderr.matches("ports[99]").count() >= 2,
        "both failures are told: {}",
        finished.stderr
    );
    for path in [before, after] {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        ensure!(text.contains("fwprobe.run/1"), "{text}");
    }
    ensure!(
        std::fs::read_to_string(late_out)? == "older",
        "the older report was touched"
    );
    server.stop().map(drop)
}

/// The disk is full after a part of the report.
fn onto_a_disk_that_is_full() -> anyhow::Result<()> {
    let cli = Cli::fwprobe()?;
    let saved = cli.file("run.json", RUN)?;
    let disk = cli.directory().join("disk");
    std::fs::create_dir(&disk)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", ON_A_SMALL_DISK]);
    command.arg(disk).arg(binaries::fwprobe()?).arg(saved);
    let finished = Process::start(command)?.finish()?;
    ensure!(finished.code()? == 2, "{finished:?}");
    let told = "report.html cannot be written: No space left on device\n";
    ensure!(finished.stderr.ends_with(told), "{}", finished.stderr);
    ensure!(
        finished.stdout == "older\nreport.html\n",
        "the older report was touched, or something was left behind: {}",
        finished.stdout
    );
    Ok(())
}

fn one_of_two_cannot_be_written() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let kept = cli.file("kept.json", "older")?;
    let missing = Path::new("/nowhere/report.json");
    let cli = run(cli, &server)
        .arg("--output")
        .arg(&kept)
        .arg("--output")
        .arg(missing);
    says_no(&cli.run()?, missing)?;
    ensure!(
        std::fs::read_to_string(&kept)? == "older",
        "the older report was touched"
    );
    ensure!(
        entries(cli.directory())? == ["kept.json"],
        "something was left behind"
    );
    server.stop().map(drop)
}

fn over_an_older_report() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let path = cli.file("report.json", "older")?;
    let cli = run(cli, &server).arg("--output").arg(&path);
    cli.succeeds()?;
    let text = std::fs::read_to_string(&path)?;
    serde_json::from_str::<serde_json::Value>(&text).context("the new report")?;
    ensure!(
        entries(cli.directory())? == ["report.json"],
        "something was left behind"
    );
    server.stop().map(drop)
}

/// Root may replace any node of the file system, but a device, a pipe and a link stay what they are.
fn into_nodes() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = run(Cli::fwprobe()?.from(&Place::of(User::Same)), &server);
    let folder = cli.directory().to_owned();
    let node = |arguments: &[&str]| -> anyhow::Result<()> {
        let mut command = Command::new("mknod");
        command.current_dir(&folder).args(arguments);
        Process::succeed(command).map(drop)
    };
    // The numbers of /dev/null.
    node(&["device", "c", "1", "3"])?;
    node(&["pipe", "p"])?;
    std::fs::write(folder.join("target"), "older")?;
    symlink("target", folder.join("link"))?;
    let names = ["device", "pipe", "link"];
    let before = names.map(|name| kind_of(&folder.join(name)));
    // The pipe is opened in both directions, so that opening it waits for nobody. The report of one port fits into a
    // pipe.
    let mut reader = File::options()
        .read(true)
        .write(true)
        .open(folder.join("pipe"))?;
    let cli = names.iter().fold(cli, |cli, name| {
        let mut output = std::ffi::OsString::from("json=");
        output.push(folder.join(name));
        cli.arg("--output").arg(output)
    });
    cli.succeeds()?;
    for (name, before) in names.into_iter().zip(before) {
        let (before, after) = (before?, kind_of(&folder.join(name))?);
        ensure!(before == after, "{name} was {before:?}, and is {after:?}");
    }
    let mut piped = vec![0; PIPE];
    let length = reader.read(&mut piped)?;
    let linked = std::fs::read(folder.join("target"))?;
    ensure!(piped[..length] == linked, "two reports of one run differ");
    ensure!(linked.starts_with(b"{"), "no report was written");
    server.stop().map(drop)
}

/// Returns the type of a node itself, and the numbers of its device.
fn kind_of(path: &Path) -> anyhow::Result<(FileType, u64)> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.file_type(), found.rdev()))
}

fn several_at_once() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOOPBACK.into()).ports(1).start()?;
    let cli = Cli::fwprobe()?;
    let (json, table) = (
        cli.directory().join("a.json"),
        cli.directory().join("b.txt"),
    );
    let named = cli.directory().join("c");
    let mut third = std::ffi::OsString::from("json=");
    third.push(&named);
    let cli = run(cli, &server).arg("--output").arg(&json);
    let cli = cli.arg("--output").arg(&table).arg("--output").arg(third);
    let printed = cli.succeeds()?;
    ensure!(
        std::fs::read(&json)? == std::fs::read(&named)?,
        "two reports of one run differ"
    );
    ensure!(
        std::fs::read_to_string(&table)? == printed,
        "the table is not the one printed"
    );
    server.stop().map(drop)
}

fn run(cli: Cli, server: &EchoServer) -> Cli {
    cli.variable("FWPROBE_CONNECTION", server.connection().text())
        .args(["run", "--port"])
        .arg(format!("{}/tcp", server.port(1)))
}

fn says_no(finished: &Finished, path: &Path) -> anyhow::Result<()> {
    let text = format!("{}\n{}", finished.stdout, finished.stderr);
    ensure!(
        finished.code()? == 2,
        "exit code {}:\n{text}",
        finished.code()?
    );
    ensure!(finished.stdout.is_empty(), "it ran all the same:\n{text}");
    let path = path.to_str().context("a path in UTF-8")?;
    let lines: Vec<&str> = finished.stderr.lines().collect();
    ensure!(
        matches!(lines.as_slice(), [line] if line.starts_with("error: ") && line.contains(path)),
        "not one line that names {path}:\n{text}"
    );
    // The name of the temporary file means nothing to users.
    ensure!(!text.contains(".fwprobe-"), "{text}");
    Ok(())
}

fn entries(directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The number of bytes that a pipe holds (pipe(7)).
const PIPE: usize = 64 * 1024;

/// Writes a report of the run `$2` with the program `$1` onto a disk in the folder `$0`, and shows what is there then.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o size=16k small-disk "$0"
echo older >"$0/report.html"
code=0
"$1" report "$2" --output "$0/report.html" || code=$?
cat "$0/report.html"
ls -A "$0"
exit $code
"#;

const RUN: &str = include_str!("../../../probe-client/core/tests/scenarios/demo.json");

const LOOPBACK: std::net::Ipv4Addr = std::net::Ipv4Addr::LOCALHOST;
