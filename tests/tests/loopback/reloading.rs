//! `fwprobe reload-server`: who may make a server read its files again, and what the command prints.

use std::fs::Permissions;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::{PermissionsExt as _, chown};

use anyhow::ensure;
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{
    Cli, Connection, EchoServer, Finished, Identity, Place, Probe, ServerPlan, ShutPort, User,
};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

pub(crate) fn trials() -> Trials {
    Trials::of("reloading")
        .on_both_families("an_admin_has_new_keys_taken_over", an_admin)
        .on_both_families("others_are_told_why_not", others)
        .needing(
            [Need::Root],
            "root_changes_what_the_servers_group_reads",
            of_root_and_a_group,
        )
}

fn start(ip: IpAddr) -> anyhow::Result<(EchoServer, Connection)> {
    let identity = Identity::make(&Place::ordinary(), &[&ip.to_string()])?;
    let admin = identity.add_admin()?;
    let server = ServerPlan::on(ip).ports(1).start_as(identity)?;
    let admin = admin.with_control_port(server.port(0));
    Ok((server, admin))
}

fn reload(connection: &Connection) -> anyhow::Result<Finished> {
    let cli = Cli::fwprobe()?;
    let file = cli.file("connection", &connection.text())?;
    let cli = cli.args(["reload-server", "--timeout", "30", "--connection-file"]);
    let finished = cli.arg(file).run()?;
    for secret in connection.secret_texts() {
        let said = [&finished.stdout, &finished.stderr];
        ensure!(!said.iter().any(|text| text.contains(&secret)), "{said:?}");
    }
    Ok(finished)
}

fn an_admin(ip: IpAddr) -> anyhow::Result<()> {
    let (server, admin) = start(ip)?;
    server.identity().revoke()?;
    let tcp = || Ok::<_, anyhow::Error>(Probe::of(&server)?.port(server.port(1), SessionKind::Tcp));
    tcp()?
        .run()?
        .expect_exit(0)?
        .expect_all(VerdictId::Reachable)?;
    let done = reload(&admin)?;
    is_done(&done)?;
    let is_told = done
        .stdout
        .ends_with(" has read its configuration and keys again\n");
    ensure!(is_told && done.stdout.lines().count() == 1, "{done:?}");
    tcp()?
        .run()?
        .expect_exit(3)?
        .expect_all(VerdictId::ServerRefused)?;
    // A file that cannot be used changes nothing, and the command says so.
    std::fs::write(
        server.identity().directory().join("keys.toml"),
        "keys = 5\n",
    )?;
    failed(&admin, "nothing has changed; the server's log says why")?;
    server.stop().map(drop)
}

/// Files as deploy/README.md sets them up: only root may change them, and the server reads them through its group.
fn of_root_and_a_group() -> anyhow::Result<()> {
    let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
    let identity = Identity::make(&Place::of(User::Same), &[&ip.to_string()])?;
    let admin = identity.add_admin()?;
    let directory = identity.directory();
    let mut paths = vec![directory.clone()];
    for entry in std::fs::read_dir(&directory)? {
        paths.push(entry?.path());
    }
    for path in &paths {
        chown(path, None, Some(NOBODYS_GROUP))?;
        let mode = if path.is_dir() { 0o750 } else { 0o640 };
        std::fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    let server = ServerPlan::on(ip).ports(1).start_as(identity)?;
    let admin = admin.with_control_port(server.port(0));
    server.identity().revoke()?;
    server.identity().begin_roll_over()?;
    is_done(&reload(&admin)?)?;
    Probe::of(&server)?
        .port(server.port(1), SessionKind::Tcp)
        .run()?
        .expect_exit(3)?
        .expect_all(VerdictId::ServerRefused)?;
    server.identity().finish_roll_over()?;
    is_done(&reload(&admin)?)?;
    server.stop().map(drop)
}

fn is_done(done: &Finished) -> anyhow::Result<()> {
    ensure!(done.code()? == 0 && done.stderr.is_empty(), "{done:?}");
    Ok(())
}

fn others(ip: IpAddr) -> anyhow::Result<()> {
    let (server, admin) = start(ip)?;
    failed(
        &server.connection(),
        "`fwprobe-echo identity add-key --admin`",
    )?;
    failed(&admin.clone().with_another_secret(), "key not accepted")?;
    failed(
        &admin.clone().with_another_pin(),
        "a certificate other than the server's",
    )?;
    let shut = ShutPort::take(ip)?;
    failed(&admin.with_control_port(shut.port()), "refused (RST)")?;
    server.stop().map(drop)
}

fn failed(connection: &Connection, why: &str) -> anyhow::Result<()> {
    let done = reload(connection)?;
    let is_told = done.stderr.starts_with("error: ") && done.stderr.contains(why);
    ensure!(
        done.code()? == 3 && is_told && done.stdout.is_empty(),
        "{done:?}"
    );
    Ok(())
}

/// The group of the unprivileged user of [`Place::ordinary`].
const NOBODYS_GROUP: u32 = 65534;
