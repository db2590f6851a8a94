//! A proxy's password is not visible anywhere: not while it is typed, not in the list of processes, not in a report.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::{Manner, Middlebox};
use fwprobe_tests::real_proxy::Setting;
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Probe, Seat, ServerPlan, Terminal};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;
use rustix::process::Signal;

use super::credentials::basic;
use super::paths::url;
use super::real::{SECRET, silent};

pub(crate) fn trials() -> Trials {
    const TERMINAL: &[Need] = &[Need::Tool("setsid")];
    Trials::of("secrecy")
        .needing(TERMINAL, "typed_at_a_prompt", typed_at_a_prompt)
        .once("not_among_the_processes", not_among_the_processes)
        .once("no_report_tells_them", no_report_tells_them)
}

/// The user name is shown as it is typed, and the password is not.
fn typed_at_a_prompt() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, basic())?;
    let probe = Probe::of(&server)?
        .args(["--via", &url("http", V4, proxy.port())])
        .arg("--ask-proxy-credentials")
        .port(server.port(1), SessionKind::Tls);
    let mut terminal = Terminal::start(&probe.command()?)?;
    terminal.wait_for("user name for the proxy:")?;
    terminal.type_line("prober")?;
    terminal.wait_for("password: ")?;
    terminal.wait_until_hidden()?;
    terminal.type_line(SECRET)?;
    let run = probe.ended(terminal.finish()?)?;
    run.expect_exit(0)?.expect_all(VerdictId::Reachable)?;
    silent(&run, SECRET)?;
    let screen = &run.finished.stdout;
    ensure!(
        screen.contains("prober"),
        "nothing typed is shown: {screen}"
    );
    server.stop().map(drop)
}

/// During the run, no argument and no variable of any process contains the password from the file.
fn not_among_the_processes() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, Manner::Silent)?;
    let probe = Probe::of(&server)?
        .args(["--via", &url("http", V4, proxy.port())])
        .port(server.port(1), SessionKind::Tls);
    let secret = "nobody-lists-this";
    let file = probe.file("credentials", &format!("prober:{secret}\n"))?;
    let probe = probe.arg("--proxy-credentials-file").arg(file);
    let mut process = probe.start()?;
    // The program reads the file before it asks the proxy for anything.
    process.wait_until(|| Ok(proxy.strikes() > 0))?;
    let own = listed(process.id()).context("the run's own entry")?;
    ensure!(own.contains("--proxy-credentials-file"), "{own}");
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Other processes may have ended meanwhile, or belong to another user.
        let told = listed(id).is_some_and(|text| text.contains(secret));
        ensure!(!told, "process {id} shows the password");
    }
    process.signal(Signal::INT)?;
    silent(&probe.finish(process)?, secret)?;
    server.stop().map(drop)
}

/// Returns the arguments of a process and, if they are readable, its environment variables.
fn listed(id: u32) -> Option<String> {
    let read = |what| std::fs::read(format!("/proc/{id}/{what}"));
    let mut text = read("cmdline").ok()?;
    text.extend(read("environ").unwrap_or_default());
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// No report contains the password in any format or encoding, even if the report is about the credentials.
fn no_report_tells_them() -> anyhow::Result<()> {
    let server = ServerPlan::on(V4).ports(1).start()?;
    let proxy = Middlebox::proxy(Seat::take(V4)?, V4, basic())?;
    for secret in [SECRET, "another-secret"] {
        let probe = Probe::of(&server)?.args(["--via", &url("http", V4, proxy.port())]);
        let file = probe.file("credentials", &format!("prober:{secret}\n"))?;
        // This directory outlives the run's own.
        let setting = Setting::on(V4)?;
        let place = setting.directory();
        let written: Vec<_> = FORMATS.iter().map(|f| (f, place.join(f))).collect();
        let outputs = written
            .iter()
            .map(|(f, path)| format!("{f}={}", path.display()));
        let run = probe
            .variable("RUST_LOG", "trace")
            .args(outputs.flat_map(|output| ["--output".to_owned(), output]))
            .arg("--proxy-credentials-file")
            .arg(&file)
            .port(server.port(1), SessionKind::Tls)
            .run()?;
        silent(&run, secret)?;
        let wide: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let forms = [secret.as_bytes(), &wide].map(|form| {
            use base64::Engine as _;
            let base64 = base64::prelude::BASE64_STANDARD.encode(form);
            [form.to_vec(), base64.into_bytes(), hex(form).into_bytes()]
        });
        for (format, path) in written {
            let report = std::fs::read(&path).with_context(|| format!("no report as {format}"))?;
            for form in forms.iter().flatten() {
                let told = report.windows(form.len()).any(|window| window == form);
                ensure!(!told, "{format} tells the password");
            }
        }
    }
    server.stop().map(drop)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

const FORMATS: [&str; 4] = ["table", "json", "hpc-step-result", "hpc-step-summary"];
