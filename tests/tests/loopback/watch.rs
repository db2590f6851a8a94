//! `fwprobe watch`: repeated runs, what it serves, and what it survives.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::net::{IpAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use fwprobe_tests::middlebox::Middlebox;
use fwprobe_tests::trial::Trials;
use fwprobe_tests::{EchoServer, ServerPlan, WATCHDOG, WatchPlan, clutter, documents};
use probe_documents::RunDocument;

pub(crate) fn trials() -> Trials {
    Trials::of("watch")
        .on_both_families("keeps_every_document", keeps_every_document)
        .on_both_families("keeps_as_many_as_it_may", keeps_as_many_as_it_may)
        .on_both_families("clutter_in_its_folder", clutter_in_its_folder)
        .on_both_families("serves_the_last_run", serves_the_last_run)
        .on_both_families(
            "notifies_systemd_once_it_serves",
            notifies_systemd_once_it_serves,
        )
        .on_both_families("reports_a_change_once", reports_a_change_once)
        .on_both_families("a_server_that_comes_back", a_server_that_comes_back)
        .on_both_families("a_full_disk_loses_no_run", a_full_disk_loses_no_run)
        .on_both_families("bad_input_is_one_error", bad_input_is_one_error)
}

fn plan(server: &EchoServer) -> anyhow::Result<WatchPlan> {
    let port = format!("{}/tcp", server.port(1));
    Ok(WatchPlan::of(server)?.args(["--port", &port]))
}

fn keeps_every_document(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let plan = plan(&server)?.keeping_documents().args(["--count", "3"]);
    let textfile = plan.path("fwprobe.prom");
    let plan = plan.args(["--textfile".into(), textfile.clone().into_os_string()]);
    let finished = plan.finish()?;
    ensure!(finished.code()? == 0, "{finished:?}");
    let mut ids = BTreeSet::new();
    for path in documents(&plan.folder())? {
        let document: RunDocument = serde_json::from_slice(&fs::read(&path)?)?;
        ensure!(document.summary.as_expected == 1, "{}", path.display());
        ids.insert(document.run.id);
    }
    ensure!(ids.len() == 3, "{} documents", ids.len());
    let samples = fs::read_to_string(textfile)?;
    let counted = "fwprobe_runs_total{outcome=\"as_expected\"} 3";
    ensure!(samples.contains(counted), "{samples}");
    // A file in the folder that is not a run document is left alone.
    fs::write(plan.folder().join("0.json"), "{")?;
    let finished = plan.finish()?;
    ensure!(finished.code()? == 0, "{finished:?}");
    let recalled = r#""event":"recalled","runs":3,"unreadable":1"#;
    ensure!(finished.stdout.contains(recalled), "{finished:?}");
    ensure!(
        documents(&plan.folder())?.len() == 7,
        "not every run is kept"
    );
    Ok(())
}

