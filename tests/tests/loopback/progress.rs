//! The progress that a run shows.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::ensure;
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Probe, ServerPlan, Terminal};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    const TERMINAL: &[Need] = &[Need::Tool("setsid")];
    Trials::of("progress")
        .needing(TERMINAL, "names_the_sessions", names_the_sessions)
        .needing(TERMINAL, "names_the_silence", names_the_silence)
        .once("does_not_wait_for_the_control_port", control_port_silent)
}

/// A port that accepts and never answers keeps the run at its sessions. An address needs no resolving.
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
    let sentence = "the control port gave no answer and was not waited for";
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

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The idle timeout in seconds, which a run that waited for the control port would take in full.
const LONG: u8 = 30;

/// The idle timeout in seconds, which the silent port takes in full, several times.
const SHORT: u8 = 2;
