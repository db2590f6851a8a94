//! Mistakes of the operator of `fwprobe-echo`: the server does not start, and one line names the cause.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{Cli, Identity, Place};

pub(crate) fn trials() -> Trials {
    Trials::of("server_bad_input")
        .once("a_port_in_use", a_port_in_use)
        .needing(
            [Need::ClosedLowPorts],
            "no_right_to_a_low_port",
            no_right_to_a_low_port,
        )
        .once("no_right_to_a_witness", no_right_to_a_witness)
        .once("an_address_of_another_host", an_address_of_another_host)
        .once("a_certificate_that_is_none", a_certificate_that_is_none)
        .once(
            "a_certificate_that_is_not_there",
            a_certificate_that_is_not_there,
        )
        .once("a_key_of_another_certificate", a_key_of_another_certificate)
        .once("no_identity", no_identity)
        .once(
            "an_unknown_key_in_the_configuration",
            an_unknown_key_in_the_configuration,
        )
        .once("a_port_twice", a_port_twice)
        .once(
            "a_configuration_that_is_not_there",
            a_configuration_that_is_not_there,
        )
        .once("an_identity_over_another", an_identity_over_another)
}

/// The exit code for every reason; standard error names the reason.
const NOT_DONE: i32 = 2;

fn a_port_in_use() -> anyhow::Result<()> {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let taken = holder.local_addr()?.to_string();
    let identity = identity()?;
    let listen = ["--listen", taken.as_str(), "--listen", "127.0.0.1:0"];
    fails(serve(&identity)?.args(listen), &[&taken, "in use"])
}

fn no_right_to_a_low_port() -> anyhow::Result<()> {
    let identity = identity()?;
    let listen = ["--listen", "127.0.0.1:80", "--listen", "127.0.0.1:0"];
    fails(
        serve(&identity)?.args(listen),
        &["127.0.0.1:80", "may not listen"],
    )
}

/// An ordinary user lacks the capability that a witness needs.
fn no_right_to_a_witness() -> anyhow::Result<()> {
    let identity = identity()?;
    let cli = serve(&identity)?;
    let file = cli.file(
        "server.toml",
        "addresses = [\"127.0.0.1\"]\nports = [0]\ncontrol_port = 4711\nwitness = true\n",
    )?;
    fails(
        cli.arg("--config").arg(&file),
        &["witness", "CAP_NET_RAW", "lacks"],
    )
}

/// No host has this address (RFC 5737).
fn an_address_of_another_host() -> anyhow::Result<()> {
    let identity = identity()?;
    let listen = ["--listen", "203.0.113.9:0"];
    fails(
        serve(&identity)?.args(listen),
        &["203.0.113.9", "not have that address"],
    )
}

fn a_certificate_that_is_none() -> anyhow::Result<()> {
    let identity = identity()?;
    let path = identity.directory().join(CERTIFICATE);
    std::fs::write(&path, "-----BEGIN NOTHING-----\n")?;
    fails(on_any_port(&identity)?, &[named(&path)?])
}

fn a_certificate_that_is_not_there() -> anyhow::Result<()> {
    let identity = identity()?;
    let path = identity.directory().join(CERTIFICATE);
    std::fs::remove_file(&path)?;
    fails(on_any_port(&identity)?, &[named(&path)?, "cannot be read"])
}

fn a_key_of_another_certificate() -> anyhow::Result<()> {
    let (one, other) = (identity()?, identity()?);
    let key = std::fs::read(other.directory().join(KEY))?;
    std::fs::write(one.directory().join(KEY), key)?;
    fails(
        on_any_port(&one)?,
        &[named(&one.directory())?, "private key"],
    )
}

fn no_identity() -> anyhow::Result<()> {
    let cli = Cli::fwprobe_echo()?.args(["serve", "--identity", "/nowhere/identity"]);
    fails(cli, &["/nowhere/identity", "identity new"])
}

fn an_unknown_key_in_the_configuration() -> anyhow::Result<()> {
    let identity = identity()?;
    let cli = serve(&identity)?;
    let file = cli.file("server.toml", "ports = [0]\n[limits]\nsession = 5\n")?;
    fails(
        cli.arg("--config").arg(&file),
        &["server.toml:3", "`session`", "sessions"],
    )
}

fn a_port_twice() -> anyhow::Result<()> {
    let identity = identity()?;
    let listen = ["--listen", "127.0.0.1:4711", "--listen", "127.0.0.1:4711"];
    fails(serve(&identity)?.args(listen), &["4711", "already"])
}

fn a_configuration_that_is_not_there() -> anyhow::Result<()> {
    let cli = Cli::fwprobe_echo()?.args(["serve", "--config", "/nowhere/server.toml"]);
    fails(cli, &["/nowhere/server.toml"])
}

/// `identity new` leaves an existing identity unchanged.
fn an_identity_over_another() -> anyhow::Result<()> {
    let identity = identity()?;
    let path = identity.directory().join(KEY);
    let before = std::fs::read(&path)?;
    let directory = identity.directory();
    let cli = Cli::fwprobe_echo()?
        .args(["identity", "new", "--host", "127.0.0.1", "--dir"])
        .arg(directory.as_os_str());
    fails(cli, &[named(&directory)?, "already"])?;
    ensure!(
        std::fs::read(&path)? == before,
        "the old identity was changed"
    );
    Ok(())
}

fn identity() -> anyhow::Result<Identity> {
    Identity::make(&Place::ordinary(), &["127.0.0.1"])
}

fn serve(identity: &Identity) -> anyhow::Result<Cli> {
    Ok(Cli::fwprobe_echo()?
        .args(["serve", "--identity"])
        .arg(identity.directory()))
}

fn on_any_port(identity: &Identity) -> anyhow::Result<Cli> {
    Ok(serve(identity)?.args(["--listen", "127.0.0.1:0"]))
}

fn fails(cli: Cli, named: &[&str]) -> anyhow::Result<()> {
    let finished = cli.run()?;
    let text = format!("{}\n{}", finished.stdout, finished.stderr);
    ensure!(
        finished.code()? == NOT_DONE,
        "exit code {}:\n{text}",
        finished.code()?
    );
    ensure!(finished.stdout.is_empty(), "something was printed:\n{text}");
    let names = |line: &&str| named.iter().all(|name| line.contains(name));
    let lines = finished.stderr.lines().filter(names).count();
    ensure!(lines == 1, "{lines} lines name {named:?}:\n{text}");
    Ok(())
}

fn named(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a temporary path in UTF-8")
}

const CERTIFICATE: &str = "server-certificate.pem";
const KEY: &str = "server-key.pem";
