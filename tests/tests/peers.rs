//! Programs that nobody here wrote meet the server's session shapes: OpenSSL and curl on TLS and HTTP,
//! nmap on the RDP negotiation, Wireshark's dissectors on what crosses the wire before TLS.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use fwprobe_tests::trial::{Need, Trials};
use fwprobe_tests::{EchoServer, ServerPlan};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    const OPENSSL: &[Need] = &[Need::Tool("openssl")];
    const CURL: &[Need] = &[Need::Tool("curl")];
    const WIRESHARK: &[Need] = &[Need::Tool("text2pcap"), Need::Tool("tshark")];
    let trials = Trials::of("peers")
        .needing(OPENSSL, "openssl_shakes_hands_with_tls_1_3", || {
            openssl_shakes_hands("-tls1_3", "TLSv1.3")
        })
        .needing(OPENSSL, "openssl_shakes_hands_with_tls_1_2", || {
            openssl_shakes_hands("-tls1_2", "TLSv1.2")
        })
        .needing(CURL, "curl_gets_404_over_http", || curl_gets_404("http"))
        .needing(CURL, "curl_gets_404_over_https", || curl_gets_404("https"))
        .needing(
            [Need::Tool("nmap")],
            "nmap_gets_past_the_rdp_negotiation",
            nmap_negotiates_rdp,
        )
        .needing(WIRESHARK, "dissects_the_x224_exchange", || {
            let expected = ["Negotiate Request", "Negotiate Response"];
            dissected(X224_REQUEST, 19, "tpkt", &expected)
        })
        .needing(WIRESHARK, "dissects_the_net_tcp_preamble", || {
            let expected = [
                "Via Record",
                "Upgrade Request Record",
                "Upgrade Response Record",
            ];
            dissected(NET_TCP_PREAMBLE, 1, "mc-nmf", &expected)
        });
    libtest_mimic::run(&Arguments::from_args(), trials.into_vec()).exit_code()
}

fn server() -> anyhow::Result<(EchoServer, SocketAddr)> {
    let server = ServerPlan::on(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .ports(1)
        .start()?;
    let address = server.address(1);
    Ok((server, address))
}

fn openssl_shakes_hands(version: &str, expected: &str) -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let said = said_by(
        Command::new("openssl")
            .args(["s_client", "-brief", version, "-connect"])
            .arg(address.to_string()),
    )?;
    ensure!(said.contains("CONNECTION ESTABLISHED"), "{said}");
    ensure!(said.contains(expected), "{said}");
    Ok(())
}

fn curl_gets_404(scheme: &str) -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let said = said_by(
        Command::new("curl")
            .args(["--silent", "--insecure", "--http1.1", "--max-time", "60"])
            .args([
                "--noproxy",
                "*",
                "--output",
                "-",
                "--write-out",
                "[%{http_code} %{size_download}]",
            ])
            .arg(format!("{scheme}://{address}/")),
    )?;
    ensure!(said.trim() == "[404 0]", "{said}");
    Ok(())
}

fn nmap_negotiates_rdp() -> anyhow::Result<()> {
    let (_server, address) = server()?;
    let said = said_by(
        Command::new("nmap")
            .args([
                "-Pn",
                "-n",
                "--unprivileged",
                "--script",
                "+rdp-enum-encryption",
                "-p",
            ])
            .arg(address.port().to_string())
            .arg(address.ip().to_string()),
    )?;
    ensure!(said.contains("SSL: SUCCESS"), "{said}");
    Ok(())
}

/// Sends `request`, in hexadecimal, to the server, and has Wireshark read the request and the `answer` bytes that come
/// back, as `protocol`. Each of `expected` must be among what it makes of them, and nothing malformed.
fn dissected(
    request: &str,
    answer: usize,
    protocol: &str,
    expected: &[&str],
) -> anyhow::Result<()> {
    let request = hex::decode(request)?;
    let (_server, address) = server()?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&request)?;
    let mut reply = vec![0; answer];
    stream
        .read_exact(&mut reply)
        .context("the server's answer")?;

    let folder = tempfile::tempdir()?;
    let (text, capture) = (
        folder.path().join("bytes.txt"),
        folder.path().join("bytes.pcap"),
    );
    std::fs::write(&text, format!("O\n{}I\n{}", dump(&request), dump(&reply)))?;
    said_by(
        Command::new("text2pcap")
            .args(["-q", "-D", "-T", &format!("50000,{SERVED_AS}")])
            .args([&text, &capture]),
    )?;
    let said = packets(&capture, protocol)?;
    for wanted in expected {
        ensure!(said.contains(wanted), "no {wanted} in {said}");
    }
    ensure!(
        !said.contains("MALFORMED") && !said.contains("COMPLAINT"),
        "{said}"
    );
    Ok(())
}

/// One line for each packet: what Wireshark says it is, and what is wrong with it.
fn packets(capture: &Path, protocol: &str) -> anyhow::Result<String> {
    let fields = ["_ws.col.Info", "_ws.malformed", "_ws.expert.message"];
    let mut command = Command::new("tshark");
    command
        .args([
            "-n",
            "-d",
            &format!("tcp.port=={SERVED_AS},{protocol}"),
            "-T",
            "fields",
        ])
        .arg("-Eseparator=|")
        .args(fields.iter().flat_map(|field| ["-e", field]))
        .arg("-r")
        .arg(capture);
    let said = said_by(&mut command)?;
    let mut out = String::new();
    for line in said.lines().filter(|line| line.contains('|')) {
        let parts: Vec<&str> = line.splitn(3, '|').collect();
        out.push_str(parts[0]);
        if parts.get(1).is_some_and(|malformed| !malformed.is_empty()) {
            out.push_str(" MALFORMED");
        }
        if parts.get(2).is_some_and(|message| !message.is_empty()) {
            out.push_str(&format!(" COMPLAINT {}", parts[2]));
        }
        out.push('\n');
    }
    Ok(out)
}

/// As text2pcap reads it.
fn dump(bytes: &[u8]) -> String {
    bytes
        .chunks(16)
        .enumerate()
        .map(|(line, chunk)| {
            let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:06x} {}\n", line * 16, hex.join(" "))
        })
        .collect()
}

/// All that a program writes on both streams.
fn said_by(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{command:?}"))?;
    Ok(format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// TLS or CredSSP, with a cookie: [MS-RDPBCGR] 2.2.1.1.
const X224_REQUEST: &str = "0300002b26e00000000000436f6f6b69653a206d737473686173683d70726f62650d0a\
    0100080003000000";

/// Duplex, binary with a session dictionary, upgrade to TLS: [MC-NMF] 2.2.3 and 2.2.6.
const NET_TCP_PREAMBLE: &str = "00010001020244\
    6e65742e7463703a2f2f3230332e302e3131332e31303a373939382f4d6963726f736f66742e4870632e417a7572652e\
    456e64706f696e742e46696c6553746167696e67\
    030809136170706c69636174696f6e2f73736c2d746c73";

/// A port without a dissector of its own, so that only ours is tried.
const SERVED_AS: u16 = 47_998;
const PATIENCE: Duration = Duration::from_secs(60);