fn keeps_as_many_as_it_may(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let plan = plan(&server)?
        .keeping_documents()
        .args(["--keep", "2", "--count", "4"]);
    let finished = plan.finish()?;
    ensure!(finished.code()? == 0, "{finished:?}");
    let kept = documents(&plan.folder())?;
    ensure!(kept.len() == 2, "{kept:?}");
    let last = finished
        .stdout
        .lines()
        .rev()
        .find(|line| line.contains(r#""event":"run""#));
    let last: serde_json::Value = serde_json::from_str(last.context("a run")?)?;
    let newest: RunDocument = serde_json::from_slice(&fs::read(&kept[1])?)?;
    ensure!(last["id"] == newest.run.id.as_str(), "{last}");
    Ok(())
}

/// What cannot be read as a file is counted and left alone, and the watch waits for none of it.
fn clutter_in_its_folder(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let plan = plan(&server)?
        .keeping_documents()
        .args(["--keep", "1", "--count", "1"]);
    plan.finish()?;
    clutter::put(&plan.folder())?;
    let finished = plan.finish()?;
    ensure!(finished.code()? == 0, "{finished:?}");
    let recalled = r#""event":"recalled","runs":1,"unreadable":3"#;
    ensure!(finished.stdout.contains(recalled), "{finished:?}");
    clutter::is_there(&plan.folder())?;
    let kept = documents(&plan.folder())?.len() - clutter::LEFT_OUT.len() - 1;
    ensure!(kept == 1, "{kept} documents are kept");
    Ok(())
}

fn serves_the_last_run(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let mut watch = plan(&server)?.every("1h").start()?;
    watch.events("run", 1)?;
    let classic = watch.get("/metrics")?;
    let state = "path=\"direct\",state=\"as_expected\"} 1\n";
    ensure!(
        classic.status == 200 && classic.body.contains(state),
        "{classic:?}"
    );
    let accept =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: application/openmetrics-text\r\n";
    let open = watch.ask(accept)?;
    ensure!(open.body.ends_with("# EOF\n"), "{open:?}");
    let target = watch.get(&format!("/probe?target={ip}"))?;
    ensure!(
        target.status == 200 && target.body.contains(state),
        "{target:?}"
    );
    for (path, status) in [
        ("/probe?target=other.example", 404),
        ("/probe", 400),
        ("/probe?target=x&profile=other", 404),
        ("/healthz", 200),
        ("/nothing", 404),
        ("/", 200),
        ("/report", 200),
    ] {
        let answer = watch.get(path)?;
        ensure!(answer.status == status, "{path}: {answer:?}");
    }
    let foreign = watch.ask("GET / HTTP/1.1\r\nHost: evil.example\r\n")?;
    ensure!(foreign.status == 421, "{foreign:?}");
    let posted = watch.ask("POST /metrics HTTP/1.1\r\nHost: localhost\r\n")?;
    ensure!(posted.status == 405, "{posted:?}");
    // No request has started a run.
    let (finished, _) = watch.stop()?;
    let runs = finished.stdout.matches(r#""event":"run""#).count();
    ensure!(runs == 1, "{runs} runs");
    Ok(())
}

/// A unit with `Type=notify` is started when the watch serves its pages, before the end of the first run.
fn notifies_systemd_once_it_serves(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let plan = plan(&server)?.every("1h");
    let path = plan.path("notify");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(WATCHDOG))?;
    // The watch may be another user's.
    fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    let watch = plan.variable("NOTIFY_SOCKET", path).start()?;
    let mut told = [0; 64];
    let length = socket.recv(&mut told)?;
    ensure!(&told[..length] == b"READY=1\n", "{told:?}");
    watch.stop().map(drop)
}

fn reports_a_change_once(ip: IpAddr) -> anyhow::Result<()> {
    let (server, relays) =
        ServerPlan::on(ip).start_behind(&[()], |seat, to, ()| Middlebox::relay(seat, to))?;
    let dialled = relays.first().context("a relay")?.port();
    let plan = WatchPlan::of(&server)?.args(["--port", &format!("{dialled}/tcp")]);
    let (seen, changes) = (plan.path("seen.json"), plan.path("changes.json"));
    let command = format!(
        "cat > '{}'; printf %s \"$FWPROBE_CHANGES\" > '{}'",
        seen.display(),
        changes.display()
    );
    let mut watch = plan.args(["--on-change".to_owned(), command]).start()?;
    watch.events("run", 2)?;
    drop(relays);
    let found = watch.events("change", 1)?;
    ensure!(found[0]["change"] == "regression", "{found:?}");
    ensure!(found[0]["from"]["verdict"] == "reachable", "{found:?}");
    // After one more run, the command has ended.
    watch.next_run()?;
    let document: RunDocument = serde_json::from_slice(&fs::read(&seen)?)?;
    ensure!(found[0]["run"] == document.run.id.as_str(), "{found:?}");
    let told: serde_json::Value = serde_json::from_slice(&fs::read(&changes)?)?;
    ensure!(told[0]["to"] == found[0]["to"], "{told}");
    let (finished, _) = watch.stop()?;
    let count = finished.stdout.matches(r#""event":"change""#).count();
    ensure!(count == 1, "{count} changes");
    Ok(())
}

fn a_server_that_comes_back(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let identity = server.identity().clone();
    let ports: Vec<u16> = (0..2).map(|index| server.port(index)).collect();
    let mut watch = plan(&server)?
        .keeping_documents()
        .args(["--timeout", "1"])
        .start()?;
    watch.events("run", 1)?;
    drop(server);
    ensure!(
        watch.next_run()? == 3,
        "a run without a server is undecided"
    );
    let _again = ServerPlan::on(ip)
        .at_ports(&ports)
        .ports(1)
        .start_as(identity)?;
    while watch.next_run()? != 0 {}
    let metrics = watch.get("/metrics")?;
    ensure!(
        !metrics.body.contains("outcome=\"undecided\"} 0\n"),
        "{metrics:?}"
    );
    let (finished, plan) = watch.stop()?;
    let runs = finished.stdout.matches(r#""event":"run""#).count();
    ensure!(documents(&plan.folder())?.len() == runs, "a run is lost");
    ensure!(
        !finished.stdout.contains(r#""event":"change""#),
        "{finished:?}"
    );
    Ok(())
}

fn a_full_disk_loses_no_run(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let mut watch = plan(&server)?.keeping_documents().start()?;
    watch.events("run", 1)?;
    let folder = watch.plan().folder();
    let writable = fs::metadata(&folder)?.permissions();
    // For the program, a folder that it cannot write to has the same effect as a full disk.
    fs::set_permissions(&folder, Permissions::from_mode(0o555))?;
    watch.events("problem", 2)?;
    let metrics = watch.get("/metrics")?;
    ensure!(
        !metrics.body.contains("fwprobe_documents_unwritten 0"),
        "{metrics:?}"
    );
    fs::set_permissions(&folder, writable)?;
    watch.next_run()?;
    let (finished, plan) = watch.stop()?;
    let runs = finished.stdout.matches(r#""event":"run""#).count();
    let kept = documents(&plan.folder())?.len();
    ensure!(kept == runs, "{kept} documents of {runs} runs");
    Ok(())
}

fn bad_input_is_one_error(ip: IpAddr) -> anyhow::Result<()> {
    let server = ServerPlan::on(ip).ports(1).start()?;
    let mut watch = plan(&server)?.keeping_documents().start()?;
    watch.events("run", 1)?;
    let taken = TcpListener::bind((ip, 0))?;
    let taken = taken.local_addr()?.to_string();
    let folder = watch.plan().folder();
    let file = documents(&folder)?.remove(0);
    let plan = || plan(&server);
    let output = |path: PathBuf| -> anyhow::Result<WatchPlan> {
        Ok(plan()?.args(["--output".into(), path.into_os_string()]))
    };
    let cases = [
        (output(folder)?, "is in use by another `fwprobe watch`"),
        (output(file)?, "so name a folder"),
        (
            output("/proc/runs".into())?,
            "--output /proc/runs cannot be written",
        ),
        (output("run.html".into())?, "name a folder"),
        // The tests build fwprobe without OTLP.
        (
            plan()?.args(["--otlp", "http://127.0.0.1:4318"]),
            "was built without it",
        ),
        (plan()?.args(["--keep", "5"]), "add --output with a folder"),
        (
            plan()?.args(["--keep", "never"]),
            "expected a number of files",
        ),
        (plan()?.listening_at(&taken), "choose another port"),
        (plan()?.listening_at("9844"), "expected ADDRESS:PORT"),
        (plan()?.every("0"), "expected a time between 1s and 7 days"),
        (
            plan()?.args(["--jitter", "2s"]),
            "--jitter must not be longer",
        ),
        (
            plan()?.args(["--textfile", "metrics.txt"]),
            "must end in .prom",
        ),
        (
            plan()?.args(["--textfile", "/proc/x.prom"]),
            "--textfile /proc/x.prom cannot be written",
        ),
    ];
    for (plan, expected) in cases {
        let finished = plan.finish()?;
        let errors = finished
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: "))
            .count();
        ensure!(
            finished.code()? == 2 && errors == 1,
            "{plan:?}: {finished:?}"
        );
        ensure!(finished.stderr.contains(expected), "{plan:?}: {finished:?}");
    }
    watch.stop()?;
    Ok(())
}
