//! Dante and microsocks: third-party SOCKS servers.

use std::net::IpAddr;

use anyhow::Context as _;
use fwprobe_tests::real_proxy::{RealProxy, Setting};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, ShutPort};
use probe_core::catalogue::VerdictId;
use probe_core::session_kind::SessionKind;

use super::real::{SECRET, V4, all_kinds, one, server, silent};

pub(crate) fn trials() -> Trials {
    const DANTE: &[Need] = &[Need::Tool("danted")];
    const WITH_USERS: &[Need] = &[Need::Tool("danted"), Need::Library(USERS)];
    const MICROSOCKS: &[Need] = &[Need::Tool("microsocks")];
    Trials::of("real_socks")
        .needing_on_both_families(DANTE, "dante", dante)
        .needing(DANTE, "dante_denies", dante_denies)
        .needing_on_both_families(WITH_USERS, "dante_wants_a_password", dante_wants)
        .needing_on_both_families(MICROSOCKS, "microsocks", microsocks)
        .needing_on_both_families(
            MICROSOCKS,
            "microsocks_wants_a_password",
            microsocks_wants_a_password,
        )
}

fn danted(ip: IpAddr, method: &str, rule: &str) -> anyhow::Result<RealProxy> {
    let setting = Setting::on(ip)?;
    let port = setting.address().port();
    let text = format!(
        "logoutput: stderr\ninternal: {ip} port = {port}\nexternal: {ip}\n\
         clientmethod: none\nsocksmethod: {method}\n\
         client pass {{ from: 0/0 to: 0/0 }}\nsocks {rule} {{ from: 0/0 to: 0/0 }}\n"
    );
    let file = setting.file("danted.conf", &text)?;
    let pid = setting.directory().join("pid");
    // Dante takes its users from the system; the preloaded library replaces these.
    let mut words = vec![format!("LD_PRELOAD={USERS}")];
    for (variable, text) in [
        ("NSS_WRAPPER_PASSWD", PASSWD),
        ("NSS_WRAPPER_GROUP", "nogroup:x:65534:\n"),
        ("NSS_WRAPPER_SHADOW", SHADOW),
    ] {
        words.push(format!(
            "{variable}={}",
            setting.file(variable, text)?.display()
        ));
    }
    if method == "none" {
        words.clear();
    }
    for word in ["danted", "-f"] {
        words.push(word.to_owned());
    }
    words.push(file.to_str().context("a path in UTF-8")?.to_owned());
    words.push("-p".to_owned());
    words.push(pid.display().to_string());
    setting.start("env", &words)
}

fn dante(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let proxy = danted(ip, "none", "pass")?;
    all_kinds(&server, "socks5", &proxy)?;
    all_kinds(&server, "socks5h", &proxy)?;
    let shut = ShutPort::take(ip)?;
    let run = one(&server, "socks5h", &proxy)?
        .port(shut.port(), SessionKind::Tcp)
        .run()?;
    run.expect_port(shut.port(), VerdictId::ProxyCouldNotConnect)?;
    server.stop().map(drop)
}

fn dante_denies() -> anyhow::Result<()> {
    let server = server(V4)?;
    let proxy = danted(V4, "none", "block")?;
    let run = one(&server, "socks5h", &proxy)?.run()?;
    run.expect_exit(1)?.expect_all(VerdictId::ProxyDenied)?;
    server.stop().map(drop)
}

fn dante_wants(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    wants_a_password(&server, &danted(ip, "username", "pass")?)?;
    server.stop().map(drop)
}

fn microsocks(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let setting = Setting::on(ip)?;
    let (host, port) = (ip.to_string(), setting.address().port().to_string());
    let proxy = setting.start("microsocks", &["-i", &host, "-p", &port])?;
    all_kinds(&server, "socks5", &proxy)?;
    all_kinds(&server, "socks5h", &proxy)?;
    server.stop().map(drop)
}

fn microsocks_wants_a_password(ip: IpAddr) -> anyhow::Result<()> {
    let server = server(ip)?;
    let setting = Setting::on(ip)?;
    let (host, port) = (ip.to_string(), setting.address().port().to_string());
    let arguments = ["-i", &host, "-p", &port, "-u", "prober", "-P", SECRET];
    let proxy = setting.start("microsocks", &arguments)?;
    wants_a_password(&server, &proxy)?;
    server.stop().map(drop)
}

/// Runs without a password, with a wrong one, and with the right one.
fn wants_a_password(server: &EchoServer, proxy: &RealProxy) -> anyhow::Result<()> {
    let required = VerdictId::ProxyAuthenticationRequired;
    let run = one(server, "socks5h", proxy)?.run()?;
    run.expect_exit(1)?.expect_all(required)?;
    for (password, verdict) in [("wrong-secret", required), (SECRET, VerdictId::Reachable)] {
        let run = one(server, "socks5h", proxy)?
            .variable("FWPROBE_PROXY_CREDENTIALS", format!("prober:{password}"))
            .run()?;
        run.expect_all(verdict)?;
        silent(&run, password)?;
    }
    Ok(())
}

/// A library that shows a program a list of users that replaces the system's.
const USERS: &str = "libnss_wrapper.so";

const PASSWD: &str = "nobody:x:65534:65534::/:/bin/false\nprober:x:65534:65534::/:/bin/false\n";

/// The shadow entry with the hash of [`SECRET`].
const SHADOW: &str = "prober:$6$fwprobe$GFs7s02e0FqyFQsbHMZPNaLOCYod9s8ieli8P7sK0rnRZj7C0tdOjAhTCVGdLVtEMc40GS.RmHX98m.Hj8JZj.:19000:0:99999:7:::\n";
