//! The progress that a run shows.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, Probe, ServerPlan, Terminal};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    const TERMINAL: &[Need] = &[Need::Tool("setsid")];
    Trials::of("progress")
        .needing(TERMINAL, "names_the_sessions", names_the_sessions)
        .needing(TERMINAL, "names_the_silence", names_the_silence)
        .needing(
            TERMINAL,
            "shows_rows_before_the_end",
            shows_rows_before_the_end,
        )
        .needing(TERMINAL, "shows_no_colour", shows_no_colour)
        .needing(TERMINAL, "shows_nothing", shows_nothing)
        .once("does_not_wait_for_the_control_port", control_port_silent)
}

/// A port that accepts and never answers keeps the run at its sessions. The server is given by address, so no name is
/// resolved.
fn names_the_sessions() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOCALHOST).ports(1).start()?;
    let silent = TcpListener::bind((LOCALHOST, 0))?;
    let probe = Probe::of(&server)?
        .idle_timeout(SHORT)
        .port(silent.local_addr()?.port(), SessionKind::Tcp);
    shows(&probe, "running a session on each port")?;
    server.stop().map(drop)
}

fn names_the_silence() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOCALHOST).ports(1).start()?;
    let probe = Probe::of(&server)?
        .subcommand("idle")
        .args(["--hold", "2s"])
        .port(server.port(1), SessionKind::Tcp);
    shows(&probe, "keeping sessions silent, then using them again")?;
    server.stop().map(drop)
}

/// The row of a port that works is shown while another port still gives no answer. Ctrl-C ends the run, and its report
/// replaces the rows.
fn shows_rows_before_the_end() -> anyhow::Result<()> {
    let (server, _silent, probe) = half_silent()?;
    let mut terminal = Terminal::start(&probe.command()?)?;
    terminal.wait_for(HEADING)?;
    terminal.wait_for("reachable")?;
    terminal.wait_for("waiting for")?;
    terminal.type_line(CTRL_C)?;
    let shown = terminal.finish()?.stdout;
    let told = shown.find("interrupted: writing").context("the message")?;
    let report = shown.rfind("fwprobe: ports given").context("the report")?;
    let last = shown.rfind(HEADING).context("rows")?;
    ensure!(last < report && told < report, "{shown}");
    server.stop().map(drop)
}

fn shows_no_colour() -> anyhow::Result<()> {
    let (server, _silent, probe) = half_silent()?;
    let mut command = probe.command()?;
    let mut coloured = Terminal::start(&command)?;
    coloured.wait_for("reachable")?;
    coloured.type_line(CTRL_C)?;
    let shown = coloured.finish()?.stdout;
    ensure!(has_colour(&shown), "{shown}");
    command.env("NO_COLOR", "1");
    let mut plain = Terminal::start(&command)?;
    plain.wait_for("reachable")?;
    plain.type_line(CTRL_C)?;
    let shown = plain.finish()?.stdout;
    ensure!(shown.contains(HEADING) && !has_colour(&shown), "{shown}");
    server.stop().map(drop)
}

/// A terminal that cannot redraw, a user who wants quiet, and a pipe get the report alone.
fn shows_nothing() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOCALHOST).ports(1).start()?;
    let probe =
        || Ok::<_, anyhow::Error>(Probe::of(&server)?.port(server.port(1), SessionKind::Tcp));
    let dumb = probe()?.variable("TERM", "dumb");
    let quiet = probe()?.arg("--quiet");
    for probe in [dumb, quiet] {
        let shown = Terminal::start(&probe.command()?)?.finish()?.stdout;
        ensure!(shown.contains("reachable"), "{shown}");
        ensure!(
            !shown.contains(HEADING) && !shown.contains("/1 probes"),
            "{shown}"
        );
    }
    let run = probe()?.run()?;
    ensure!(!run.finished.stderr.contains("probes"), "{}", run.text());
    let quiet = probe()?.arg("--quiet").run()?;
    ensure!(quiet.finished.stderr.is_empty(), "{}", quiet.text());
    server.stop().map(drop)
}

/// Returns a probe of one port that works and one that accepts and never answers, for longer than the test lasts.
fn half_silent() -> anyhow::Result<(EchoServer, TcpListener, Probe)> {
    let server = ServerPlan::on(LOCALHOST).ports(1).start()?;
    let silent = TcpListener::bind((LOCALHOST, 0))?;
    let probe = Probe::of(&server)?
        .idle_timeout(LONG)
        .port(server.port(1), SessionKind::Tcp)
        .port(silent.local_addr()?.port(), SessionKind::Tcp);
    Ok((server, silent, probe))
}

/// Returns whether `shown` contains an escape sequence for a colour or a weight, apart from sequences that reset it.
fn has_colour(shown: &str) -> bool {
    let mut escapes = shown.split("\u{1b}[").skip(1);
    escapes.any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
        end.is_some_and(|end| rest[end..].starts_with('m') && !matches!(&rest[..end], "" | "0"))
    })
}

/// The control port accepts and never answers, and no rule needs it: the run does not wait for it, and says so.
fn control_port_silent() -> anyhow::Result<()> {
    let server = ServerPlan::on(LOCALHOST).ports(1).start()?;
    let silent = TcpListener::bind((LOCALHOST, 0))?;
    let control_port = silent.local_addr()?.port();
    let began = Instant::now();
    let run = Probe::with(server.connection().with_control_port(control_port))?
        .idle_timeout(LONG)
        .port(server.port(1), SessionKind::Tcp)
        .run()?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    let took = began.elapsed();
    ensure!(took < Duration::from_secs(LONG.into()), "{took:?}");
    let told = run.finished.stdout.split_whitespace().collect::<Vec<_>>();
    let told = told.join(" ");
    let sentence =
        "the control port gave no answer; no verdict depends on it, so the run did not wait";
    ensure!(told.contains(sentence), "{told}");
    // A control port that answers is not mentioned.
    let run = Probe::of(&server)?
        .port(server.port(1), SessionKind::Tcp)
        .run()?;
    ensure!(
        !run.finished.stdout.contains("control port"),
        "{}",
        run.text()
    );
    server.stop().map(drop)
}

/// Runs `probe` in a terminal until `words` are shown, and then to its end. It must not show that it resolves a name.
fn shows(probe: &Probe, words: &str) -> anyhow::Result<()> {
    let mut terminal = Terminal::start(&probe.command()?)?;
    terminal.wait_for(words)?;
    let shown = terminal.finish()?.stdout;
    ensure!(!shown.contains("resolving names"), "{shown}");
    Ok(())
}

/// The heading of the rows that are decided so far.
const HEADING: &str = "so far:";

/// The character that a terminal turns into SIGINT.
const CTRL_C: &str = "\u{3}";

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The idle timeout in seconds. A run that waited for the control port would take at least this long.
const LONG: u8 = 30;

/// The idle timeout in seconds. The run waits this long for the silent port, several times.
const SHORT: u8 = 2;
