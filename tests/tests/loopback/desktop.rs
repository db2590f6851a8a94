//! `--open` hands the page to the desktop, if there is one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{Cli, Process};

pub(crate) fn trials() -> Trials {
    Trials::of("desktop")
        .once(
            "the_page_is_handed_to_the_desktop",
            the_page_is_handed_to_the_desktop,
        )
        .once(
            "without_a_desktop_the_page_is_named",
            without_a_desktop_the_page_is_named,
        )
        .once(
            "without_a_page_there_is_nothing_to_open",
            without_a_page_there_is_nothing_to_open,
        )
}

fn the_page_is_handed_to_the_desktop() -> anyhow::Result<()> {
    for variable in ["DISPLAY", "WAYLAND_DISPLAY"] {
        let cli = Cli::fwprobe()?;
        let desktop = Desktop::within(&cli)?;
        let mut opened = desktop.opened()?;
        let page = cli.directory().join("page.html");
        let cli = report(cli, Some(&page))?
            .variable("PATH", desktop.search_path()?)
            .variable(variable, ":0");
        let finished = cli.run()?;
        ensure!(finished.code()? == 0, "{variable}: {finished:?}");
        ensure!(
            !finished.stderr.contains("--open"),
            "{variable}: {}",
            finished.stderr
        );
        let told = opened.read_until(|told| told.ends_with('\n'))?;
        ensure!(Path::new(told.trim_end()) == page, "{variable}: {told}");
        ensure!(page.is_file(), "{variable}: the page is not written");
    }
    Ok(())
}

fn without_a_desktop_the_page_is_named() -> anyhow::Result<()> {
    let cli = Cli::fwprobe()?;
    let page = cli.directory().join("page.html");
    let finished = report(cli, Some(&page))?.variable("DISPLAY", "").run()?;
    ensure!(finished.code()? == 0, "{finished:?}");
    let told = format!(
        "--open: there is no desktop here; open {} in a browser\n",
        page.display()
    );
    ensure!(finished.stderr.contains(&told), "{}", finished.stderr);
    Ok(())
}

fn without_a_page_there_is_nothing_to_open() -> anyhow::Result<()> {
    let cli = Cli::fwprobe()?;
    let desktop = Desktop::within(&cli)?;
    let cli = report(cli, None)?
        .variable("PATH", desktop.search_path()?)
        .variable("DISPLAY", ":0");
    let finished = cli.run()?;
    ensure!(finished.code()? == 2, "{finished:?}");
    let told = "error: --open shows an HTML report: add --output report.html\n";
    ensure!(
        finished.stderr == told && finished.stdout.is_empty(),
        "{finished:?}"
    );
    Ok(())
}

/// Returns the command that writes a saved run to `page`, if there is one, and shows it.
fn report(cli: Cli, page: Option<&Path>) -> anyhow::Result<Cli> {
    let saved = cli.file("run.json", RUN)?;
    let mut cli = cli.arg("report").arg(saved).arg("--open");
    if let Some(page) = page {
        cli = cli.arg("--output").arg(page);
    }
    Ok(cli)
}

/// A desktop whose program for opening files writes their names to a pipe.
struct Desktop {
    folder: PathBuf,
}

impl Desktop {
    fn within(cli: &Cli) -> anyhow::Result<Self> {
        let folder = cli.directory().join("desktop");
        std::fs::create_dir(&folder)?;
        let script = format!(
            "#!/bin/sh\necho \"$1\" >'{}'\n",
            folder.join(PIPE).display()
        );
        let script = cli.file("script", &script)?;
        // Programs write the files: a file that the test itself has open for writing may be held open by a process that
        // another test starts at that moment, and then it cannot be executed.
        let mut install = Command::new("install");
        install
            .arg("--mode=755")
            .arg(script)
            .arg(folder.join("xdg-open"));
        Process::succeed(install)?;
        let mut pipe = Command::new("mkfifo");
        pipe.arg("--mode=666").arg(folder.join(PIPE));
        Process::succeed(pipe)?;
        Ok(Self { folder })
    }

    /// Returns a process that prints the names of the files that are opened.
    fn opened(&self) -> anyhow::Result<Process> {
        let mut reader = Command::new("cat");
        reader.arg(self.folder.join(PIPE));
        Process::start(reader)
    }

    fn search_path(&self) -> anyhow::Result<String> {
        let others = std::env::var("PATH")?;
        Ok(format!("{}:{others}", self.folder.display()))
    }
}

const PIPE: &str = "opened";

const RUN: &str = include_str!("../../../probe-client/core/tests/scenarios/demo.json");
